//! `tidegate up --demo`: a fake Stripe beside gateway and worker, a homepage that puts listings, and a day of life that the
//! fake tells by webhooks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, KnownBy};
use domain::Key;
use domain::permissions::Permission;
use fake_stripe::FakeStripe;
use ledger::Ledger;
use marketplace::acts::put::{Put, put};
use marketplace::acts::remove::reject;
use shared::clock;
use shared::env::{DATA_DIR, Env};
use shared::queue::Queue;
use tokio::time::Instant;

use super::{API_PORT, day, shop, start, webhooks_of};
use crate::{listing, output};

/// Beside the ports of `up` where those are moved.
const PORTS_AFTER: u16 = 10;
const APPLIED_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

pub struct Demo {
    stripe: Arc<FakeStripe>,
    /// Of the shop: beside the fake Stripe's.
    shop_port: u16,
}

/// Its folder, inside of the usual one.
pub fn folder(env: &Env) -> PathBuf {
    Path::new(&env.text(&DATA_DIR)).join("demo")
}

impl Demo {
    /// The ledger and the queue of an earlier demo go: that fake Stripe forgot what they tell of.
    pub async fn start(env: Env, port: Option<u16>) -> anyhow::Result<(Self, Env)> {
        forget(Path::new(&env.text(&DATA_DIR)))?;
        let port = port.map_or(API_PORT, |port| port.saturating_add(PORTS_AFTER));
        let stripe = Arc::new(start(port).await?);
        let env = stripe.settings().iter().fold(env, |env, (name, value)| env.with(name, value));
        Ok((Self { stripe, shop_port: port - 1 }, env))
    }

    /// A day happens, and is applied. Says what to try.
    pub async fn live(
        &self,
        env: &Env,
        port: Option<u16>,
        (queue, ledger): (&Queue, &Ledger),
        (gateway, secret): (SocketAddr, &str),
        console: SocketAddr,
    ) -> anyhow::Result<String> {
        put_listings(ledger, clock::now() - TimeDelta::seconds(day::DAY_SECS)).await?;
        self.stripe.delivers_to(&webhooks_of(gateway), secret);
        let day = day::live(&self.stripe)?;
        let deadline = Instant::now() + APPLIED_WITHIN;
        while self.is_on_its_way(queue).await && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        reject(ledger, &key_of(day::REJECTED), "a counterfeit", &homepage(), clock::now()).await?;
        let shop = shop::open(self.shop_port, console, ledger, Arc::clone(&self.stripe)).await?;
        Ok(self.greeting(env, port, &day, shop))
    }

    /// Whether anything of the day is not in the ledger yet.
    async fn is_on_its_way(&self, queue: &Queue) -> bool {
        if self.stripe.deliveries_pending() > 0 {
            return true;
        }
        let depth = queue.depth().await;
        depth.is_ok_and(|depth| depth.ready + depth.leased.unwrap_or_default() > 0)
    }

    /// Each line may be typed as it stands, in another terminal.
    fn greeting(&self, env: &Env, port: Option<u16>, day: &day::Day, shop: SocketAddr) -> String {
        let (me, url, key) = (output::me(), self.stripe.url(), self.stripe.key().to_owned());
        let url = url.trim_end_matches('/');
        let port = port.map_or_else(String::new, |port| format!(" --port {port}"));
        format!(
            "  demo      a fake Stripe at {url}, key {key}; it has lived a day of a small marketplace\n\
             \x20 shop      http://{shop}/ posts listings, pays for them, features and rejects them by the API\n\
             \x20 look      {me} show {user}    # a user whom chargebacks ban\n\
             \x20           {me} show {large}    # a payment of 6,400.00\n\
             \x20           {me} show {invoice}    # an invoice that nobody could collect\n\
             \x20           {me} show {dispute}    # a dispute that waits for an answer\n\
             \x20           {me} show {rejected}    # a listing that moderation rejected: what was paid for it goes back\n\
             \x20           {me} listings list; {me} disputes list; {me} failures list; {me} refunds list; {me} status\n\
             \x20 two       people refund what one may not refund alone:\n\
             \x20           {me} staff add ann --role super_user; {me} staff add ben --role support\n\
             \x20           ANN=$({me} tokens create --for ann --role super_user)\n\
             \x20           BEN=$({me} tokens create --for ben --role support)\n\
             \x20           TIDEGATE_TOKEN=$BEN {me} refunds request {large} --amount 6000 --yes\n\
             \x20           TIDEGATE_TOKEN=$ANN {me} approvals list\n\
             \x20           TIDEGATE_TOKEN=$ANN {me} approvals approve op_… --yes    # the id that the list shows\n\
             \x20 answer    TIDEGATE_TOKEN=$ANN {me} disputes evidence draft {dispute}\n\
             \x20 happen    curl {url}/v1/refunds -u {key}: -d payment_intent={small} -d amount=100\n\
             \x20           curl {url}/_fake/disputes/{dispute} -d status=won\n\
             \x20           curl {url}/_fake/    # more that can happen, and go wrong\n\
             \x20 again     here, after Ctrl-C; the fake Stripe forgets when it ends:\n\
             \x20           {me} up --demo{port}    # this data goes, and another day begins\n\
             \x20           TIDEGATE_DATA_DIR={folder} {me} up{port}    # this data once more, without its Stripe\n",
            user = day.user,
            large = day.large_payment,
            invoice = day.failed_invoice,
            dispute = day.dispute,
            rejected = day::REJECTED,
            small = day.small_payment,
            folder = listing::quoted(&env.text(&DATA_DIR)),
        )
    }
}

/// What a merchant's own program does by the API: it puts listings, and moderates them.
/// Each before the day has it paid.
async fn put_listings(ledger: &Ledger, at: DateTime<Utc>) -> anyhow::Result<()> {
    for (posted, minutes) in day::POSTED.into_iter().zip((0..).step_by(20)) {
        let wanted = Put {
            key: key_of(posted.id),
            user: posted.user().to_owned(),
            category: posted.category.to_owned(),
            currency: "usd".to_owned(),
        };
        put(ledger, &wanted, &homepage(), at + TimeDelta::minutes(minutes)).await?;
    }
    Ok(())
}

fn homepage() -> Actor {
    let permissions = [Permission::Read, Permission::Request].into();
    Actor::with_permissions("homepage", permissions, KnownBy::Declared, true)
}

/// Of the test mode, as the fake's key is.
fn key_of(listing: &str) -> Key {
    Key { id: listing.to_owned(), ..Key::default() }
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
