//! One batch, one transaction: read the events, record them, decide which are due, load what they may change,
//! merge and derive, audit, store, note whom to tell, commit. Start here to learn what happens to an event.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::batch_counts::BatchCounts;
pub use domain::due::Manner;
use domain::fraud::Due;
use domain::fulfilments;
use domain::notices;
use domain::object_graph::Event;
use domain::policy::Policy;
use envelope::Envelope;
use ledger::failure::Failure;
use ledger::graph::fold::fold;
use ledger::graph::load::{LockMode, load};
use ledger::graph::store::store;
use ledger::tables::seals::commit_of;
use ledger::{Ledger, LedgerError, Transaction};
use shared::clock;
use shared::queue::Taken;

use crate::batch::Batch;
pub use crate::batch::read;
use crate::event_log::{self, Entry};
pub use crate::handled::Handled;
use crate::record::record;

/// Who moves what events move, in the audit.
const STRIPE: &str = "stripe";
/// How often a batch is begun again at once, because an object moved to what it has locked.
const AGAIN_LIMIT: u32 = 3;

/// Handles a batch. `Err` means that nothing was written.
pub async fn process(
    ledger: &Ledger,
    envelopes: &[&Envelope],
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<Handled, Failure> {
    let (handled, _) = process_each(ledger, envelopes, None, manner, now).await?;
    Ok(handled)
}

/// The same, and what became of each event that was due. `taken` says which messages
/// of the queue they came by, where the queue numbers its messages.
pub(crate) async fn process_each<'a>(
    ledger: &Ledger,
    envelopes: &[&'a Envelope],
    taken: Option<&Taken>,
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<(Handled, Vec<Entry<'a>>), Failure> {
    let mut left = AGAIN_LIMIT;
    loop {
        let batch = Batch::read(envelopes)?;
        ledger.prepare_months(batch.records.iter().map(|record| record.key.created_at)).await?;
        let mut tx = ledger.begin().await?;
        match write(&mut tx, batch, taken, manner, ledger.policy(), now).await {
            Ok((handled, entries)) => {
                tx.commit().await?;
                event_log::write(&entries, clock::now());
                return Ok((handled, entries));
            }
            Err(Failure::Transient(LedgerError::Moved | LedgerError::NumberTaken)) if left > 0 => left -= 1,
            Err(Failure::Transient(LedgerError::NoMonth)) if left > 0 => {
                ledger.forget_months();
                left -= 1;
            }
            Err(failure) => return Err(failure),
        }
    }
}

async fn write<'a>(
    tx: &mut Transaction,
    mut batch: Batch<'a>,
    taken: Option<&Taken>,
    manner: Manner,
    policy: &Arc<Policy>,
    now: DateTime<Utc>,
) -> Result<(Handled, Vec<Entry<'a>>), Failure> {
    let recorded = record(tx, &mut batch, manner, now).await?;
    batch.events.retain(|key, _| recorded.is_handled(key));
    let events: Vec<Event> = std::mem::take(&mut batch.events).into_values().collect();

    let (mut graph, locked) = load(tx, &events, policy, LockMode::Lock).await?;
    let transitions = fold(&mut graph, &events)?;
    let counts = BatchCounts::of(&graph);
    let lines = graph.chain(&transitions, STRIPE, now);
    let commit = commit_of(&recorded.first_seen().collect::<Vec<_>>(), &lines, taken, now);
    store(tx, &graph, &locked, &lines, commit.as_ref()).await?;
    tx.note_goods(&fulfilments::concerned(&graph)).await?;
    tx.note(notices::of_batch(&graph, &events, &transitions, clock::now())).await?;
    tx.note_for_fraud_desk(&Due::of(&graph), now).await?;
    Ok(Handled::of(batch, &recorded, manner, transitions.len(), counts))
}
