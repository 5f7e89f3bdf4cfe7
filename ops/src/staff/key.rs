//! The key for second factors: the one that is configured, or one that `up` made beside ledger.db, in a file that only
//! its owner can read.

use std::path::{Path, PathBuf};

use desk::staff_key::{KEY, KEY_FILE, StaffKey};
use ledger::LedgerConfig;
use shared::env::Env;
use shared::trace::random_hex;

use crate::private_file;

const FILE: &str = "dev-staff-key";

/// `None` where none is configured and `up` made none.
pub fn of(env: &Env) -> anyhow::Result<Option<StaffKey>> {
    let Some(path) = path(env)? else { return Ok(StaffKey::from_env(env)?) };
    match private_file::read(&path)? {
        Some(key) => Ok(StaffKey::from_env(&env.clone().with(KEY.name, &key))?),
        None => Ok(None),
    }
}

/// Makes it where there is none yet.
pub fn provide(env: &Env) -> anyhow::Result<()> {
    match path(env)? {
        Some(path) if private_file::read(&path)?.is_none() => {
            private_file::create(&path, "key of second factors", &random_hex::<32>())
        }
        _ => Ok(()),
    }
}

/// Where `up` makes it. `None` where a key is configured, or the ledger is no file of this machine.
pub fn path(env: &Env) -> anyhow::Result<Option<PathBuf>> {
    let is_configured = env.given(KEY.name).is_some() || env.given(KEY_FILE.name).is_some();
    let shown = LedgerConfig::from_env(env)?.shown();
    let file = shown.strip_prefix("sqlite:").filter(|_| !is_configured);
    Ok(file.map(|file| Path::new(file).with_file_name(FILE)))
}
