//! Operations that are no refunds: captures, cancellations, and answers to disputes.

use chrono::TimeDelta;
use desk::actor::{Actor, KnownBy};
use desk::acts::evidence::{self, Change};
use desk::acts::operations::request::{Ask, Wanted};
use domain::operations::{Answer, OperationState, Reason};
use domain::permissions::Role;
use serde_json::json;

use super::desk::{PAID, at, disputed, each_desk, is, jane, key, refund};
use crate::ledgers::envelope;

/// May only look.
fn auditor() -> Actor {
    Actor::known("eve", [Role::Auditor].into(), KnownBy::Session, false)
}

fn ask(wanted: Wanted) -> Ask {
    Ask { wanted, reason: Reason::Other, note: None, confirmed: true }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_authorised_is_captured_or_given_up_and_never_both() {
    each_desk("capture", async |desk| {
        let held = json!({"id": "pi_8", "status": "requires_capture", "amount": 5_000, "amount_capturable": 5_000,
            "amount_received": 0, "currency": "usd", "created": PAID, "metadata": {}});
        desk.hears(&envelope("evt_8", "payment_intent.amount_capturable_updated", 0, &held)).await;
        let capture = |amount| ask(Wanted::Capture { payment: key("pi_8"), amount, currency: None });
        let cancel = |id: &str| ask(Wanted::Cancel { payment: key(id), reason: Some("abandoned".to_owned()) });
        let more = desk.asks(&capture(Some(5_001)), &jane(), 1).await;
        assert_eq!(more.error_code.as_deref(), Some("amount_exceeds_capturable"));
        let unconfirmed = Ask { confirmed: false, ..cancel("pi_8") };
        let asked = desk.asks(&unconfirmed, &jane(), 2).await;
        is(&asked, OperationState::NeedsConfirmation);
        let other = desk.asks(&capture(None), &jane(), 3).await;
        assert_eq!(other.error_code.as_deref(), Some("operation_under_way"));
        is(&desk.asks(&cancel("pi_8"), &jane(), 4).await, OperationState::Approved);
        let late = desk.asks(&cancel("pi_1"), &jane(), 5).await;
        assert_eq!(late.error_code.as_deref(), Some("wrong_status"), "it has succeeded");
        is(&desk.asks(&refund("pi_1", 100), &jane(), 6).await, OperationState::Approved);
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_answered_in_two_acts_or_accepted() {
    each_desk("answer", async |desk| {
        let charge = json!({"id": "ch_3", "status": "succeeded", "amount": 1_000_000, "amount_captured": 1_000_000,
            "captured": true, "paid": true, "currency": "usd", "created": PAID, "payment_intent": "pi_3"});
        desk.hears(&envelope("evt_ch_3", "charge.succeeded", 0, &charge)).await;
        desk.hears(&disputed("du_3", "pi_3", "needs_response")).await;
        let dispute = key("du_3");
        let stage = || ask(Wanted::EvidenceStage { dispute: dispute.clone() });
        let submit_of = |staged: Option<&str>, incomplete| {
            let (dispute, staged) = (dispute.clone(), staged.map(str::to_owned));
            ask(Wanted::EvidenceSubmit { dispute, staged, incomplete })
        };
        let submit = submit_of(None, true);
        let odd = ask(Wanted::EvidenceStage { dispute: key("du_9") });
        assert_eq!(desk.asks(&odd, &jane(), 1).await.error_code.as_deref(), Some("not_found"));
        let gauges = desk.ledger.gauges(at(2), at(2) + TimeDelta::days(11)).await.unwrap();
        let stored: Vec<bool> = gauges.evidence_due.iter().map(|(_, _, is_stored)| *is_stored).collect();
        assert_eq!((stored, gauges.checkout_closed_since), (vec![false], None));
        // What is refused before anything is asked for stands in the audit, without what somebody typed.
        let text = Change::Text { field: "Ada Lovelace".to_owned(), text: "x".to_owned() };
        for (change, by, why) in [
            (&text, jane(), "there is no such field"),
            (&Change::Restore { field: "service_date".to_owned() }, jane(), "service_date has neither"),
            (&text, auditor(), "lacks the permission billing:request"),
        ] {
            assert!(evidence::change(&desk.ledger, &dispute, change, &by, at(2)).await.is_err());
            let lines = desk.ledger.audit_of("dispute", &dispute).await.unwrap();
            let line = lines.iter().rfind(|line| line.what == "denied").unwrap();
            let said = line.after.as_deref().unwrap();
            assert!(said.contains(why) && !said.contains("Lovelace"), "{said}");
            assert_eq!(line.before.as_deref(), Some("change the answer"));
        }
        let early = desk.asks(&submit, &jane(), 2).await;
        assert_eq!(early.message.as_deref(), Some("the dispute cannot be answered: no evidence is stored yet"));
        let staged = desk.asks(&stage(), &jane(), 3).await;
        is(&staged, OperationState::Approved);
        let warning = staged.warning.clone().unwrap();
        assert!(warning.contains("seldom won without: product_description; access_activity_log or"), "{warning}");
        assert_eq!(staged.payment.as_deref(), Some("pi_3"));
        desk.change(staged.id(), |it| {
            it.begin_attempt(at(4), at(5)).unwrap();
            it.succeed(Answer { stripe_id: Some("du_3".to_owned()), ..Answer::default() }, at(4)).unwrap();
        })
        .await;
        let unseen = desk.asks(&submit_of(Some("op_before"), true), &jane(), 5).await;
        assert_eq!(
            unseen.message.as_deref(),
            Some("the dispute cannot be answered: other evidence was stored since: look at it, and ask again")
        );
        let lacking = desk.asks(&submit_of(Some(staged.id()), false), &jane(), 5).await;
        assert_eq!(lacking.error_code.as_deref(), Some("evidence_incomplete"), "nobody said that it may be");
        assert!(lacking.message.unwrap().contains("product_description"));
        let due = async |minute| {
            let gauges = desk.ledger.gauges(at(minute), at(minute) + TimeDelta::days(11)).await.unwrap();
            gauges.evidence_due.into_iter().map(|(_, _, is_stored)| is_stored).collect::<Vec<_>>()
        };
        assert_eq!(due(5).await, [true], "stored and not submitted");
        let accept = ask(Wanted::DisputeAccept { dispute: dispute.clone() });
        let accepted = desk.asks(&accept, &jane(), 5).await;
        is(&accepted, OperationState::NeedsApproval);
        assert_eq!(accepted.amount, 1_000_000, "above 5,000.00 USD another person decides about that, too");
        let submitted = desk.asks(&submit, &jane(), 6).await;
        assert_eq!(submitted.error_code.as_deref(), Some("operation_under_way"));
        let late = desk.asks(&submit, &jane(), 100_000).await;
        is(&late, OperationState::Refused);
        desk.is_whole().await;
    })
    .await;
}
