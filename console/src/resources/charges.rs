//! Charges: a list, and one with all that belongs to it.

use desk::views::cards::Cards;
use desk::views::charge::ChargeView;
use domain::permissions::Permission;
use domain::{UNKNOWN, charges};
use hyper::Method;
use ledger::views::lists::ChargeFilter;

use super::objects;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_charges",
        method: Method::GET,
        path: "/api/v1/charges",
        access: Access::Needs(Permission::Read),
        summary: "List charges, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("charge"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_charge",
        method: Method::GET,
        path: "/api/v1/charges/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One charge: how it stands, why, what belongs to it, and its history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("charge_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(objects::page::<ChargeView>),
    },
];

const FILTER: &[Field] = &[
    optional("status", Kind::Word(statuses), "Only with this status of Stripe's."),
    optional("payment", Kind::Id, "Only of this payment: every attempt."),
];

fn statuses() -> Vec<&'static str> {
    charges::STATUSES.iter().copied().chain([UNKNOWN]).collect()
}

async fn list(call: Call) -> Answered {
    let filter = ChargeFilter {
        status: call.query.text("status"),
        payment: call.query.text("payment"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    let mut page = call.read().await?.charges(&filter, &call.query.part()).await?;
    Cards::of(call.actor()?).hide(&mut page.rows);
    Ok(Answer::list(&page))
}
