//! The contract of the queue: the same stories on every backend. What a story needs of the outside, such as a
//! lease that ends by itself, is `backend`'s to bring about.

pub(crate) mod backend;
mod draining;
mod grouped;
pub(crate) mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use envelope::{Envelope, Source, Unwanted};
use futures_util::future::join_all;
use shared::queue::{Delivery, PublishError, Queue, Role, Settle, Settled, Tag};
use stripe_sim::Random;
use tokio::time::timeout;

use self::backend::{LEASE, TestQueue};
use self::steps::{PATIENCE, envelope, id, receive, receive_all, settle, settled, until_depth, within_polls};

async fn each_queue(story: impl AsyncFn(TestQueue) -> anyhow::Result<()>) -> anyhow::Result<()> {
    for place in [TestQueue::sqlite().await?, TestQueue::rabbitmq().await?] {
        let backend = place.backend;
        story(place).await.map_err(|error| error.context(format!("on {backend}")))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_event_outlives_its_handle() -> anyhow::Result<()> {
    each_queue(async |place| {
        let envelope = envelope(1);
        let queue = place.open().await;
        queue.publish(&envelope).await?;
        drop(queue);
        let queue = place.open().await;
        let deliveries = receive(&queue, 10).await;
        assert_eq!(deliveries.len(), 1);
        assert!(deliveries[0].envelope == envelope);
        assert_eq!(settle(&queue, &deliveries, Settle::Done).await?, settled(1, 0));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_arrive_byte_for_byte() -> anyhow::Result<()> {
    each_queue(async |place| {
        let all: Vec<u8> = (0..=255).collect();
        let large = all.repeat(2048); // 512 KiB
        let bodies = [&b""[..], b"\0", b"{\"a\":\"\\u0000\0\"}", b"\xff\xfe\xc3\x28 not UTF-8", &all, &large];
        let queue = place.open().await;
        let mut sent = BTreeMap::new();
        for (number, body) in (0..).zip(bodies) {
            let mut envelope = envelope(number);
            envelope.body = Bytes::copy_from_slice(body);
            envelope.header.unwanted = (number % 2 == 0).then_some(Unwanted::WrongMode);
            envelope.header.api_version = (number % 3 == 0).then(|| "2025-04-30.basil".to_owned());
            queue.publish(&envelope).await?;
            sent.insert(envelope.header.id.clone(), envelope);
        }
        while !sent.is_empty() {
            let deliveries = receive(&queue, 4).await;
            for delivery in &deliveries {
                let id = &delivery.envelope.header.id;
                assert!(sent.remove(id).as_ref() == Some(&delivery.envelope), "{id} changed on its way");
            }
            settle(&queue, &deliveries, Settle::Done).await?;
        }
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_lost_worker_come_again_marked() -> anyhow::Result<()> {
    each_queue(async |place| {
        let lost = place.open().await;
        lost.publish(&envelope(1)).await?;
        assert!(!receive(&lost, 1).await[0].redelivered);
        drop(lost);
        place.let_the_lost_lapse().await?;
        let queue = place.open().await;
        let deliveries = receive(&queue, 1).await;
        assert!(deliveries[0].redelivered);
        assert_eq!(settle(&queue, &deliveries, Settle::Done).await?, settled(1, 0));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lending_is_settled_once() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        for number in 0..8 {
            queue.publish(&envelope(number)).await?;
        }
        let deliveries = receive_all(&queue, 8).await;
        let settlements = deliveries.iter().map(|delivery| (delivery.tag, Settle::Done)).collect::<Vec<_>>();
        let twice = [&settlements[..], &settlements[..]].concat();
        let answers = join_all((0..4).map(|_| queue.settle(&twice))).await;
        let mut total = Settled::default();
        for answer in answers {
            let answer = answer?;
            total.settled += answer.settled;
            total.stale += answer.stale;
        }
        assert_eq!(total, settled(8, 56));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lending_that_ended_settles_nothing() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        queue.publish(&envelope(1)).await?;
        let old = receive(&queue, 1).await;
        place.end_leases().await?;
        let new = receive(&queue, 1).await;
        assert!(new[0].redelivered);
        assert_ne!(old[0].tag, new[0].tag);
        for settle_as in [Settle::Done, Settle::Release] {
            assert_eq!(settle(&queue, &old, settle_as).await?, settled(0, 1));
        }
        assert_eq!(settle(&queue, &new, Settle::Done).await?, settled(1, 0));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_event_comes_again_at_once() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        queue.publish(&envelope(1)).await?;
        let begun = Instant::now();
        let first = receive(&queue, 1).await;
        assert_eq!(settle(&queue, &first, Settle::Release).await?, settled(1, 0));
        let second = receive(&queue, 1).await;
        assert!(begun.elapsed() < LEASE / 2, "it came when the lease ran out, not at once");
        assert_eq!(settle(&queue, &first, Settle::Done).await?, settled(0, 1));
        assert_eq!(settle(&queue, &second, Settle::Done).await?, settled(1, 0));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_some_never_settles_the_others() -> anyhow::Result<()> {
    each_queue(async |place| {
        let mut random = Random::of_seed(7);
        let worker = place.open().await;
        for number in 0..60 {
            worker.publish(&envelope(number)).await?;
        }
        let mut deliveries = receive_all(&worker, 60).await;
        random.shuffle(&mut deliveries);
        let kept: BTreeSet<String> = deliveries.split_off(40).iter().map(id).collect();
        while !deliveries.is_empty() {
            let group = random.within(1..9).min(deliveries.len() as u64);
            let rest = deliveries.split_off(usize::try_from(group)?);
            settle(&worker, &deliveries, Settle::Done).await?;
            deliveries = rest;
        }
        drop(worker);
        place.let_the_lost_lapse().await?;
        let queue = place.open().await;
        // Beside them may come some whose settlement was still on its way: the worker was lost, not closed.
        let mut missing = kept;
        while !missing.is_empty() {
            for delivery in receive(&queue, 16).await {
                missing.remove(&id(&delivery));
            }
        }
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn any_interleaving_ends_with_every_event_done_once() -> anyhow::Result<()> {
    each_queue(async |place| {
        for seed in 0..6 {
            let mut random = Random::of_seed(seed);
            let queue = place.open().await;
            let (mut sent, mut done, mut held) = (0, BTreeSet::new(), Vec::new());
            while done.len() < 40 {
                match random.within(0..4) {
                    0 | 1 if sent < 40 => {
                        queue.publish(&envelope(sent)).await?;
                        sent += 1;
                    }
                    2 if done.len() + held.len() < usize::try_from(sent)? => {
                        held.extend(receive(&queue, usize::try_from(random.within(1..9))?).await);
                    }
                    _ if !held.is_empty() => {
                        random.shuffle(&mut held);
                        let keep = usize::try_from(random.within(0..held.len() as u64))?;
                        let ended = held.split_off(keep);
                        let as_chosen =
                            |_: &Delivery| if random.percent(30) { Settle::Release } else { Settle::Done };
                        let choices: Vec<Settle> = ended.iter().map(as_chosen).collect();
                        let pairs: Vec<(Tag, Settle)> =
                            ended.iter().map(|delivery| delivery.tag).zip(choices.iter().copied()).collect();
                        assert_eq!(queue.settle(&pairs).await?, settled(ended.len(), 0), "seed {seed}");
                        for (delivery, choice) in ended.iter().zip(choices) {
                            let new = choice == Settle::Release || done.insert(id(delivery));
                            assert!(new, "seed {seed}: {} was done twice", id(delivery));
                        }
                    }
                    _ => {}
                }
            }
            until_depth(&queue, 0, 0).await?;
            queue.close().await;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn receiving_may_be_given_up_at_any_moment() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        let publisher = queue.clone();
        let publishing = tokio::spawn(async move {
            for number in 0..300 {
                publisher.publish(&envelope(number)).await.expect("the queue is there");
            }
        });
        let mut random = Random::of_seed(3);
        let (mut seen, mut abandoned) = (BTreeSet::new(), 0);
        let begun = Instant::now();
        while seen.len() < 300 {
            assert!(begun.elapsed() < PATIENCE, "{} of 300 came, {abandoned} abandoned", seen.len());
            // From none to far more than one receive takes.
            let polls = 1 << random.within(0..16);
            if let Some(deliveries) = within_polls(polls, queue.receive(7)).await {
                seen.extend(deliveries.iter().map(id));
                settle(&queue, &deliveries, Settle::Done).await?;
            } else {
                abandoned += 1;
            }
        }
        assert!(abandoned > 0, "nothing was given up, so nothing was shown");
        publishing.await?;
        until_depth(&queue, 0, 0).await?;
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_events_and_get_each_once() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queues = [place.open().await, place.open().await];
        for number in 0..200 {
            queues[0].publish(&envelope(number)).await?;
        }
        let work = async |queue: &Queue| {
            let mut ids = Vec::new();
            while let Ok(deliveries) = timeout(Duration::from_secs(2), queue.receive(16)).await {
                ids.extend(deliveries.iter().map(id));
                settle(queue, &deliveries, Settle::Done).await.expect("the queue is there");
            }
            ids
        };
        let (one, two) = tokio::join!(work(&queues[0]), work(&queues[1]));
        let all: BTreeSet<&String> = one.iter().chain(&two).collect();
        assert_eq!((all.len(), one.len() + two.len()), (200, 200));
        for queue in queues {
            queue.close().await;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_lent_than_the_prefetch() -> anyhow::Result<()> {
    each_queue(async |mut place| {
        place.config.prefetch = 4;
        let queue = place.open().await;
        for number in 0..10 {
            queue.publish(&envelope(number)).await?;
        }
        let first = receive_all(&queue, 4).await;
        let mut further = pin!(queue.receive(10));
        assert!(timeout(Duration::from_millis(600), further.as_mut()).await.is_err());
        settle(&queue, &first[..3], Settle::Done).await?;
        let second = timeout(PATIENCE, further).await?;
        assert!((1..=3).contains(&second.len()));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn more_publishes_than_may_wait_are_refused_and_none_that_was_accepted_is_lost() -> anyhow::Result<()> {
    each_queue(async |mut place| {
        place.config.publish_in_flight = 4;
        let queue = place.open().await;
        let envelopes: Vec<Envelope> = (0..64).map(envelope).collect();
        let answers = join_all(envelopes.iter().map(|envelope| queue.publish(envelope))).await;
        let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
        let overloaded = answers.iter().filter(|answer| **answer == Err(PublishError::Overloaded)).count();
        assert!(accepted >= 4 && overloaded > 0 && accepted + overloaded == 64, "{answers:?}");
        assert_eq!(receive_all(&queue, accepted).await.len(), accepted);
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_tells_what_is_ready_lent_and_how_old() -> anyhow::Result<()> {
    each_queue(async |place| {
        let publisher = place.open_as(Role::Publish).await;
        until_depth(&publisher, 0, 0).await?;
        for number in 0..3 {
            publisher.publish(&envelope(number)).await?;
        }
        until_depth(&publisher, 3, 0).await?;
        let worker = place.open_as(Role::Consume).await;
        let deliveries = receive_all(&worker, 3).await;
        until_depth(&worker, 0, 3).await?;
        let age = worker.depth().await?.oldest_age.expect("something waits");
        assert!(age < PATIENCE);
        settle(&worker, &deliveries[..1], Settle::Done).await?;
        until_depth(&worker, 0, 2).await?;
        settle(&worker, &deliveries[1..], Settle::Done).await?;
        until_depth(&worker, 0, 0).await?;
        assert_eq!(worker.depth().await?.oldest_age, None);
        worker.close().await;
        publisher.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_read_is_delivered_as_unknown() -> anyhow::Result<()> {
    each_queue(async |place| {
        place.put_junk("junk", b"\0\xff junk").await?;
        let queue = place.open().await;
        let deliveries = receive(&queue, 1).await;
        assert_eq!(deliveries[0].envelope.header.source, Source::Unknown);
        assert!(deliveries[0].envelope.body.ends_with(b"\0\xff junk"), "its bytes are kept");
        assert_eq!(settle(&queue, &deliveries, Settle::Done).await?, settled(1, 0));
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_gives_back_what_is_lent() -> anyhow::Result<()> {
    each_queue(async |place| {
        let leaving = place.open().await;
        for number in 0..5 {
            leaving.publish(&envelope(number)).await?;
        }
        let lent = receive_all(&leaving, 5).await;
        assert_eq!(settle(&leaving, &lent[..2], Settle::Done).await?, settled(2, 0));
        leaving.close().await;
        assert_eq!(leaving.publish(&envelope(9)).await, Err(PublishError::Unavailable));
        let begun = Instant::now();
        let queue = place.open().await;
        let again: BTreeSet<String> = receive_all(&queue, 3).await.iter().map(id).collect();
        assert!(begun.elapsed() < LEASE / 2);
        assert_eq!(again, lent[2..].iter().map(id).collect());
        queue.close().await;
        Ok(())
    })
    .await
}
