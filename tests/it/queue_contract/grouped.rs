//! Events that are published at the same time: on RabbitMQ they share messages, in a file a transaction. Whoever
//! settles them knows nothing of either.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_together_is_settled_one_by_one_and_what_is_released_comes_again()
-> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        let envelopes: Vec<Envelope> = (0..100).map(envelope).collect();
        for published in join_all(envelopes.iter().map(|envelope| queue.publish(envelope))).await {
            published?;
        }
        let first = receive_all(&queue, 100).await;
        assert!(first.iter().all(|delivery| !delivery.redelivered && envelopes.contains(&delivery.envelope)));
        let choice = |place: usize| if place % 7 == 3 { Settle::Release } else { Settle::Done };
        let pairs: Vec<(Tag, Settle)> =
            first.iter().enumerate().map(|(place, delivery)| (delivery.tag, choice(place))).collect();
        for some in pairs.chunks(9) {
            assert_eq!(queue.settle(some).await?, settled(some.len(), 0));
        }
        // Beside the released may come others of their messages, which are known by then.
        let released = first.iter().enumerate().filter(|(place, _)| choice(*place) == Settle::Release);
        let mut missing: BTreeSet<String> = released.map(|(_, delivery)| id(delivery)).collect();
        while !missing.is_empty() {
            let again = receive(&queue, 16).await;
            for delivery in &again {
                missing.remove(&id(delivery));
            }
            assert_eq!(settle(&queue, &again, Settle::Done).await?, settled(again.len(), 0));
        }
        let mut left = pin!(until_depth(&queue, 0, 0));
        loop {
            tokio::select! {
                empty = &mut left => break empty?,
                more = queue.receive(16) => drop(settle(&queue, &more, Settle::Done).await?),
            }
        }
        queue.close().await;
        Ok(())
    })
    .await
}
