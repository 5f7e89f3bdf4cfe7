//! Operations, people and payments for the tests of the rules.

use chrono::{DateTime, TimeDelta, Utc};

use super::refund::RefundFacts;
use super::{Operation, OperationState, Parameters, Reason, Request, Requester, parameters};
use crate::Key;

pub(super) fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::hours(hours)
}

pub(super) fn payment(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

/// May decide about money.
pub(super) fn manager() -> Requester {
    Requester { name: "jane".to_owned(), known_by: "session".to_owned(), is_program: false, may_manage: true }
}

/// May only ask.
pub(super) fn support() -> Requester {
    Requester { name: "joe".to_owned(), may_manage: false, ..manager() }
}

pub(super) fn program() -> Requester {
    Requester {
        name: "moderation".to_owned(),
        known_by: "token tok_1".to_owned(),
        is_program: true,
        may_manage: false,
    }
}

/// Asked for an hour after the payment.
pub(super) fn refund(id: &str, amount: i64, currency: &str) -> Operation {
    let parameters = Parameters::Refund(parameters::Refund {
        payment_intent: Some("pi_1".to_owned()),
        charge: None,
        amount,
        currency: currency.to_owned(),
        reason: None,
    });
    let request = Request {
        subject_kind: "payment",
        subject: payment("pi_1"),
        payment: Some("pi_1".to_owned()),
        customer: Some("cus_1".to_owned()),
        amount,
        currency: currency.to_owned(),
        parameters,
        reason: Reason::RequestedByCustomer,
        note: None,
        confirmed: false,
        retry_of: None,
    };
    Operation::asked(id, &request, &manager(), at(1))
}

pub(super) fn in_state(id: &str, amount: i64, state: OperationState) -> Operation {
    Operation { state, ..refund(id, amount, "usd") }
}

/// Of 10,000.00 USD.
pub(super) fn paid() -> RefundFacts {
    RefundFacts {
        status: "succeeded".to_owned(),
        currency: "usd".to_owned(),
        captured: 1_000_000,
        paid_at: Some(at(0)),
        ..RefundFacts::default()
    }
}
