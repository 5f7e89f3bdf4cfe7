//! A message that was altered in the broker, or came into it by another way, is delivered as a suspect.

use envelope::suspect::Suspicion;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use shared::digest::EnvelopeKeys;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};

use super::{config, envelope, place, receive, usable};

fn keys(key: &str) -> EnvelopeKeys {
    EnvelopeKeys::from_env(&Env::of(&[("ENVELOPE_KEY", key)])).expect("a good key")
}

#[tokio::test]
async fn an_altered_message_is_a_suspect_and_its_neighbours_are_not() -> anyhow::Result<()> {
    let url = place("altered").await?;
    let ours = keys("0123456789abcdef0123456789abcdef");
    let queue = Queue::open(QueueConfig { keys: ours.clone(), ..config(&url) }, Role::Both).await?;
    usable(&queue).await?;
    queue.publish(&envelope("evt_good")).await?;

    let connection = lapin::Connection::connect(&url, lapin::ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let put = async |head: Vec<u8>, body: Vec<u8>| -> anyhow::Result<()> {
        let mut headers = FieldTable::default();
        headers.insert("tidegate".into(), AMQPValue::LongString(head.into()));
        let properties = lapin::BasicProperties::default().with_headers(headers);
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), "events".into(), options, &body, properties).await?.await?;
        Ok(())
    };
    let (one, two) = (envelope("evt_1"), envelope("evt_2"));
    let head = ours.seal(&one).into_bytes();
    let bits = (head.len() + one.body.len()) * 8;
    let step = bits / 40;
    for place in (0..40).map(|number| number * step + number % 8) {
        let (mut head, mut body) = (head.clone(), one.body.to_vec());
        let (byte, bit) = (place / 8, 1 << (place % 8));
        if byte < head.len() {
            head[byte] ^= bit;
        } else {
            body[byte - head.len()] ^= bit;
        }
        put(head, body).await?;
    }
    put(head.clone(), two.body.to_vec()).await?;
    put(keys("another-key-of-32-characters-000").seal(&one).into_bytes(), one.body.to_vec()).await?;
    put(EnvelopeKeys::none().seal(&one).into_bytes(), one.body.to_vec()).await?;
    put(one.header_json().into_bytes(), one.body.to_vec()).await?;
    put(head, one.body.to_vec()).await?;

    let received = receive(&queue, 46).await?;
    let good: Vec<&str> = received
        .iter()
        .filter(|delivery| Suspicion::of_kind(&delivery.envelope.header.kind).is_none())
        .map(|delivery| delivery.envelope.header.id.as_str())
        .collect();
    assert_eq!(good, ["evt_good", "evt_1"], "all others are suspects");
    queue.close().await;
    Ok(())
}
