//! The tasks of a day, done in a real browser on the whole product: with scripts, without them, and by keyboard alone.

use std::io::Write;
use std::process::{Command, Stdio};

use harness::binaries::workspace;
use harness::process_guard::until;
use harness::stack::Combination;
use serde_json::{Map, Value, json};
use shared::clock;

use crate::executor::scene::{PATIENCE, Scene};

const ROUNDS: [&str; 3] = ["with scripts", "without scripts", "by keyboard"];
const TASKS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn the_tasks_of_a_day_are_done_with_scripts_without_them_and_by_keyboard() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let ada = person(&scene, None, "ada");
    // The others are let in by the first. What one person asked for within a day counts together, so each round has its
    // own.
    let ben = person(&scene, Some(&ada), "ben");
    let requesters = [ada.clone(), person(&scene, Some(&ada), "cleo"), person(&scene, Some(&ada), "dora")];
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    let mut rounds = Map::new();
    for (number, (round, requester)) in ROUNDS.iter().zip(requesters).enumerate() {
        let mut on = work(&scene, number).await;
        on["requester"] = json!(requester);
        on["round"] = json!(round);
        on["colleague"] = json!(format!("eve{number}"));
        on["disputed"] = json!(disputed(&scene, number).await);
        rounds.insert((*round).to_owned(), on);
    }
    malformed(&scene).await;
    let done = in_browser(&scene, &json!({"approver": ben, "administrator": ada, "rounds": rounds}));
    for task in &done {
        assert!(task["failed"].is_null() && task["said"] == json!([]), "{done:#?}\n{}", scene.stack.logs());
    }
    assert_eq!(done.len(), TASKS * ROUNDS.len());
    answered(&scene).await;
    scene.end().await;
}

/// What the pages said is so: at Stripe, and in the ledger.
async fn answered(scene: &Scene) {
    let disputes = scene.stripe.all("", "dispute");
    assert_eq!(disputes.len(), ROUNDS.len());
    for dispute in disputes {
        let given = (&dispute["status"], &dispute["evidence_details"]["submission_count"]);
        assert_eq!(given, (&json!("under_review"), &json!(1)), "{dispute:#}");
        let evidence = &dispute["evidence"];
        assert_eq!(evidence["access_activity_log"], "logged in twice");
        let receipt = scene.stripe.all("", "file").into_iter().find(|file| file["id"] == evidence["receipt"]);
        assert_eq!(receipt.expect("the file is at Stripe")["filename"], "bill.pdf");
    }
    for (sql, count) in [
        ("SELECT count(*) FROM pauses WHERE resumed_at IS NOT NULL AND reason LIKE 'moving the ledger%'", 3),
        ("SELECT count(*) FROM staff WHERE roles = 'auditor'", 3),
    ] {
        assert_eq!(scene.stack.ledger().count(sql).await.unwrap(), count, "{sql}");
    }
}

/// A dispute that Stripe and the ledger know, and that can be answered.
async fn disputed(scene: &Scene, round: usize) -> String {
    // Without somebody's name or address the answer to a fraud would be incomplete.
    let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let customer = scene.stripe.ask("POST", "/customers", &customer).unwrap()["id"].clone();
    let paid = json!({ "amount": 700 + round, "currency": "usd", "customer": customer, "payment_method": "pm_card_createDispute",
        "confirm": true, "return_url": "https://shop.example/" });
    let paid = scene.stripe.ask("POST", "/payment_intents", &paid).unwrap();
    let is_there = until("the ledger to know of the dispute", PATIENCE, async || {
        let sql = "SELECT count(*) FROM disputes JOIN charges ON charges.id = disputes.charge \
            WHERE disputes.status = 'opened' AND charges.payment IS NOT NULL";
        Ok(scene.stack.ledger().count(sql).await? == i64::try_from(round)? + 1)
    });
    assert!(is_there.await.is_ok(), "{}", scene.stack.logs());
    let disputes = scene.stripe.all("", "dispute");
    let about = disputes.iter().find(|dispute| dispute["payment_intent"] == paid["id"]);
    about.expect("it is disputed")["id"].as_str().unwrap().to_owned()
}

