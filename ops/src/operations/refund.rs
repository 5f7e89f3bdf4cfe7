//! `tidegate refunds eligible` and `tidegate refunds request`: the plan first, then the request.

use std::process::ExitCode;

use desk::acts::operations::plan::plan;
use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::Reason;
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use super::{ask, not_done};
use crate::cli::{RefundEligibleOptions, RefundOptions, RefundRequestOptions};
use crate::failure::wrongly_called;
use crate::money;

pub async fn eligible(env: &Env, options: &RefundEligibleOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.refund.by.actor(env).await?;
    let ask = read(&ledger, &options.refund, None, false).await?;
    let plan = plan(&ledger, &ask, &actor, clock::now()).await.map_err(not_done)?;
    ledger.close().await;
    ask::print(&plan, options.refund.shape.json)?;
    Ok(ask::code(&plan))
}

pub async fn request(env: &Env, options: &RefundRequestOptions) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.refund.by.actor(env).await?;
    // Whoever says yes has seen the plan.
    let ask = read(&ledger, &options.refund, options.note.clone(), true).await?;
    ask::run(&ledger, &ask, &actor, options.yes, options.refund.shape.json).await
}

async fn read(
    ledger: &Ledger,
    options: &RefundOptions,
    note: Option<String>,
    confirmed: bool,
) -> anyhow::Result<Ask> {
    let (payment, own) = ask::payment_and_currency(ledger, &options.payment, &options.whose).await?;
    let is_known = own.is_some();
    let currency = options.currency.clone().or(ask::told(own));
    let amount = match (&options.amount, &currency) {
        (Some(text), Some(currency)) => Some(money::read(text, currency).map_err(wrongly_called)?),
        (Some(_), None) if is_known => {
            return Err(wrongly_called("--amount needs --currency: the ledger does not know the payment's"));
        }
        // Of a payment that nobody has heard of, the rules refuse any amount.
        (_, None) | (None, _) => None,
    };
    let reason = Reason::named(&options.reason).unwrap_or_default();
    Ok(Ask { wanted: Wanted::Refund { payment, amount, currency }, reason, note, confirmed })
}
