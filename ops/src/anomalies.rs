//! `tidegate anomalies`: figures that contradict each other, with both sides, and objects of which only Stripe
//! can tell the state.

mod figures;

use domain::Key;
use domain::charges::Charge;
use domain::failures::PaymentFailure;
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::world::World;
use ledger::graph::family;
use ledger::views::lists::Uncertain;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;
use shared::env::Env;

use crate::cli::AnomaliesOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{money, open, output, span};

/// The form of `--json`.
#[derive(Serialize)]
struct Shown {
    anomalies: Vec<Anomaly>,
    /// How many objects of each kind are uncertain.
    uncertain: std::collections::BTreeMap<&'static str, i64>,
}

/// One contradiction of one object.
#[derive(Serialize)]
pub struct Anomaly {
    kind: &'static str,
    #[serde(flatten)]
    key: Key,
    /// Its name in the ledger.
    #[serde(rename = "anomaly")]
    flag: String,
    says: &'static str,
    /// Both sides.
    figures: String,
}

pub async fn run(env: &Env, options: &AnomaliesOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let whose = options.whose.read();
    if options.uncertain {
        let read = async { ledger.read().await?.uncertain(&whose, options.limit).await };
        let uncertain = open::answer(&ledger, read).await?;
        ledger.close().await;
        return list_uncertain(&ledger, options, &uncertain);
    }
    let shown = open::answer(&ledger, find(&ledger, &whose, options.limit)).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&shown);
    }
    if shown.anomalies.is_empty() {
        output::remark(&format!("nothing in {} contradicts itself", ledger.shown()));
    } else {
        output::print(&table(&shown.anomalies))?;
    }
    if !shown.uncertain.is_empty() {
        let counts = shown.uncertain.iter().map(|(kind, count)| {
            let plural = if *count == 1 { "" } else { "s" };
            format!("{} {kind}{plural}", money::count(count.unsigned_abs()))
        });
        output::remark(&format!(
            "uncertain, so that Stripe would have to be asked: {} (`{} anomalies --uncertain`)",
            counts.collect::<Vec<_>>().join(", "),
            output::me()
        ));
    }
    Ok(())
}

async fn find(ledger: &Ledger, whose: &Whose, limit: i64) -> Result<Shown, LedgerError> {
    let mut tx = ledger.read().await?;
    let uncertain = tx.count_uncertain(whose).await?.into_iter().collect();
    let charges: Vec<Charge> = tx.with_anomaly(whose, limit).await?;
    let payments: Vec<Payment> = tx.with_anomaly(whose, limit).await?;
    let invoices: Vec<Invoice> = tx.with_anomaly(whose, limit).await?;
    let world = read_around(&mut tx, ledger, &charges, &payments, &invoices).await?;
    let mut anomalies = Vec::new();
    for charge in &charges {
        let flags = charge.anomaly.as_deref().unwrap_or_default();
        anomalies.extend(told("charge", &charge.key, flags, |flag| figures::of_charge(charge, flag, &world)));
    }
    for payment in &payments {
        let flags = payment.anomaly.as_deref().unwrap_or_default();
        anomalies
            .extend(told("payment", &payment.key, flags, |flag| figures::of_payment(payment, flag, &world)));
    }
    for invoice in &invoices {
        let flags = invoice.anomaly.as_deref().unwrap_or_default();
        anomalies.extend(told("invoice", &invoice.key, flags, |_| figures::of_invoice(invoice, &world)));
    }
    Ok(Shown { anomalies, uncertain })
}

/// The other side of every contradiction.
async fn read_around(
    tx: &mut Transaction,
    ledger: &Ledger,
    charges: &[Charge],
    payments: &[Payment],
    invoices: &[Invoice],
) -> Result<World, LedgerError> {
    let mut world = ledger.world();
    let keys: Vec<Key> = charges.iter().map(|charge| charge.key.clone()).collect();
    family::read_below_charges(tx, &keys, &mut world).await?;
    family::read_payments(tx, payments.to_vec(), &mut world).await?;
    let keys: Vec<Key> = invoices.iter().map(|invoice| invoice.key.clone()).collect();
    for row in tx.children::<PaymentFailure>("invoice", &keys).await? {
        world.load(row);
    }
    Ok(world)
}

fn told(kind: &'static str, key: &Key, flags: &str, figures: impl Fn(&str) -> String) -> Vec<Anomaly> {
    let tell = |flag: &str| Anomaly {
        kind,
        key: key.clone(),
        flag: flag.to_owned(),
        says: figures::in_words(flag),
        figures: figures(flag),
    };
    flags.split(',').filter(|flag| !flag.is_empty()).map(tell).collect()
}

fn table(anomalies: &[Anomaly]) -> String {
    let mut table = Table::default()
        .text("OBJECT")
        .text("ID")
        .text("ANOMALY")
        .prose("FIGURES", 120)
        .text("MODE")
        .text("ACCOUNT");
    for anomaly in anomalies {
        table.row([
            anomaly.kind.to_owned(),
            anomaly.key.id.clone(),
            anomaly.says.to_owned(),
            anomaly.figures.clone(),
            mode(anomaly.key.livemode),
            anomaly.key.account.clone(),
        ]);
    }
    table.render()
}

fn list_uncertain(
    ledger: &Ledger,
    options: &AnomaliesOptions,
    uncertain: &[Uncertain],
) -> anyhow::Result<()> {
    if options.shape.json {
        return output::print_json(&uncertain);
    }
    if uncertain.is_empty() {
        output::remark(&format!("nothing in {} is uncertain", ledger.shown()));
        return Ok(());
    }
    let mut table =
        Table::default().text("LAST EVENT").text("OBJECT").text("ID").text("MODE").text("ACCOUNT");
    for object in uncertain {
        table.row([
            object.last_event_at.map(span::whole).unwrap_or_default(),
            object.kind.clone(),
            object.key.id.clone(),
            mode(object.key.livemode),
            object.key.account.clone(),
        ]);
    }
    output::print(&table.render())?;
    output::remark_on_limit(uncertain.len(), options.limit);
    Ok(())
}