/// Adds somebody who may manage money, and gives their token.
fn person(scene: &Scene, by: Option<&str>, name: &str) -> String {
    let settings: Vec<(&str, &str)> = by.map(|token| ("TIDEGATE_TOKEN", token)).into_iter().collect();
    let tool = |arguments: &[&str]| -> Value {
        let output = scene.stack.run(arguments, &settings);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let role = if by.is_none() { "super_user" } else { "billing_manager" };
    tool(&["staff", "add", name, "--role", role, "--json"]);
    let made = tool(&["tokens", "create", "--for", name, "--role", role, "--json"]);
    made["token"].as_str().unwrap().to_owned()
}

/// What there is to do in one round.
async fn work(scene: &Scene, round: usize) -> Value {
    let number = round * 10;
    let small = scene.payment(number + 1, 5_000).await;
    let large = scene.payment(number + 2, 640_000).await;
    let now = clock::now().timestamp();
    let yesterday = (clock::now().date_naive().and_hms_opt(0, 0, 0).unwrap().and_utc()).timestamp() - 3_600;
    let failed = format!("pi_failed{round}");
    let declined = json!({ "id": failed, "object": "payment_intent", "status": "requires_payment_method",
        "amount": 1_200, "currency": "usd", "created": yesterday, "metadata": {},
        "last_payment_error": { "code": "card_declined", "decline_code": "insufficient_funds", "charge": format!("ch_failed{round}") } });
    scene.tell(&format!("evt_failed{round}"), "payment_intent.payment_failed", &declined).await;
    let user = format!("buyer_{round}");
    for dispute in 0..2 {
        let (payment, charge) = (format!("pi_b{round}{dispute}"), format!("ch_b{round}{dispute}"));
        let paid = json!({ "id": payment, "object": "payment_intent", "status": "succeeded", "amount": 900,
            "amount_received": 900, "currency": "usd", "created": now - 90, "metadata": { "user_id": user } });
        let charged = json!({ "id": charge, "object": "charge", "status": "succeeded", "amount": 900,
            "amount_captured": 900, "currency": "usd", "created": now - 90, "payment_intent": payment });
        let lost = json!({ "id": format!("dp_b{round}{dispute}"), "object": "dispute", "status": "lost", "amount": 900,
            "currency": "usd", "created": now - 60, "charge": charge, "payment_intent": payment, "reason": "fraudulent" });
        for (kind, object) in [
            ("payment_intent.succeeded", &paid),
            ("charge.succeeded", &charged),
            ("charge.dispute.closed", &lost),
        ] {
            let id = format!("evt_{}_{round}{dispute}", kind.replace('.', "_"));
            scene.tell(&id, kind, object).await;
        }
    }
    let banned = until("the user to be banned", PATIENCE, async || {
        let sql = "SELECT count(*) FROM bans WHERE status = 'banned'";
        Ok(scene.stack.ledger().count(sql).await? > i64::try_from(round)?)
    });
    assert!(banned.await.is_ok(), "{}", scene.stack.logs());
    json!({ "small": small.id, "large": large.id, "failed": failed, "banned": user, "webhook": format!("pi_b{round}0") })
}

/// An event that can never be applied.
async fn malformed(scene: &Scene) {
    let odd = json!({ "id": "pi_odd", "object": "payment_intent", "status": "succeeded", "amount": "a lot",
        "currency": "usd", "created": clock::now().timestamp(), "metadata": {} });
    scene.tell("evt_odd", "payment_intent.succeeded", &odd).await;
    let dead = until("it to be a dead letter", PATIENCE, async || {
        Ok(scene.stack.ledger().count("SELECT count(*) FROM events WHERE outcome = 'dead'").await? == 1)
    });
    assert!(dead.await.is_ok(), "{}", scene.stack.logs());
}

fn in_browser(scene: &Scene, input: &Value) -> Vec<Value> {
    let installed = workspace().join("target/peers/node");
    assert!(
        installed.join("node_modules/playwright-core").is_dir(),
        "playwright-core is missing: run scripts/peers"
    );
    let mut process = Command::new("node")
        .arg(workspace().join("tests/peers/tasks.mjs"))
        .arg(installed)
        .arg(format!("http://{}", scene.stack.console()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut pipe = process.stdin.take().expect("its input is a pipe");
    pipe.write_all(input.to_string().as_bytes()).expect("it reads");
    drop(pipe);
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "Chromium runs: install the package `chromium`");
    let text = String::from_utf8(output.stdout).expect("answers are text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
