//! A file with a secret, which a variable names instead of holding it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::SecretString;

const LIMIT_BYTES: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("its file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("its file is too large")]
    TooLarge,
}

/// The whole text, blanks and line ends included.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretFileError> {
    let mut text = String::new();
    let read = File::open(path)?.take(LIMIT_BYTES + 1).read_to_string(&mut text)?;
    let text = SecretString::from(text);
    if read as u64 > LIMIT_BYTES { Err(SecretFileError::TooLarge) } else { Ok(text) }
}
