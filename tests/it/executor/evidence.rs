//! The answer to a dispute, from the draft to the submission: files are uploaded once wherever a worker dies, data about
//! a person is never kept, and what somebody changed at Stripe is not submitted.

use desk::acts::evidence::{Change, Upload, attach, change};
use desk::acts::operations::request::{Ask, Wanted, request};
use desk::views::evidence::{EvidenceView, Standing};
use domain::Key;
use domain::evidence::Goods;
use domain::operations::{Operation, OperationState, Reason};
use fake_stripe::Fault;
use harness::process_guard::until;
use harness::stack::Combination;
use serde_json::{Value, json};
use shared::clock;

use super::OF_BOTH;
use super::scene::{PATIENCE, Scene, manager};

const RECEIPT: &[u8] = b"%PDF-1.4\n1 0 obj << /Type /Page >> endobj\ntrailer\n%%EOF\n";
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82";

/// A dispute that Stripe and the ledger know, about a payment of a customer with a name.
async fn disputed(scene: &Scene) -> Key {
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    let customer = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    let customer = scene.stripe.ask("POST", "/customers", &customer).unwrap();
    let paid = json!({ "amount": 900, "currency": "usd", "payment_method": "pm_card_createDispute",
        "customer": customer["id"], "confirm": true, "return_url": "https://shop.example/",
        "metadata": { "listing_id": "4711", "payment_type": "featured_promotion", "ip": "203.0.113.7" } });
    scene.stripe.ask("POST", "/payment_intents", &paid).unwrap();
    let is_there = until("the ledger to know of the dispute", PATIENCE, async || {
        let statement = "SELECT count(*) FROM disputes JOIN charges ON charges.id = disputes.charge \
            WHERE disputes.status = 'opened' AND charges.payment IS NOT NULL";
        Ok(scene.stack.ledger().count(statement).await? == 1)
    });
    assert!(is_there.await.is_ok(), "{}", scene.stack.logs());
    let id = scene.stripe.all("", "dispute")[0]["id"].as_str().unwrap().to_owned();
    Key { id, account: String::new(), livemode: true }
}

async fn ask(scene: &Scene, wanted: Wanted) -> Operation {
    let ask = Ask { wanted, reason: Reason::Other, note: None, confirmed: true };
    request(&scene.ledger, &ask, &manager("jane"), clock::now()).await.unwrap()
}

async fn stage(scene: &Scene, dispute: &Key) -> Operation {
    ask(scene, Wanted::EvidenceStage { dispute: dispute.clone() }).await
}

async fn submit(scene: &Scene, dispute: &Key) -> Operation {
    ask(scene, Wanted::EvidenceSubmit { dispute: dispute.clone(), staged: None, incomplete: true }).await
}

async fn attached(scene: &Scene, dispute: &Key, field: &str, content: &[u8]) -> Result<(), String> {
    let (field, name, content) = (field.to_owned(), "receipt 7.pdf".to_owned(), content.to_vec());
    let upload = Upload { field, name, content, replaces: false };
    let done = attach(&scene.ledger, dispute, upload, &manager("jane"), clock::now()).await;
    done.map(|_| ()).map_err(|refused| refused.to_string())
}

async fn view(scene: &Scene, dispute: &Key) -> EvidenceView {
    let mut tx = scene.ledger.read().await.unwrap();
    EvidenceView::read(&mut tx, dispute, clock::now()).await.unwrap().unwrap()
}

