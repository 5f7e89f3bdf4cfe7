//! Customers: a list, and one with all that belongs to it.

use desk::views::customer::CustomerView;
use domain::permissions::Permission;
use hyper::Method;
use ledger::views::lists::CustomerFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_customers",
        method: Method::GET,
        path: "/api/v1/customers",
        access: Access::Needs(Permission::Read),
        summary: "List customers, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("customer"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_customer",
        method: Method::GET,
        path: "/api/v1/customers/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One customer: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("customer_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<CustomerView>),
    },
];

const FILTER: &[Field] = &[optional("user", Kind::Id, "Only those whose `metadata.user_id` is this.")];

async fn list(call: Call) -> Answered {
    let filter =
        CustomerFilter { user: call.query.text("user"), window: call.query.window()?, whose: call.whose() };
    Ok(Answer::list(&call.read().await?.customers(&filter, &call.query.part()).await?))
}
