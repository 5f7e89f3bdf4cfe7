//! On whose word money leaves, through the acts: what is confirmed, what waits, what the rules approve, what lapses.

use desk::acts::operations::approve::{Word, approve, reject};
use desk::acts::operations::cancel::cancel;
use desk::acts::operations::confirm::confirm;
use desk::acts::operations::lapse::lapse_expired;
use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::{Approval, OperationState, Reason};

use super::desk::{at, code, disputed, each_desk, is, jane, joe, key, mary, program, refund, refunded};

const DAY: i64 = 24 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn above_a_hundred_nothing_is_approved_before_its_requester_confirms() {
    each_desk("confirm", async |desk| {
        let unconfirmed = Ask { confirmed: false, ..refund("pi_1", 15_000) };
        let asked = desk.asks(&unconfirmed, &jane(), 0).await;
        is(&asked, OperationState::NeedsConfirmation);
        assert_eq!(
            asked.message.as_deref(),
            Some("it needs your confirmation: 150.00 USD is above 100.00 USD")
        );
        let id = asked.id();
        assert_eq!(code(&confirm(&desk.ledger, id, &mary(), at(1)).await), "not_the_requester");
        assert_eq!(code(&approve(&desk.ledger, id, &Word::default(), &mary(), at(1)).await), "wrong_state");
        let confirmed = confirm(&desk.ledger, id, &jane(), at(2)).await.unwrap();
        is(&confirmed, OperationState::Approved);
        assert_eq!(confirmed.approval, Approval::Own);
        assert_eq!(code(&confirm(&desk.ledger, id, &jane(), at(3)).await), "wrong_state");

        // Asking once more, now with the confirmation, is the confirmation: nothing is reserved twice.
        let again = desk.asks(&Ask { confirmed: false, ..refund("pi_3", 500_000) }, &jane(), 2 * DAY).await;
        is(&again, OperationState::NeedsConfirmation);
        let confirmed = desk.asks(&refund("pi_3", 500_000), &jane(), 2 * DAY + 1).await;
        assert_eq!(confirmed.id(), again.id());
        is(&confirmed, OperationState::Approved);
        let told = desk.audit(id).await;
        assert_eq!(told.iter().filter(|(what, ..)| what == "denied").count(), 3, "{told:?}");
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_refunds_that_add_up_need_a_second_person() {
    each_desk("sums", async |desk| {
        is(&desk.asks(&refund("pi_1", 300_000), &jane(), 0).await, OperationState::Approved);
        is(&desk.asks(&refund("pi_2", 200_000), &jane(), 1).await, OperationState::Approved);
        let above = desk.asks(&refund("pi_2", 1), &jane(), 2).await;
        is(&above, OperationState::NeedsApproval);
        assert!(
            above.message.unwrap().contains("5,000.00 USD of the last 24 hours for the same"),
            "jane's own"
        );
        let of_customer = desk.asks(&refund("pi_1", 1), &mary(), 3).await;
        is(&of_customer, OperationState::NeedsApproval);
        is(&desk.asks(&refund("pi_3", 1), &mary(), 4).await, OperationState::Approved);
        cancel(&desk.ledger, above.key.id.as_str(), "not needed", &jane(), at(5)).await.unwrap();
        is(&desk.asks(&refund("pi_1", 1), &jane(), 2 + DAY).await, OperationState::Approved);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_approve_for_programs_within_their_caps() {
    each_desk("program", async |desk| {
        let of = |payment: &str, amount, reason| Ask { reason, ..refund(payment, amount) };
        let asked = desk.asks(&of("pi_1", 2_000, Reason::TechnicalFailure), &program(), 60).await;
        is(&asked, OperationState::Approved);
        assert_eq!(
            (asked.approval, asked.approved_by.as_deref()),
            (Approval::Policy, Some("tidegate policy"))
        );
        for (ask, minute) in [
            (of("pi_1", 2_000, Reason::RequestedByCustomer), 61),
            (of("pi_1", 50_001, Reason::TechnicalFailure), 62),
            (of("pi_1", 2_000, Reason::ModerationRejection), DAY + 1),
        ] {
            is(&desk.asks(&ask, &program(), minute).await, OperationState::NeedsApproval);
        }
        let mut approved = 0;
        for minute in 0..6 {
            let ask = of("pi_3", 50_000, Reason::ModerationRejection);
            approved +=
                i64::from(desk.asks(&ask, &program(), 100 + minute).await.state == OperationState::Approved);
        }
        assert_eq!(approved, 3, "2,000.00 USD in a day, 20.00 of which were there before");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_against_a_refund_is_kept_with_its_reason() {
    each_desk("refused", async |desk| {
        desk.hears(&refunded("re_1", "pi_2", 1_000_000, "succeeded")).await;
        desk.hears(&disputed("du_3", "pi_3", "needs_response")).await;
        for (ask, expected) in [
            (refund("pi_1", 1_000_001), "amount_exceeds_refundable"),
            (refund("pi_1", 0), "amount_not_positive"),
            (refund("pi_2", 1), "already_fully_refunded"),
            (refund("pi_3", 1), "payment_disputed"),
            (refund("pi_9", 1), "not_found"),
        ] {
            let refused = desk.asks(&ask, &jane(), 10).await;
            is(&refused, OperationState::Refused);
            assert_eq!(refused.error_code.as_deref(), Some(expected), "{ask:?}");
            let kept = desk.kept(refused.id()).await;
            assert_eq!(kept, refused);
            let told = desk.audit(kept.id()).await;
            assert!(told.len() == 1 && told[0].1.starts_with("refused"), "{told:?}");
        }
        desk.hears(&disputed("du_1", "pi_1", "warning_needs_response")).await;
        let inquiry = desk.asks(&refund("pi_1", 1_000), &jane(), 11).await;
        is(&inquiry, OperationState::Approved);
        assert!(inquiry.warning.unwrap().contains("open inquiry about it (du_1)"));
        let all = Ask {
            wanted: Wanted::Refund { payment: key("pi_1"), amount: None, currency: None },
            ..refund("pi_1", 0)
        };
        assert_eq!(desk.asks(&all, &joe(), 12).await.amount, 999_000, "all that is left");
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_decides_lapses_and_frees_what_it_held() {
    each_desk("lapse", async |desk| {
        let asked = desk.asks(&refund("pi_1", 1_000_000), &joe(), 0).await;
        is(&asked, OperationState::NeedsApproval);
        let blocked = desk.asks(&refund("pi_1", 1), &joe(), 1).await;
        is(&blocked, OperationState::Refused);
        assert!(blocked.message.unwrap().contains("is reserved by operations under way"));
        let week = 7 * DAY;
        assert_eq!(lapse_expired(&desk.ledger, at(week - 1)).await.unwrap(), 0);
        // Who decides too late finds it lapsed, before any chore came by.
        let late = approve(&desk.ledger, asked.id(), &Word::default(), &jane(), at(week)).await;
        assert_eq!(code(&late), "lapsed");
        is(&desk.kept(asked.id()).await, OperationState::Lapsed);
        let again = desk.asks(&refund("pi_1", 1_000_000), &joe(), week).await;
        is(&again, OperationState::NeedsApproval);
        assert_eq!(lapse_expired(&desk.ledger, at(2 * week)).await.unwrap(), 1);
        assert_eq!(lapse_expired(&desk.ledger, at(2 * week)).await.unwrap(), 0);
        is(&desk.kept(again.id()).await, OperationState::Lapsed);
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_or_canceled_is_over_and_free_again() {
    each_desk("over", async |desk| {
        let one = desk.asks(&refund("pi_1", 600_000), &joe(), 0).await;
        let refused = reject(&desk.ledger, one.id(), " ", &jane(), at(1)).await;
        assert_eq!(code(&refused), "invalid_text");
        is(
            &reject(&desk.ledger, one.id(), "not due", &jane(), at(1)).await.unwrap(),
            OperationState::Rejected,
        );
        assert_eq!(
            code(&approve(&desk.ledger, one.id(), &Word::default(), &jane(), at(2)).await),
            "wrong_state"
        );
        let two = desk.asks(&refund("pi_1", 600_000), &joe(), 3).await;
        is(&two, OperationState::NeedsApproval);
        assert_eq!(code(&cancel(&desk.ledger, two.id(), "no", &program(), at(4)).await), "forbidden");
        is(
            &cancel(&desk.ledger, two.id(), "changed my mind", &joe(), at(4)).await.unwrap(),
            OperationState::Canceled,
        );
        let three = desk.asks(&refund("pi_1", 1_000_000), &joe(), 5).await;
        is(&three, OperationState::NeedsApproval);
        is(
            &approve(&desk.ledger, three.id(), &Word::default(), &jane(), at(6)).await.unwrap(),
            OperationState::Approved,
        );
        desk.change(three.id(), |it| drop(it.begin_attempt(at(7), at(8)).unwrap())).await;
        assert_eq!(code(&cancel(&desk.ledger, three.id(), "too late", &joe(), at(8)).await), "wrong_state");
        desk.is_whole().await;
    })
    .await;
}
