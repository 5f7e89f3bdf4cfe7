//! The audit: what moved, who moved it, and when.

use domain::permissions::Permission;
use hyper::Method;
use ledger::views::audit_list::AuditFilter;

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, WHOSE, WINDOW, optional};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    name: "list_audit",
    method: Method::GET,
    path: "/api/v1/audit",
    access: Access::Needs(Permission::Read),
    summary: "List lines of the audit, the newest first: of one object or of one event; without either, what people and programs did.",
    query: &[
        &[
            optional("object", Kind::Id, "Only lines about the object, user, event or operation of this id."),
            optional("event", Kind::Id, "Only what this event moved."),
            optional("actor", Kind::Id, "Only what goes by this name."),
        ],
        WINDOW,
        WHOSE,
        PAGE,
    ],
    body: None,
    answer: Shape::Page("audit_line"),
    errors: &[],
    run: run!(list),
}];

async fn list(call: Call) -> Answered {
    let filter = AuditFilter {
        subject: call.query.text("object"),
        event: call.query.text("event"),
        actor: call.query.text("actor"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.audit_lines(&filter, &call.query.part()).await?))
}
