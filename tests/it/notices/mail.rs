//! Mail through a real server: what customers and staff read, that it is still true when it is sent, and that no
//! address is kept.

use harness::stack::Combination;
use serde_json::{Value, json};

use super::scene::{KEY, MailServer, execute, json_of, wait};
use crate::executor::scene::Scene;

/// The parts of a mail that people read.
fn text_of(mail: &Value) -> String {
    let data = mail["data"].as_str().unwrap();
    let coded = data.split("base64\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
    let coded: String = coded.split_whitespace().collect();
    String::from_utf8(decoded(&coded)).unwrap()
}

fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.bytes().filter_map(|byte| LETTERS.iter().position(|letter| *letter == byte));
    let bits: Vec<bool> = bits.flat_map(|place| (0..6).rev().map(move |bit| place >> bit & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect()
}

/// A customer with an address pays by a card.
fn paid_by(scene: &Scene, email: &str, card: &str) -> String {
    let customer = scene.stripe.ask("POST", "/customers", &json!({"email": email})).unwrap();
    let asked = json!({"amount": 1999, "currency": "usd", "payment_method": card, "confirm": true,
        "customer": customer["id"], "return_url": "https://shop.example/"});
    let paid = scene.stripe.ask("POST", "/payment_intents", &asked).unwrap();
    paid["id"].as_str().unwrap().to_owned()
}

async fn states(scene: &Scene, kind: &str) -> Vec<String> {
    let listed = json_of(&scene.stack, &["notices", "list", "--kind", kind]).await;
    let mut states = Vec::new();
    for notice in listed["items"].as_array().unwrap() {
        let shown = json_of(&scene.stack, &["notices", "show", notice["id"].as_str().unwrap()]).await;
        let told = shown["deliveries"].as_array().unwrap().iter();
        states.extend(told.map(|told| told["state"].as_str().unwrap().to_owned()));
    }
    states.sort();
    states
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_hears_of_a_refund_when_it_has_succeeded_and_when_it_failed_after_all() {
    for (combination, with_tls) in [(Combination::SqliteSqlite, true), (Combination::RabbitPostgres, false)] {
        let server = MailServer::start(with_tls).await;
        let mut settings: Vec<(&str, &str)> = vec![KEY, ("NOTICE_MERCHANT", "Example Shop")];
        let of_server = server.settings();
        settings.extend(of_server.iter().map(|(name, value)| (*name, value.as_str())));
        let scene = Scene::begin_with(combination, &settings).await;
        let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
        scene.stripe.delivers_to(&url, scene.stack.secret());
        let add = ["notices", "targets", "add", "customers", "email", "customer"];
        scene.stack.tidegate(&add).await.unwrap();

        let payment = paid_by(&scene, "ann@mail.example", "pm_card_refundFail");
        let refund = json!({"payment_intent": payment, "amount": 500});
        scene.stripe.ask("POST", "/refunds", &refund).unwrap();
        wait(&scene.stack, "the refund's mail", async || server.mails().len() == 1).await;
        let mail = &server.mails()[0];
        assert_eq!((&mail["to"], &mail["tls"]), (&json!(["ann@mail.example"]), &json!(with_tls)));
        assert_eq!(mail["authenticated"], with_tls);
        let text = text_of(mail);
        assert!(text.contains("we have refunded 5.00 USD") && text.contains("Example Shop"), "{text}");
        scene.stripe.passes(86_400);
        wait(&scene.stack, "the correction", async || server.mails().len() == 2).await;
        assert!(text_of(&server.mails()[1]).contains("you have not received this refund"));

        // An address that is refused for good is not written to again; nobody can read which it was.
        let gone = paid_by(&scene, "gone@mail.example", "pm_card_visa");
        for amount in [100, 200] {
            let refund = json!({"payment_intent": gone, "amount": amount});
            scene.stripe.ask("POST", "/refunds", &refund).unwrap();
            let count = async || {
                states(&scene, "refund.made").await.iter().filter(|state| *state != "pending").count()
            };
            let expected = usize::try_from(amount / 100 + 1).unwrap();
            wait(&scene.stack, "the refused mail", async || count().await == expected).await;
        }
        assert_eq!(states(&scene, "refund.made").await, ["delivered", "withdrawn", "withdrawn"]);
        assert_eq!(server.mails().len(), 2);
        let kept =
            "SELECT count(*) FROM suppressed_addresses WHERE reason LIKE '%550%' AND hash NOT LIKE '%@%'";
        assert_eq!(scene.stack.ledger().count(kept).await.unwrap(), 1);
        // Until somebody who knows it says that it is good again.
        let lift = || {
            let words = ["notices", "lift", "--reason", "she has it again"];
            scene.stack.run_with_input(&words, "Gone@mail.example\n").status.code()
        };
        assert_eq!((lift(), lift()), (Some(0), Some(2)));
        for (rows, expected) in [
            ("SELECT count(*) FROM suppressed_addresses", 0),
            ("SELECT count(*) FROM audit WHERE subject_kind = 'suppressed_address' AND what = 'lifted'", 1),
        ] {
            assert_eq!(scene.stack.ledger().count(rows).await.unwrap(), expected, "{rows}");
        }

        // A refusal that is about us is no fault of the address: it is tried again, and staff see why.
        let far = paid_by(&scene, "far@mail.example", "pm_card_visa");
        scene.stripe.ask("POST", "/refunds", &json!({"payment_intent": far, "amount": 100})).unwrap();
        wait(&scene.stack, "the server to refuse to relay", async || {
            let targets = json_of(&scene.stack, &["notices", "targets", "list"]).await;
            targets["items"][0]["message"].as_str().is_some_and(|message| message.contains("550 5.7.1"))
        })
        .await;
        assert_eq!(states(&scene, "refund.made").await, ["delivered", "pending", "withdrawn", "withdrawn"]);
        let suppressed = "SELECT count(*) FROM suppressed_addresses";
        assert_eq!(scene.stack.ledger().count(suppressed).await.unwrap(), 0);
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_about_a_failed_payment_stop_once_it_is_paid_and_staff_hear_of_disputes() {
    let mut server = MailServer::start(false).await;
    let of_server = server.settings();
    let settings: Vec<(&str, &str)> =
        [KEY].into_iter().chain(of_server.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    let scene = Scene::begin_with(Combination::SqliteSqlite, &settings).await;
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    for add in [["customers", "customer"], ["staff", "oncall@mail.example"]] {
        scene.stack.tidegate(&["notices", "targets", "add", add[0], "email", add[1]]).await.unwrap();
    }

    // The merchant's own invoice, which only the payment's metadata names.
    let customer = scene.stripe.ask("POST", "/customers", &json!({"email": "bob@mail.example"})).unwrap();
    let asked = json!({"amount": 2500, "currency": "usd", "payment_method": "pm_card_visa_chargeDeclined",
        "confirm": true, "customer": customer["id"], "metadata": {"invoice_id": "A-1"},
        "return_url": "https://shop.example/"});
    let declined: Value =
        serde_json::from_str(&scene.stripe.ask("POST", "/payment_intents", &asked).unwrap_err()).unwrap();
    let intent = declined["error"]["payment_intent"]["id"].as_str().unwrap().to_owned();
    wait(&scene.stack, "the first letter", async || server.mails().len() == 1).await;
    let mail = &server.mails()[0];
    assert_eq!(mail["to"], json!(["bob@mail.example"]));
    let text = text_of(mail);
    assert!(text.contains("could not charge 25.00 USD") && text.contains("We will try again on"), "{text}");

    // The second one waits for the mail server; meanwhile the customer pays.
    server.kill();
    let confirm = format!("/payment_intents/{intent}/confirm");
    let again =
        json!({"payment_method": "pm_card_visa_chargeDeclined", "return_url": "https://shop.example/"});
    scene.stripe.passes(400);
    scene.stripe.ask("POST", &confirm, &again).unwrap_err();
    wait(&scene.stack, "the second letter to wait", async || {
        states(&scene, "invoice.dunning").await == ["delivered", "pending"]
    })
    .await;
    let pay = json!({"payment_method": "pm_card_visa", "return_url": "https://shop.example/"});
    scene.stripe.ask("POST", &confirm, &pay).unwrap();
    let is_paid = "SELECT count(*) FROM invoices WHERE id = 'A-1' AND status = 'paid'";
    wait(&scene.stack, "the payment", async || scene.stack.ledger().count(is_paid).await.unwrap() == 1).await;
    server.restart().await;
    wait(&scene.stack, "the second letter to be withdrawn", async || {
        let hurried = "UPDATE notice_deliveries SET next_at = noted_at WHERE state = 'pending'";
        execute(&scene.stack, hurried).await;
        states(&scene, "invoice.dunning").await == ["delivered", "withdrawn"]
    })
    .await;

    paid_by(&scene, "eve@mail.example", "pm_card_createDispute");
    wait(&scene.stack, "staff to hear of the dispute", async || server.mails().len() == 2).await;
    let mail = &server.mails()[1];
    assert_eq!(mail["to"], json!(["oncall@mail.example"]));
    assert!(
        text_of(mail).contains("A customer's bank questions a payment of 19.99 USD"),
        "{}",
        text_of(mail)
    );
    scene.end().await;
}
