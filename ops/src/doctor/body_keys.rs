//! Checks the keys that seal bodies: whether all that rows need are there, and which may go.

use std::collections::BTreeMap;

use ledger::body_keys::BodyKeys;
use ledger::tables::sealed_rows::SealedRows;
use shared::env::Env;

use crate::finding::Finding;
use crate::open;
use crate::output::me;

const NAME: &str = "keys of bodies";

/// An unreachable ledger, an old schema, and a file that is no good are said elsewhere.
pub async fn check(env: &Env) -> Vec<Finding> {
    let Ok(ledger) = open::patient(env).await else { return Vec::new() };
    let keys = ledger.body_keys().clone();
    let rows = async { ledger.read().await?.sealed_rows().await }.await;
    ledger.close().await;
    rows.map(|rows| judged(&keys, &rows)).unwrap_or_default()
}

fn judged(keys: &BodyKeys, rows: &[SealedRows]) -> Vec<Finding> {
    let mut held: BTreeMap<Option<&str>, i64> = BTreeMap::new();
    for SealedRows { sealed_by, held: count, .. } in rows {
        *held.entry(sealed_by.as_deref()).or_default() += count;
    }
    let unsealed = held.remove(&None).unwrap_or(0);
    let Some(newest) = keys.newest() else {
        let missing: Vec<Finding> =
            held.into_iter().map(|(id, count)| missing(id.unwrap_or_default(), count)).collect();
        let unset = "none is set: bodies are stored as Stripe sent them (BODY_KEYS_FILE)";
        return if missing.is_empty() { vec![Finding::ok(NAME, unset)] } else { missing };
    };
    let mut findings = Vec::new();
    for id in keys.ids() {
        let count = held.remove(&Some(id)).unwrap_or(0);
        let found = match count {
            count if id == newest => format!("{id}, the newest, seals {count} rows"),
            0 => format!("{id} seals no row any more: it may leave the file, unless a backup needs it"),
            count => format!("{id}, an older one, seals {count} rows"),
        };
        findings.push(Finding::ok(NAME, found));
    }
    for (id, count) in held {
        let id = id.unwrap_or_default();
        findings.push(if keys.is_lost(id) {
            let advice = "restore its rows from a backup that has them under another key, if there is one";
            Finding::look(
                NAME,
                format!("{count} rows are sealed by {id}, which is lost: nobody can read them"),
                advice,
            )
        } else {
            missing(id, count)
        });
    }
    if unsealed > 0 {
        findings.push(Finding::look(
            NAME,
            format!("{unsealed} rows are from before there was a key, and not sealed"),
            format!("`{} bodies reseal --yes` seals them", me()),
        ));
    }
    findings
}

fn missing(id: &str, count: i64) -> Finding {
    Finding::act(
        NAME,
        format!(
            "{count} rows are sealed by {id}, which BODY_KEYS_FILE does not have: no worker starts without it"
        ),
        "put that key back into the file of this process and of the workers (docs/backup.md, \"Keys of bodies\")",
    )
}
