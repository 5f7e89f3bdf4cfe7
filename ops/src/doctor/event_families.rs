//! Checks for missing event types, judged by those that have arrived.

use domain::event_families::seem_missing;
use ledger::Ledger;

use crate::finding::Finding;
use crate::output::me;

const NAME: &str = "event types";
const AMONG_NEWEST: i64 = 10_000;

pub async fn seen(ledger: &Ledger) -> Finding {
    let seen = match ledger.types_of_late(AMONG_NEWEST).await {
        Ok(seen) => seen,
        Err(error) => return Finding::unknown(NAME, error.to_string()),
    };
    let missing = seem_missing(&seen);
    if missing.is_empty() {
        let text = match seen.len() {
            0 => "none by webhook yet".to_owned(),
            types => format!("{types} types; no related type is missing"),
        };
        return Finding::ok(NAME, text);
    }
    let advice = format!(
        "add the missing types to the endpoint in Stripe's dashboard; `{} events types` lists all",
        me()
    );
    Finding::look(NAME, missing.join("; ").replace('`', ""), advice)
}
