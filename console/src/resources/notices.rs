//! Notices: what people and programs were told, and the targets that it goes to. Targets with their secrets are added at
//! the command line.

use desk::acts::notices::{self as acts, Span};
use desk::views::notices as views;
use domain::notices::delivery::DeliveryState;
use domain::notices::{NoticeKind, TargetState};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::NoticeFilter;
use serde_json::json;

use super::disputes::REASON;
use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::problem::Code;

const ERRORS: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_notices",
        method: Method::GET,
        path: "/api/v1/notices",
        access: Access::Needs(Permission::Read),
        summary: "List notices, the newest first.",
        query: &[
            &[
                optional("kind", Kind::Word(|| NoticeKind::WORDS.to_vec()), "Only of this kind."),
                optional("object", Kind::Id, "Only about this object."),
                optional(
                    "state",
                    Kind::Word(|| DeliveryState::WORDS.to_vec()),
                    "Only with a delivery in this state.",
                ),
                optional("target", Kind::Id, "Only with a delivery to this target."),
            ],
            WINDOW,
            WHOSE,
            PAGE,
        ],
        body: None,
        answer: Shape::Page("notice"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_notice",
        method: Method::GET,
        path: "/api/v1/notices/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One notice: what it says, and what came of each delivery.",
        query: &[],
        body: None,
        answer: Shape::Object("notice_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "list_notice_targets",
        method: Method::GET,
        path: "/api/v1/notice-targets",
        access: Access::Needs(Permission::Export),
        summary: "List the targets of notices: what they take, how they do, what waits. Secrets cannot be shown.",
        query: &[],
        body: None,
        answer: Shape::Page("notice_target"),
        errors: &[],
        run: run!(targets),
    },
    Endpoint {
        name: "disable_notice_target",
        method: Method::POST,
        path: "/api/v1/notice-targets/{id}/disable",
        access: Access::Needs(Permission::Admin),
        summary: "Send a target nothing more; what waits is held.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "kept_notice_target"),
        errors: ERRORS,
        run: run!(disable),
    },
    Endpoint {
        name: "enable_notice_target",
        method: Method::POST,
        path: "/api/v1/notice-targets/{id}/enable",
        access: Access::Needs(Permission::Admin),
        summary: "Send a target again what is noted from now on.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "kept_notice_target"),
        errors: ERRORS,
        run: run!(enable),
    },
    Endpoint {
        name: "test_notice_target",
        method: Method::POST,
        path: "/api/v1/notice-targets/{id}/test",
        access: Access::Needs(Permission::Admin),
        summary: "Send a target a notice that says nothing but that it arrived.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(202, "sent_notice"),
        errors: ERRORS,
        run: run!(test),
    },
    Endpoint {
        name: "replay_notices",
        method: Method::POST,
        path: "/api/v1/notice-targets/{id}/replay",
        access: Access::Needs(Permission::Admin),
        summary: "Send a target again what it missed in a span: what was held, given up, or noted before it was there.",
        query: &[],
        body: Some(&[
            required("since", Kind::Past, "From then on."),
            optional("until", Kind::Past, "Before then; now if not given."),
            optional("all", Kind::Flag, "`true`: also what was delivered."),
        ]),
        answer: Shape::Done(202, "replayed_notices"),
        errors: ERRORS,
        run: run!(replay),
    },
];

async fn list(call: Call) -> Answered {
    let filter = NoticeFilter {
        kind: call.query.text("kind"),
        object: call.query.text("object"),
        severity: None,
        state: call.query.text("state"),
        target: call.query.text("target"),
        window: call.query.window()?,
        whose: call.whose(),
    };
    Ok(Answer::list(&call.read().await?.notices(&filter, &call.query.part()).await?))
}

async fn get(call: Call) -> Answered {
    let view = views::notice(call.ledger(), call.id()).await?;
    Ok(Answer::object(&view.ok_or_else(|| nothing("notice", call.id()))?))
}

async fn targets(call: Call) -> Answered {
    Ok(Answer::whole_list(&views::targets(call.ledger()).await?))
}

async fn disable(call: Call) -> Answered {
    set_state(call, TargetState::Disabled).await
}

async fn enable(call: Call) -> Answered {
    set_state(call, TargetState::Enabled).await
}

async fn set_state(call: Call, state: TargetState) -> Answered {
    let reason = call.body.given("reason")?;
    let target = acts::set_state(call.ledger(), call.id(), state, &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &target))
}

async fn test(call: Call) -> Answered {
    let id = acts::test(call.ledger(), call.id(), call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::ACCEPTED, &json!({"notice": id})))
}

async fn replay(call: Call) -> Answered {
    let since = call.body.time("since").unwrap_or(call.now);
    let until = call.body.time("until").unwrap_or(call.now);
    let span = Span { since, until, all: call.body.flag("all") == Some(true) };
    let sent = acts::replay(call.ledger(), call.id(), span, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::ACCEPTED, &json!({"notices": sent})))
}
