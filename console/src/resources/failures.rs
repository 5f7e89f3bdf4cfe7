//! Failed attempts to pay, each by the time at which it failed.

use desk::views::failed_attempts::read_page;
use domain::permissions::Permission;
use hyper::Method;
use ledger::views::lists::FailureFilter;

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    name: "list_failures",
    method: Method::GET,
    path: "/api/v1/failures",
    access: Access::Needs(Permission::Read),
    summary: "List failed attempts to pay, the latest first.",
    query: &[FILTER, WINDOW, WHOSE, PAGE],
    body: None,
    answer: Shape::Page("attempt"),
    errors: &[],
    run: run!(list),
}];

const FILTER: &[Field] = &[
    optional("code", Kind::Id, "Only with this code: Stripe's, or the bank's."),
    optional("payment", Kind::Id, "Only of this payment."),
    optional("invoice", Kind::Id, "Only those that this invoice reported."),
];

async fn list(call: Call) -> Answered {
    let filter = FailureFilter {
        payment: call.query.text("payment"),
        invoice: call.query.text("invoice"),
        code: call.query.text("code"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&read_page(&mut call.read().await?, &filter, &call.query.part()).await?))
}
