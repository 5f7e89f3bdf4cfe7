//! Checks that open files are still those under their names. Writes to a removed or replaced file would be
//! lost.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files of one database, as they were when it was opened.
#[derive(Debug, Default)]
pub struct FilesInUse(Vec<(PathBuf, Identity)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Gone {
    #[error("{} was removed while it was in use", .0.display())]
    Removed(PathBuf),
    #[error("{} was replaced by another file while it was in use", .0.display())]
    Replaced(PathBuf),
}

impl FilesInUse {
    /// A database of SQLite's and those of its companions that are there: they stay for as long as it is open.
    pub fn of_database(path: &Path) -> io::Result<Self> {
        let mut files = vec![(path.to_owned(), identity(path)?)];
        for companion in ["-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(companion);
            let companion = PathBuf::from(name);
            files.extend(identity(&companion).ok().map(|identity| (companion, identity)));
        }
        Ok(Self(files))
    }

    /// Whether the log of a database has something in it, and the database itself is missing. In this order: another
    /// process that makes both begins with the database.
    pub fn is_log_alone(path: &Path) -> bool {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Path::new(&log).metadata().is_ok_and(|log| log.len() > 0) && !path.exists()
    }

    /// By metadata alone: to open and close a database's file would drop SQLite's locks on it. What cannot be
    /// looked at is not known to be gone.
    pub fn check(&self) -> Result<(), Gone> {
        for (path, known) in &self.0 {
            match identity(path) {
                Ok(now) if now != *known => return Err(Gone::Replaced(path.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Gone::Removed(path.clone()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    path.metadata().map(|metadata| Identity { device: metadata.dev(), inode: metadata.ino() })
}
