//! Goods of the merchant's own: those whose payments changed, or whose time is over, are looked at by whoever keeps them;
//! checkouts that nobody has told us to be paid are looked at in Stripe. What the goods are, this chore does not know.

use std::time::Duration;

use desk::goods::{Keep, keep_all};
use desk::till::{NotOpened, Till};
use ledger::LedgerError;
use shared::{Pending, clock};
use stripe_api::StripeConfig;

use super::lease::Lease;
use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_secs(1);
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
const LOOKS_AT_ONCE: i64 = 50;

/// Runs until the worker stops. One worker does it, so that money is asked back once.
pub async fn run(lanes: Lanes, keepers: &'static [Keep]) {
    if keepers.is_empty() {
        return;
    }
    let lease = Lease::of("goods", INTERVAL);
    while lease.wait(&lanes, INTERVAL).await {
        let mut is_busy = false;
        let goes_on = || Box::pin(lease.prolong(&lanes.ledger)) as Pending<'_, _>;
        match keep_all(&lanes.ledger, keepers, &goes_on, clock::now()).await {
            Ok(pass) => {
                is_busy = pass.kept > pass.failed.len();
                lanes.metrics.goods.removed.inc_by(u64::try_from(pass.removed).unwrap_or_default());
                lanes.metrics.goods.kept.inc_by(u64::try_from(pass.kept).unwrap_or_default());
                lanes.metrics.goods.failed.inc_by(u64::try_from(pass.failed.len()).unwrap_or_default());
                for (key, why) in pass.failed {
                    tracing::warn!(
                        id = key.id,
                        error = why,
                        "goods could not be looked at; they will be again"
                    );
                }
            }
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::warn!(%error, "looking at goods failed; it will be retried"),
        }
        if is_busy {
            continue;
        }
        lease.end(&lanes.ledger, clock::now() + INTERVAL).await;
    }
}

/// Looks at unpaid checkouts, in case their webhooks were lost.
pub async fn look(lanes: Lanes, config: StripeConfig) {
    let till = match Till::of(&config, lanes.shutdown.clone()) {
        Ok(till) => till.paced(&lanes.ledger, lanes.fatal.reporter()),
        Err(error) => {
            tracing::error!(%error, "unpaid checkouts are not looked at");
            return;
        }
    };
    let lease = Lease::of("checkouts", LOOK_INTERVAL);
    while lease.wait(&lanes, LOOK_INTERVAL).await {
        match look_once(&lanes, &lease, &till, config.key.livemode()).await {
            Ok(()) => {}
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::warn!(%error, "looking at checkouts failed; it will be retried"),
        }
        lease.end(&lanes.ledger, clock::now() + LOOK_INTERVAL).await;
    }
}

async fn look_once(lanes: &Lanes, lease: &Lease, till: &Till, livemode: bool) -> Result<(), LedgerError> {
    let mut tx = lanes.ledger.read().await?;
    let due = tx.due_checkouts(livemode, clock::now(), LOOKS_AT_ONCE).await?;
    drop(tx);
    for checkout in due {
        if lanes.shutdown.is_cancelled() || !lease.prolong(&lanes.ledger).await? {
            return Ok(());
        }
        match till.look(&lanes.ledger, &lanes.queue, &checkout, clock::now()).await {
            Ok(is_unpaid) => lanes.metrics.goods.looked_at(is_unpaid),
            Err(NotOpened::Ledger(error)) => return Err(error),
            Err(error) => {
                lanes.metrics.stripe_checks_failed.checkouts.inc();
                tracing::warn!(checkout = checkout.key.id, %error, "a checkout could not be looked at in Stripe");
                // What Stripe does not say of this one, it may say of the next.
                if !matches!(error, NotOpened::Refused { .. }) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
