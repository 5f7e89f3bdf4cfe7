//! What nobody knows blocks the payment until a person settles it; what failed is tried again by a person.

use desk::actor::Actor;
use desk::acts::operations::retry::retry;
use desk::acts::operations::settle::{Found, settle};
use domain::operations::{Answer, Fault, Operation, OperationState};

use super::desk::{Desk, at, code, each_desk, is, jane, mary, program, refund, refunded};

/// Sent, and nobody knows whether it was done.
async fn in_doubt(desk: &Desk, minute: i64) -> Operation {
    let asked = desk.asks(&refund("pi_1", 400_000), &jane(), minute).await;
    is(&asked, OperationState::Approved);
    desk.change(asked.id(), |it| {
        it.begin_attempt(at(minute), at(minute + 1)).unwrap();
        let fault =
            Fault { class: "unknown".to_owned(), text: "no answer came".to_owned(), ..Fault::default() };
        it.doubt(fault, None).unwrap();
    })
    .await;
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_nobody_knows_blocks_the_payment_until_somebody_else_settles_it() {
    each_desk("settle", async |desk| {
        let asked = in_doubt(&desk, 0).await;
        let blocked = desk.asks(&refund("pi_1", 1), &mary(), 1).await;
        assert_eq!(blocked.error_code.as_deref(), Some("outcome_unknown"));
        let done = Found::Done { stripe_id: "re_1".to_owned() };
        let settled = async |found: &Found, actor: Actor, minute| {
            settle(&desk.ledger, asked.id(), found, "looked at the dashboard", &actor, at(minute)).await
        };
        assert_eq!(code(&settled(&done, jane(), 2).await), "four_eyes");
        assert_eq!(code(&settled(&done, program(), 2).await), "forbidden");
        let odd = Found::Done { stripe_id: "no id".to_owned() };
        assert_eq!(code(&settled(&odd, mary(), 2).await), "invalid_id");
        desk.change(asked.id(), |it| it.hold("worker", at(9))).await;
        assert_eq!(code(&settled(&done, mary(), 3).await), "busy", "a worker looks it up right now");
        desk.change(asked.id(), |it| it.error_class = Some("twin_runs".to_owned())).await;
        let early = settled(&Found::NotDone, mary(), 10).await;
        assert_eq!(
            code(&early),
            "busy",
            "Stripe is at work on it: nobody can have seen that it was not done"
        );
        let made = |id: &str| Found::Done { stripe_id: id.to_owned() };
        // Nobody knows it yet; a payment; of another payment; over another amount; one that failed.
        desk.hears(&refunded("re_2", "pi_2", 400_000, "succeeded")).await;
        desk.hears(&refunded("re_3", "pi_1", 399_999, "succeeded")).await;
        desk.hears(&refunded("re_4", "pi_1", 400_000, "failed")).await;
        for (id, words) in [
            ("re_1", "does not know re_1"),
            ("pi_1", "begins with re_ or pyr_"),
            ("re_2", "for payment pi_2"),
            ("re_3", "over 3,999.99 USD"),
            ("re_4", "re_4 is failed"),
        ] {
            let refused = settled(&made(id), mary(), 10).await;
            assert_eq!(code(&refused), "not_its_object", "{id}");
            let said = refused.unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
            assert!(desk.audit(asked.id()).await.iter().any(|(_, after, _)| *after == said), "{id}");
        }
        is(&desk.kept(asked.id()).await, OperationState::Unknown);
        desk.hears(&refunded("re_1", "pi_1", 400_000, "succeeded")).await;
        is(&settled(&done, mary(), 10).await.unwrap(), OperationState::Succeeded);
        let left = desk.asks(&refund("pi_1", 200_002), &mary(), 11).await;
        assert_eq!(
            left.error_code.as_deref(),
            Some("amount_exceeds_refundable"),
            "3,999.99 and 4,000.00 went back"
        );
        is(&desk.asks(&refund("pi_1", 200_001), &mary(), 11).await, OperationState::NeedsApproval);
        let said = String::from_utf8(desk.run(None, &["show", "re_1"]).stdout).unwrap();
        assert!(said.contains(&format!("operation {}", asked.id())), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_operation_made_days_ago_no_other_has_made() {
    each_desk("settle_taken", async |desk| {
        let old = in_doubt(&desk, 0).await;
        desk.hears(&refunded("re_1", "pi_1", 400_000, "succeeded")).await;
        let made = Found::Done { stripe_id: "re_1".to_owned() };
        let settled = async |operation: &Operation, minute| {
            settle(&desk.ledger, operation.id(), &made, "looked at the dashboard", &mary(), at(minute)).await
        };
        is(&settled(&old, 1).await.unwrap(), OperationState::Succeeded);
        let asked = in_doubt(&desk, 5_000).await;
        let refused = settled(&asked, 5_010).await;
        assert_eq!(code(&refused), "not_its_object");
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(old.id()), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_once_by_a_person_with_a_key_of_its_own() {
    each_desk("retry", async |desk| {
        let asked = in_doubt(&desk, 0).await;
        assert_eq!(code(&retry(&desk.ledger, asked.id(), true, &jane(), at(1)).await), "wrong_state");
        let given_up = settle(&desk.ledger, asked.id(), &Found::NotDone, "not there", &mary(), at(2)).await;
        is(&given_up.unwrap(), OperationState::Failed);
        assert_eq!(
            code(&retry(&desk.ledger, asked.id(), true, &program(), at(3)).await),
            "program_not_allowed"
        );
        let again = retry(&desk.ledger, asked.id(), true, &jane(), at(3)).await.unwrap();
        is(&again, OperationState::Approved);
        assert_eq!(
            (again.retry_of.as_deref(), &again.parameters_hash),
            (Some(asked.id()), &asked.parameters_hash)
        );
        assert_eq!(code(&retry(&desk.ledger, asked.id(), true, &mary(), at(4)).await), "already_retried");
        let mut keys = Vec::new();
        desk.change(again.id(), |it| {
            keys.push(it.begin_attempt(at(5), at(6)).unwrap().idempotency_key);
            let made = Answer { stripe_id: Some("re_2".to_owned()), ..Answer::default() };
            it.succeed(made, at(6)).unwrap();
        })
        .await;
        assert_ne!(Some(&keys[0]), desk.kept(asked.id()).await.idempotency_key.as_ref());
        assert_eq!(code(&retry(&desk.ledger, asked.id(), true, &mary(), at(7)).await), "already_retried");
        let (_, page) = desk.json(None, &["operations", "show", asked.id()]);
        assert_eq!(page["retried_by"][0].as_str(), Some(again.id()));
        assert_eq!(page["decisions"].as_array().unwrap().len(), 3, "asked, approved on her word, given up");
    })
    .await;
}
