//! Whether all kinds of events come that should, judged by those that have come.

use domain::families::seem_missing;
use ledger::Ledger;

use crate::finding::Finding;
use crate::output::me;

const NAME: &str = "events that come";
const AMONG_NEWEST: i64 = 10_000;

pub async fn seen(ledger: &Ledger) -> Finding {
    let seen = match ledger.types_of_late(AMONG_NEWEST).await {
        Ok(seen) => seen,
        Err(error) => return Finding::unknown(NAME, error.to_string()),
    };
    let missing = seem_missing(&seen);
    if missing.is_empty() {
        let text = match seen.len() {
            0 => "none yet by webhook".to_owned(),
            types => format!("of {types} types; nothing that must come with them is missing"),
        };
        return Finding::ok(NAME, text);
    }
    let advice = format!(
        "add what is missing to the endpoint in Stripe's dashboard; `{} events types` lists all",
        me()
    );
    Finding::look(NAME, missing.join("; ").replace('`', ""), advice)
}
