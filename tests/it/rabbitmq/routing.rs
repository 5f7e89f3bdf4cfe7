//! Two faults of lapin that must not be able to harm us: a returned message whose return is handed to another
//! confirm, and confirms that are paired wrongly when several threads publish.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lapin::options::QueueBindOptions;
use lapin::types::FieldTable;
use shared::queue::{PublishError, Queue, Role};

use super::*;

const TASKS: usize = 64;
/// Bounds a run on a machine that has no time for us.
const EACH_AT_MOST: usize = 5_000;

/// What publishers have done so far, and whether it is enough.
#[derive(Default)]
struct Progress {
    begun: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicUsize,
    is_enough: AtomicBool,
}

impl Progress {
    fn is_enough(&self) -> bool {
        self.is_enough.load(Ordering::Relaxed)
    }

    async fn begin(&self, more: usize) {
        let goal = self.begun.load(Ordering::Relaxed) + more;
        while self.begun.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[derive(Default)]
struct Answers {
    accepted: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// The session was left, as one that refuses everything for a second is: what became of these is open.
    open: BTreeSet<String>,
}

/// Publishes from many tasks until it is enough, and returns the ids by how they were answered.
async fn publish_from_many(queue: &Queue, progress: &Arc<Progress>) -> Answers {
    let tasks = (0..TASKS).map(|task| {
        let (queue, progress) = (queue.clone(), Arc::clone(progress));
        tokio::spawn(async move {
            let mut answers = Answers::default();
            for number in 0..EACH_AT_MOST {
                if progress.is_enough() {
                    break;
                }
                progress.begun.fetch_add(1, Ordering::Relaxed);
                let id = format!("evt_{task}_{number}");
                let (ids, count) = match queue.publish(&envelope(&id)).await {
                    Ok(()) => (&mut answers.accepted, &progress.accepted),
                    Err(PublishError::Refused) => (&mut answers.refused, &progress.refused),
                    Err(PublishError::Unavailable) => {
                        answers.open.insert(id);
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                    Err(error) => panic!("{id}: {error}"),
                };
                ids.insert(id);
                count.fetch_add(1, Ordering::Relaxed);
            }
            answers
        })
    });
    let mut all = Answers::default();
    for answers in futures_util::future::join_all(tasks).await {
        let answers = answers.expect("a task that publishes ends well");
        all.accepted.extend(answers.accepted);
        all.refused.extend(answers.refused);
        all.open.extend(answers.open);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_routed_is_accepted_and_lies_in_a_queue() -> anyhow::Result<()> {
    const WINDOWS: usize = 10;
    let url = place("unroutable").await?;
    let queue = open(&url, Role::Publish).await?;
    let (_connection, channel) = look(&url).await?;
    let progress = Arc::new(Progress::default());
    // For 100 of every 700 publishes `events` is not bound.
    let toggling = {
        let (progress, channel) = (Arc::clone(&progress), channel.clone());
        tokio::spawn(async move {
            for _ in 0..WINDOWS {
                let (queue, from, key) = ("events".into(), "tidegate".into(), "event".into());
                channel.queue_unbind(queue, from, key, FieldTable::default()).await?;
                progress.begin(100).await;
                let (queue, from, key) = ("events".into(), "tidegate".into(), "event".into());
                let options = QueueBindOptions::default();
                channel.queue_bind(queue, from, key, options, FieldTable::default()).await?;
                progress.begin(600).await;
            }
            progress.is_enough.store(true, Ordering::Relaxed);
            lapin::Result::Ok(())
        })
    };
    let answers = publish_from_many(&queue, &progress).await;
    toggling.await??;
    assert!(answers.refused.is_empty() && answers.open.is_empty());
    assert!(answers.accepted.len() >= WINDOWS * 700 - TASKS);
    let routed = drain(&channel, "events").await?;
    let unrouted = drain(&channel, "events.unrouted").await?;
    assert!(unrouted.len() >= WINDOWS * (100 - TASKS), "only {} were unroutable", unrouted.len());
    assert_eq!(routed.len() + unrouted.len(), answers.accepted.len(), "nothing twice");
    let found = routed.into_iter().chain(unrouted).collect::<BTreeSet<_>>();
    assert!(found == answers.accepted, "every accepted event lies in a queue");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_is_told_to_the_one_whom_it_concerns() -> anyhow::Result<()> {
    const OF_EACH_KIND: usize = 1_000;
    let broker = Broker::shared().await;
    let url = broker.vhost("full").await?;
    broker.policy(&url, "^events$", r#"{"max-length":40}"#).await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let queue = open(&url, Role::Publish).await?;
    let (_connection, channel) = look(&url).await?;
    let progress = Arc::new(Progress::default());
    // Taking some out all the time makes the queue accept and refuse in turn.
    let taking = {
        let (progress, channel) = (Arc::clone(&progress), channel.clone());
        tokio::spawn(async move {
            let mut found = Vec::new();
            while !progress.is_enough() {
                found.extend(drain(&channel, "events").await?);
                let (accepted, refused) = (&progress.accepted, &progress.refused);
                let least = accepted.load(Ordering::Relaxed).min(refused.load(Ordering::Relaxed));
                progress.is_enough.store(least >= OF_EACH_KIND, Ordering::Relaxed);
            }
            anyhow::Ok(found)
        })
    };
    let answers = publish_from_many(&queue, &progress).await;
    progress.is_enough.store(true, Ordering::Relaxed);
    let mut found = taking.await??;
    found.extend(drain(&channel, "events").await?);
    let (accepted, refused) = (answers.accepted.len(), answers.refused.len());
    assert!(accepted.min(refused) >= OF_EACH_KIND, "{accepted} accepted, {refused} refused");
    let told = found.len();
    let found: BTreeSet<String> = found.into_iter().collect();
    assert_eq!(found.len(), told, "nothing twice");
    assert!(answers.accepted.is_subset(&found), "what was accepted is there");
    assert!(answers.refused.is_disjoint(&found), "what was refused is not");
    assert!(found.difference(&answers.accepted).all(|id| answers.open.contains(id)), "nor anything else");
    Ok(())
}
