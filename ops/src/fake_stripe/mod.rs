//! `tidegate fake-stripe`: a Stripe on this machine, for whoever wants to try things without an account. It keeps nothing.

mod day;
pub mod demo;
mod shop;

use std::net::SocketAddr;

use anyhow::Context;
use fake_stripe::{FakeStripe, Setup};
use secrecy::ExposeSecret;
use shared::env::Env;
use shared::shutdown;

use crate::cli::FakeStripeOptions;
use crate::{dev_secret, output, probe, variables};

/// Always the same, so that settings survive a restart. It opens nothing anywhere.
pub const KEY: &str = "sk_test_FakeStripeOnThisMachine";
const API_PORT: u16 = 12_111;

pub async fn run(env: Env, options: &FakeStripeOptions) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal()?;
    let port = options.port.unwrap_or(API_PORT);
    let stripe = start(port).await?;
    let url = match &options.webhook_url {
        Some(url) => url.clone(),
        None => webhooks_of(probe::reachable(variables::address(&env, "GATEWAY_ADDR")?)),
    };
    let secret = match env.given("STRIPE_WEBHOOK_SECRET") {
        Some(secret) => secret.to_owned(),
        None => dev_secret::provide(&env)?
            .context("STRIPE_WEBHOOK_SECRET_FILE is set: give the secret itself in STRIPE_WEBHOOK_SECRET")?
            .expose_secret()
            .to_owned(),
    };
    stripe.delivers_to(&url, &secret);
    output::announce(greeting(&stripe, &url));
    shutdown.cancelled().await;
    Ok(())
}

/// On this port and the next.
pub async fn start(port: u16) -> anyhow::Result<FakeStripe> {
    let setup =
        Setup { api_port: port, files_port: port + 1, secret_key: Some(KEY.to_owned()), ..Setup::default() };
    FakeStripe::start_with(setup)
        .await
        .with_context(|| format!("ports {port} and {} are not free: choose others with --port", port + 1))
}

/// The path that a gateway has for webhooks.
pub fn webhooks_of(gateway: SocketAddr) -> String {
    format!("http://{gateway}/webhooks/stripe")
}

fn greeting(stripe: &FakeStripe, webhooks: &str) -> String {
    let (url, files, key) = (stripe.url(), stripe.files_url(), stripe.key());
    let url = url.trim_end_matches('/');
    format!(
        "a fake Stripe is up; Ctrl-C stops it, and it forgets everything\n\
         \x20 api       {url}/v1, files {files}v1/files\n\
         \x20 key       {key}\n\
         \x20 webhooks  to {webhooks}, signed\n\
         \x20 faults    {url}/_fake/ lists what can happen and go wrong on demand\n\
         \n\
         Let Tidegate use it:\n\
         \x20 STRIPE_API_URL={url}/ STRIPE_FILES_URL={files} STRIPE_SECRET_KEY={key} {me} up\n\
         \n\
         Try, with the ids that you get:\n\
         \x20 curl {url}/v1/payment_intents -u {key}: -d amount=5000 -d currency=usd -d payment_method=pm_card_visa -d confirm=true\n\
         \x20 curl {url}/v1/refunds -u {key}: -d payment_intent=pi_… -d amount=1000\n\
         \x20 curl {url}/v1/payment_intents -u {key}: -d amount=5000 -d currency=usd -d payment_method=pm_card_createDispute -d confirm=true\n\
         \x20 curl {url}/_fake/faults -d fault=cut_after -d at='POST /v1/refunds'\n",
        me = output::me(),
    )
}
