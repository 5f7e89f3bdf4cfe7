//! Policies: what they are, who set them, and what a change would change. Loosening one takes two administrators.

use desk::acts::policies as acts;
use desk::views::policies as views;
use domain::permissions::Permission;
use domain::policies::PolicyKey;
use hyper::{Method, StatusCode};

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, optional, required};
use crate::problem::Code;

const CURRENCY: Field = optional("currency", Kind::Currency, "Of a policy that is an amount of money.");
const VALUE: Field = required("value", Kind::Text, "As people write it: 100.00, 24h, on.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_policies",
        method: Method::GET,
        path: "/api/v1/policies",
        access: Access::Needs(Permission::Read),
        summary: "List every policy with its value, its bounds, and who set it.",
        query: &[],
        body: None,
        answer: Shape::Page("policy"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "list_policy_history",
        method: Method::GET,
        path: "/api/v1/policies/{key}/history",
        access: Access::Needs(Permission::Read),
        summary: "Every value that a policy had, with who set it and why.",
        query: &[],
        body: None,
        answer: Shape::Page("policy_version"),
        errors: &[Code::NotFound],
        run: run!(history),
    },
    Endpoint {
        name: "rehearse_policy",
        method: Method::GET,
        path: "/api/v1/policies/{key}/rehearsal",
        access: Access::Needs(Permission::Read),
        summary: "What a value would change; nothing is written.",
        query: &[&[CURRENCY, VALUE]],
        body: None,
        answer: Shape::Done(200, "policy_plan"),
        errors: &[Code::NotFound, Code::Conflict, Code::Refused],
        run: run!(rehearse),
    },
    Endpoint {
        name: "set_policy",
        method: Method::POST,
        path: "/api/v1/policies/{key}",
        access: Access::Needs(Permission::Admin),
        summary: "Set a policy. What gives up a safeguard waits for a second administrator where there is one.",
        query: &[],
        body: Some(&[CURRENCY, VALUE, required("reason", Kind::Text, "Why, for the audit.")]),
        answer: Shape::Done(200, "policy_plan"),
        errors: &[Code::NotFound, Code::Conflict, Code::Refused],
        run: run!(set),
    },
];

async fn list(call: Call) -> Answered {
    Ok(Answer::whole_list(&views::list(call.ledger()).await?))
}

async fn history(call: Call) -> Answered {
    let key: PolicyKey = acts::slot(call.id(), None)?.key;
    Ok(Answer::whole_list(&views::history(call.ledger(), Some(key.as_str())).await?))
}

async fn rehearse(call: Call) -> Answered {
    let slot = acts::slot(call.id(), call.query.text("currency").as_deref())?;
    let value = acts::value(&slot, &call.query.given("value")?)?;
    Ok(Answer::done(StatusCode::OK, &acts::rehearsed(call.ledger(), &slot, value, call.now).await?))
}

async fn set(call: Call) -> Answered {
    let slot = acts::slot(call.id(), call.body.text("currency").as_deref())?;
    let (value, reason) = (acts::value(&slot, &call.body.given("value")?)?, call.body.given("reason")?);
    let set = acts::set(call.ledger(), &slot, value, &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &set))
}
