//! Several refunds under one approval: shown first, frozen, judged by their sum, decided by one word.

use desk::acts::operations::NotDone;
use desk::acts::operations::approve::Word;
use desk::acts::operations::batch::{self, BatchView};
use desk::acts::operations::cancel::cancel;
use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::{Approval, OperationState};
use serde_json::json;

use super::desk::{Desk, at, disputed, each_desk, is, jane, joe, key, mary, paid, program, refund};

fn states(view: &BatchView) -> Vec<OperationState> {
    view.operations.iter().map(|operation| operation.state).collect()
}

fn code(refused: &Result<BatchView, NotDone>) -> &'static str {
    refused.as_ref().err().map_or("done", NotDone::code)
}

fn word(hash: Option<&str>) -> Word {
    Word { reason: None, parameters_hash: hash.map(str::to_owned) }
}

async fn asked(desk: &Desk, asks: &[Ask], minute: i64) -> Result<BatchView, NotDone> {
    batch::request(&desk.ledger, asks, None, &jane(), at(minute)).await
}

/// Each of them far below the threshold of 5,000.00 for a second person, and together above it.
#[tokio::test(flavor = "multi_thread")]
async fn refunds_that_are_small_one_by_one_need_a_second_person_together() {
    each_desk("batches", async |desk| {
        let asks = [refund("pi_1", 200_000), refund("pi_2", 200_000), refund("pi_3", 200_000)];
        let planned = batch::plan(&desk.ledger, &asks, &jane(), at(0)).await.unwrap();
        assert_eq!(states(&planned), [OperationState::NeedsApproval; 3]);
        assert!(desk.ledger.read().await.unwrap().batch(&planned.batch.id).await.unwrap().is_none());
        let nothing =
            desk.ledger.read().await.unwrap().operations_of_payment(&key("pi_1"), 10).await.unwrap();
        assert_eq!(nothing, [], "a plan keeps nothing");

        let other = batch::request(&desk.ledger, &asks[..2], Some(&planned.batch.hash), &jane(), at(1)).await;
        assert_eq!(code(&other), "list_changed");
        let asked =
            batch::request(&desk.ledger, &asks, Some(&planned.batch.hash), &jane(), at(1)).await.unwrap();
        assert_eq!(states(&asked), [OperationState::NeedsApproval; 3], "the first two, too");
        assert_eq!((asked.batch.items, asked.batch.sums.as_str()), (3, "6,000.00 USD"));
        let id = asked.batch.id.as_str();

        // Whoever asked, who may not, and who has seen another list.
        for (by, seen, expected) in [
            (jane(), None, "four_eyes"),
            (joe(), None, "forbidden"),
            (program(), None, "forbidden"),
            (mary(), Some("0"), "parameters_changed"),
        ] {
            let refused = batch::approve(&desk.ledger, id, &word(seen), &by, at(2)).await;
            assert_eq!(code(&refused), expected);
            let said = refused.unwrap_err().to_string();
            let lines = desk.ledger.audit_of("batch", &key(id)).await.unwrap();
            assert!(lines.iter().any(|line| line.after.as_deref() == Some(said.as_str())), "{said}");
        }
        // What can no longer be done is refused by itself; one that is taken back is not approved.
        desk.hears(&disputed("du_1", "pi_2", "needs_response")).await;
        cancel(&desk.ledger, asked.operations[2].id(), "not this one", &jane(), at(3)).await.unwrap();
        let approved =
            batch::approve(&desk.ledger, id, &word(Some(&asked.batch.hash)), &mary(), at(4)).await.unwrap();
        let expected = [OperationState::Approved, OperationState::Refused, OperationState::Canceled];
        assert_eq!(states(&approved), expected);
        let lines = desk.ledger.audit_of("batch", &key(id)).await.unwrap();
        let told =
            lines.iter().find(|line| line.what == "approved").and_then(|line| line.after.clone()).unwrap();
        assert!(
            told.starts_with("1 refund, 2,000.00 USD")
                && told.contains("1 refund, 2,000.00 USD refused by a rule"),
            "{told}"
        );
        let first = &approved.operations[0];
        assert_eq!((first.approval, first.approved_by.as_deref()), (Approval::Person, Some("mary")));
        let decisions = desk.ledger.read().await.unwrap().decisions_of(first.id()).await.unwrap();
        assert!(first.approved_parameters(&decisions).is_ok(), "what is sent rests on her word about it");
        assert_eq!(code(&batch::approve(&desk.ledger, id, &word(None), &mary(), at(5)).await), "wrong_state");
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refund_that_a_rule_refuses_refuses_the_list_and_nothing_is_kept() {
    each_desk("batches_whole", async |desk| {
        // The second of one payment asks for more than the first leaves.
        let asks = [refund("pi_1", 600_000), refund("pi_1", 400_001)];
        let refused = asked(&desk, &asks, 0).await;
        assert_eq!(code(&refused), "item_refused");
        let said = refused.unwrap_err().to_string();
        assert!(said.starts_with("pi_1 refuses the whole list"), "{said}");
        let mut tx = desk.ledger.read().await.unwrap();
        assert_eq!(tx.operations_of_payment(&key("pi_1"), 10).await.unwrap(), []);
        drop(tx);
        let lines =
            desk.ledger.audit_of("staff", &domain::Key { livemode: true, ..key("jane") }).await.unwrap();
        assert!(lines.iter().any(|line| line.after.as_deref() == Some(said.as_str())), "{lines:?}");

        // All that is left, of one payment twice: the second finds nothing.
        let all = || Ask {
            wanted: Wanted::Refund { payment: key("pi_1"), amount: None, currency: None },
            ..refund("pi_1", 1)
        };
        assert_eq!(code(&asked(&desk, &[all(), all()], 1).await), "item_refused");
        assert_eq!(code(&asked(&desk, &[], 1).await), "items_limit");
        let many: Vec<Ask> = (0..201).map(|_| refund("pi_1", 100)).collect();
        assert_eq!(code(&asked(&desk, &many, 1).await), "items_limit");

        // Below every threshold no second person is needed, and each is one's own.
        let small = asked(&desk, &[refund("pi_1", 4_000), refund("pi_2", 5_000)], 2).await.unwrap();
        assert_eq!(states(&small), [OperationState::Approved; 2]);
        let again = [refund("pi_1", 4_000), refund("pi_2", 5_000)];
        let twice = asked(&desk, &again, 3).await;
        assert_eq!(code(&twice), "same_list");
        assert!(twice.unwrap_err().to_string().contains(&small.batch.id));
        let by_mary = batch::request(&desk.ledger, &again, None, &mary(), at(3)).await;
        assert!(by_mary.is_ok(), "another person means another list");
        let large = asked(&desk, &[refund("pi_3", 300_000), refund("pi_2", 300_000)], 3).await.unwrap();
        let rejected = batch::reject(&desk.ledger, &large.batch.id, "no", &mary(), at(4)).await.unwrap();
        assert_eq!(states(&rejected), [OperationState::Rejected; 2]);
        // Of a list that was rejected nothing comes: it may be asked for once more.
        let again = asked(&desk, &[refund("pi_3", 300_000), refund("pi_2", 300_000)], 5).await.unwrap();
        batch::reject(&desk.ledger, &again.batch.id, "no", &mary(), at(6)).await.unwrap();
        is(&desk.asks(&refund("pi_3", 1_000_000), &mary(), 7).await, OperationState::NeedsApproval);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_asked_for_and_approved_on_the_command_line() {
    each_desk("batches_cli", async |desk| {
        desk.hears(&paid("pi_4", "cus_4", 90_000)).await;
        let root = desk.person(None, "root", "super_user");
        let [jane, mary] = ["jane", "mary"].map(|name| desk.person(Some(&root), name, "billing_manager"));
        let file = std::env::temp_dir().join(format!("refunds-{}.csv", shared::trace::random_hex::<6>()));
        std::fs::write(&file, "# of May\npi_1,3000.00\n\npi_2, 2500.00, USD\npi_4\n").unwrap();
        let path = file.to_str().unwrap();
        let (exit, shown) = desk.json(Some(&jane), &["refunds", "batch", path]);
        assert_eq!((exit, &shown["batch"]["sums"]), (0, &json!("6,400.00 USD")));
        let hash = shown["batch"]["hash"].as_str().unwrap();
        let (exit, asked) = desk.json(Some(&jane), &["refunds", "batch", path, "--hash", hash, "--yes"]);
        let id = asked["batch"]["id"].as_str().unwrap();
        assert_eq!((exit, &asked["operations"][2]["amount"]), (0, &json!(90_000)));
        let own = desk.refusal(Some(&jane), &["approvals", "approve", id, "--yes"]);
        assert!(own.contains("another person must approve"), "{own}");
        let page = String::from_utf8(desk.run(Some(&mary), &["approvals", "approve", id]).stdout).unwrap();
        assert!(
            page.contains("3 of them wait for somebody other than jane") && page.contains("pi_4"),
            "{page}"
        );
        let (exit, done) = desk.json(Some(&mary), &["approvals", "approve", id, "--hash", hash, "--yes"]);
        let all = done["operations"].as_array().unwrap();
        assert!(exit == 0 && all.iter().all(|it| it["state"] == "approved"), "{done}");
        let one = all[0]["id"].as_str().unwrap();
        assert_eq!(desk.json(None, &["operations", "show", one]).1["batch"], json!(id));
        for found in [["show", id], ["search", id]] {
            let page = String::from_utf8(desk.run(None, &found).stdout).unwrap();
            assert!(page.starts_with(&format!("batch {id}  3 refunds, 6,400.00 USD")), "{page}");
        }

        // A spreadsheet's first line and mark; and a payment that stands twice, which is paid twice.
        std::fs::write(&file, "\u{feff}Payment,Amount,Currency\npi_1,1.00,usd\n\"pi_1\",2.00\npi_3,5.00\n")
            .unwrap();
        let (exit, shown) = desk.json(Some(&jane), &["refunds", "batch", path]);
        assert_eq!((exit, &shown["batch"]["sums"]), (0, &json!("8.00 USD")), "{shown}");
        assert_eq!(shown["warnings"], json!(["The list has payment pi_1 twice, 3.00 USD together."]));
        let page = String::from_utf8(desk.run(Some(&jane), &["refunds", "batch", path]).stdout).unwrap();
        assert!(page.contains("Heed: The list has payment pi_1 twice, 3.00 USD together.\n"), "{page}");
        std::fs::write(&file, "amount,payment\n1.00,pi_1\n").unwrap();
        let refused = desk.refusal(Some(&jane), &["refunds", "batch", path]);
        assert!(
            refused.contains("a line is PAYMENT, PAYMENT,AMOUNT or PAYMENT,AMOUNT,CURRENCY"),
            "{refused}"
        );

        std::fs::write(&file, "pi_1,1.00\npi_none,1.00,usd\n").unwrap();
        let refused = desk.refusal(Some(&jane), &["refunds", "batch", path, "--yes"]);
        assert!(refused.contains("line 2: the ledger knows no payment pi_none"), "{refused}");
        std::fs::remove_file(&file).unwrap();
    })
    .await;
}
