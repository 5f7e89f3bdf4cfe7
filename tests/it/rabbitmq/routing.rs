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
const EACH: usize = 120;

/// Publishes from many tasks at once, and returns the ids by how they were answered.
async fn publish_from_many(queue: &Queue, begun: &Arc<AtomicUsize>) -> Answers {
    let tasks = (0..TASKS).map(|task| {
        let (queue, begun) = (queue.clone(), Arc::clone(begun));
        tokio::spawn(async move {
            let mut answers = Answers::default();
            for number in 0..EACH {
                begun.fetch_add(1, Ordering::Relaxed);
                let id = format!("evt_{task}_{number}");
                match queue.publish(&envelope(&id)).await {
                    Ok(()) => answers.accepted.insert(id),
                    Err(PublishError::Refused) => answers.refused.insert(id),
                    Err(error) => panic!("{id}: {error}"),
                };
            }
            answers
        })
    });
    let mut all = Answers::default();
    for answers in futures_util::future::join_all(tasks).await {
        let answers = answers.expect("a task that publishes ends well");
        all.accepted.extend(answers.accepted);
        all.refused.extend(answers.refused);
    }
    all
}

#[derive(Default)]
struct Answers {
    accepted: BTreeSet<String>,
    refused: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_routed_is_accepted_and_lies_in_a_queue() -> anyhow::Result<()> {
    let url = place("unroutable").await?;
    let queue = open(&url, Role::Publish).await?;
    let (_connection, channel) = look(&url).await?;
    let (begun, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let toggling = {
        let (begun, is_over, channel) = (Arc::clone(&begun), Arc::clone(&is_over), channel.clone());
        tokio::spawn(async move {
            let mut is_bound = true;
            while !is_over.load(Ordering::Relaxed) {
                let is_wanted = begun.load(Ordering::Relaxed) % 700 >= 100; // away for 1 in 7
                let (queue, from, key) = ("events".into(), "tidegate".into(), "event".into());
                let none = FieldTable::default();
                match (is_bound, is_wanted) {
                    (true, false) => channel.queue_unbind(queue, from, key, none).await?,
                    (false, true) => {
                        channel.queue_bind(queue, from, key, QueueBindOptions::default(), none).await?;
                    }
                    _ => tokio::task::yield_now().await,
                }
                is_bound = is_wanted;
            }
            lapin::Result::Ok(())
        })
    };
    let answers = publish_from_many(&queue, &begun).await;
    is_over.store(true, Ordering::Relaxed);
    toggling.await??;
    assert_eq!((answers.accepted.len(), answers.refused.len()), (TASKS * EACH, 0));
    let routed = drain(&channel, "events").await?;
    let unrouted = drain(&channel, "events.unrouted").await?;
    assert!(
        routed.len() > TASKS && unrouted.len() > TASKS,
        "{} routed, {} not",
        routed.len(),
        unrouted.len()
    );
    assert_eq!(routed.len() + unrouted.len(), TASKS * EACH, "nothing twice");
    let found = routed.into_iter().chain(unrouted).collect::<BTreeSet<_>>();
    assert!(found == answers.accepted, "every accepted event lies in a queue");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refusal_is_told_to_the_one_whom_it_concerns() -> anyhow::Result<()> {
    let broker = Broker::shared().await;
    let url = broker.vhost("full").await?;
    broker.policy(&url, "^events$", r#"{"max-length":40}"#).await?;
    declared::declare(&url).await?;
    let queue = open(&url, Role::Publish).await?;
    let (_connection, channel) = look(&url).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    // Taking some out all the time makes the queue accept and refuse in turn.
    let taking = {
        let (is_over, channel) = (Arc::clone(&is_over), channel.clone());
        tokio::spawn(async move {
            let mut found = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                found.extend(drain(&channel, "events").await?);
            }
            found.extend(drain(&channel, "events").await?);
            anyhow::Ok(found)
        })
    };
    let answers = publish_from_many(&queue, &Arc::default()).await;
    is_over.store(true, Ordering::Relaxed);
    let found = taking.await??;
    assert!(answers.refused.len() > TASKS, "only {} were refused", answers.refused.len());
    assert!(answers.accepted.len() > TASKS, "only {} were accepted", answers.accepted.len());
    assert_eq!(found.len(), answers.accepted.len(), "nothing twice");
    assert!(found.into_iter().collect::<BTreeSet<_>>() == answers.accepted, "accepted is what is there");
    Ok(())
}
