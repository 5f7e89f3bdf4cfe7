//! Reconciliation: the days that were compared, and one with its sums, payouts and balances. Its differences are findings.

use desk::views::reconciliation::{ReconciliationView, days};
use domain::Key;
use domain::permissions::Permission;
use hyper::Method;

use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, WHOSE, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_reconciliations",
        method: Method::GET,
        path: "/api/v1/reconciliations",
        access: Access::Needs(Permission::Read),
        summary: "List the days on which Stripe's balance was compared with the ledger, the newest first.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Page("reconciliation"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_reconciliation",
        method: Method::GET,
        path: "/api/v1/reconciliations/{day}",
        access: Access::Needs(Permission::Read),
        summary: "One day: the sums of both sides by currency and category, its payouts beside their transactions, its balances. Its differences are findings with this scope.",
        query: &[&[
            optional("account", Kind::Id, "Of this connected account; your own if not given."),
            optional("livemode", Kind::Flag, "`false`: of test mode; live if not given."),
        ]],
        body: None,
        answer: Shape::Object("reconciliation_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
];

async fn list(call: Call) -> Answered {
    let whose = call.whose();
    Ok(Answer::whole_list(&days(&mut call.read().await?, &whose).await?))
}

async fn get(call: Call) -> Answered {
    let account = call.query.text("account").unwrap_or_default();
    let whose = Key { id: String::new(), account, livemode: call.query.flag("livemode").unwrap_or(true) };
    let found = ReconciliationView::read(&mut call.read().await?, call.id(), &whose, call.now).await?;
    Ok(Answer::object(&found.ok_or_else(|| nothing("reconciliation of", call.id()))?))
}
