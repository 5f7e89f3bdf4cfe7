//! A file with a secret, which a variable names instead of holding it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::{Env, Problem, Variable};

const LIMIT_BYTES: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("its file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("its file is too large")]
    TooLarge,
}

/// What nobody guesses has so many characters.
pub const SECRET_LEAST_CHARS: usize = 32;

impl Env {
    /// A secret that one variable holds, or another names the file of; without the blanks around it.
    pub fn secret(&self, own: &Variable, file: &Variable) -> Result<Option<SecretString>, Problem> {
        let trimmed = |text: &str| SecretString::from(text.trim());
        match (self.given(own.name), self.given(file.name)) {
            (Some(_), Some(_)) => {
                Err(file.problem(format!("{} is set, too: which of them counts?", own.name)))
            }
            (Some(text), None) => Ok(Some(trimmed(text))),
            (None, Some(path)) => match read_secret_file(Path::new(path)) {
                Ok(text) => Ok(Some(trimmed(text.expose_secret()))),
                Err(error) => Err(file.problem(error)),
            },
            (None, None) => Ok(None),
        }
    }

    /// The same of a secret that must be long.
    pub fn long_secret(&self, own: &Variable, file: &Variable) -> Result<Option<SecretString>, Problem> {
        let secret = self.secret(own, file)?;
        if secret.as_ref().is_some_and(|text| text.expose_secret().chars().count() < SECRET_LEAST_CHARS) {
            let given = if self.given(own.name).is_some() { own } else { file };
            return Err(given.problem(format!("it has fewer than {SECRET_LEAST_CHARS} characters")));
        }
        Ok(secret)
    }
}

/// The whole text, blanks and line ends included.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretFileError> {
    let mut text = String::new();
    let read = File::open(path)?.take(LIMIT_BYTES + 1).read_to_string(&mut text)?;
    let text = SecretString::from(text);
    if read as u64 > LIMIT_BYTES { Err(SecretFileError::TooLarge) } else { Ok(text) }
}
