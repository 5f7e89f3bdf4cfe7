//! One pace of calls to Stripe for all processes with one ledger: Stripe counts them together.

use ledger::Ledger;
use shared::clock;
use stripe_api::Api;

/// Each mode has a limit of its own at Stripe.
const PACES: [&str; 2] = ["stripe_test", "stripe_live"];

/// The same calls, in turns with those of other processes. Where the ledger does not answer they keep to their own pace.
#[must_use]
pub fn shared(api: Api, ledger: &Ledger) -> Api {
    let (ledger, pace) = (ledger.clone(), PACES[usize::from(api.livemode())]);
    api.sharing(Box::new(move |count, distance| {
        let ledger = ledger.clone();
        Box::pin(async move {
            let first = ledger.take_turns(pace, count, distance, clock::now()).await.ok()?;
            Some((first - clock::now()).to_std().unwrap_or_default())
        })
    }))
}