fn at_stripe(scene: &Scene) -> Value {
    scene.stripe.all("", "dispute").remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_drafted_stored_shown_and_submitted_once() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let dispute = disputed(&scene).await;
        let early = submit(&scene, &dispute).await;
        assert_eq!(early.error_code.as_deref(), Some("dispute_not_answerable"), "nothing was stored");

        let jane = manager("jane");
        let write = async |wanted: Change| {
            change(&scene.ledger, &dispute, &wanted, &jane, clock::now()).await.map_err(|it| it.to_string())
        };
        let text = |field: &str, text: &str| Change::Text { field: field.to_owned(), text: text.to_owned() };
        write(Change::Goods(Goods::Digital)).await.unwrap();
        write(text("access_activity_log", "2026-11-01 logged in")).await.unwrap();
        let refused = write(text("customer_name", "Ada Lovelace")).await.unwrap_err();
        assert!(refused.contains("is read from Stripe when the evidence is sent"), "{refused}");
        write(Change::LeaveOut { field: "service_date".to_owned() }).await.unwrap();
        attached(&scene, &dispute, "receipt", RECEIPT).await.unwrap();
        attached(&scene, &dispute, "customer_signature", SIGNATURE).await.unwrap();
        let twice = attached(&scene, &dispute, "receipt", SIGNATURE).await.unwrap_err();
        assert!(twice.contains("put both into one PDF"), "{twice}");
        let drafted = view(&scene, &dispute).await;
        assert_eq!((drafted.standing, drafted.missing.len()), (Standing::Draft, 0), "{:?}", drafted.missing);

        let staged = stage(&scene, &dispute).await;
        let staged = scene.reaches(staged.id(), OperationState::Succeeded).await;
        let (now, files) = (at_stripe(&scene), scene.stripe.all("", "file"));
        let evidence = &now["evidence"];
        assert_eq!(files.len(), 2);
        for (field, value) in [
            ("product_description", "featured promotion for listing 4711"),
            ("access_activity_log", "2026-11-01 logged in"),
            ("customer_name", "Ada Lovelace"),
            ("customer_email_address", "ada@example.com"),
            ("customer_purchase_ip", "203.0.113.7"),
        ] {
            assert_eq!(evidence[field], value, "{field} of {evidence}");
        }
        assert_eq!(evidence["service_date"], Value::Null);
        let receipt = files.iter().find(|file| file["id"] == evidence["receipt"]).unwrap();
        assert_eq!(
            (&receipt["size"], &receipt["filename"]),
            (&json!(RECEIPT.len()), &json!("receipt 7.pdf"))
        );
        assert_eq!(now["evidence_details"]["submission_count"], 0, "stored is not submitted");
        let kept =
            "SELECT count(*) FROM operations WHERE parameters LIKE '%Lovelace%' OR parameters LIKE '%203.0%'";
        assert_eq!(scene.stack.ledger().count(kept).await.unwrap(), 0);
        let content = "SELECT count(*) FROM evidence_files WHERE content IS NOT NULL OR stripe_id IS NULL";
        assert_eq!(
            scene.stack.ledger().count(content).await.unwrap(),
            0,
            "Stripe has it: it rests here no longer"
        );
        let shown = view(&scene, &dispute).await;
        assert_eq!((shown.standing, shown.staged.unwrap().is_current), (Standing::Staged, true));
        assert!(shown.says.contains("NOT submitted"), "{}", shown.says);

        // Somebody changes it in Stripe's dashboard: it is not what was stored and shown.
        let path = format!("/disputes/{}", dispute.id);
        let other = json!({ "evidence": { "access_activity_log": "none" }, "submit": false });
        scene.stripe.ask("POST", &path, &other).unwrap();
        let changed = submit(&scene, &dispute).await;
        let changed = scene.reaches(changed.id(), OperationState::Refused).await;
        let why = changed.message.unwrap();
        assert!(why.contains("no longer shows what was stored (access_activity_log)"), "{why}");

        // What is left out by now is taken back from Stripe, which keeps what it is not told.
        write(Change::LeaveOut { field: "customer_signature".to_owned() }).await.unwrap();
        write(Change::LeaveOut { field: "customer_purchase_ip".to_owned() }).await.unwrap();
        let again = stage(&scene, &dispute).await;
        scene.reaches(again.id(), OperationState::Succeeded).await;
        assert_eq!(scene.stripe.all("", "file").len(), 2, "what Stripe has is not uploaded again");
        let evidence = at_stripe(&scene)["evidence"].clone();
        assert_eq!(
            (&evidence["customer_signature"], &evidence["customer_purchase_ip"]),
            (&Value::Null, &Value::Null)
        );
        assert_ne!(evidence["receipt"], Value::Null);

        // Nor is submitted what somebody added there.
        let more = json!({ "evidence": { "duplicate_charge_id": "ch_other" }, "submit": false });
        scene.stripe.ask("POST", &path, &more).unwrap();
        let added = submit(&scene, &dispute).await;
        let added = scene.reaches(added.id(), OperationState::Refused).await;
        assert!(added.message.unwrap().contains("(duplicate_charge_id)"));
        let none = json!({ "evidence": { "duplicate_charge_id": "" }, "submit": false });
        scene.stripe.ask("POST", &path, &none).unwrap();
        let last = submit(&scene, &dispute).await;
        scene.reaches(last.id(), OperationState::Succeeded).await;
        let now = at_stripe(&scene);
        assert_eq!(
            (&now["status"], &now["evidence_details"]["submission_count"]),
            (&json!("under_review"), &json!(1))
        );
        let is_over = until("the ledger to hear of it", PATIENCE, async || {
            Ok(view(&scene, &dispute).await.standing == Standing::Submitted)
        });
        assert!(is_over.await.is_ok(), "{}", scene.stack.logs());
        let late = write(text("access_activity_log", "more")).await.unwrap_err();
        assert!(late.contains("Stripe takes it once"), "{late}");
        assert_eq!(stage(&scene, &dispute).await.state, OperationState::Refused);
        assert_ne!(staged.id(), last.id());
        scene.end().await;
    }
}

