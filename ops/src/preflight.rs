//! Checks before start-up, each with one sentence that says what to do if it fails.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context, bail};
use shared::env::Env;

use crate::variables;

/// Checks that each address is free. They are bound for good later; between the two another process may
/// take one, and then the process that binds says so.
pub fn addresses_are_free(env: &Env, variables: &[&'static str]) -> anyhow::Result<()> {
    let mut asked: Vec<(&str, SocketAddr)> = Vec::new();
    for &name in variables {
        let address = variables::address(env, name)?;
        if let Some((other, _)) = asked.iter().find(|(_, other)| *other == address && address.port() != 0) {
            bail!("{other} and {name} are both {address}: give each its own address");
        }
        match TcpListener::bind(address).map_err(|error| (error.kind(), error)) {
            Ok(_) => {}
            Err((ErrorKind::AddrInUse, _)) => {
                bail!("{address} is in use: stop the other process, or set {name} to another address")
            }
            Err((ErrorKind::PermissionDenied, _)) => {
                bail!("this user may not listen on {address}: set {name} to a port above 1023")
            }
            Err((ErrorKind::AddrNotAvailable, _)) => {
                bail!("{address} is not an address of this machine: set {name} to one that is")
            }
            Err((_, error)) => {
                return Err(error).with_context(|| format!("{name}: cannot listen on {address}"));
            }
        }
        asked.push((name, address));
    }
    Ok(())
}

/// Makes the folder that a file of ours will be in, closed to others, and checks that we may write there.
pub fn make_folder_of(file: &Path) -> anyhow::Result<()> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let shown = folder.display();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            anyhow::anyhow!(
                "{shown} is a file where a folder is needed: move it away, or start in another folder"
            )
        }
        kind => anyhow::anyhow!(
            "the folder {shown} cannot be created ({kind}): start in a folder that this user can write to, or change QUEUE_URL and DATABASE_URL"
        ),
    })?;
    let trial = folder.join(format!(".tidegate-{}", shared::trace::random_hex::<8>()));
    match fs::File::create_new(&trial).and_then(|_| fs::remove_file(&trial)) {
        Ok(()) => Ok(()),
        Err(error) => bail!(
            "the folder {shown} is not writable ({}): give this user write permission, or change QUEUE_URL and DATABASE_URL",
            error.kind()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_variable() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let env = Env::of(&[("QUEUE_URL", "x"), ("WORKER_INTERNAL_ADDR", address.as_str())]);
        let refusal = addresses_are_free(&env, &["WORKER_INTERNAL_ADDR"]).unwrap_err().to_string();
        assert!(refusal.contains(&address) && refusal.contains("set WORKER_INTERNAL_ADDR"), "{refusal}");
    }

    #[test]
    fn a_file_in_the_folders_place_is_explained() {
        let file = std::env::temp_dir().join(format!("tidegate-file-{}", shared::trace::random_hex::<8>()));
        fs::write(&file, "x").unwrap();
        let refusal = make_folder_of(&file.join("queue.db")).unwrap_err().to_string();
        fs::remove_file(&file).unwrap();
        assert!(refusal.contains("is a file"), "{refusal}");
    }
}
