//! Subscriptions: a list, and one with all that belongs to it.

use desk::views::subscription::SubscriptionView;
use domain::permissions::Permission;
use domain::{UNKNOWN, subscriptions};
use hyper::Method;
use ledger::views::lists::SubscriptionFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_subscriptions",
        method: Method::GET,
        path: "/api/v1/subscriptions",
        access: Access::Needs(Permission::Read),
        summary: "List subscriptions, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("subscription"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_subscription",
        method: Method::GET,
        path: "/api/v1/subscriptions/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One subscription: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("subscription_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<SubscriptionView>),
    },
];

const FILTER: &[Field] = &[
    optional("status", Kind::Word(statuses), "Only with this status of Stripe's."),
    optional("customer", Kind::Id, "Only of this customer."),
];

fn statuses() -> Vec<&'static str> {
    subscriptions::STATUSES.iter().copied().chain([UNKNOWN]).collect()
}

async fn list(call: Call) -> Answered {
    let filter = SubscriptionFilter {
        status: call.query.text("status"),
        customer: call.query.text("customer"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.subscriptions(&filter, &call.query.part()).await?))
}
