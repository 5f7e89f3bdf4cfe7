//! `tidegate charge`, `subscribe`, `unsubscribe`, `invoices retry` and `customers credit`: the plan first, then the request.

use std::process::ExitCode;

use desk::acts::operations::request::{Ask, Wanted};
use desk::acts::operations::wanted::{WantedCharge, WantedCredit, WantedRetry};
use domain::customers::Customer;
use domain::invoices::Invoice;
use domain::operations::Reason;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use shared::env::Env;

use super::ask;
use crate::cli::{
    ChargeOptions, CreditOptions, InvoiceRetryOptions, SubscribeOptions, UnsubscribeOptions, WantedOptions,
};
use crate::failure::wrongly_called;
use crate::money;

pub async fn charge(env: &Env, options: &ChargeOptions) -> anyhow::Result<ExitCode> {
    let amount = amount(&options.amount, &options.currency)?;
    run::<Customer>(env, &options.act, |customer| {
        let invoice = options.invoice.as_deref().map(|invoice| customer.sibling(invoice.trim()));
        Wanted::Charge(WantedCharge {
            customer,
            amount,
            currency: Some(options.currency.clone()),
            payment_method: options.payment_method.clone(),
            description: options.description.clone(),
            invoice,
        })
    })
    .await
}

pub async fn subscribe(env: &Env, options: &SubscribeOptions) -> anyhow::Result<ExitCode> {
    run::<Customer>(env, &options.act, |customer| Wanted::Subscribe {
        customer,
        prices: options.prices.clone(),
        payment_method: options.payment_method.clone(),
    })
    .await
}

pub async fn unsubscribe(env: &Env, options: &UnsubscribeOptions) -> anyhow::Result<ExitCode> {
    run::<Subscription>(env, &options.act, |subscription| Wanted::Unsubscribe {
        subscription,
        at_period_end: !options.now,
    })
    .await
}

pub async fn retry(env: &Env, options: &InvoiceRetryOptions) -> anyhow::Result<ExitCode> {
    run::<Invoice>(env, &options.act, |invoice| {
        Wanted::InvoiceRetry(WantedRetry {
            invoice,
            payment_method: options.payment_method.clone(),
            takes_over: options.take_over,
            number: None,
        })
    })
    .await
}

pub async fn credit(env: &Env, options: &CreditOptions) -> anyhow::Result<ExitCode> {
    let amount = amount(&options.amount, &options.currency)?;
    run::<Customer>(env, &options.act, |customer| {
        Wanted::Credit(WantedCredit {
            customer,
            amount,
            currency: Some(options.currency.clone()),
            description: options.description.clone(),
        })
    })
    .await
}

/// Of the object of that id; of one that nobody has heard of, the rules refuse it.
async fn run<T: Object>(
    env: &Env,
    options: &WantedOptions,
    wanted: impl FnOnce(Key) -> Wanted,
) -> anyhow::Result<ExitCode> {
    let (ledger, actor) = options.by.actor(env).await?;
    let found = ask::the_one::<T>(&ledger, &options.id, &options.whose).await?;
    let wanted = wanted(found.map_or_else(|key| key, |object| object.key().clone()));
    let ask = Ask { wanted, reason: Reason::Other, note: options.note.clone(), confirmed: true };
    ask::run(&ledger, &ask, &actor, options.yes, options.shape.json).await
}

fn amount(text: &str, currency: &str) -> anyhow::Result<i64> {
    money::read(text, currency).map_err(wrongly_called)
}
