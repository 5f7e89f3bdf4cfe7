//! Findings: what checks turned up, one with its history, and what staff do with it.

use desk::acts::findings::{Act, act};
use desk::views::finding::FindingView;
use domain::Severity;
use domain::findings::{Check, FindingState, NAME};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::FindingFilter;

use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::problem::Code;

const ACT: &[Code] = &[Code::NotFound, Code::Conflict];
const NOTE: Field = required("note", Kind::Text, "Why; it can be read, and never changed.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_findings",
        method: Method::GET,
        path: "/api/v1/findings",
        access: Access::Needs(Permission::Read),
        summary: "List what checks turned up and nobody has resolved, the newest first.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("finding"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_finding",
        method: Method::GET,
        path: "/api/v1/findings/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One finding: what it says, how it stands, what happened to it.",
        query: &[],
        body: None,
        answer: Shape::Object("finding_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    one(
        "note_on_finding",
        "/api/v1/findings/{id}/notes",
        Permission::Request,
        "Note something on a finding.",
        &[NOTE],
        run!(note),
    ),
    one(
        "assign_finding",
        "/api/v1/findings/{id}/assign",
        Permission::Request,
        "Give a finding to somebody, or to nobody.",
        &[optional("to", Kind::Id, "The member of staff; nobody if not given.")],
        run!(assign),
    ),
    one(
        "acknowledge_finding",
        "/api/v1/findings/{id}/acknowledge",
        Permission::Request,
        "Say that a finding is known, and why; it stays in sight.",
        &[NOTE],
        run!(acknowledge),
    ),
    one(
        "snooze_finding",
        "/api/v1/findings/{id}/snooze",
        Permission::Request,
        "Put a finding off until a moment.",
        &[required("until", Kind::Future, "Until when, as in 3d."), NOTE],
        run!(snooze),
    ),
    one(
        "resolve_finding",
        "/api/v1/findings/{id}/resolve",
        Permission::Manage,
        "Say what fixed a finding; it opens again if it is found again.",
        &[
            required("reference", Kind::Text, "What fixed it: a ticket, a refund, a change."),
            optional("note", Kind::Text, "What else there is to say."),
        ],
        run!(resolve),
    ),
    one(
        "accept_finding",
        "/api/v1/findings/{id}/accept",
        Permission::Manage,
        "Accept a finding as it is; it opens again if it is found with other figures.",
        &[NOTE],
        run!(accept),
    ),
    one(
        "reopen_finding",
        "/api/v1/findings/{id}/reopen",
        Permission::Manage,
        "Take the resolution of a finding back.",
        &[NOTE],
        run!(reopen),
    ),
];

const FILTER: &[Field] = &[
    optional("state", Kind::Word(states), "Only in this state."),
    optional("all", Kind::Flag, "`true`: also what is resolved."),
    optional("check", Kind::Word(checks), "Only of this check."),
    optional("kind", Kind::Id, "Only of this kind, as in amount_differs."),
    optional("severity", Kind::Word(severities), "Only this severe."),
    optional("assignee", Kind::Id, "Only of this member of staff."),
    optional("subject", Kind::Id, "Only about this object."),
    optional("scope", Kind::Id, "Only of this day, or whatever else a check looks at as a whole."),
    optional("currency", Kind::Currency, "Only of this currency."),
];

const fn one(
    name: &'static str,
    path: &'static str,
    permission: Permission,
    summary: &'static str,
    body: &'static [Field],
    run: fn(Call) -> shared::Pending<'static, Answered>,
) -> Endpoint {
    Endpoint {
        name,
        method: Method::POST,
        path,
        access: Access::Needs(permission),
        summary,
        query: &[],
        body: Some(body),
        answer: Shape::Done(200, "finding"),
        errors: ACT,
        run,
    }
}

fn states() -> Vec<&'static str> {
    FindingState::WORDS.to_vec()
}

fn checks() -> Vec<&'static str> {
    Check::WORDS.to_vec()
}

fn severities() -> Vec<&'static str> {
    Severity::WORDS.to_vec()
}

async fn list(call: Call) -> Answered {
    let query = &call.query;
    let filter = FindingFilter {
        found_by: query.text("check").and_then(|word| Check::try_from(word).ok()),
        kind: query.text("kind"),
        state: query.text("state").and_then(|word| FindingState::try_from(word).ok()),
        resolved_too: query.flag("all") == Some(true),
        severity: query.text("severity"),
        assignee: query.text("assignee"),
        subject: query.text("subject"),
        scope: query.text("scope"),
        currency: query.text("currency"),
        window: query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.findings(&filter, &query.part(), call.now).await?))
}

async fn get(call: Call) -> Answered {
    let view = FindingView::read(&mut call.read().await?, call.id(), call.now).await?;
    Ok(Answer::object(&view.ok_or_else(|| nothing(NAME, call.id()))?))
}

async fn note(call: Call) -> Answered {
    let note = call.body.given("note")?;
    done(call, Act::Note { note }).await
}

async fn assign(call: Call) -> Answered {
    let to = call.body.text("to");
    done(call, Act::Assign { to }).await
}

async fn acknowledge(call: Call) -> Answered {
    let note = call.body.given("note")?;
    done(call, Act::Acknowledge { note }).await
}

async fn snooze(call: Call) -> Answered {
    let (until, note) = (call.body.time("until").unwrap_or(call.now), call.body.given("note")?);
    done(call, Act::Snooze { until, note }).await
}

async fn resolve(call: Call) -> Answered {
    let (reference, note) = (call.body.given("reference")?, call.body.text("note"));
    done(call, Act::Fix { reference, note }).await
}

async fn accept(call: Call) -> Answered {
    let note = call.body.given("note")?;
    done(call, Act::Accept { note }).await
}

async fn reopen(call: Call) -> Answered {
    let note = call.body.given("note")?;
    done(call, Act::Reopen { note }).await
}

async fn done(call: Call, wanted: Act) -> Answered {
    let finding = act(call.ledger(), call.id(), wanted, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &finding.as_of(call.now)))
}
