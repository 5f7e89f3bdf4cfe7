//! Notes that the key of Stripe's API is in use, by its fingerprint, and reminds when another is due. Several workers may
//! do the same.

use std::time::Duration;

use domain::key_ages::{KeyAge, KeyName};
use shared::clock;
use stripe_api::ApiKey;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_hours(6);
/// While the ledger is away.
const AGAIN: Duration = Duration::from_mins(1);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, key: ApiKey) {
    let fingerprint = key.fingerprint();
    loop {
        let interval = match note(&lanes, &fingerprint).await {
            Ok(()) => INTERVAL,
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => {
                tracing::debug!(%error, "noting the age of a key failed; it will be retried");
                AGAIN
            }
        };
        if !lanes.rest(interval).await {
            return;
        }
    }
}

async fn note(lanes: &Lanes, fingerprint: &str) -> Result<(), ledger::LedgerError> {
    let now = clock::now();
    lanes.ledger.note_key(KeyName::StripeApiKey, fingerprint, now).await?;
    let (keys, limit) = lanes.ledger.keys_in_use(now).await?;
    for key in keys {
        if key.judge(limit, now) != KeyAge::Fresh {
            let (age_days, limit_days) = (key.age(now).num_days(), limit.num_days());
            tracing::warn!(
                key = key.name.as_str(),
                age_days,
                limit_days,
                "a key is to be replaced: make another at Stripe, set it, then revoke this one"
            );
        }
    }
    Ok(())
}
