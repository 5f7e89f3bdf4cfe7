//! Faults under ledger.db alone, while queue.db takes events in: want of room passes by itself, and a failed fsync ends the
//! process, whoever meets it.

use std::time::Duration;

use harness::client::Answer;
use harness::io_faults::{Fault, Plan};
use harness::process_guard::until;
use harness::stories::Stories;

use super::place::{Came, Place, Running};

const PATIENCE: Duration = Duration::from_mins(1);
const EVENTS: usize = 5;

/// `up` on new files, where the first call under ledger.db goes wrong once the fault begins.
async fn started(place: &Place, fault: Fault) -> anyhow::Result<Running> {
    place.begin_from(None)?;
    let plan = Plan { fault, at: 1, seed: 1, only: "ledger.db" };
    let mut running = place.start("up", None, Some(plan))?;
    assert_eq!(running.comes(PATIENCE).await, Came::Ready, "{}", running.said());
    Ok(running)
}

async fn send(place: &Place, stories: &mut Stories, events: usize) {
    let mut client = place.client();
    for _ in 0..events {
        assert_eq!(client.send(&stories.succeeded_payment().body).await, Answer::Status(200));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_ledger_passes_by_itself() -> anyhow::Result<()> {
    let (place, mut stories) = (Place::new()?, Stories::of_seed(61));
    let mut running = started(&place, Fault::NoSpace).await?;
    send(&place, &mut stories, 1).await;
    place.ledger().has_handled(1, PATIENCE).await?;
    place.fault_begins()?;
    send(&place, &mut stories, EVENTS - 1).await;
    let words = "no space for the ledger's file: ";
    until("the worker to say what it lacks", PATIENCE, async || Ok(running.said().contains(words))).await?;
    place.fault_ends();
    place.ledger().has_handled(EVENTS, PATIENCE).await?;
    assert!(running.ends(PATIENCE).await && running.exit_code() == Some(0), "{}", running.said());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_of_the_ledger_ends_the_process_and_keeps_the_events() -> anyhow::Result<()> {
    let (place, mut stories) = (Place::new()?, Stories::of_seed(62));
    let mut running = started(&place, Fault::SyncLost).await?;
    place.fault_begins()?;
    // The worker meets it at the first of these, or one of its chores did before.
    let mut client = place.client();
    let answer = client.send(&stories.succeeded_payment().body).await;
    until("the process to end", PATIENCE, async || Ok(running.has_ended())).await?;
    let said = running.said();
    assert!(said.contains("error: the worker ended: the disk under the ledger failed: "), "{said}");
    assert_ne!(running.exit_code(), Some(0));

    let mut running = place.start("up", None, None)?;
    assert_eq!(running.comes(PATIENCE).await, Came::Ready, "{}", running.said());
    place.ledger().has_handled(usize::from(answer.accepted()), PATIENCE).await?;
    assert!(running.ends(PATIENCE).await && running.exit_code() == Some(0), "{}", running.said());
    Ok(())
}
