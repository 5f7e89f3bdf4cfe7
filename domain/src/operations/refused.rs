//! Why an operation may never be sent. Each reason has a stable code for programs and a sentence for people.

use chrono::{DateTime, Utc};

use super::OperationState;
use crate::chargeable::Unchargeable;
use crate::money::shown;

/// Why the rules refuse an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the amount must be more than 0")]
    NoAmount,
    #[error("the {what} {id} is not in the ledger")]
    NotFound { what: &'static str, id: String },
    #[error("Stripe has not reported this {what} yet: try again when its events have come in")]
    NotReported { what: &'static str },
    #[error("the payment has not succeeded: its status is {status}")]
    NotSucceeded { status: String },
    #[error("the payment was made in {own}, not in {asked}")]
    OtherCurrency { own: String, asked: String },
    #[error("the payment is already fully refunded")]
    FullyRefunded,
    #[error("{}", more_than_left(*.asked, *.left, *.reserved, .currency))]
    MoreThanLeft { asked: i64, left: i64, reserved: i64, currency: String },
    #[error(
        "the payment is disputed ({dispute}): a refund beside a chargeback would pay twice. Answer or accept the dispute"
    )]
    Disputed { dispute: String },
    #[error("the dispute {dispute} was lost: the bank has taken the money back already")]
    DisputeLost { dispute: String },
    #[error(
        "nobody knows yet whether {operation} was done. It must be settled first: `tidegate operations show {operation}`"
    )]
    OutcomeUnknown { operation: String },
    #[error("{operation} ({kind}) is {state} for the same {what}: cancel it, or wait until it is done")]
    Busy { operation: String, kind: &'static str, state: OperationState, what: &'static str },
    #[error("its status is {status}, and that cannot be {done}")]
    WrongStatus { status: String, done: &'static str },
    #[error("{asked} is more than the {able} that can be captured")]
    MoreThanCapturable { asked: String, able: String },
    #[error(
        "{captured} of it has already been captured: Stripe would end the payment as succeeded. What is not captured lapses \
         by itself; what is captured can be refunded"
    )]
    PartlyCaptured { captured: String },
    #[error("the dispute cannot be answered: {why}")]
    Unanswerable { why: &'static str },
    #[error("{0}")]
    Evidence(String),
    #[error(
        "a dispute of this reason is seldom won without: {missing}. To submit it all the same, say that it is incomplete"
    )]
    Incomplete { missing: String },
    #[error("Customer not found")]
    CustomerNotFound,
    #[error("No payment method available")]
    NoPaymentMethod,
    #[error("the customer has no payment method {id}")]
    OthersPaymentMethod { id: String },
    #[error("the user {user} is banned")]
    Banned { user: String },
    #[error("{id} is blocked ({reason}): lift it first (`tidegate block lift {id}`)")]
    Blocked { id: String, reason: String },
    #[error("nothing is charged at present: {reason}")]
    CheckoutClosed { reason: String },
    #[error(transparent)]
    Unchargeable(#[from] Unchargeable),
    #[error(
        "Stripe has this invoice: collect it with `tidegate invoices retry`, which makes no second payment"
    )]
    StripesInvoice,
    #[error(
        "{payment} can still be paid for the same invoice: cancel it first (`tidegate payments cancel {payment}`), or \
         confirm it again (`tidegate invoices retry`)"
    )]
    OtherWayToPay { payment: String },
    #[error(
        "{operation} has charged for the same invoice, and its payment has not come in yet: look again in a minute"
    )]
    JustCharged { operation: String },
    #[error("the customer pays this invoice by hand: Stripe sends it, and charges nobody")]
    PaidByHand,
    #[error(
        "Stripe tries this invoice again by itself ({}): to end its plan first, take over (`--take-over`)",
        .at.format("%Y-%m-%d %H:%M UTC")
    )]
    PlannedByStripe { at: DateTime<Utc> },
    #[error("{payment} is in progress or has succeeded: another try would pay twice")]
    PaymentUnderway { payment: String },
    #[error("after {code} another try with the same card cannot succeed: name another payment method")]
    NeverRetried { code: String },
    #[error("it has failed {limit} times within {days} day(s): the card networks allow no more")]
    TriedTooOften { limit: usize, days: i64 },
    #[error(
        "none of its payments can be confirmed again: charge the customer for it (`tidegate charge … --invoice`)"
    )]
    NothingToConfirm,
    #[error("it is not planned any more: {why}")]
    NotPlanned { why: String },
    #[error("{subscription} has the price {price} already")]
    AlreadySubscribed { subscription: String, price: String },
    #[error("{0}")]
    AtStripe(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Unsendable(#[from] super::Unsendable),
}

impl Refused {
    /// For programs: never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAmount => "amount_not_positive",
            Self::NotFound { .. } => "not_found",
            Self::NotReported { .. } => "not_reported",
            Self::NotSucceeded { .. } => "payment_not_succeeded",
            Self::OtherCurrency { .. } => "currency_mismatch",
            Self::FullyRefunded => "already_fully_refunded",
            Self::MoreThanLeft { .. } => "amount_exceeds_refundable",
            Self::Disputed { .. } => "payment_disputed",
            Self::DisputeLost { .. } => "dispute_lost",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Busy { .. } => "operation_under_way",
            Self::WrongStatus { .. } => "wrong_status",
            Self::MoreThanCapturable { .. } => "amount_exceeds_capturable",
            Self::PartlyCaptured { .. } => "partly_captured",
            Self::Unanswerable { .. } => "dispute_not_answerable",
            Self::Evidence(_) => "evidence_invalid",
            Self::CustomerNotFound => "customer_not_found",
            Self::NoPaymentMethod => "no_payment_method",
            Self::OthersPaymentMethod { .. } => "payment_method_not_theirs",
            Self::Banned { .. } => "user_banned",
            Self::Blocked { .. } => "blocked",
            Self::CheckoutClosed { .. } => "checkout_closed",
            Self::Unchargeable(Unchargeable::Currency { .. }) => "currency_unknown",
            Self::Unchargeable(_) => "amount_out_of_bounds",
            Self::StripesInvoice => "invoice_of_stripe",
            Self::OtherWayToPay { .. } => "other_way_to_pay",
            Self::JustCharged { .. } => "already_charged",
            Self::PaidByHand => "invoice_paid_by_hand",
            Self::PlannedByStripe { .. } => "planned_by_stripe",
            Self::PaymentUnderway { .. } => "payment_under_way",
            Self::NeverRetried { .. } => "code_forbids_retry",
            Self::TriedTooOften { .. } => "network_limit",
            Self::Incomplete { .. } => "evidence_incomplete",
            Self::NothingToConfirm => "nothing_to_confirm",
            Self::NotPlanned { .. } => "not_planned",
            Self::AlreadySubscribed { .. } => "already_subscribed",
            Self::AtStripe(_) => "changed_at_stripe",
            Self::Invalid(_) => "invalid_request",
            Self::Unsendable(_) => "parameters_changed",
        }
    }
}

fn more_than_left(asked: i64, left: i64, reserved: i64, currency: &str) -> String {
    let (asked, left) = (shown(asked, currency), shown(left, currency));
    match reserved {
        0 => format!("{asked} is more than the {left} that can still be refunded"),
        _ => format!(
            "{asked} is more than the {left} that can still be refunded: {} is reserved by operations under way",
            shown(reserved, currency)
        ),
    }
}
