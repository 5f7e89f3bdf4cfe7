//! Compares the rebuilt objects with the ledger's, table by table.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Rebuilt;
use domain::bans::Ban;
use domain::customers::Customer;
use domain::invoice_payments::InvoicePayment;
use domain::object_graph::InGraph;
use domain::payments::Payment;
use domain::tracked_rows::{TrackedRows, without_revision};
use domain::{Key, Kind, Object, each_kind};
use ledger::{LedgerError, Transaction};

const ROWS_AT_ONCE: i64 = 1_000;

#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    pub tables: Vec<TableComparison>,
    pub differences: Vec<Difference>,
}

#[derive(Debug, Default, Serialize)]
pub struct TableComparison {
    pub table: &'static str,
    pub identical: usize,
    pub different: usize,
    /// Part of what they come from is no longer kept.
    pub left_out: usize,
}

/// An object that the ledger has otherwise than the events say.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    pub kind: Kind,
    pub key: Key,
    /// The columns that differ; all where the object is missing, or should be.
    pub columns: Vec<String>,
    pub ledger: Option<Value>,
    pub events: Option<Value>,
}

/// Compares table by table, children before what derives from them: what derives from an object that is left
/// out is left out too.
#[shared::built_once]
pub async fn compare(tx: &mut Transaction, rebuilt: &Rebuilt) -> Result<Comparison, LedgerError> {
    let graph = &rebuilt.graph;
    let mut left_out = LeftOut::default();
    left_out.0.extend(tx.retired().await?);
    let mut comparison = Comparison::default();
    each_kind!(|Row| {
        match Row::KIND {
            Kind::Invoice => left_out.invoices_of_payments(tx).await?,
            Kind::Ban => left_out.users_of_customers(tx).await?,
            _ => {}
        }
        table(tx, Row::rows(graph), &mut left_out, &mut comparison).await?;
    });
    Ok(comparison)
}

#[derive(Default)]
struct LeftOut(BTreeSet<(String, Key)>);

impl LeftOut {
    fn has<T: Object>(&self, key: &Key) -> bool {
        !self.0.is_empty() && self.0.contains(&(T::NAME.to_owned(), key.clone()))
    }

    fn owners_of<T: Object>(&mut self, row: &T) {
        self.0.extend(row.owners().into_iter().map(|(kind, key)| (kind.as_str().to_owned(), key)));
    }

    /// Whether it, or what it derives from, comes from events of which part is no longer kept.
    fn concerns<T: Object>(&self, row: &T) -> bool {
        let mut below = row.derives_from().into_iter().map(|(kind, key)| (kind.as_str().to_owned(), key));
        self.has::<T>(row.key()) || (!self.0.is_empty() && below.any(|place| self.0.contains(&place)))
    }

    /// A payment may pay several invoices; which ones, the rows between them say.
    async fn invoices_of_payments(&mut self, tx: &mut Transaction) -> Result<(), LedgerError> {
        let payments = self.0.iter().filter(|(kind, _)| kind == Payment::NAME);
        let keys: Vec<Key> = payments.map(|(_, key)| key.clone()).collect();
        for row in tx.children::<InvoicePayment>("payment", &keys).await? {
            self.owners_of(&row);
        }
        Ok(())
    }

    /// A payment names its user or its customer; who the customer is, his row says.
    async fn users_of_customers(&mut self, tx: &mut Transaction) -> Result<(), LedgerError> {
        let bans = self.0.iter().filter(|(kind, _)| kind == Ban::NAME);
        let keys: Vec<Key> = bans.map(|(_, key)| key.clone()).collect();
        for customer in tx.look_up::<Customer>(&keys).await? {
            self.owners_of(&customer);
        }
        Ok(())
    }
}

async fn table<T: Object>(
    tx: &mut Transaction,
    tracked: &TrackedRows<T>,
    left_out: &mut LeftOut,
    comparison: &mut Comparison,
) -> Result<(), LedgerError> {
    let mut told = TableComparison { table: T::TABLE, ..TableComparison::default() };
    let mut seen = BTreeSet::new();
    let mut after = Key::default();
    loop {
        let page: Vec<T> = tx.page(&after, ROWS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.key().clone();
        for row in page {
            let rebuilt = tracked.get(row.key());
            seen.insert(row.key().clone());
            if left_out.concerns(&row) || rebuilt.is_some_and(|row| left_out.concerns(row)) {
                left_out.owners_of(&row);
                if let Some(rebuilt) = rebuilt {
                    left_out.owners_of(rebuilt);
                }
                told.left_out += 1;
                continue;
            }
            let (ledger, events) = (without_revision(&row), rebuilt.and_then(without_revision));
            if ledger == events {
                told.identical += usize::from(ledger.is_some());
            } else {
                told.different += 1;
                comparison.differences.push(difference(row.key(), ledger.as_ref(), events.as_ref()));
            }
        }
    }
    for row in tracked.non_placeholders().filter(|row| !seen.contains(row.key())) {
        if left_out.concerns(&row) {
            told.left_out += 1;
            continue;
        }
        told.different += 1;
        comparison.differences.push(difference(row.key(), None, Some(&row)));
    }
    comparison.tables.push(told);
    Ok(())
}

fn difference<T: Object>(key: &Key, ledger: Option<&T>, events: Option<&T>) -> Difference {
    let value = |row: Option<&T>| row.map(|row| serde_json::to_value(row).unwrap_or(Value::Null));
    let (ledger, events) = (value(ledger), value(events));
    let columns = match (&ledger, &events) {
        (Some(Value::Object(ledger)), Some(Value::Object(events))) => ledger
            .iter()
            .filter(|(name, value)| events.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    };
    Difference { kind: T::KIND, key: key.clone(), columns, ledger, events }
}
