//! Operations: ask for one, confirm, approve, reject, cancel, retry and settle it; see what waits for whom.

use desk::acts::operations::approve::{self, Word};
use desk::acts::operations::request::{self, Ask, Wanted};
use desk::acts::operations::settle::{self, Found};
use desk::acts::operations::{cancel, confirm, retry};
use desk::views::operation::{OperationView, OperationWords};
use domain::Object;
use domain::operations::{OperationKind, OperationState, Reason};
use domain::payments::Payment;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::OperationFilter;
use serde_json::json;

use super::asked_billing::{
    self, AT_PERIOD_END, CUSTOMER, DESCRIPTION, INCOMPLETE, INVOICE, PAYMENT_METHOD, PRICES, STAGED,
    SUBSCRIPTION, TAKE_OVER, takes_all,
};
use super::asked_operation::came;
use super::evidence::the_dispute;
use crate::answer::Answer;
use crate::call::{Call, nothing, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::problem::{Code, Problem};

const ASKED: &[Code] = &[Code::NotFound, Code::Ambiguous, Code::Conflict, Code::Refused];
pub(super) const DECIDED: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];
const REASON: Field = optional("reason", Kind::Text, "Why, for the audit.");
pub(super) const APPROVE: &[Field] =
    &[REASON, optional("parameters_hash", Kind::Id, "Of what you have seen: another one is not approved.")];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_operations",
        method: Method::GET,
        path: "/api/v1/operations",
        access: Access::Needs(Permission::Read),
        summary: "List operations, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("listed_operation"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "list_approvals",
        method: Method::GET,
        path: "/api/v1/approvals",
        access: Access::Needs(Permission::Read),
        summary: "List operations that wait for a second person, the newest first.",
        query: &[WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("listed_operation"),
        errors: &[],
        run: run!(approvals),
    },
    Endpoint {
        name: "get_operation",
        method: Method::GET,
        path: "/api/v1/operations/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One operation: how it stands, what comes next, who decided what, and every call to Stripe.",
        query: &[],
        body: None,
        answer: Shape::Object("operation_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "request_operation",
        method: Method::POST,
        path: "/api/v1/operations",
        access: Access::Needs(Permission::Request),
        summary: "Ask for an operation. Above a threshold it must be confirmed, above another a second person approves it. Nothing is sent before.",
        query: &[WHOSE],
        body: Some(&[
            required("kind", Kind::Word(kinds), "What is to be done."),
            optional("payment", Kind::Id, "The payment: of refund, capture and cancel."),
            optional(
                "dispute",
                Kind::Id,
                "The dispute: of evidence_stage, evidence_submit and dispute_accept.",
            ),
            CUSTOMER,
            SUBSCRIPTION,
            INVOICE,
            AMOUNT,
            CURRENCY,
            PRICES,
            PAYMENT_METHOD,
            DESCRIPTION,
            AT_PERIOD_END,
            TAKE_OVER,
            STAGED,
            INCOMPLETE,
            WHY,
            NOTE,
            CONFIRM,
        ]),
        answer: Shape::Done(202, "asked_operation"),
        errors: ASKED,
        run: run!(ask),
    },
    Endpoint {
        name: "refund_payment",
        method: Method::POST,
        path: "/api/payments/{id}/refund",
        access: Access::Needs(Permission::Request),
        summary: "Ask for a refund of a payment: the same as request_operation of the kind refund.",
        query: &[WHOSE],
        body: Some(&[AMOUNT, CURRENCY, WHY, NOTE, CONFIRM]),
        answer: Shape::Done(202, "asked_operation"),
        errors: ASKED,
        run: run!(refund),
    },
    Endpoint {
        name: "confirm_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/confirm",
        access: Access::Needs(Permission::Request),
        summary: "Confirm an operation that you asked for.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(202, "asked_operation"),
        errors: DECIDED,
        run: run!(confirm),
    },
    Endpoint {
        name: "approve_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/approve",
        access: Access::Needs(Permission::Manage),
        summary: "Approve an operation that somebody else asked for.",
        query: &[],
        body: Some(APPROVE),
        answer: Shape::Done(202, "asked_operation"),
        errors: DECIDED,
        run: run!(approve),
    },
    Endpoint {
        name: "reject_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/reject",
        access: Access::Needs(Permission::Manage),
        summary: "Reject an operation that somebody else asked for.",
        query: &[],
        body: Some(super::disputes::REASON),
        answer: Shape::Done(200, "asked_operation"),
        errors: DECIDED,
        run: run!(reject),
    },
    Endpoint {
        name: "cancel_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/cancel",
        access: Access::Needs(Permission::Request),
        summary: "Take an operation back before it is sent: your own, or with billing:manage any.",
        query: &[],
        body: Some(&[REASON]),
        answer: Shape::Done(200, "asked_operation"),
        errors: DECIDED,
        run: run!(cancel),
    },
    Endpoint {
        name: "retry_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/retry",
        access: Access::Needs(Permission::Request),
        summary: "Ask again for an operation that failed: a new one, decided like any other.",
        query: &[],
        body: Some(&[CONFIRM]),
        answer: Shape::Done(202, "asked_operation"),
        errors: DECIDED,
        run: run!(retry),
    },
    Endpoint {
        name: "settle_operation",
        method: Method::POST,
        path: "/api/v1/operations/{id}/settle",
        access: Access::Needs(Permission::Manage),
        summary: "Say what you found at Stripe of an operation whose outcome nobody knows: what it made, or that it was not done.",
        query: &[],
        body: Some(&[
            optional("made", Kind::Id, "Stripe's id of what it made; without it, it was not done."),
            required("reason", Kind::Text, "What you looked at, for the audit."),
        ]),
        answer: Shape::Done(200, "asked_operation"),
        errors: DECIDED,
        run: run!(settle),
    },
];

