//! Refunds: a list, and one with all that belongs to it.

use desk::views::refund::RefundView;
use domain::permissions::Permission;
use domain::{UNKNOWN, refunds};
use hyper::Method;
use ledger::views::lists::RefundFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_refunds",
        method: Method::GET,
        path: "/api/v1/refunds",
        access: Access::Needs(Permission::Read),
        summary: "List refunds, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("refund"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_refund",
        method: Method::GET,
        path: "/api/v1/refunds/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One refund: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("refund_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<RefundView>),
    },
];

const FILTER: &[Field] = &[
    optional("status", Kind::Word(statuses), "Only with this status of Stripe's."),
    optional("reason", Kind::Id, "Only made for this reason of Stripe's, or failed for it."),
    optional("payment", Kind::Id, "Only of this payment."),
];

fn statuses() -> Vec<&'static str> {
    refunds::STATUSES.iter().copied().chain([UNKNOWN]).collect()
}

async fn list(call: Call) -> Answered {
    let filter = RefundFilter {
        status: call.query.text("status"),
        reason: call.query.text("reason"),
        payment: call.query.text("payment"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.refunds(&filter, &call.query.part()).await?))
}
