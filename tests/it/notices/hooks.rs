//! Webhooks, chats and RabbitMQ: signed, repeated under one id, held while disabled, and never into a private network.

use futures_util::StreamExt;
use harness::queue::Queue;
use harness::receiver::{Manner, Received, Receiver};
use harness::stack::Combination;
use harness::stack::Stack;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use serde_json::Value;

use super::scene::{KEY, OF_BOTH, execute, json_of, paid, tell, verdicts, wait};

async fn added(stack: &Stack, arguments: &[&str]) -> String {
    let words = [&["notices", "targets", "add"], arguments].concat();
    let added = json_of(stack, &words).await;
    added["secret"].as_str().unwrap_or_default().to_owned()
}

fn ids(receiver: &Receiver) -> Vec<String> {
    receiver.received().iter().map(Received::id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_repeated_under_its_id_and_held_while_its_target_is_gone() {
    for combination in OF_BOTH {
        let stack = Stack::start_with(combination, &[KEY]).await;
        let receiver = Receiver::start().await.unwrap();
        let url = receiver.url();
        let more = ["--kind", "payment.*", "--allow-private", "--ordered"];
        let secret = added(&stack, &[&["orders", "webhook", url.as_str()][..], &more].concat()).await;

        // One that fails first comes again under the same id.
        receiver.set(Manner::Answers(302));
        tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
        wait(&stack, "the first attempt", async || !receiver.received().is_empty()).await;
        receiver.set(Manner::Answers(204));
        wait(&stack, "the second attempt", async || receiver.received().len() == 2).await;
        let hooks = receiver.received();
        assert_eq!(ids(&receiver)[0], ids(&receiver)[1]);
        assert_eq!(hooks[0].body, hooks[1].body, "the same bytes");
        let body = hooks[0].json();
        assert_eq!((&body["type"], &body["object"]["id"]), (&"payment.changed".into(), &"pi_1".into()));
        assert_eq!((&body["data"]["after"], &body["data"]["amount"]), (&"succeeded".into(), &1999.into()));
        let mut forged = hooks[1].clone();
        forged.body = forged.body.replace("1999", "9999");
        let judged = [hooks[0].clone(), hooks[1].clone(), forged];
        assert_eq!(verdicts(&secret, &judged), ["good", "good", "bad"]);

        // What happened long ago is noted and not sent, and nothing is told twice.
        tell(&stack, "payment_intent.succeeded", &paid("pi_old", 5 * 86_400), 5 * 86_400).await;
        tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
        stack.ledger().has_handled(3, super::scene::PATIENCE).await.unwrap();
        let old = json_of(&stack, &["notices", "list", "--object", "pi_old"]).await;
        assert_eq!(old["items"][0]["is_old"], true, "{old}");

        // Both secrets sign, so that a receiver changes over when it likes.
        let replaced = json_of(&stack, &["notices", "targets", "rotate", "orders"]).await;
        tell(&stack, "payment_intent.succeeded", &paid("pi_2", 0), 0).await;
        wait(&stack, "the next notice", async || receiver.received().len() == 3).await;
        let last = &receiver.received()[2..];
        assert_eq!(last[0].json()["object"]["id"], "pi_2", "the old one was not sent");
        assert_eq!(verdicts(&secret, last), ["good"]);
        assert_eq!(verdicts(replaced["secret"].as_str().unwrap(), last), ["good"]);

        // 410 ends it; what comes then is held, and sent when somebody asks for it.
        receiver.set(Manner::Answers(410));
        tell(&stack, "payment_intent.succeeded", &paid("pi_3", 0), 0).await;
        let state =
            async || json_of(&stack, &["notices", "targets", "list"]).await["items"][0]["state"].clone();
        wait(&stack, "the target to be disabled", async || state().await == "disabled").await;
        let line = "SELECT count(*) FROM audit WHERE subject_kind = 'notice_target' AND subject_id = 'orders' \
            AND what = 'disabled' AND actor = 'receiver' AND after LIKE '%410%'";
        assert_eq!(stack.ledger().count(line).await.unwrap(), 1, "who disabled it is in the audit");
        receiver.set(Manner::Answers(200));
        tell(&stack, "payment_intent.succeeded", &paid("pi_4", 0), 0).await;
        stack.ledger().has_handled(6, super::scene::PATIENCE).await.unwrap();
        let held = json_of(&stack, &["notices", "list", "--state", "held"]).await;
        assert_eq!(held["items"].as_array().unwrap().len(), 2, "{held}");
        let reason = ["--reason", "they are back"];
        stack.tidegate(&[&["notices", "targets", "enable", "orders"][..], &reason].concat()).await.unwrap();
        let sent_again = json_of(&stack, &["notices", "replay", "--target", "orders", "--since", "1h"]).await;
        assert_eq!(sent_again["notices"], 2);
        wait(&stack, "what was held", async || receiver.received().len() == 6).await;
        let objects: Vec<Value> =
            receiver.received()[3..].iter().map(|one| one.json()["object"]["id"].clone()).collect();
        assert_eq!(objects, ["pi_3", "pi_3", "pi_4"], "in their order");
        stack.end().await;
    }
}

/// While the first one fails, the next one waits, however often the first is tried.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_receiver_gets_no_notice_before_the_one_in_front_of_it() {
    for combination in OF_BOTH {
        let stack = Stack::start_with(combination, &[KEY]).await;
        let receiver = Receiver::start().await.unwrap();
        let url = receiver.url();
        let more = ["--kind", "payment.*", "--allow-private", "--ordered"];
        added(&stack, &[&["orders", "webhook", url.as_str()][..], &more].concat()).await;
        receiver.set(Manner::Answers(500));
        tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
        wait(&stack, "the first attempt", async || !receiver.received().is_empty()).await;
        tell(&stack, "payment_intent.succeeded", &paid("pi_2", 0), 0).await;
        stack.ledger().has_handled(2, super::scene::PATIENCE).await.unwrap();
        let objects = || -> Vec<Value> {
            receiver.received().iter().map(|one| one.json()["object"]["id"].clone()).collect()
        };
        // The third attempt would come after five minutes.
        let sooner = "UPDATE notice_deliveries SET next_at = noted_at WHERE state = 'pending'";
        let tried = objects().len();
        wait(&stack, "two more attempts", async || {
            execute(&stack, sooner).await;
            objects().len() >= tried + 2
        })
        .await;
        assert!(objects().iter().all(|object| object == "pi_1"), "{:?}", objects());
        receiver.set(Manner::Answers(204));
        wait(&stack, "the next one", async || {
            execute(&stack, sooner).await;
            objects().contains(&"pi_2".into())
        })
        .await;
        let last = objects().split_off(tried);
        assert!(last.ends_with(&["pi_1".into(), "pi_2".into()]), "{last:?}");
        stack.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_receiver_is_refused_and_a_chat_gets_text() {
    let stack = Stack::start_with(Combination::SqliteSqlite, &[KEY]).await;
    let (receiver, chat) = (Receiver::start().await.unwrap(), Receiver::start().await.unwrap());
    let private = receiver.url().replace("http://", "https://");
    added(&stack, &["inside", "webhook", &private]).await;
    let plain = stack.run(&["notices", "targets", "add", "plain", "webhook", &receiver.url()], &[]);
    assert_eq!(plain.status.code(), Some(2), "{}", String::from_utf8_lossy(&plain.stderr));

    // The address of a chat is a secret: it comes by standard input and is never shown.
    let words = ["notices", "targets", "add", "chat", "slack", "--kind", "payment.*", "--allow-private"];
    let added = stack.run_with_input(&words, &chat.url());
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let listed = stack.tidegate(&["notices", "targets", "list"]).await.unwrap();
    assert!(listed.contains("chat") && !listed.contains(&chat.url()), "{listed}");

    tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
    wait(&stack, "the chat to hear of it", async || chat.received().len() == 1).await;
    let text = chat.received()[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("pi_1: succeeded") && text.contains("19.99 USD"), "{text}");
    let message =
        async || json_of(&stack, &["notices", "targets", "list"]).await["items"][1]["message"].clone();
    wait(&stack, "the private address to be refused", async || {
        message().await.as_str().is_some_and(|message| message.contains("private network"))
    })
    .await;
    assert!(receiver.received().is_empty());
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_gets_each_notice_by_its_kind_once_a_queue_is_bound() {
    let stack = Stack::start_with(Combination::RabbitPostgres, &[KEY]).await;
    added(&stack, &["bus", "rabbitmq", "--kind", "payment.*"]).await;
    tell(&stack, "payment_intent.succeeded", &paid("pi_1", 0), 0).await;
    let message =
        async || json_of(&stack, &["notices", "targets", "list"]).await["items"][0]["message"].clone();
    wait(&stack, "the broker to have no queue for it", async || {
        message().await.as_str().is_some_and(|message| message.contains("no queue is bound"))
    })
    .await;
    let Queue::RabbitMq(url) = &stack.queue else { panic!("the stack has a broker") };
    let connection = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let (queue, nothing) = ("shop", FieldTable::default());
    channel.queue_declare(queue.into(), QueueDeclareOptions::default(), nothing.clone()).await.unwrap();
    let (exchange, key) = ("tidegate.notices".into(), "payment.#".into());
    channel
        .queue_bind(queue.into(), exchange, key, QueueBindOptions::default(), nothing.clone())
        .await
        .unwrap();
    let consuming = channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), nothing);
    let mut consumer = consuming.await.unwrap();
    let delivery = tokio::time::timeout(super::scene::PATIENCE, consumer.next()).await.unwrap();
    let delivery = delivery.unwrap().unwrap();
    let body: Value = serde_json::from_slice(&delivery.data).unwrap();
    assert_eq!(body["object"]["id"], "pi_1");
    assert_eq!(delivery.properties.message_id().as_ref().unwrap().as_str(), body["id"].as_str().unwrap());
    assert_eq!(delivery.routing_key.as_str(), "payment.changed");
    delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
    stack.end().await;
}
