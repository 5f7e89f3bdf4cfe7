//! Objects whose figures contradict each other, each contradiction with both sides.

use std::collections::BTreeMap;

use domain::charges::Charge;
use domain::invoices::Invoice;
use domain::object_graph::ObjectGraph;
use domain::payments::Payment;
use domain::{Key, Object};
use ledger::graph::related;
use ledger::views::page::{Page, Part};
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::anomaly_figures;

/// An object, with everything in it that contradicts.
#[derive(Debug, Serialize)]
pub struct Contradictory {
    pub kind: String,
    #[serde(flatten)]
    pub key: Key,
    pub contradictions: Vec<Contradiction>,
}

#[derive(Debug, Serialize)]
pub struct Contradiction {
    /// Its name in the ledger.
    pub anomaly: String,
    pub says: &'static str,
    /// Both sides.
    pub figures: String,
}

/// One page; the objects that changed last come first.
#[shared::built_once]
pub async fn read_page(
    ledger: &Ledger,
    tx: &mut Transaction,
    whose: &Whose,
    part: &Part,
) -> Result<Page<Contradictory>, LedgerError> {
    let page = tx.contradictory(whose, part).await?;
    let keys = |kind: &str| {
        let mut keys: Vec<Key> =
            page.rows.iter().filter(|row| row.kind == kind).map(|row| row.key.clone()).collect();
        keys.sort();
        keys
    };
    let charges: Vec<Charge> = tx.look_up(&keys(Charge::NAME)).await?;
    let payments: Vec<Payment> = tx.look_up(&keys(Payment::NAME)).await?;
    let invoices: Vec<Invoice> = tx.look_up(&keys(Invoice::NAME)).await?;
    let graph = read_around(tx, ledger, &charges, &payments, &invoices).await?;
    let mut found = BTreeMap::new();
    for charge in &charges {
        let figures = |flag: &str| anomaly_figures::of_charge(charge, flag, &graph);
        found.insert(
            (Charge::NAME.to_owned(), charge.key.clone()),
            contradictions(charge.anomaly.as_deref(), figures),
        );
    }
    for payment in &payments {
        let figures = |flag: &str| anomaly_figures::of_payment(payment, flag, &graph);
        found.insert(
            (Payment::NAME.to_owned(), payment.key.clone()),
            contradictions(payment.anomaly.as_deref(), figures),
        );
    }
    for invoice in &invoices {
        let figures = |_: &str| anomaly_figures::of_invoice(invoice, &graph);
        found.insert(
            (Invoice::NAME.to_owned(), invoice.key.clone()),
            contradictions(invoice.anomaly.as_deref(), figures),
        );
    }
    Ok(page.map(|row| {
        let object = (row.kind, row.key);
        let contradictions = found.remove(&object).unwrap_or_default();
        Contradictory { kind: object.0, key: object.1, contradictions }
    }))
}

/// The other side of every contradiction.
async fn read_around(
    tx: &mut Transaction,
    ledger: &Ledger,
    charges: &[Charge],
    payments: &[Payment],
    invoices: &[Invoice],
) -> Result<ObjectGraph, LedgerError> {
    let mut graph = ledger.object_graph();
    let keys: Vec<Key> = charges.iter().map(|charge| charge.key.clone()).collect();
    related::read_below_charges(tx, &keys, &mut graph).await?;
    related::read_payments(tx, payments.to_vec(), &mut graph).await?;
    let keys: Vec<Key> = invoices.iter().map(|invoice| invoice.key.clone()).collect();
    for row in tx.children::<Payment>("invoice", &keys).await? {
        graph.load(row);
    }
    Ok(graph)
}

fn contradictions(flags: Option<&str>, figures: impl Fn(&str) -> String) -> Vec<Contradiction> {
    let flags = flags.unwrap_or_default().split(',').filter(|flag| !flag.is_empty());
    let contradiction = |flag: &str| Contradiction {
        anomaly: flag.to_owned(),
        says: anomaly_figures::in_words(flag),
        figures: figures(flag),
    };
    flags.map(contradiction).collect()
}
