//! Whether tests may start servers. `scripts/test --quick` says no: then stories run on SQLite alone, and a test
//! that needs RabbitMQ or Postgres fails with words, so that none gets onto the quick list by mistake.

use anyhow::bail;
use shared::env::Env;

const SQLITE_ALONE: &str = "TESTS_ON_SQLITE_ALONE";

/// Whether stories run on SQLite alone.
pub fn are_away() -> bool {
    Env::of_process().given(SQLITE_ALONE).is_some()
}

pub(crate) fn expect(name: &str) -> anyhow::Result<()> {
    if are_away() {
        bail!("{name} is not started where {SQLITE_ALONE} is set: this test is none for scripts/quick-tests");
    }
    Ok(())
}
