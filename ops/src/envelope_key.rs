//! The envelope key for development: created once by `up`, stored beside queue.db in a file that only its owner
//! can read, and used by every command that opens that queue if no other key is configured.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use shared::env::Env;
use shared::queue::{QueueConfig, QueueUrl};
use shared::trace::random_hex;

use crate::private_file;

const FILE: &str = "dev-envelope-key";
const NAME: &str = "ENVELOPE_KEY";
/// For what an older version left in the queue, when the key is made.
const BRIDGE: TimeDelta = TimeDelta::hours(1);

/// The queue as configured, with the key that an earlier `up` made for it.
pub fn queue_config(env: &Env) -> anyhow::Result<QueueConfig> {
    let config = QueueConfig::from_env(env)?;
    let Some(path) = path(env, &config) else { return Ok(config) };
    match private_file::read(&path)? {
        Some(key) => Ok(QueueConfig::from_env(&env.clone().or(NAME, &key))?),
        None => Ok(config),
    }
}

/// The same for `up`, which makes the key where there is none yet.
pub fn provide(env: &Env, now: DateTime<Utc>) -> anyhow::Result<QueueConfig> {
    let config = QueueConfig::from_env(env)?;
    let Some(path) = path(env, &config) else { return Ok(config) };
    if private_file::read(&path)?.is_some() {
        return queue_config(env);
    }
    let was_there = matches!(&config.url, QueueUrl::Sqlite(queue) if queue.exists());
    let key = random_hex::<32>();
    private_file::create(&path, "envelope key", &key)?;
    let mut env = env.clone().or(NAME, &key);
    if was_there {
        env = env.or("ENVELOPE_UNKEYED_UNTIL", &(now + BRIDGE).to_rfc3339());
    }
    Ok(QueueConfig::from_env(&env)?)
}

/// `None` where a key is configured, or the queue is no file of this machine.
fn path(env: &Env, config: &QueueConfig) -> Option<PathBuf> {
    let is_configured = env.given(NAME).is_some() || env.given(&format!("{NAME}_FILE")).is_some();
    match &config.url {
        QueueUrl::Sqlite(queue) if !is_configured => Some(queue.with_file_name(FILE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn the_key_is_made_once_beside_the_queue_and_known_to_every_command() {
        let folder = Folder(std::env::temp_dir().join(format!("tidegate-envelope-{}", random_hex::<8>())));
        let url = format!("sqlite:{}/data/queue.db", folder.0.display());
        let env = Env::of(&[("QUEUE_URL", &url)]);
        let now = shared::clock::now();
        assert!(!queue_config(&env).is_ok_and(|config| config.keys.is_keyed()), "nothing makes it but `up`");
        let (one, two) = (provide(&env, now).unwrap(), queue_config(&env).unwrap());
        let file = folder.0.join("data").join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let sent = envelope::Envelope::from_wire(b"", bytes::Bytes::from_static(b"x"), now);
        assert_eq!(one.keys.seal(&sent), two.keys.seal(&sent));
        let configured = Env::of(&[("QUEUE_URL", &url), (NAME, "another-key-of-32-characters-0123456789")]);
        assert_ne!(queue_config(&configured).unwrap().keys.seal(&sent), two.keys.seal(&sent));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let refusal = queue_config(&env).unwrap_err().to_string();
        assert!(refusal.contains("chmod 600"), "{refusal}");
    }

    #[test]
    fn a_broker_gets_no_key_that_the_others_would_not_have() {
        let env = Env::of(&[("QUEUE_URL", "amqp://u:p@127.0.0.1:1/%2f")]);
        assert!(!provide(&env, shared::clock::now()).unwrap().keys.is_keyed());
    }
}
