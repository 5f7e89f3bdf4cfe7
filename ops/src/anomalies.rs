//! `tidegate anomalies`: figures that contradict each other, with both sides, and objects whose state only
//! Stripe can tell.

use desk::views::anomalies::{Anomaly, AnomalyList};
use ledger::Ledger;
use ledger::views::lists::Uncertain;
use shared::env::Env;

use crate::cli::AnomaliesOptions;
use crate::events::mode;
use crate::table::Table;
use crate::{money, open, output, when};

pub async fn run(env: &Env, options: &AnomaliesOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let whose = options.whose.read();
    if options.uncertain {
        let read = async { ledger.read().await?.uncertain(&whose, options.limit).await };
        let uncertain = open::answer(&ledger, read).await?;
        ledger.close().await;
        return list_uncertain(&ledger, options, &uncertain);
    }
    let read = async { AnomalyList::read(&ledger, &mut ledger.read().await?, &whose, options.limit).await };
    let shown = open::answer(&ledger, read).await?;
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
            "uncertain until Stripe is asked: {} (`{} anomalies --uncertain`)",
            counts.collect::<Vec<_>>().join(", "),
            output::me()
        ));
    }
    Ok(())
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
            object.last_event_at.map(when::whole).unwrap_or_default(),
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
