//! `.env` in the working folder: settings for a laptop, one NAME=value a line, read by `tidegate` alone. The real
//! environment wins. Nobody else may be able to change the file, nor to read it where it holds a secret.

use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use shared::env::{Env, redacted};

use crate::configuration;
use crate::failure::wrongly_called;

const FILE: &str = ".env";
const LIMIT_BYTES: u64 = 64 * 1024;

/// The environment, with what the file says of variables that are absent from it.
pub fn read(env: Env) -> anyhow::Result<Env> {
    read_at(Path::new(FILE), env)
}

fn read_at(path: &Path, env: Env) -> anyhow::Result<Env> {
    let shown = path.display();
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(env),
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
    };
    let about = file.metadata().with_context(|| format!("{shown} cannot be read"))?;
    if !about.is_file() {
        return Ok(env); // some tools keep a folder of that name
    }
    let owners = [rustix::process::getuid().as_raw(), 0];
    if !owners.contains(&about.uid()) {
        return Err(wrongly_called(format!(
            "{shown} belongs to another user: start in a folder of your own"
        )));
    }
    if about.mode() & 0o022 != 0 {
        return Err(wrongly_called(format!("{shown} can be changed by others: run `chmod 600 {shown}`")));
    }
    let mut text = String::new();
    let read = file.take(LIMIT_BYTES + 1).read_to_string(&mut text);
    read.with_context(|| format!("{shown} cannot be read"))?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(wrongly_called(format!("{shown} is longer than 64 KiB: it is not meant for that")));
    }
    let pairs = parse(&text).map_err(|fault| wrongly_called(format!("{shown}, {fault}")))?;
    let is_secret = |(name, value): &&(&str, &str)| {
        let has_password = value.contains("://") && redacted(value) != **value;
        !value.is_empty() && (configuration::is_secret(name) || has_password)
    };
    if let Some((name, _)) = pairs.iter().find(is_secret).filter(|_| about.mode() & 0o077 != 0) {
        return Err(wrongly_called(format!(
            "{shown} holds a secret, {name}, and can be read by others: run `chmod 600 {shown}`"
        )));
    }
    Ok(pairs.into_iter().fold(env, |env, (name, value)| env.or(name, value)))
}

/// Names and values; a fault names the line and never quotes it. No value refers to another.
fn parse(text: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |what: &str| format!("line {number}: {what}. A good line: GATEWAY_ADDR=127.0.0.1:8181");
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').ok_or_else(|| fault("no `=` in it"))?;
        let name = name.trim_end();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(fault("a name has letters, digits and `_`"));
        }
        pairs.push((name, unquoted(value.trim()).ok_or_else(|| fault("a quote is not closed"))?));
    }
    Ok(pairs)
}

/// The text between quotes as it stands, else up to a comment.
fn unquoted(value: &str) -> Option<&str> {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        return Some(value.split(" #").next().unwrap_or_default().trim_end());
    };
    let (inside, after) = value[1..].split_once(quote)?;
    let after = after.trim_start();
    (after.is_empty() || after.starts_with('#')).then_some(inside)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use shared::trace::random_hex;

    use super::*;

    struct Written(std::path::PathBuf);

    impl Written {
        fn new(text: &str, mode: u32) -> Self {
            let path = std::env::temp_dir().join(format!("tidegate-env-{}", random_hex::<8>()));
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            Self(path)
        }

        fn read(&self) -> Result<Env, String> {
            read_at(&self.0, Env::of(&[("SET", "by the environment")])).map_err(|error| format!("{error:#}"))
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            std::fs::remove_file(&self.0).unwrap();
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let env = Written::new("SET=by the file\nOTHER=x\n", 0o644).read().unwrap();
        assert_eq!((env.given("SET"), env.given("OTHER")), (Some("by the environment"), Some("x")));
        assert!(read_at(Path::new("no/such/file"), Env::of(&[])).is_ok());
    }

    #[test]
    fn lines_are_read_as_shells_write_them() {
        let text = "# a comment\n\nA=1\nexport B = two words # why\nC='a # b'\nD=\"$A\" # as it stands\nE=\n";
        let expected = [("A", "1"), ("B", "two words"), ("C", "a # b"), ("D", "$A"), ("E", "")];
        assert_eq!(parse(text).unwrap(), expected);
        for (text, fault) in
            [("\nhunter2", "line 2: no `=`"), ("A B=hunter2", "letters"), ("A='hunter2", "quote")]
        {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.contains(fault) && !refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn what_others_can_change_is_refused_and_what_they_can_read_holds_no_secret() {
        let refusal = Written::new("A=1", 0o666).read().map(|_| ()).unwrap_err();
        assert!(refusal.contains("changed by others"), "{refusal}");
        for secret in ["STRIPE_SECRET_KEY=hunter2", "DATABASE_URL=postgres://user:hunter2@db.example/x"] {
            let refusal = Written::new(secret, 0o644).read().map(|_| ()).unwrap_err();
            assert!(refusal.contains("chmod 600") && !refusal.contains("hunter2"), "{refusal}");
            assert!(Written::new(secret, 0o600).read().is_ok());
        }
        for open in
            ["DATABASE_URL=postgres://db.example/x", "STRIPE_SECRET_KEY=", "STRIPE_SECRET_KEY_FILE=key"]
        {
            assert!(Written::new(open, 0o644).read().is_ok(), "{open}");
        }
    }

    #[test]
    fn a_file_that_is_far_too_long_is_refused() {
        let text = format!("A={}", "x".repeat(70_000));
        assert!(Written::new(&text, 0o600).read().map(|_| ()).unwrap_err().contains("64 KiB"));
    }
}
