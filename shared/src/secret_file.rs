//! A secret in a file, as Kubernetes mounts one: read within a limit, and never shown.

use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

const LIMIT_BYTES: u64 = 65_536;

/// What is wrong otherwise, for a sentence that begins with the name of the variable.
pub fn read(path: &Path) -> Result<SecretString, String> {
    let unreadable = |error: std::io::Error| format!("its file cannot be read: {error}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let read = file.take(LIMIT_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let text = SecretString::from(text);
    if read as u64 > LIMIT_BYTES { Err("its file is too large".to_owned()) } else { Ok(text) }
}
