//! The steps that stories are made of.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use envelope::{Envelope, Header, Source};
use harness::process_guard::until;
use shared::queue::{Delivery, Queue, QueueError, Settle, Settled, Tag};
use tokio::time::timeout;

/// What takes longer does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn envelope(number: u64) -> Envelope {
    let header = Header {
        id: format!("evt_{number}"),
        kind: "invoice.paid".to_owned(),
        created: 1_700_000_000,
        account: String::new(),
        livemode: true,
        api_version: None,
        received_at: shared::clock::now(),
        trace_parent: shared::trace::child_of(None),
        source: Source::Stripe,
        endpoint: "default \"ü\"".to_owned(),
        unwanted: None,
        replay: None,
    };
    Envelope { header, body: Bytes::from(format!("{{\"number\":{number}}}")) }
}

pub(crate) fn id(delivery: &Delivery) -> String {
    delivery.envelope.header.id.clone()
}

pub(crate) fn settled(settled: usize, stale: usize) -> Settled {
    Settled { settled, stale }
}

pub(crate) async fn receive(queue: &Queue, max: usize) -> Vec<Delivery> {
    let deliveries = timeout(PATIENCE, queue.receive(max)).await.expect("something comes");
    assert!((1..=max).contains(&deliveries.len()), "{} deliveries, asked for {max}", deliveries.len());
    deliveries
}

/// Receives until there are so many, all different.
pub(crate) async fn receive_all(queue: &Queue, count: usize) -> Vec<Delivery> {
    let mut all: Vec<Delivery> = Vec::new();
    while all.len() < count {
        for delivery in receive(queue, count - all.len()).await {
            assert!(all.iter().all(|known| id(known) != id(&delivery)), "{} came twice", id(&delivery));
            all.push(delivery);
        }
    }
    all
}

pub(crate) async fn settle(
    queue: &Queue,
    deliveries: &[Delivery],
    how: Settle,
) -> Result<Settled, QueueError> {
    let settlements: Vec<(Tag, Settle)> = deliveries.iter().map(|delivery| (delivery.tag, how)).collect();
    queue.settle(&settlements).await
}

/// Waits for a depth; where a backend cannot tell what is leased, only for what is ready.
pub(crate) async fn until_depth(queue: &Queue, ready: u64, leased: u64) -> anyhow::Result<()> {
    let reached = async || {
        let depth = queue.depth().await?;
        Ok(depth.ready == ready && depth.leased.is_none_or(|count| count == leased))
    };
    until(&format!("{ready} ready and {leased} leased"), PATIENCE, reached).await
}

/// Drops the future after so many looks at it, unless it is done before.
pub(crate) async fn within_polls<T>(polls: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
