//! Payouts, as lists and one by one.

use desk::views::payout::PayoutView;
use domain::permissions::Permission;
use domain::{UNKNOWN, payouts};
use hyper::Method;
use ledger::views::lists::PayoutFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_payouts",
        method: Method::GET,
        path: "/api/v1/payouts",
        access: Access::Needs(Permission::Read),
        summary: "List payouts, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("payout"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_payout",
        method: Method::GET,
        path: "/api/v1/payouts/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One payout: how it stands, why, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("payout_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<PayoutView>),
    },
];

const FILTER: &[Field] = &[
    optional("status", Kind::Word(statuses), "Only with this status of Stripe's."),
    optional("currency", Kind::Currency, "Only in this currency."),
];

fn statuses() -> Vec<&'static str> {
    payouts::STATUSES.iter().copied().chain([UNKNOWN]).collect()
}

async fn list(call: Call) -> Answered {
    let filter = PayoutFilter {
        status: call.query.text("status"),
        currency: call.query.text("currency"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.payouts(&filter, &call.query.part()).await?))
}