/// A worker dies at every point of storing evidence, and Stripe cuts, fails and forgets: one file, one answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_once_wherever_a_worker_dies() {
    let points = ["after_row", "before_call", "during_call", "after_upload", "after_call", "before_stored"];
    for (combination, points) in
        [(Combination::SqliteSqlite, &points[..]), (Combination::RabbitPostgres, &points[3..4])]
    {
        for point in points {
            let mut scene = Scene::begin_with(combination, &[("STRIPE_DEADLINE_SECS", "1")]).await;
            let dispute = disputed(&scene).await;
            attached(&scene, &dispute, "receipt", RECEIPT).await.unwrap();
            for at in ["POST /v1/files", "POST /v1/disputes"] {
                scene.stripe.fails_at(at, [Fault::CutAfter]);
            }
            let names = scene.stack.names();
            for name in names.iter().filter(|name| **name != "gateway") {
                scene.stack.set(name, "FAILPOINT_KILL_AT", &format!("{point}:1"));
                scene.stack.kill(name);
                scene.stack.spawn(name).unwrap();
            }
            let staged = stage(&scene, &dispute).await;
            let died = until("a worker to die", PATIENCE, async || {
                Ok(names.iter().any(|name| scene.stack.has_ended(name)))
            });
            assert!(died.await.is_ok(), "nobody died {point}\n{}", scene.stack.logs());
            for name in names.iter().filter(|name| **name != "gateway") {
                scene.stack.set(name, "FAILPOINT_KILL_AT", "");
                scene.stack.kill(name);
                scene.stack.spawn(name).unwrap();
            }
            scene.reaches(staged.id(), OperationState::Succeeded).await;
            let files = scene.stripe.all("", "file");
            assert_eq!(files.len(), 1, "{point}: uploaded again");
            let evidence = &at_stripe(&scene)["evidence"];
            assert_eq!(evidence["receipt"], files[0]["id"], "{point}");
            let kept = "SELECT count(*) FROM evidence_files WHERE content IS NULL AND stripe_id IS NOT NULL";
            assert_eq!(scene.stack.ledger().count(kept).await.unwrap(), 1, "{point}");
            scene.end().await;
        }
    }
}
