//! One pace of calls to Stripe for all processes with one ledger: Stripe counts them together.

use std::time::Duration;

use ledger::{Ledger, LedgerError};
use shared::clock;
use stripe_api::Api;
use tokio::time::timeout;

/// Each mode has a limit of its own at Stripe.
const PACES: [&str; 2] = ["stripe_test", "stripe_live"];

/// So long a call waits for the ledger's word.
const PATIENCE: Duration = Duration::from_millis(500);
/// No mark of the ledger's makes a call wait longer.
const LONGEST: Duration = Duration::from_secs(10);

/// The same calls, in turns with those of other processes. Where the ledger does not answer at once they keep to their own
/// pace.
#[must_use]
pub fn shared(
    api: Api,
    ledger: &Ledger,
    fatal: impl Fn(&LedgerError) + Clone + Send + Sync + 'static,
) -> Api {
    let (ledger, pace) = (ledger.clone(), PACES[usize::from(api.livemode())]);
    api.sharing(Box::new(move |count, distance| {
        let (ledger, fatal) = (ledger.clone(), fatal.clone());
        Box::pin(async move {
            // On its own: whoever stops waiting must not cancel a transaction half-way.
            let asked = tokio::spawn(async move {
                let taken = ledger.take_turns(pace, count, distance, clock::now()).await;
                taken.inspect_err(|error| {
                    if error.is_fatal() {
                        fatal(error);
                    }
                })
            });
            let first = timeout(PATIENCE, asked).await.ok()?.ok()?.ok()?;
            Some((first - clock::now()).to_std().unwrap_or_default().min(LONGEST))
        })
    }))
}
