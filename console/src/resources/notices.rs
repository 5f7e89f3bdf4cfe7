//! Notices: what people and programs were told, and the targets that it goes to.

use desk::acts::notices::{self as acts, Added, Span};
use desk::views::cards::Cards;
use desk::views::notices as views;
use domain::Severity;
use domain::notices::delivery::DeliveryState;
use domain::notices::{Channel, EXCHANGE, NewTarget, NoticeKind, TargetState};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::NoticeFilter;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

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
        name: "add_notice_target",
        method: Method::POST,
        path: "/api/v1/notice-targets",
        access: Access::Needs(Permission::Admin),
        summary: "Add a target. A webhook gets a secret that signs: it is shown once, also where the request is repeated with its Idempotency-Key.",
        query: &[],
        body: Some(&[
            required("name", Kind::Id, "Letters, digits, - and _; never given twice."),
            required("channel", Kind::Word(|| Channel::WORDS.to_vec()), "How notices reach it."),
            optional(
                "address",
                Kind::Text,
                "Where it is: a URL, a mail address, or `customer`. That of a chat is kept as a secret; RabbitMQ has none.",
            ),
            optional(
                "kinds",
                Kind::Ids,
                "Which kinds it takes, as in `dispute.*`; what is written for its readers if not given.",
            ),
            optional(
                "least_severity",
                Kind::Word(|| Severity::WORDS.to_vec()),
                "The least severity that it takes; `info` if not given.",
            ),
            optional("ordered", Kind::Flag, "`true`: one notice after the other."),
            optional("allow_private", Kind::Flag, "`true`: it may be in a private network, and without TLS."),
        ]),
        answer: Shape::Done(201, "added_notice_target"),
        errors: ERRORS,
        run: run!(add),
    },
    Endpoint {
        name: "rotate_notice_target",
        method: Method::POST,
        path: "/api/v1/notice-targets/{id}/rotate",
        access: Access::Needs(Permission::Admin),
        summary: "Give a webhook a new secret, which is shown once. The one before signs too, until the next time.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "added_notice_target"),
        errors: ERRORS,
        run: run!(rotate),
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
    let view = views::notice(call.ledger(), call.id(), Cards::of(call.actor()?)).await?;
    Ok(Answer::object(&view.ok_or_else(|| nothing("notice", call.id()))?))
}

async fn targets(call: Call) -> Answered {
    Ok(Answer::whole_list(&views::targets(call.ledger()).await?))
}

async fn add(call: Call) -> Answered {
    let channel = Channel::try_from(call.body.given("channel")?).unwrap_or_default();
    let address = match (channel, call.body.text("address")) {
        (Channel::Rabbitmq, _) => EXCHANGE.to_owned(),
        (_, address) => address.unwrap_or_default(),
    };
    let severity = call.body.text("least_severity").and_then(|word| Severity::try_from(word).ok());
    let kinds = call.body.texts("kinds");
    let wanted = NewTarget {
        name: call.body.given("name")?,
        channel,
        address,
        kinds: kinds.iter().flat_map(|some| some.split(',')).map(|kind| kind.trim().to_owned()).collect(),
        least_severity: severity.unwrap_or_default(),
        is_ordered: call.body.flag("ordered") == Some(true),
        allows_private: call.body.flag("allow_private") == Some(true),
    };
    let key = call.console.staff_key.as_ref();
    let added = acts::add(call.ledger(), &wanted, None, key, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &shown(&added)))
}

async fn rotate(call: Call) -> Answered {
    let key = call.console.staff_key.as_ref();
    let added = acts::rotate(call.ledger(), call.id(), key, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &shown(&added)))
}

/// The only answers with a secret.
fn shown(added: &Added) -> Value {
    json!({"target": added.target, "secret": added.secret.as_ref().map(ExposeSecret::expose_secret)})
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
