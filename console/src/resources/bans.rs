//! Bans: who is banned and why, and what staff decide about a user.

use desk::acts::bans::{Decision, decide_on_user, may_decide};
use desk::views::ban::{BanView, ListedBan, Standing};
use domain::Key;
use domain::bans::Act;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::graph::users::users_of_name;
use ledger::views::lists::BanFilter;
use serde_json::json;

use crate::answer::Answer;
use crate::call::{Call, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, WHOSE, optional, required};
use crate::problem::{Code, Problem};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_bans",
        method: Method::GET,
        path: "/api/v1/bans",
        access: Access::Needs(Permission::Read),
        summary: "List who is banned now, the latest decision first.",
        query: &[
            &[optional("all", Kind::Flag, "`true`: every user whom a dispute or staff ever concerned.")],
            WHOSE,
            PAGE,
        ],
        body: None,
        answer: Shape::Page("listed_ban"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_ban",
        method: Method::GET,
        path: "/api/v1/bans/{user}",
        access: Access::Needs(Permission::Read),
        summary: "Whether a user is banned, by whose word, and why: which disputes count, and what staff decided.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("ban_page"),
        errors: &[Code::NotFound, Code::Ambiguous],
        run: run!(explain),
    },
    Endpoint {
        name: "decide_on_ban",
        method: Method::POST,
        path: "/api/v1/bans/{user}",
        access: Access::Needs(Permission::Manage),
        summary: "Ban a user, lift the ban, or let the disputes decide again. Another person's decision is replaced by an administrator only. A user of whom nobody has heard needs `livemode` in the query.",
        query: &[WHOSE],
        body: Some(&[
            required("act", Kind::Word(acts), "What is decided."),
            required("reason", Kind::Text, "Why, for the audit."),
            optional(
                "until",
                Kind::Future,
                "When the decision ends: RFC 3339, or so long from now as in 30d.",
            ),
        ]),
        answer: Shape::Done(201, "ban_decision"),
        errors: &[Code::NotFound, Code::Ambiguous, Code::Conflict],
        run: run!(decide),
    },
];

fn acts() -> Vec<&'static str> {
    vec!["ban", "lift", "clear"]
}

async fn list(call: Call) -> Answered {
    let filter = BanFilter { all: call.query.flag("all") == Some(true), whose: call.whose() };
    let mut tx = call.read().await?;
    Ok(Answer::list(&ListedBan::read_list(&mut tx, &filter, &call.query.part(), call.now).await?))
}

async fn explain(call: Call) -> Answered {
    let mut tx = call.read().await?;
    let views = BanView::read_all(call.ledger(), &mut tx, call.id(), &call.whose(), call.now).await?;
    Ok(Answer::object(&the_one("user", call.id(), views)?))
}

async fn decide(call: Call) -> Answered {
    let act = match call.body.given("act")?.as_str() {
        "ban" => Act::Ban,
        "lift" => Act::Lift,
        _ => Act::None,
    };
    let decision = Decision { act, until: call.body.time("until"), reason: call.body.given("reason")? };
    let (key, person) = (whom(&call).await?, call.person()?);
    may_decide(call.ledger(), &key, call.actor()?, call.now).await?;
    let ban = decide_on_user(call.ledger(), &key, &decision, &person, call.now).await?;
    let standing = Standing::of(&ban, call.now);
    Ok(Answer::done(StatusCode::CREATED, &json!({"ban": ban, "standing": standing})))
}

/// The user who is meant. Of somebody of whom nobody has heard the mode must be said: a ban in the wrong one would do
/// nothing.
async fn whom(call: &Call) -> Result<Key, Problem> {
    let whose = call.whose();
    let mut known = users_of_name(&mut call.read().await?, call.id()).await?;
    known.retain(|key| whose.admits(key));
    if known.is_empty() {
        let Some(livemode) = whose.livemode else {
            let detail =
                "no dispute or customer names this user: if the id is right, pass livemode=true or false";
            return Err(Problem::new(Code::NotFound, detail));
        };
        return Ok(Key { id: call.id().to_owned(), account: whose.account.unwrap_or_default(), livemode });
    }
    the_one("user", call.id(), known.into_iter().collect())
}
