//! Postgres' own programs for copies, `pg_dump` and `pg_restore`. Where the server is and who asks they are told by their
//! environment: arguments are for everyone to see.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::copy_error::CopyError;

const SAID_CHARS: usize = 600;

/// Runs one of them to its end.
pub(super) async fn run(
    program: &'static str,
    server: &PgConnectOptions,
    arguments: Vec<OsString>,
) -> Result<(), CopyError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).envs(environment(server));
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    let output = ended.map_err(io::Error::other).and_then(|output| output);
    let output = output.map_err(|source| CopyError::NoProgram { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(CopyError::Program { program, said: without_rows(&said).chars().take(SAID_CHARS).collect() })
}

/// What a program says, but for the lines in which it shows a row.
fn without_rows(said: &str) -> String {
    let shows_row = |line: &&str| line.contains("CONTEXT:") || line.contains("DETAIL:");
    said.trim().lines().filter(|line| !shows_row(line)).collect::<Vec<_>>().join("\n")
}

fn environment(server: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let host = server.get_socket().map(|path| path.display().to_string());
    let mut set = vec![
        ("PGHOST", host.unwrap_or_else(|| server.get_host().to_owned())),
        ("PGPORT", server.get_port().to_string()),
        ("PGUSER", server.get_username().to_owned()),
        ("PGDATABASE", server.get_database().unwrap_or(server.get_username()).to_owned()),
        ("PGSSLMODE", ssl_mode(server.get_ssl_mode()).to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
    ];
    let url = server.to_url_lossy();
    set.extend(url.query_pairs().filter_map(|(name, value)| {
        let name = match name.as_ref() {
            "sslrootcert" => "PGSSLROOTCERT",
            "sslcert" => "PGSSLCERT",
            "sslkey" => "PGSSLKEY",
            _ => return None,
        };
        // So sqlx writes a path. A certificate that stands in the URL itself is in no file that they could read.
        Some((name, value.strip_prefix("file: ")?.to_owned()))
    }));
    if let Some(password) = url.password() {
        set.push(("PGPASSWORD", decoded(password)));
    }
    set
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// A URL has its password percent-encoded.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let hex = others.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &others[2..]),
            None => (bytes.push(*first), rest = others),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn the_programs_are_told_the_server_by_their_environment() {
        let server = PgConnectOptions::from_str(
            "postgres://me:p%40ss%25@db.example:5433/tidegate?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        );
        let set = environment(&server.unwrap());
        for (name, value) in [
            ("PGHOST", "db.example"),
            ("PGPORT", "5433"),
            ("PGUSER", "me"),
            ("PGDATABASE", "tidegate"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/etc/ca.pem"),
            ("PGPASSWORD", "p@ss%"),
        ] {
            assert!(set.contains(&(name, value.to_owned())), "{name}: {set:?}");
        }
    }
}
