//! Nobody can make series by inventing event types, not even with a good signature.

use bytes::Bytes;
use envelope::event_types;
use harness::client::Client;
use stripe_sim::Random;

use crate::in_process_gateway::{Edge, SECRET};

/// So many go through a real gateway, and so many more through the function that it labels them with.
const SENT: usize = 1_000;
const LABELLED: usize = 99_000;

#[tokio::test]
async fn random_event_types_leave_the_number_of_series_unchanged() {
    let (edge, mut random) = (Edge::start().await, Random::of_seed(7));
    let mut client = Client::new(edge.address, SECRET);
    for kind in ["payment_intent.succeeded", "unheard.of"] {
        assert!(client.send(&event(kind, 0)).await.accepted());
    }
    let before = series(&edge).await;
    for number in 1..=SENT {
        let kind = random_type(&mut random);
        assert!(client.send(&event(&kind, number)).await.accepted());
    }
    assert_eq!(series(&edge).await, before);
    for _ in 0..LABELLED {
        assert_eq!(event_types::label(&random_type(&mut random)), event_types::OTHER);
    }
    let other = "tidegate_events_received_total{endpoint=\"default\",mode=\"live\",outcome=\"accepted\",type=\"other\"}";
    assert!((edge.metric(other).await - 1_001.0).abs() < 0.5);
    edge.end().await.unwrap();
}

fn random_type(random: &mut Random) -> String {
    format!("{}.{}", random.id("object"), random.id("did")).to_lowercase()
}

fn event(kind: &str, number: usize) -> Bytes {
    format!(
        r#"{{"id":"evt_{number}_{}","object":"event","api_version":"2025-04-30.basil","created":1700000000,"livemode":true,"type":"{kind}","data":{{"object":{{"id":"x_1"}}}}}}"#,
        kind.len()
    )
    .into()
}

/// How many lines of the page are samples.
async fn series(edge: &Edge) -> usize {
    edge.page().await.lines().filter(|line| !line.starts_with('#')).count()
}
