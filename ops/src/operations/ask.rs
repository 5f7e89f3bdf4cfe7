//! Asking for an operation: the plan is shown first, and asked for with `--yes`.

use std::process::ExitCode;

use desk::actor::Actor;
use desk::acts::operations::plan::{Plan, plan};
use desk::acts::operations::request::{Ask, request};
use desk::views::operation::does;
use domain::disputes::Dispute;
use domain::payments::Payment;
use domain::{Key, Object};
use ledger::Ledger;
use serde::Serialize;
use shared::clock;

use super::not_done;
use super::page::{remark_yes, shown};
use crate::cli::WhoseOptions;
use crate::events::belongs_to;
use crate::failure::wrongly_called;
use crate::table::{Table, clean};
use crate::{money, open, output};

/// The form of `--json`.
#[derive(Serialize)]
struct PlanReport<'a> {
    plan: &'a Plan,
}

/// Asks for it where they said yes, else shows what would become of it.
pub async fn run(
    ledger: &Ledger,
    ask: &Ask,
    actor: &Actor,
    yes: bool,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    if yes {
        let operation = request(ledger, ask, actor, now).await.map_err(not_done)?;
        return shown(ledger, operation, json).await;
    }
    let plan = plan(ledger, ask, actor, now).await.map_err(not_done)?;
    ledger.close().await;
    print(&plan, json)?;
    if plan.eligible {
        remark_yes("ask for it");
    }
    Ok(code(&plan))
}

pub fn code(plan: &Plan) -> ExitCode {
    if plan.eligible { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

pub fn print(plan: &Plan, json: bool) -> anyhow::Result<()> {
    if json {
        return output::print_json(&PlanReport { plan });
    }
    let operation = &plan.operation;
    let mut text = format!("{}\n", clean(&does(operation)));
    let says = match (&plan.message, plan.eligible) {
        (Some(message), false) => format!("It would be refused: {message}."),
        (Some(message), true) => format!("Nothing would be sent yet: {message}."),
        (None, _) => format!("It would be sent on the word of {}.", operation.requested_by),
    };
    text.extend([&*clean(&says), "\n"]);
    if let Some(warning) = &plan.warning {
        text.extend(["Heed: ", &*clean(warning), "\n"]);
    }
    if let Some(of) = &plan.money {
        let mut table = Table::default().text("").number("");
        let lines = [
            ("received", of.captured),
            ("refunded", of.refunded),
            ("reserved", of.reserved),
            ("left", of.left),
        ];
        for (name, amount) in lines {
            table.row([format!("  {name}"), money::shown(amount, &operation.currency)]);
        }
        text.push_str(&table.render_bare());
    }
    output::print(&text)
}

/// The payment of that id, which must be one, and its currency: `None` where nobody has heard of it, nothing in it where it
/// was only named. The rules refuse one that nobody has heard of.
pub async fn payment_and_currency(
    ledger: &Ledger,
    id: &str,
    whose: &WhoseOptions,
) -> anyhow::Result<(Key, Option<String>)> {
    let payment = the_one::<Payment>(ledger, id, whose).await?;
    Ok(match payment {
        Ok(payment) => (payment.key, Some(payment.state.currency)),
        Err(key) => (key, None),
    })
}

/// A currency that is known.
pub fn told(currency: Option<String>) -> Option<String> {
    currency.filter(|currency| !currency.is_empty())
}

/// The dispute of that id, which must be one.
pub async fn the_dispute(ledger: &Ledger, id: &str, whose: &WhoseOptions) -> anyhow::Result<Key> {
    let found = the_one::<Dispute>(ledger, id, whose).await?;
    Ok(found.map_or_else(|key| key, |dispute| dispute.key))
}

/// The object of that id, which must be one; else the key of one that nobody has heard of.
pub async fn the_one<T: Object>(
    ledger: &Ledger,
    id: &str,
    whose: &WhoseOptions,
) -> anyhow::Result<Result<T, Key>> {
    let (id, whose) = (id.trim(), whose.read());
    let mut found: Vec<T> = open::answer(ledger, ledger.find::<T>(id)).await?;
    found.retain(|object| whose.admits(object.key()));
    if found.len() > 1 {
        let owners: Vec<String> =
            found.iter().map(|object| belongs_to(&object.key().account, object.key().livemode)).collect();
        return Err(wrongly_called(format!(
            "{id} exists several times ({}): choose one with --account, --live or --test-mode",
            owners.join("; ")
        )));
    }
    Ok(found.pop().ok_or_else(|| Key {
        id: id.to_owned(),
        account: whose.account.unwrap_or_default(),
        livemode: whose.livemode.unwrap_or(true),
    }))
}
