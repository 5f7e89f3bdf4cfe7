//! `tidegate refunds batch`: several refunds under one word. The list is shown first, with its sum and hash.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use desk::acts::operations::batch::{self, BatchView};
use desk::acts::operations::request::{Ask, Wanted};
use desk::views::operation::does;
use domain::operations::batch::ITEMS_LIMIT;
use domain::operations::{OperationState, Reason};
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use super::page::remark_yes;
use super::{ask, not_done};
use crate::cli::RefundBatchOptions;
use crate::failure::wrongly_called;
use crate::table::{Table, clean};
use crate::{money, open, output, when};

const FILE_LIMIT_BYTES: u64 = 64 * 1024;
const A_LINE: &str = "a line is PAYMENT, PAYMENT,AMOUNT or PAYMENT,AMOUNT,CURRENCY, as in pi_1PgafuB7WZ01zgkWXYmPNZs8,12.50,usd";

pub async fn run(env: &Env, options: &RefundBatchOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.by.actor(env).await?;
    let asks = read(&ledger, options).await?;
    let now = clock::now();
    if options.yes {
        let asked = batch::request(&ledger, &asks, options.hash.as_deref(), &actor, now).await;
        let asked = asked.map_err(not_done)?;
        ledger.close().await;
        show(&asked, false, options.shape.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let planned = batch::plan(&ledger, &asks, &actor, now).await.map_err(not_done)?;
    ledger.close().await;
    show(&planned, true, options.shape.json)?;
    let is_refused = planned.operations.iter().any(|it| it.state == OperationState::Refused);
    if is_refused {
        output::remark("nothing was asked for: take what is refused out of the list first");
        return Ok(ExitCode::FAILURE);
    }
    remark_yes("ask for them");
    Ok(ExitCode::SUCCESS)
}

/// The batch of this id, where it is one's.
pub async fn found(ledger: &Ledger, id: &str) -> anyhow::Result<Option<BatchView>> {
    if !id.starts_with("bat_") {
        return Ok(None);
    }
    let read = async { BatchView::read(&mut ledger.read().await?, id).await };
    open::answer(ledger, read).await
}

/// What a list may begin with: the names of its columns.
fn is_header(fields: &[&str]) -> bool {
    let names = |place: usize, known: &[&str]| {
        fields.get(place).is_none_or(|field| known.contains(&field.to_ascii_lowercase().as_str()))
    };
    names(
        0,
        &[
            "payment",
            "payment_id",
            "payment id",
            "payment_intent",
            "payment intent",
            "paymentintent id",
            "id",
        ],
    ) && names(1, &["amount"])
        && names(2, &["currency"])
}

/// A line a refund: the payment, and perhaps its amount and currency. Spreadsheets begin a file with a mark of their own.
async fn read(ledger: &Ledger, options: &RefundBatchOptions) -> anyhow::Result<Vec<Ask>> {
    let text = text(&options.file)?;
    let reason = Reason::named(&options.reason).unwrap_or_default();
    let lines = (1_usize..).zip(text.trim_start_matches('\u{feff}').lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut asks = Vec::new();
    for (place, (number, line)) in lines.enumerate() {
        let fields: Vec<&str> = line.split(',').map(|field| field.trim().trim_matches('"')).collect();
        if place == 0 && is_header(&fields) {
            continue;
        }
        let given = |place: usize| fields.get(place).copied().filter(|text| !text.is_empty());
        let (Some(id), 1..=3) = (given(0), fields.len()) else {
            return Err(wrongly_called(format!("line {number}: {A_LINE}")));
        };
        let (amount, currency) = (given(1), given(2));
        let (payment, known) = ask::payment_and_currency(ledger, id, &options.whose).await?;
        let Some(own) = known else {
            let narrowed = if options.whose.is_any() { "" } else { " of that account and mode" };
            return Err(wrongly_called(format!(
                "line {number}: the ledger knows no payment {id}{narrowed}; {A_LINE}"
            )));
        };
        let currency = currency.map(str::to_lowercase).or(ask::told(Some(own)));
        let amount = match (amount, &currency) {
            (Some(text), Some(currency)) => {
                let amount = money::read(text, currency);
                Some(amount.map_err(|fault| wrongly_called(format!("line {number}: {fault}")))?)
            }
            (Some(_), None) => {
                return Err(wrongly_called(format!("line {number}: the ledger knows no currency of it")));
            }
            (None, _) => None,
        };
        let wanted = Wanted::Refund { payment, amount, currency };
        asks.push(Ask { wanted, reason, note: options.note.clone(), confirmed: true });
        if asks.len() > ITEMS_LIMIT {
            return Err(wrongly_called(format!(
                "more than {ITEMS_LIMIT} refunds: make several lists of them"
            )));
        }
    }
    if asks.is_empty() {
        return Err(wrongly_called("the list is empty"));
    }
    Ok(asks)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let about = || format!("cannot read {}", path.display());
    let mut text = String::new();
    let file = File::open(path).with_context(about)?;
    file.take(FILE_LIMIT_BYTES + 1).read_to_string(&mut text).with_context(about)?;
    if text.len() as u64 > FILE_LIMIT_BYTES {
        return Err(wrongly_called(format!("{} is longer than {FILE_LIMIT_BYTES} bytes", path.display())));
    }
    Ok(text)
}

pub fn print(view: &BatchView, json: bool) -> anyhow::Result<()> {
    show(view, false, json)
}

fn show(view: &BatchView, is_plan: bool, json: bool) -> anyhow::Result<()> {
    if json { output::print_json(view) } else { output::print(&page(view, is_plan)) }
}

fn page(view: &BatchView, is_plan: bool) -> String {
    let batch = &view.batch;
    let (items, sums) = (batch.items, clean(&batch.sums));
    let mut text = if is_plan {
        format!("a plan: {items} refunds, {sums}; nothing is asked for yet\n")
    } else {
        let by = format!("{} ({})", clean(&batch.requested_by), clean(&batch.known_by));
        let at = when::whole(batch.requested_at);
        format!("batch {}  {items} refunds, {sums}\nasked for by {by}, {at}\n", clean(&batch.id))
    };
    let note = batch.note.as_deref().map(|note| format!(": {}", clean(note))).unwrap_or_default();
    let _ = write!(text, "reason {}{note}\nhash {}\n", clean(&batch.reason), batch.hash);
    let waits = match view.waiting() {
        0 => "Nothing in it waits for a second person.".to_owned(),
        waiting if is_plan => {
            format!("{waiting} of them will wait for a second person who has billing:manage.")
        }
        waiting => format!(
            "{waiting} of them wait for somebody other than {} who has billing:manage: tidegate approvals approve {}",
            clean(&batch.requested_by),
            clean(&batch.id)
        ),
    };
    for warning in &view.warnings {
        let _ = writeln!(text, "Heed: {}", clean(warning));
    }
    text.push_str(&waits);
    text.push_str("\n\n");
    let mut table = Table::default().text("OPERATION").text("STATE").prose("WHAT", 80).prose("WHY", 80);
    for operation in &view.operations {
        table.row([
            operation.id().to_owned(),
            operation.state.to_string(),
            does(operation),
            operation.message.clone().unwrap_or_default(),
        ]);
    }
    text + &table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_columns_are_no_refund() {
        for header in [&["payment"][..], &["Payment", "Amount", "Currency"], &["payment_intent", "amount"]] {
            assert!(is_header(header), "{header:?}");
        }
        for line in [&["pi_1"][..], &["pi_1", "12.50", "usd"], &["amount", "payment"], &["payment", "12.50"]]
        {
            assert!(!is_header(line), "{line:?}");
        }
    }
}
