//! Four eyes are two people: each way around it that we could think of, tried and refused, and in the audit.

use desk::actor::{Actor, KnownBy};
use desk::acts::operations::approve::{Word, approve};
use desk::acts::operations::decide::before_sending;
use desk::acts::operations::gather;
use desk::acts::operations::request::request;
use domain::operations::{Decision, OperationState, Parameters};
use domain::permissions::Role;
use serde_json::json;

use super::desk::{at, code, each_desk, is, jane, joe, mary, program, refund, refunded};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_what_they_asked_for_however_they_are_known() {
    each_desk("eyes", async |desk| {
        let by_session = desk.asks(&refund("pi_1", 600_000), &jane(), 0).await;
        is(&by_session, OperationState::NeedsApproval);
        let known = |known_by| Actor::known("jane", [Role::SuperUser].into(), known_by, false);
        let token = |id: &str| KnownBy::Token { id: id.to_owned() };
        let shouted = Actor::known(" JANE", [Role::SuperUser].into(), KnownBy::Session, false);
        let her_program = Actor::known("jane", [Role::SuperUser].into(), token("tok_9"), true);
        let declared = Actor::declared(&desk::person::Person::named("mary").unwrap());
        for (actor, expected) in [
            (jane(), "four_eyes"),
            (known(token("tok_1")), "four_eyes"),
            (known(KnownBy::Session), "four_eyes"),
            (shouted, "four_eyes"),
            (her_program, "program_not_allowed"),
            (program(), "forbidden"),
            (joe(), "forbidden"),
            (declared, "forbidden"),
        ] {
            let refused = approve(&desk.ledger, by_session.id(), &Word::default(), &actor, at(1)).await;
            assert_eq!(code(&refused), expected, "{actor:?}");
        }
        is(&desk.kept(by_session.id()).await, OperationState::NeedsApproval);
        let told = desk.audit(by_session.id()).await;
        let denied: Vec<_> = told.iter().filter(|(what, ..)| what == "denied").collect();
        assert_eq!(denied.len(), 8, "{told:?}");
        assert_eq!(denied[1].2, "jane (token tok_1)");
        let approved =
            approve(&desk.ledger, by_session.id(), &Word::default(), &mary(), at(2)).await.unwrap();
        is(&approved, OperationState::Approved);
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_given_once_to_what_is_stored_and_in_its_time() {
    each_desk("once", async |desk| {
        let early =
            approve(&desk.ledger, "op_000000000000000000000000", &Word::default(), &mary(), at(0)).await;
        assert_eq!(code(&early), "operation_not_found", "nothing is approved before it is asked for");
        let asked = desk.asks(&refund("pi_1", 600_000), &jane(), 60).await;
        let id = asked.id();
        let other = Word { parameters_hash: Some("00".repeat(32)), ..Word::default() };
        assert_eq!(code(&approve(&desk.ledger, id, &other, &mary(), at(61)).await), "parameters_changed");
        let behind = approve(&desk.ledger, id, &Word::default(), &mary(), at(0)).await;
        assert_eq!(code(&behind), "clock_behind");
        let seen = Word { parameters_hash: Some(asked.parameters_hash.clone()), ..Word::default() };
        is(&approve(&desk.ledger, id, &seen, &mary(), at(62)).await.unwrap(), OperationState::Approved);
        assert_eq!(code(&approve(&desk.ledger, id, &seen, &mary(), at(63)).await), "wrong_state", "replayed");
        desk.change(id, |it| drop(it.begin_attempt(at(64), at(65)).unwrap())).await;
        assert_eq!(code(&approve(&desk.ledger, id, &seen, &mary(), at(65)).await), "wrong_state");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_edited_is_neither_approved_nor_sent() {
    each_desk("edited", async |desk| {
        let asked = desk.asks(&refund("pi_1", 600_000), &jane(), 0).await;
        let id = asked.id();
        let raised = asked.parameters.replace("600000", "900000");
        desk.change(id, |it| it.parameters.clone_from(&raised)).await;
        let refused = approve(&desk.ledger, id, &Word::default(), &mary(), at(1)).await;
        assert_eq!(code(&refused), "parameters_changed");
        desk.change(id, |it| it.parameters.clone_from(&asked.parameters)).await;
        is(
            &approve(&desk.ledger, id, &Word::default(), &mary(), at(2)).await.unwrap(),
            OperationState::Approved,
        );
        // Parameters, amount and hash together: now the approval is about others.
        desk.change(id, |it| {
            it.amount = 900_000;
            it.parameters_hash = Parameters::hash_of(&raised);
            it.parameters = raised;
        })
        .await;
        let kept = desk.kept(id).await;
        let decisions = desk.ledger.read().await.unwrap().decisions_of(id).await.unwrap();
        assert!(kept.parameters().is_ok() && kept.approved_parameters(&decisions).is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_decided_anew_when_it_is_approved_and_right_before_it_is_sent() {
    each_desk("anew", async |desk| {
        let asked = desk.asks(&refund("pi_1", 600_000), &jane(), 0).await;
        // Meanwhile somebody refunds in Stripe's dashboard.
        desk.hears(&refunded("re_9", "pi_1", 500_000, "succeeded")).await;
        let late = approve(&desk.ledger, asked.id(), &Word::default(), &mary(), at(1)).await.unwrap();
        is(&late, OperationState::Refused);
        assert_eq!(late.error_code.as_deref(), Some("amount_exceeds_refundable"));

        let own = desk.asks(&refund("pi_1", 500_000), &jane(), 2).await;
        is(&own, OperationState::Approved);
        let mut tx = desk.ledger.begin().await.unwrap();
        let facts = gather::facts(&desk.ledger, &mut tx, &own, at(3)).await.unwrap();
        let verdict = before_sending(&mut tx, &own, &facts, at(3)).await.unwrap();
        assert_eq!(verdict.decision, Decision::Approved(own.approval));
        drop(tx);
        desk.hears(&refunded("re_8", "pi_1", 1, "pending")).await;
        let mut tx = desk.ledger.begin().await.unwrap();
        let facts = gather::facts(&desk.ledger, &mut tx, &own, at(3)).await.unwrap();
        let verdict = before_sending(&mut tx, &own, &facts, at(4)).await.unwrap();
        assert!(matches!(verdict.decision, Decision::Refused(_)), "{verdict:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_is_refused_and_in_the_audit() {
    each_desk("may_not", async |desk| {
        let auditor = Actor::known("ada", [Role::Auditor].into(), KnownBy::Session, false);
        let declared = Actor::declared(&desk::person::Person::named("jane").unwrap());
        for (actor, name) in [(auditor, "ada"), (declared, "cli:jane")] {
            let refused = request(&desk.ledger, &refund("pi_1", 100), &actor, at(0)).await;
            assert_eq!(code(&refused), "forbidden");
            let mut tx = desk.ledger.read().await.unwrap();
            let kept = tx.operations_of_payment(&super::desk::key("pi_1"), 10).await.unwrap();
            let own: Vec<_> = kept.iter().filter(|it| it.requested_by == name).collect();
            assert_eq!(own.len(), 1);
            is(own[0], OperationState::Refused);
        }
        desk.is_whole().await;
    })
    .await;
}

/// As a new user would: from the command line, with tokens of two people.
#[tokio::test(flavor = "multi_thread")]
async fn one_asks_and_another_approves_at_the_command_line() {
    each_desk("cli", async |desk| {
        let jane = desk.person(None, "jane", "super_user");
        let joe = desk.person(Some(&jane), "joe", "support");
        let (code, plan) = desk.json(Some(&joe), &["refunds", "eligible", "pi_1", "--amount", "6000"]);
        assert_eq!(
            (code, &plan["plan"]["eligible"], &plan["plan"]["money"]["left"]),
            (0, &json!(true), &json!(1_000_000))
        );
        let (_, plan) = desk.json(Some(&joe), &["refunds", "request", "pi_1", "--amount", "6000"]);
        assert_eq!(plan["plan"]["needs_approval"], json!(true));
        let (_, listed) = desk.json(None, &["operations", "list"]);
        assert_eq!(listed["items"], json!([]), "a plan asks for nothing");

        let said = desk.refusal(None, &["refunds", "request", "pi_1", "--amount", "6000", "--yes"]);
        assert!(said.contains("cli:ops lacks the permission billing:request: set TIDEGATE_TOKEN"), "{said}");
        let (code, asked) =
            desk.json(Some(&joe), &["refunds", "request", "pi_1", "--amount", "6000", "--yes"]);
        assert_eq!((code, &asked["operation"]["state"]), (0, &json!("needs_approval")));
        let id = asked["operation"]["id"].as_str().unwrap();
        let (_, waiting) = desk.json(Some(&jane), &["approvals", "list"]);
        assert_eq!(waiting["items"][0]["id"], json!(id));
        assert_eq!(waiting["items"][0]["does"], json!("refund 6,000.00 USD of payment pi_1"));

        let said = desk.refusal(Some(&joe), &["approvals", "approve", id, "--yes"]);
        assert!(said.contains("joe lacks the permission billing:manage"), "{said}");
        let (_, shown) = desk.json(Some(&jane), &["approvals", "approve", id]);
        assert_eq!(shown["operation"]["state"], json!("needs_approval"), "without --yes it is only shown");
        let hash = shown["operation"]["parameters_hash"].as_str().unwrap();
        let (code, approved) = desk.json(Some(&jane), &["approvals", "approve", id, "--yes", "--hash", hash]);
        assert_eq!((code, &approved["operation"]["approved_by"]), (0, &json!("jane")));
        let said = String::from_utf8(desk.run(None, &["show", id]).stdout).unwrap();
        assert!(said.contains("It is approved by jane, and not sent yet."), "{said}");
        let said = String::from_utf8(desk.run(None, &["show", "pi_1"]).stdout).unwrap();
        assert!(said.contains(id) && said.contains("refund 6,000.00 USD"), "{said}");
        let (code, refused) =
            desk.json(Some(&joe), &["refunds", "request", "pi_1", "--amount", "6000", "--yes"]);
        assert_eq!((code, &refused["operation"]["error_code"]), (1, &json!("amount_exceeds_refundable")));
        let report = desk.run(None, &["audit", "verify"]);
        assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
    })
    .await;
}
