//! A process that ends in peace: it gets nothing more, handles what was prefetched, and leaves nothing that
//! would come again marked as somebody's.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn winding_down_hands_out_what_is_lent_and_then_nothing() -> anyhow::Result<()> {
    each_queue(async |place| {
        let leaving = place.open().await;
        for number in 0..20 {
            leaving.publish(&envelope(number)).await?;
        }
        let mut lent = receive_all(&leaving, 3).await;
        leaving.begin_drain();
        loop {
            let more = timeout(PATIENCE, leaving.receive(4)).await?;
            if more.is_empty() {
                break;
            }
            lent.extend(more);
        }
        leaving.publish(&envelope(20)).await?;
        assert!(timeout(PATIENCE, leaving.receive(4)).await?.is_empty(), "it stays so");
        assert_eq!(settle(&leaving, &lent, Settle::Done).await?, settled(lent.len(), 0));
        leaving.close().await;

        let queue = place.open().await;
        let rest = receive_all(&queue, 21 - lent.len()).await;
        let all: BTreeSet<String> = lent.iter().chain(&rest).map(id).collect();
        assert_eq!(all.len(), 21);
        assert!(rest.iter().all(|delivery| !delivery.redelivered), "nobody had any of these");
        queue.close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_events_hears_that_none_will_come() -> anyhow::Result<()> {
    each_queue(async |place| {
        let queue = place.open().await;
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.receive(4).await.len() }
        });
        queue.begin_drain();
        assert_eq!(timeout(PATIENCE, waiting).await??, 0);
        queue.close().await;
        Ok(())
    })
    .await
}
