//! Payments: a list, and one with all that belongs to it.

use desk::views::payment::PaymentView;
use domain::permissions::Permission;
use domain::{UNKNOWN, payments};
use hyper::Method;
use ledger::views::lists::{FAILED, PAYMENT_FAILED, PaymentFilter, payment_status};

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::{Code, Problem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_payments",
        method: Method::GET,
        path: "/api/v1/payments",
        access: Access::Needs(Permission::Read),
        summary: "List payments, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("payment"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_payment",
        method: Method::GET,
        path: "/api/v1/payments/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One payment: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("payment_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<PaymentView>),
    },
];

pub(super) const FILTER: &[Field] = &[
    optional(
        "status",
        Kind::Word(statuses),
        "One of Stripe's; `unknown`: only named so far; `payment_failed`, `failed` for short: the last attempt failed, and none has gone through since.",
    ),
    optional(
        "failed_since",
        Kind::Past,
        "Only those of which an attempt failed from then on; the latest failure comes first.",
    ),
    optional("failed_until", Kind::Past, "Only those of which an attempt failed before then."),
    optional(
        "amount",
        Kind::Amount,
        "Only of exactly this amount: 1999 in minor units, 19.99 in major ones. Needs `currency`.",
    ),
    optional("currency", Kind::Currency, "Only in this currency."),
    optional(
        "code",
        Kind::Id,
        "Only those of which an attempt failed with this code: Stripe's, or the bank's.",
    ),
    optional("customer", Kind::Id, "Only of this customer."),
    optional(
        "user",
        Kind::Id,
        "Only of this user: the payment's `metadata.user_id`, else the customer's, else the customer's id.",
    ),
];

fn statuses() -> Vec<&'static str> {
    payments::STATUSES.iter().copied().chain([UNKNOWN, PAYMENT_FAILED, FAILED]).collect()
}

pub(super) async fn list(call: Call) -> Answered {
    let query = &call.query;
    let currency = query.text("currency");
    let amount = query.amount("amount", currency.as_deref())?;
    if amount.is_some() && currency.is_none() {
        return Err(Problem::invalid("currency", "an amount needs its currency"));
    }
    let filter = PaymentFilter {
        status: query.text("status").map(|status| payment_status(&status).to_owned()),
        customer: query.text("customer"),
        user: query.text("user"),
        amount,
        currency,
        code: query.text("code"),
        window: query.window()?,
        failed: query.window_of("failed_since", "failed_until")?,
        whose: call.whose(),
        ..PaymentFilter::default()
    };
    Ok(Answer::list(&call.read().await?.payments(&filter, &query.part()).await?))
}
