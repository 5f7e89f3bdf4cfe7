//! `tidegate payments capture` and `tidegate payments cancel`.

use std::process::ExitCode;

use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::Reason;
use shared::env::Env;

use super::ask;
use crate::cli::{CaptureOptions, PaymentCancelOptions};
use crate::failure::wrongly_called;
use crate::money;

pub async fn capture(env: &Env, options: &CaptureOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.act.by.actor(env).await?;
    let (payment, currency) = ask::payment_and_currency(&ledger, &options.act.id, &options.act.whose).await?;
    let is_known = currency.is_some();
    let currency = ask::told(currency);
    let amount = match (&options.amount, &currency) {
        (Some(text), Some(currency)) => Some(money::read(text, currency).map_err(wrongly_called)?),
        (Some(_), None) if is_known => {
            return Err(wrongly_called("--amount: the ledger does not know the payment's currency yet"));
        }
        // Of a payment that nobody has heard of, the rules refuse any amount.
        (_, None) | (None, _) => None,
    };
    let wanted = Wanted::Capture { payment, amount, currency };
    let ask = Ask { wanted, reason: Reason::Other, note: options.act.note.clone(), confirmed: true };
    ask::run(&ledger, &ask, &actor, options.act.yes, options.act.shape.json).await
}

pub async fn cancel(env: &Env, options: &PaymentCancelOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.act.by.actor(env).await?;
    let (payment, _) = ask::payment_and_currency(&ledger, &options.act.id, &options.act.whose).await?;
    let wanted = Wanted::Cancel { payment, reason: options.reason.clone() };
    let reason = options.reason.as_deref().and_then(Reason::named).unwrap_or_default();
    let ask = Ask { wanted, reason, note: options.act.note.clone(), confirmed: true };
    ask::run(&ledger, &ask, &actor, options.act.yes, options.act.shape.json).await
}
