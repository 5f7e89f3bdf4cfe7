//! `tidegate show`: an object as the ledger has it, why it is so, and how it came to be.

mod charge;
mod customer;
mod dead;
mod dispute;
mod invoice;
mod page;
mod payment;
mod refund;
pub mod sections;
mod subscription;
mod why;

use chrono::{DateTime, Utc};
use domain::Object;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

pub use self::page::{change, history};
use crate::cli::{Subject, SubjectOptions};
use crate::{open, output};

pub async fn run(env: &Env, subject: &Subject) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let result = match subject {
        Subject::Invoice(options) => show(&ledger, options, invoice::tell, invoice::page).await,
        Subject::Payment(options) => show(&ledger, options, payment::tell, payment::page).await,
        Subject::Refund(options) => show(&ledger, options, refund::tell, refund::page).await,
        Subject::Dispute(options) => show(&ledger, options, dispute::tell, dispute::page).await,
        Subject::Customer(options) => show(&ledger, options, customer::tell, customer::page).await,
        Subject::Charge(options) => show(&ledger, options, charge::tell, charge::page).await,
        Subject::Subscription(options) => {
            show(&ledger, options, subscription::tell, subscription::page).await
        }
    };
    ledger.close().await;
    result
}

/// One id may stand for several objects: one for each account and mode that has it. All that their pages say
/// is read in one transaction.
async fn show<T: Object, S: Serialize>(
    ledger: &Ledger,
    options: &SubjectOptions,
    tell: impl AsyncFn(&Ledger, &mut Transaction, T) -> Result<S, LedgerError>,
    page: fn(&S, DateTime<Utc>) -> String,
) -> anyhow::Result<()> {
    let whose = options.whose.read();
    let read = async {
        let mut tx = ledger.read().await?;
        let mut letters = tx.dead_about(&options.id).await?;
        letters.retain(|letter| whose.admits(&dead::subject(letter, &options.id)));
        let mut shown = Vec::new();
        for object in tx.find_or_named::<T>(&options.id).await? {
            if whose.admits(object.key()) {
                let (key, dead_letters) = (object.key().clone(), Vec::new());
                shown.push((key, dead::Page { shown: tell(ledger, &mut tx, object).await?, dead_letters }));
            }
        }
        for (key, page) in &mut shown {
            page.dead_letters =
                letters.extract_if(.., |letter| dead::subject(letter, &key.id) == *key).collect();
        }
        Ok::<_, LedgerError>((shown, letters))
    };
    let (shown, others) = open::answer(ledger, read).await?;
    let others = dead::by_subject(T::NAME, &options.id, others);
    if shown.is_empty() && others.is_empty() {
        let (kind, id, place) = (T::NAME, &options.id, ledger.shown());
        let narrowed = if options.whose.is_any() { "" } else { " of that account and mode" };
        anyhow::bail!("no {kind} {id}{narrowed} in the ledger at {place}. {}", advice(kind, id));
    }
    if options.shape.json {
        let shown: Vec<_> = shown.iter().map(|(_, page)| page).collect();
        return output::print_json(&dead::Answer { shown, others: &others });
    }
    let now = clock::now();
    let known = shown.iter().map(|(_, it)| page(&it.shown, now) + &dead::section(&it.dead_letters, now));
    let unknown = others.iter().map(|named| dead::page(named, now));
    output::print(&known.chain(unknown).collect::<Vec<_>>().join("\n"))
}

/// What else the id may be, by its beginning.
fn advice(kind: &str, id: &str) -> String {
    let me = output::me();
    let looks_like = match id.split_once('_').map_or("", |(prefix, _)| prefix) {
        "evt" => return format!("It looks like an event: `{me} trace {id}`"),
        "in" => "invoice",
        "pi" => "payment",
        "re" | "pyr" => "refund",
        "du" | "dp" => "dispute",
        "cus" => "customer",
        "ch" | "py" => "charge",
        "sub" => "subscription",
        _ => kind,
    };
    if looks_like == kind {
        return format!(
            "No event about it has been handled; `{me} events list` shows what has, `{me} queue` what waits"
        );
    }
    let article = if looks_like == "invoice" { "an" } else { "a" };
    format!("It looks like {article} {looks_like}: `{me} show {looks_like} {id}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_what_it_is() {
        for (kind, id, command) in [
            ("invoice", "re_1", "show refund re_1"),
            ("invoice", "pyr_1", "show refund pyr_1"),
            ("payment", "du_1", "show dispute du_1"),
            ("payment", "dp_1", "show dispute dp_1"),
            ("payment", "cus_1", "show customer cus_1"),
            ("payment", "ch_1", "show charge ch_1"),
            ("payment", "py_1", "show charge py_1"),
            ("payment", "sub_1", "show subscription sub_1"),
            ("refund", "in_1", "an invoice"),
            ("refund", "evt_1", "trace evt_1"),
            ("refund", "re_1", "events list"),
            ("refund", "nonsense", "events list"),
        ] {
            assert!(advice(kind, id).contains(command), "{kind} {id}: {}", advice(kind, id));
        }
    }
}
