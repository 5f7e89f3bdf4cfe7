//! Authorities and certificates for tests of TLS, made by openssl in a folder.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::faketime;

const NEW: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -addext";

/// `NAME.pem` and `NAME.key`: an authority that can sign certificates.
pub fn authority(folder: &Path, name: &str) -> anyhow::Result<()> {
    let ca = format!(
        "basicConstraints=critical,CA:TRUE -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
    );
    openssl(folder, &ca, &[])
}

/// `NAME.pem` and `NAME.key`: a server's certificate for a host (`IP:127.0.0.1`, `DNS:localhost`), signed by an
/// authority of the same folder.
pub fn certificate(folder: &Path, name: &str, by: &str, host: &str) -> anyhow::Result<()> {
    openssl(folder, &leaf(name, by, host), &[])
}

/// The same, but it expired a week ago.
pub fn expired_certificate(folder: &Path, name: &str, by: &str, host: &str) -> anyhow::Result<()> {
    let library = faketime::library()?.display().to_string();
    let then = [("LD_PRELOAD", library.as_str()), ("FAKETIME", "-9d")];
    openssl(folder, &leaf(name, by, host), &then)
}

fn leaf(name: &str, by: &str, host: &str) -> String {
    format!(
        "basicConstraints=critical,CA:FALSE -addext subjectAltName={host} -days 2 -subj /CN={name} \
         -CA {by}.pem -CAkey {by}.key -keyout {name}.key -out {name}.pem"
    )
}

fn openssl(folder: &Path, rest: &str, settings: &[(&str, &str)]) -> anyhow::Result<()> {
    let words = NEW.split_whitespace().chain(rest.split_whitespace());
    let mut command = Command::new("openssl");
    let made = command.args(words).current_dir(folder).envs(settings.iter().copied()).output();
    let made = made.context("openssl is not installed: `apt-get install openssl`, or run scripts/test")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}
