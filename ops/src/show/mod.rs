//! `tidegate show`: an object in the ledger, the reasons for its status, and its history.

mod dead;
mod kinds;
mod page;
mod sections;

use chrono::{DateTime, Utc};
use desk::views::cards::Cards;
use desk::views::object::{ObjectPages, ObjectView};
use domain::Object;
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

pub use self::page::history;
use crate::cli::{Subject, SubjectOptions};
use crate::{listings, open, output, staff};

pub async fn run(env: &Env, subject: &Subject) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let cards = staff::cards(&ledger, env).await?;
    let result = match subject {
        Subject::Invoice(options) => show(&ledger, options, cards, kinds::of_invoice).await,
        Subject::Payment(options) => show(&ledger, options, cards, kinds::of_payment).await,
        Subject::Refund(options) => show(&ledger, options, cards, kinds::of_refund).await,
        Subject::Dispute(options) => show(&ledger, options, cards, kinds::of_dispute).await,
        Subject::Customer(options) => show(&ledger, options, cards, kinds::of_customer).await,
        Subject::Charge(options) => show(&ledger, options, cards, kinds::of_charge).await,
        Subject::Payout(options) => show(&ledger, options, cards, kinds::of_payout).await,
        Subject::Listing(options) => listings::show(&ledger, options).await,
        Subject::Subscription(options) => show(&ledger, options, cards, kinds::of_subscription).await,
    };
    ledger.close().await;
    result
}

/// The pages of all that goes by this id, and what dead letters say of what the ledger does not know.
async fn show<V: ObjectView>(
    ledger: &Ledger,
    options: &SubjectOptions,
    cards: Cards,
    tables: fn(&V, DateTime<Utc>) -> String,
) -> anyhow::Result<()> {
    let (whose, now) = (options.whose.read(), clock::now());
    let read = async {
        ObjectPages::<V>::read(ledger, &mut ledger.read().await?, &options.id, &whose, cards, now).await
    };
    let pages = open::answer(ledger, read).await?;
    if pages.is_empty() {
        let (kind, id, place) = (V::Object::NAME, &options.id, ledger.shown());
        let narrowed = if options.whose.is_any() { "" } else { " of that account and mode" };
        anyhow::bail!("no {kind} {id}{narrowed} in the ledger at {place}. {}", advice(kind, id));
    }
    if options.shape.json {
        return output::print_json(&pages);
    }
    let known = pages.known.iter().map(|page| {
        let tables =
            tables(&page.view, now) + &sections::taken_care_of(page.assignment.as_ref(), &page.notes);
        page::page(page, &tables, now) + &dead::section(&page.dead_letters, now)
    });
    let unapplied = pages.unapplied.iter().map(|object| dead::page(object, now));
    output::print(&known.chain(unapplied).collect::<Vec<_>>().join("\n"))
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
        "po" => "payout",
        _ => kind,
    };
    if looks_like == kind {
        return format!(
            "No event about it has been handled; `{me} events list` shows handled events, `{me} queue` waiting ones"
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
            ("payment", "po_1", "show payout po_1"),
            ("refund", "in_1", "an invoice"),
            ("refund", "evt_1", "trace evt_1"),
            ("refund", "re_1", "events list"),
            ("refund", "nonsense", "events list"),
        ] {
            assert!(advice(kind, id).contains(command), "{kind} {id}: {}", advice(kind, id));
        }
    }
}