const AMOUNT: Field = optional(
    "amount",
    Kind::Amount,
    "How much; without it all that is left of a payment. Charges and credits need it.",
);
const CURRENCY: Field = optional(
    "currency",
    Kind::Currency,
    "Of a payment its own, anything else is refused; of charges and credits usd where none is given.",
);
const WHY: Field = optional(
    "reason",
    Kind::Text,
    "requested_by_customer, duplicate, fraudulent, technical_failure, moderation_rejection; other text is kept as a note.",
);
const NOTE: Field = optional("note", Kind::Text, "What else there is to say.");
const CONFIRM: Field = optional("confirm", Kind::Flag, "`true`: it is confirmed with this request.");

const FILTER: &[Field] = &[
    optional("state", Kind::Word(states), "Only in this state."),
    optional("kind", Kind::Word(all_kinds), "Only of this kind."),
    optional("payment", Kind::Id, "Only about this payment."),
    optional("customer", Kind::Id, "Only about this customer."),
    optional("requested_by", Kind::Id, "Only what this member of staff asked for."),
    optional("open", Kind::Flag, "`true`: only those that may still move money."),
];

pub(super) fn states() -> Vec<&'static str> {
    OperationState::WORDS.to_vec()
}

fn all_kinds() -> Vec<&'static str> {
    OperationKind::WORDS.to_vec()
}

/// What can be asked for over the API.
const KINDS: [OperationKind; 11] = [
    OperationKind::Refund,
    OperationKind::Charge,
    OperationKind::Capture,
    OperationKind::Cancel,
    OperationKind::Subscribe,
    OperationKind::Unsubscribe,
    OperationKind::InvoiceRetry,
    OperationKind::Credit,
    OperationKind::EvidenceStage,
    OperationKind::EvidenceSubmit,
    OperationKind::DisputeAccept,
];

fn kinds() -> Vec<&'static str> {
    KINDS.map(OperationKind::as_str).into()
}

async fn list(call: Call) -> Answered {
    let query = &call.query;
    let filter = OperationFilter {
        state: query.text("state"),
        kind: query.text("kind"),
        payment: query.text("payment"),
        customer: query.text("customer"),
        requested_by: query.text("requested_by"),
        open: query.flag("open") == Some(true),
        ..OperationFilter::default()
    };
    listed(&call, filter).await
}

async fn approvals(call: Call) -> Answered {
    let state = Some(OperationState::NeedsApproval.as_str().to_owned());
    listed(&call, OperationFilter { state, ..OperationFilter::default() }).await
}

pub(super) async fn listed(call: &Call, filter: OperationFilter) -> Answered {
    let filter = OperationFilter { window: call.query.window()?, whose: call.whose(), ..filter };
    let page = call.read().await?.operations(&filter, &call.query.part()).await?;
    Ok(Answer::list(&page.map(|operation| {
        let words = OperationWords::of(&operation, call.now);
        json!({"operation": operation, "does": words.does, "says": words.says, "next": words.next,
            "tell_customer": words.tell_customer})
    })))
}

async fn get(call: Call) -> Answered {
    let found = OperationView::read(&mut call.read().await?, call.id(), call.now).await?;
    Ok(Answer::object(&found.ok_or_else(|| nothing("operation", call.id()))?))
}

