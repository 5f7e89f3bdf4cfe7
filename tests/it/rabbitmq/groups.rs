//! Several events in one message: they form by themselves, are answered by one confirm, come apart on receipt and
//! are acknowledged together.

use std::time::Instant;

use envelope::suspect::{self, Suspicion};
use futures_util::future::join_all;
use harness::queue::framed;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use shared::queue::{PublishError, Settle, Settled};

use super::*;

/// Heads and bodies as any publisher seals them.
fn sealed(ids: std::ops::Range<usize>) -> Vec<(Vec<u8>, Vec<u8>)> {
    ids.map(|number| {
        let envelope = envelope(&format!("evt_{number}"));
        (EnvelopeKeys::none().seal(&envelope).into_bytes(), envelope.body.to_vec())
    })
    .collect()
}

/// Puts a message into a queue or an exchange, past our publisher.
async fn put(channel: &Channel, exchange: &str, key: &str, message: &[u8]) -> anyhow::Result<()> {
    let (options, properties) =
        (BasicPublishOptions::default(), BasicProperties::default().with_delivery_mode(2));
    channel.basic_publish(exchange.into(), key.into(), options, message, properties).await?.await?;
    Ok(())
}

fn expected(ids: std::ops::Range<usize>) -> BTreeSet<String> {
    ids.map(|number| format!("evt_{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_form_under_load_and_every_event_comes_once() -> anyhow::Result<()> {
    const TASKS: usize = 64;
    const EACH: usize = 25;
    let url = place("groups").await?;
    let publisher = open(&url, Role::Publish).await?;
    let tasks = (0..TASKS).map(|task| {
        let queue = publisher.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                queue.publish(&envelope(&format!("evt_{}", task * EACH + number))).await?;
            }
            anyhow::Ok(())
        })
    });
    for done in join_all(tasks).await {
        done??;
    }
    let (_connection, channel) = look(&url).await?;
    let messages = usize::try_from(ready(&channel, "events").await?)?;
    assert!(messages * 4 < TASKS * EACH, "{messages} messages for {} events", TASKS * EACH);
    assert!(messages * 32 >= TASKS * EACH, "{messages} messages: no more than 32 travel together");
    assert_eq!(publisher.depth().await?.ready, messages as u64, "a depth is in messages");

    let consumer = open(&url, Role::Consume).await?;
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    while count < TASKS * EACH {
        let received = receive(&consumer, 40).await?;
        assert!(received.iter().all(|delivery| !delivery.redelivered));
        seen.extend(ids(&received));
        count += received.len();
        let done: Vec<_> = received.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
        assert_eq!(consumer.settle(&done).await?, Settled { settled: 40, stale: 0 });
    }
    assert_eq!(seen, expected(0..TASKS * EACH));
    consumer.close().await;
    assert_eq!(ready(&channel, "events").await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_alone_leaves_at_once_in_a_message_of_its_own() -> anyhow::Result<()> {
    const LONE: usize = 21;
    let url = place("lone").await?;
    let queue = open(&url, Role::Publish).await?;
    let mut took = Vec::new();
    for number in 0..LONE {
        let begun = Instant::now();
        queue.publish(&envelope(&format!("evt_{number}"))).await?;
        took.push(begun.elapsed());
    }
    took.sort();
    // Whoever waited for company would wait for the next tick, 250 ms.
    assert!(took[LONE / 2] < Duration::from_millis(100), "{took:?}");
    let (_connection, channel) = look(&url).await?;
    assert_eq!(usize::try_from(ready(&channel, "events").await?)?, LONE);
    let message =
        channel.basic_get("events".into(), BasicGetOptions { no_ack: true }).await?.context("one")?;
    let headers = message.delivery.properties.headers().clone().context("as before groups")?;
    assert!(headers.inner().contains_key("tidegate"));
    assert_eq!(message.delivery.data, b"{\"id\":\"evt_0\"}");
    Ok(())
}

#[tokio::test]
async fn of_a_group_that_is_half_settled_everything_comes_again_marked() -> anyhow::Result<()> {
    let url = place("half").await?;
    let (_connection, channel) = look(&url).await?;
    put(&channel, "", "events", &framed(&sealed(0..10))).await?;
    put(&channel, "", "events", &framed(&sealed(10..12))).await?;
    let killed = open(&url, Role::Consume).await?;
    let received = receive(&killed, 12).await?;
    let done: Vec<_> = received.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
    // Half of the first, all of the second.
    let settled = [&done[..5], &done[10..]].concat();
    assert_eq!(killed.settle(&settled).await?, Settled { settled: 7, stale: 0 });
    assert_eq!(killed.settle(&settled).await?, Settled { settled: 0, stale: 7 });
    // The second is above the first, which is not settled.
    until("the broker to hold one message", PATIENCE, async || {
        let depth = killed.depth().await?;
        Ok((depth.ready, depth.leased) == (0, Some(1)))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await; // then it is acknowledged by itself
    drop(killed); // like a process that dies

    let next = open(&url, Role::Consume).await?;
    let again = receive(&next, 10).await?;
    assert_eq!(ids(&again), expected(0..10));
    assert!(again.iter().all(|delivery| delivery.redelivered), "each is handled by itself");
    let done: Vec<_> = again.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
    // One that is released takes the others along.
    assert_eq!(next.settle(&done[1..]).await?, Settled { settled: 9, stale: 0 });
    assert_eq!(next.settle(&[(again[0].tag, Settle::Release)]).await?, Settled { settled: 1, stale: 0 });
    let last = receive(&next, 10).await?;
    assert_eq!(ids(&last), expected(0..10));
    let done: Vec<_> = last.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
    assert_eq!(next.settle(&done).await?, Settled { settled: 10, stale: 0 });
    next.close().await;
    assert_eq!(ready(&channel, "events").await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_reaches_everybody_in_a_group() -> anyhow::Result<()> {
    let broker = Broker::shared().await;
    let url = broker.vhost("refused").await?;
    broker.policy(&url, "^events$", r#"{"max-length":1}"#).await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let queue = open(&url, Role::Publish).await?;
    let mut accepted = 0;
    while queue.publish(&envelope(&format!("evt_{accepted}"))).await.is_ok() {
        accepted += 1;
    }
    usable(&queue).await?; // a session that refuses for a second is left, and this may take one
    let envelopes: Vec<Envelope> = (1_000..1_050).map(|number| envelope(&format!("evt_{number}"))).collect();
    let answers = join_all(envelopes.iter().map(|envelope| queue.publish(envelope))).await;
    assert!(answers.iter().all(|answer| *answer == Err(PublishError::Refused)), "{answers:?}");
    let (_connection, channel) = look(&url).await?;
    assert_eq!(drain(&channel, "events").await?.len(), accepted, "what was refused is not there");
    Ok(())
}

#[tokio::test]
async fn a_damaged_group_is_one_suspect_and_a_damaged_envelope_one_of_its_group() -> anyhow::Result<()> {
    let url = place("damaged").await?;
    let (_connection, channel) = look(&url).await?;
    let whole = framed(&sealed(0..3));
    let cut = &whole[..whole.len() - 4];
    let mut flipped = framed(&sealed(3..6));
    *flipped.last_mut().context("it has bytes")? ^= 1;
    for message in [cut, &flipped] {
        put(&channel, "", "events", message).await?;
    }
    let queue = open(&url, Role::Consume).await?;
    let received = receive(&queue, 4).await?;
    let kinds: Vec<_> =
        received.iter().map(|delivery| Suspicion::of_kind(&delivery.envelope.header.kind)).collect();
    assert_eq!(kinds, [Some(Suspicion::Unreadable), None, None, Some(Suspicion::Digest)]);
    let (_, found) = suspect::found(&received[0].envelope).context("a suspect")?;
    assert_eq!(found, cut, "its bytes are kept");
    assert!(queue.reopen(&received[0].envelope).is_empty());
    Ok(())
}

#[tokio::test]
async fn old_messages_and_groups_are_read_side_by_side_whichever_way_they_took() -> anyhow::Result<()> {
    let url = place("side-by-side").await?;
    let publisher = open(&url, Role::Publish).await?;
    publish(&publisher, 1).await?;
    let (_connection, channel) = look(&url).await?;
    put(&channel, "", "events", &framed(&sealed(1..4))).await?;
    put(&channel, "tidegate.unrouted", "", &framed(&sealed(4..36))).await?;
    put(&channel, "tidegate.dead", "", &framed(&sealed(36..39))).await?;
    let queue = open(&url, Role::Consume).await?;
    let received = receive(&queue, 39).await?;
    assert_eq!(ids(&received), expected(0..39));
    let dead: Vec<_> = received.into_iter().filter(|delivery| delivery.redelivered).collect();
    assert_eq!(ids(&dead), expected(36..39), "the dead are handled one by one");
    Ok(())
}

/// What the delivery limit of a broker does to a group, with a limit that can be reached.
#[tokio::test]
async fn a_group_over_the_delivery_limit_is_read_from_the_queue_of_the_dead() -> anyhow::Result<()> {
    let broker = Broker::shared().await;
    let url = broker.vhost("limit").await?;
    broker.policy(&url, "^events$", r#"{"delivery-limit":2}"#).await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let (connection, channel) = look(&url).await?;
    put(&channel, "", "events", &framed(&sealed(0..5))).await?;
    let queue = open(&url, Role::Consume).await?;
    let mut rounds = 0;
    until("the broker to give up", PATIENCE, async || {
        let received = receive(&queue, 5).await?;
        assert_eq!(ids(&received), expected(0..5));
        rounds += 1;
        let held = queue.depths().await?;
        if held.iter().any(|(name, depth)| *name == "events.dead" && depth.leased == Some(1)) {
            let done: Vec<_> = received.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
            return Ok(queue.settle(&done).await?.settled == 5);
        }
        let back: Vec<_> = received.iter().map(|delivery| (delivery.tag, Settle::Release)).collect();
        queue.settle(&back).await?;
        Ok(false)
    })
    .await?;
    assert!(rounds > 2, "{rounds}");
    queue.close().await;
    assert_eq!(ready(&channel, "events.dead").await?, 0);
    connection.close(200, "done".into()).await?;
    Ok(())
}
