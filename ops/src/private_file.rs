//! A secret of this machine, in a file that only its owner reads.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};

use crate::preflight;

/// Writes a file that is not there yet; `what` is its name in errors.
pub fn create(path: &Path, what: &str, secret: &str) -> anyhow::Result<()> {
    preflight::make_folder_of(path)?;
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(format!("{secret}\n").as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("the {what} cannot be kept in {}", path.display()))
}

/// `None` where there is no such file. One that others can read is refused.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // Who creates it says what stands in the place of its folder.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
    };
    let mode = fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("other users can read {shown}: run `chmod 600 {shown}`");
    }
    Ok(Some(text.trim().to_owned()))
}