async fn ask(call: Call) -> Answered {
    let kind = call.body.given("kind")?;
    let kind = KINDS.into_iter().find(|known| known.as_str() == kind).unwrap_or_default();
    takes_all(&call, kind)?;
    if let Some(wanted) = asked_billing::wanted(&call, kind).await? {
        return place(&call, wanted).await;
    }
    if matches!(
        kind,
        OperationKind::EvidenceStage | OperationKind::EvidenceSubmit | OperationKind::DisputeAccept
    ) {
        let dispute = the_dispute(&call, &call.body.given("dispute")?).await?;
        let wanted = match kind {
            OperationKind::EvidenceStage => Wanted::EvidenceStage { dispute },
            OperationKind::EvidenceSubmit => Wanted::EvidenceSubmit {
                dispute,
                staged: call.body.text("staged"),
                incomplete: call.body.flag("incomplete") == Some(true),
            },
            _ => Wanted::DisputeAccept { dispute },
        };
        return place(&call, wanted).await;
    }
    let payment = payment(&call, &call.body.given("payment")?).await?;
    if kind == OperationKind::Cancel {
        return place(&call, Wanted::Cancel { payment: payment.key, reason: None }).await;
    }
    let (amount, currency) = money(&call, &payment)?;
    let payment = payment.key;
    let wanted = match kind {
        OperationKind::Capture => Wanted::Capture { payment, amount, currency },
        _ => Wanted::Refund { payment, amount, currency },
    };
    place(&call, wanted).await
}

async fn refund(call: Call) -> Answered {
    let payment = payment(&call, call.id()).await?;
    let (amount, currency) = money(&call, &payment)?;
    place(&call, Wanted::Refund { payment: payment.key, amount, currency }).await
}

/// Major units are of the currency that is named, else of the payment's own.
fn money(call: &Call, payment: &Payment) -> Result<(Option<i64>, Option<String>), Problem> {
    let currency = call.body.text("currency");
    let own = currency.as_deref().unwrap_or(&payment.state.currency);
    let amount = call.body.amount("amount", Some(own).filter(|own| !own.is_empty()))?;
    Ok((amount, currency))
}

async fn place(call: &Call, wanted: Wanted) -> Answered {
    let (reason, note) = why(call)?;
    let ask = Ask { wanted, reason, note, confirmed: call.body.flag("confirm") == Some(true) };
    let operation = request::request(call.ledger(), &ask, call.actor()?, call.now).await?;
    came(StatusCode::ACCEPTED, &operation)
}

async fn payment(call: &Call, id: &str) -> Result<Payment, Problem> {
    let whose = call.whose();
    let mut found = call.ledger().find::<Payment>(id).await?;
    found.retain(|payment: &Payment| whose.admits(&payment.key));
    the_one(Payment::NAME, id, found)
}

/// A word that the rules know, or a text that people read.
fn why(call: &Call) -> Result<(Reason, Option<String>), Problem> {
    let (given, note) = (call.body.text("reason"), call.body.text("note"));
    let Some(given) = given else { return Ok((Reason::Other, note)) };
    match (Reason::named(&given), note) {
        (Some(reason), note) => Ok((reason, note)),
        (None, None) => Ok((Reason::Other, Some(given))),
        (None, Some(_)) => Err(Problem::invalid("reason", "beside a note it is one of the known words")),
    }
}

async fn confirm(call: Call) -> Answered {
    let operation = confirm::confirm(call.ledger(), call.id(), call.actor()?, call.now).await?;
    came(StatusCode::ACCEPTED, &operation)
}

pub(super) async fn approve(call: Call) -> Answered {
    let word = Word { reason: call.body.text("reason"), parameters_hash: call.body.text("parameters_hash") };
    let operation = approve::approve(call.ledger(), call.id(), &word, call.actor()?, call.now).await?;
    came(StatusCode::ACCEPTED, &operation)
}

pub(super) async fn reject(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let operation = approve::reject(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    came(StatusCode::OK, &operation)
}

async fn cancel(call: Call) -> Answered {
    let reason = call.body.text("reason").unwrap_or_else(|| "no reason was given".to_owned());
    let operation = cancel::cancel(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    came(StatusCode::OK, &operation)
}

async fn retry(call: Call) -> Answered {
    let confirmed = call.body.flag("confirm") == Some(true);
    let operation = retry::retry(call.ledger(), call.id(), confirmed, call.actor()?, call.now).await?;
    came(StatusCode::ACCEPTED, &operation)
}

async fn settle(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let found = match call.body.text("made") {
        Some(stripe_id) => Found::Done { stripe_id },
        None => Found::NotDone,
    };
    let operation =
        settle::settle(call.ledger(), call.id(), &found, &reason, call.actor()?, call.now).await?;
    came(StatusCode::OK, &operation)
}
