//! Invoices: a list, and one with all that belongs to it.

use desk::views::invoice::InvoiceView;
use domain::invoices::Status;
use domain::permissions::Permission;
use hyper::Method;
use ledger::views::lists::InvoiceFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_invoices",
        method: Method::GET,
        path: "/api/v1/invoices",
        access: Access::Needs(Permission::Read),
        summary: "List invoices, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("invoice"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_invoice",
        method: Method::GET,
        path: "/api/v1/invoices/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One invoice: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("invoice_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<InvoiceView>),
    },
];

const FILTER: &[Field] = &[
    optional("status", Kind::Word(statuses), "Only with this status of ours."),
    optional("customer", Kind::Id, "Only of this customer."),
    optional("subscription", Kind::Id, "Only of this subscription."),
];

fn statuses() -> Vec<&'static str> {
    Status::WORDS.to_vec()
}

async fn list(call: Call) -> Answered {
    let filter = InvoiceFilter {
        status: call.query.text("status"),
        customer: call.query.text("customer"),
        subscription: call.query.text("subscription"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.invoices(&filter, &call.query.part()).await?))
}
