//! Figures that contradict each other, with both sides, and how many objects only Stripe can tell the state of.

use std::collections::BTreeMap;

use domain::Key;
use domain::charges::Charge;
use domain::invoices::Invoice;
use domain::object_graph::ObjectGraph;
use domain::payments::Payment;
use ledger::graph::related;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::anomaly_figures;

/// All that contradicts itself, and how much is uncertain.
#[derive(Debug, Serialize)]
pub struct AnomalyList {
    pub anomalies: Vec<Anomaly>,
    /// How many objects of each kind are uncertain.
    pub uncertain: BTreeMap<&'static str, i64>,
}

/// One contradiction of one object.
#[derive(Debug, Serialize)]
pub struct Anomaly {
    pub kind: &'static str,
    #[serde(flatten)]
    pub key: Key,
    /// Its name in the ledger.
    #[serde(rename = "anomaly")]
    pub flag: String,
    pub says: &'static str,
    /// Both sides.
    pub figures: String,
}

impl AnomalyList {
    pub async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        whose: &Whose,
        limit: i64,
    ) -> Result<Self, LedgerError> {
        let uncertain = tx.count_uncertain(whose).await?.into_iter().collect();
        let charges: Vec<Charge> = tx.with_anomaly(whose, limit).await?;
        let payments: Vec<Payment> = tx.with_anomaly(whose, limit).await?;
        let invoices: Vec<Invoice> = tx.with_anomaly(whose, limit).await?;
        let graph = read_around(tx, ledger, &charges, &payments, &invoices).await?;
        let mut anomalies = Vec::new();
        for charge in &charges {
            let flags = charge.anomaly.as_deref().unwrap_or_default();
            anomalies.extend(told("charge", &charge.key, flags, |flag| {
                anomaly_figures::of_charge(charge, flag, &graph)
            }));
        }
        for payment in &payments {
            let flags = payment.anomaly.as_deref().unwrap_or_default();
            anomalies.extend(told("payment", &payment.key, flags, |flag| {
                anomaly_figures::of_payment(payment, flag, &graph)
            }));
        }
        for invoice in &invoices {
            let flags = invoice.anomaly.as_deref().unwrap_or_default();
            anomalies.extend(told("invoice", &invoice.key, flags, |_| {
                anomaly_figures::of_invoice(invoice, &graph)
            }));
        }
        Ok(Self { anomalies, uncertain })
    }
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

fn told(kind: &'static str, key: &Key, flags: &str, figures: impl Fn(&str) -> String) -> Vec<Anomaly> {
    let tell = |flag: &str| Anomaly {
        kind,
        key: key.clone(),
        flag: flag.to_owned(),
        says: anomaly_figures::in_words(flag),
        figures: figures(flag),
    };
    flags.split(',').filter(|flag| !flag.is_empty()).map(tell).collect()
}
