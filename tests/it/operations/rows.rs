//! The tables of operations keep what is put in, find what is due, and are covered by the audit.

use chrono::{DateTime, TimeDelta, Utc};
use desk::acts::operations::record;
use desk::verify::{Witnesses, verify};
use domain::Key;
use domain::notices::NoticeKind;
use domain::operations::{
    Answer, Approval, Call, DecisionKind, Fault, Operation, OperationState, Parameters, Reason, Request,
    Requester, parameters,
};
use ledger::Ledger;
use ledger::tables::operations::Sums;

use crate::ledgers::each_ledger;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn payment(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

fn asked(id: &str, amount: i64, now: DateTime<Utc>) -> Operation {
    let parameters = Parameters::Refund(parameters::Refund {
        payment_intent: Some("pi_1".to_owned()),
        charge: None,
        amount,
        currency: "usd".to_owned(),
        reason: None,
    });
    let request = Request {
        subject_kind: "payment",
        subject: payment("pi_1"),
        payment: Some("pi_1".to_owned()),
        customer: Some("cus_1".to_owned()),
        amount,
        currency: "usd".to_owned(),
        parameters,
        reason: Reason::RequestedByCustomer,
        note: None,
        confirmed: false,
        retry_of: None,
    };
    let requester = Requester {
        name: "jane".to_owned(),
        known_by: "token tok_1".to_owned(),
        is_program: false,
        may_manage: true,
    };
    Operation::asked(id, &request, &requester, now)
}

async fn store(ledger: &Ledger, mut operation: Operation, now: DateTime<Utc>) -> Operation {
    let mut tx = ledger.begin().await.unwrap();
    let change = operation.created(OperationState::NeedsApproval, None, now + TimeDelta::days(7));
    record::store(&mut tx, &mut operation, change, "jane", now).await.unwrap();
    tx.commit().await.unwrap();
    operation
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_kept_with_its_decisions_its_calls_and_its_story() {
    each_ledger("operation_rows", async |ledger, _| {
        let stored = store(&ledger, asked("op_a", 1_999, at(0)), at(0)).await;
        let mut tx = ledger.begin().await.unwrap();
        let mut operation = tx.lock_operation("op_a").await.unwrap().unwrap();
        assert_eq!(operation, stored);
        let change = operation.approve(Approval::Person, "joe", at(1)).unwrap();
        record::decided(&mut tx, &operation, DecisionKind::Approve, ("joe", "session"), Some("fine"), at(1))
            .await
            .unwrap();
        record::step(&mut tx, &mut operation, change, "joe", at(1)).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = ledger.begin().await.unwrap();
        assert_eq!(tx.operation("op_a").await.unwrap().unwrap(), operation);
        let decisions = tx.decisions_of("op_a").await.unwrap();
        assert_eq!((decisions.len(), decisions[0].number), (1, 1));
        assert!(operation.approved_parameters(&decisions).is_ok());
        let noted = tx.notices_about(&[("operation", operation.key.clone())], 10).await.unwrap();
        let wanted = noted.iter().filter(|notice| notice.kind == NoticeKind::ApprovalWanted).count();
        assert_eq!((noted.len(), wanted), (1, 1), "of the steps programs hear alone: {noted:?}");
        let mut call = Call {
            attempt: 1,
            number: 0,
            method: "POST".to_owned(),
            path: "/v1/refunds".to_owned(),
            class: "done".to_owned(),
            http_status: Some(200),
            stripe_code: None,
            request_id: Some("req_1".to_owned()),
            replayed: false,
            duration_ms: 12,
            called_at: at(2),
        };
        tx.append_call("op_a", &call).await.unwrap();
        tx.append_call("op_a", &call).await.unwrap();
        call.number = 1;
        let second = Call { number: 2, ..call.clone() };
        assert_eq!(tx.calls_of("op_a").await.unwrap(), [call, second]);
        tx.commit().await.unwrap();

        let lines = ledger.audit_of("operation", &operation.key).await.unwrap();
        let told: Vec<_> =
            lines.iter().map(|line| (line.actor.as_str(), line.after.as_deref().unwrap())).collect();
        assert!(told[0].1.starts_with("needs_approval: refund of payment pi_1, 19.99 USD"), "{told:?}");
        assert_eq!(told[1], ("joe", "approved: approved by joe"));
        let verified = verify(&ledger, &Witnesses::default(), &mut |_| ()).await.unwrap();
        assert!(verified.is_right(), "{verified:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_found_and_what_is_held_or_waits_is_not() {
    each_ledger("operation_due", async |ledger, _| {
        for (id, minute) in [("op_a", 0), ("op_b", 1), ("op_c", 2), ("op_d", 3)] {
            store(&ledger, asked(id, 500, at(minute)), at(minute)).await;
        }
        let due = async |minute| ledger.due_operations(true, at(minute), at(minute + 10), 10).await.unwrap();
        assert!(due(10).await.is_empty(), "nobody has approved");
        change(&ledger, "op_a", |it| it.approve(Approval::Own, "jane", at(4)).map(drop).unwrap()).await;
        change(&ledger, "op_b", |it| {
            it.approve(Approval::Own, "jane", at(4)).unwrap();
            it.begin_attempt(at(5), at(6)).unwrap();
        })
        .await;
        assert_eq!(due(5).await, ["op_a"], "an attempt under way is left alone for a minute");
        assert_eq!(due(6).await, ["op_a", "op_b"], "then somebody looks after it");
        let of_test_mode = ledger.due_operations(false, at(6), at(16), 10).await.unwrap();
        assert!(of_test_mode.is_empty(), "a key of the other mode sends none of them");
        change(&ledger, "op_a", |it| it.hold("worker", at(8))).await;
        assert_eq!(due(7).await, ["op_b"]);
        assert_eq!(due(8).await, ["op_a", "op_b"]);
        change(&ledger, "op_a", |it| it.hold("worker", at(99))).await;
        assert_eq!(due(8).await, ["op_a", "op_b"], "such a hold was written by a clock that ran ahead");
        change(&ledger, "op_b", |it| it.wait(String::new(), at(99))).await;
        assert_eq!(due(8).await, ["op_a", "op_b"], "and so was such a time of looking again");
        change(&ledger, "op_a", |it| it.hold_back_until(Some(at(60)))).await;
        assert_eq!(due(8).await, ["op_b"], "what is planned is not sent before its time");
        change(&ledger, "op_a", |it| it.hold_back_until(None)).await;
        change(&ledger, "op_b", |it| it.doubt(Fault::default(), None).map(drop).unwrap()).await;
        assert_eq!(due(99).await, ["op_a"], "the other waits for a person");
        let over = ledger.due_operations(true, at(0) + TimeDelta::days(7), at(99_999), 10).await.unwrap();
        assert!(over.is_empty(), "what is about to lapse is not sent: {over:?}");

        let expired = async |now| ledger.expired_operations(now, 10).await.unwrap();
        let week = TimeDelta::days(7);
        assert!(expired(at(0) + week - TimeDelta::seconds(1)).await.is_empty());
        assert_eq!(expired(at(2) + week).await, ["op_a", "op_c"], "what was sent never lapses");

        let mut tx = ledger.read().await.unwrap();
        let sums = Sums {
            payment: None,
            customer: Some("cus_1"),
            requested_by: "joe",
            currency: "usd",
            account: "",
            livemode: true,
        };
        let recent = tx.recent_operations(sums, at(0)).await.unwrap();
        assert_eq!(recent.len(), 3, "op_a was asked for at the very moment, hence before: {recent:?}");
        assert!(tx.recent_operations(Sums { currency: "eur", ..sums }, at(-9)).await.unwrap().is_empty());
        assert!(tx.recent_operations(Sums { customer: None, ..sums }, at(-9)).await.unwrap().is_empty());
        assert!(tx.recent_operations(Sums { livemode: false, ..sums }, at(-9)).await.unwrap().is_empty());
        drop(tx);
        change(&ledger, "op_b", |it| {
            let answer = Answer { stripe_id: Some("re_1".to_owned()), ..Answer::default() };
            it.succeed(answer, at(95)).map(drop).unwrap();
        })
        .await;
        let made = ledger.read().await.unwrap().operation_that_made(&payment("re_1")).await.unwrap();
        assert_eq!(made.unwrap().id(), "op_b");
    })
    .await;
}

async fn change(ledger: &Ledger, id: &str, step: impl FnOnce(&mut Operation)) {
    let mut tx = ledger.begin().await.unwrap();
    let mut operation = tx.lock_operation(id).await.unwrap().unwrap();
    step(&mut operation);
    tx.write_operation(&operation).await.unwrap();
    tx.commit().await.unwrap();
}
