//! `tidegate up --demo`: a fake Stripe beside gateway and worker, and a day of life that it tells by webhooks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use fake_stripe::FakeStripe;
use shared::env::{DATA_DIR, Env};
use tokio::time::Instant;

use super::{API_PORT, day, start, webhooks_of};
use crate::output;

/// Beside the ports of `up` where those are moved.
const PORTS_AFTER: u16 = 10;
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

pub struct Demo {
    stripe: FakeStripe,
}

/// Its folder, inside of the usual one.
pub fn folder(env: &Env) -> PathBuf {
    Path::new(&env.text(&DATA_DIR)).join("demo")
}

impl Demo {
    /// The ledger and the queue of an earlier demo go: that fake Stripe forgot what they tell of.
    pub async fn start(env: Env, port: Option<u16>) -> anyhow::Result<(Self, Env)> {
        forget(Path::new(&env.text(&DATA_DIR)))?;
        let stripe = start(port.map_or(API_PORT, |port| port.saturating_add(PORTS_AFTER))).await?;
        let env = stripe.settings().iter().fold(env, |env, (name, value)| env.with(name, value));
        Ok((Self { stripe }, env))
    }

    /// A day happens, and is delivered. Says what to try.
    pub async fn live(&self, gateway: SocketAddr, secret: &str) -> anyhow::Result<String> {
        self.stripe.delivers_to(&webhooks_of(gateway), secret);
        let day = day::live(&self.stripe)?;
        let deadline = Instant::now() + DELIVERED_WITHIN;
        while self.stripe.deliveries_pending() > 0 && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        let (me, url, key) = (output::me(), self.stripe.url(), self.stripe.key().to_owned());
        let url = url.trim_end_matches('/');
        Ok(format!(
            "  demo      a fake Stripe at {url}, key {key}; it has lived a day of a small marketplace\n\
             \x20 look      {me} show {user}\n\
             \x20           {me} show {large}    a payment of 6,400.00\n\
             \x20           {me} show {invoice}    an invoice that nobody could collect\n\
             \x20           {me} show {dispute}    a dispute that waits for an answer\n\
             \x20           {me} disputes list    {me} failures list    {me} refunds list    {me} status\n\
             \x20 two       people refund what one may not refund alone:\n\
             \x20           {me} staff add ann --role super_user; {me} staff add ben --role support\n\
             \x20           ANN=$({me} tokens create --for ann --role super_user)\n\
             \x20           BEN=$({me} tokens create --for ben --role support)\n\
             \x20           TIDEGATE_TOKEN=$BEN {me} refunds request {large} --amount 6000 --yes\n\
             \x20           TIDEGATE_TOKEN=$ANN {me} approvals list\n\
             \x20           TIDEGATE_TOKEN=$ANN {me} approvals approve op_… --yes\n\
             \x20 answer    TIDEGATE_TOKEN=$ANN {me} disputes evidence draft {dispute}\n\
             \x20 happen    curl {url}/v1/refunds -u {key}: -d payment_intent={small} -d amount=100\n\
             \x20           curl {url}/_fake/disputes/{dispute} -d status=won\n\
             \x20           curl {url}/_fake/    more that can happen, and go wrong\n",
            user = day.user,
            large = day.large_payment,
            invoice = day.failed_invoice,
            dispute = day.dispute,
            small = day.small_payment,
        ))
    }
}

fn forget(folder: &Path) -> anyhow::Result<()> {
    let files = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        files => files.with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    for file in files {
        let path = file.with_context(|| format!("{} cannot be read", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if ["queue.db", "ledger.db"].iter().any(|database| name.starts_with(database)) {
            std::fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    Ok(())
}
