//! Replays: choose events, see what running them again would change, run them through the queue.

use desk::replay::{self, Chosen, LookAhead, ReplayError};
use desk::views::cards::Cards;
use domain::event::EventKey;
use domain::outcome::OutcomeKind;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::tables::replays::{Came, Plan};
use ledger::views::stored_events::{EventFilter, StoredEvent};
use serde::Serialize;
use serde_json::json;

use super::dead_letters::{SELECTED_LIMIT, named};
use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, optional};
use crate::problem::{Code, Problem};

/// So many are queued by one request, unless fewer are wanted: it must be answered in time.
const RUN_LIMIT: i64 = 1_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_replays",
        method: Method::GET,
        path: "/api/v1/replays",
        access: Access::Needs(Permission::Read),
        summary: "List planned replays, the newest first.",
        query: &[PAGE],
        body: None,
        answer: Shape::Page("replay_plan"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_replay",
        method: Method::GET,
        path: "/api/v1/replays/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One replay: who planned it, how far it is, and what came of it.",
        query: &[],
        body: None,
        answer: Shape::Object("replay_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "plan_replay",
        method: Method::POST,
        path: "/api/v1/replays",
        access: Access::Needs(Permission::Manage),
        summary: "Plan a replay of these events, or of the dead letters of a cause, and tell which rows would change. Nothing runs yet.",
        query: &[],
        body: Some(&[
            optional("ids", Kind::Ids, "These events, whatever became of them."),
            optional("cause", Kind::Text, "All dead letters of this cause; instead of `ids`."),
        ]),
        answer: Shape::Done(201, "planned_replay"),
        errors: &[Code::NotFound],
        run: run!(plan),
    },
    Endpoint {
        name: "run_replay",
        method: Method::POST,
        path: "/api/v1/replays/{id}/run",
        access: Access::Needs(Permission::Manage),
        summary: "Queue the next events of a plan, oldest first. Repeat it until `queued` equals `events`; an event runs once in each replay.",
        query: &[],
        body: Some(&[optional(
            "limit",
            Kind::Whole(1, RUN_LIMIT),
            "At most so many now; 1,000 if not given.",
        )]),
        answer: Shape::Done(202, "replay_page"),
        errors: &[Code::NotFound, Code::Refused],
        run: run!(go_on),
    },
];

#[derive(Serialize)]
struct ReplayPage {
    #[serde(flatten)]
    plan: Plan,
    results: Vec<Came>,
}

async fn list(call: Call) -> Answered {
    Ok(Answer::list(&call.read().await?.plans(&call.query.part()).await?))
}

async fn look(call: &Call) -> Result<ReplayPage, Problem> {
    let plan = call.ledger().plan(call.id()).await?.ok_or_else(|| nothing("replay", call.id()))?;
    Ok(ReplayPage { results: call.ledger().results(&plan.replay).await?, plan })
}

async fn get(call: Call) -> Answered {
    Ok(Answer::object(&look(&call).await?))
}

async fn plan(call: Call) -> Answered {
    let (selection, keys) = choose(&call).await?;
    let chosen: Vec<Chosen> = keys.into_iter().map(|key| Chosen { key, brought: None }).collect();
    let cards = Cards::of(call.actor()?);
    let look_ahead: LookAhead = replay::look_ahead(call.ledger(), &chosen, cards).await.map_err(refused)?;
    let id = replay::plan(call.ledger(), &selection, &chosen, call.actor()?, call.now).await?;
    let planned =
        json!({"replay": id, "selection": selection, "events": chosen.len(), "look_ahead": look_ahead});
    Ok(Answer::done(StatusCode::CREATED, &planned))
}

async fn choose(call: &Call) -> Result<(String, Vec<EventKey>), Problem> {
    let (ids, cause) = (call.body.texts("ids"), call.body.text("cause"));
    match (&ids[..], cause) {
        ([], None) => Err(Problem::invalid("ids", "name events, or a cause")),
        ([_, ..], Some(_)) => Err(Problem::invalid("cause", "not together with ids")),
        ([], Some(given)) => {
            let fingerprint =
                named(call, &given).await?.ok_or_else(|| nothing("dead letter of cause", &given))?;
            let selection = format!("dead letters of cause {fingerprint}");
            let filter = EventFilter {
                outcome: Some(OutcomeKind::Dead.as_str().to_owned()),
                fingerprint: Some(fingerprint),
                limit: SELECTED_LIMIT,
                ..EventFilter::default()
            };
            Ok((selection, call.ledger().keys_of(&filter).await?))
        }
        (ids, None) => {
            let mut keys = Vec::new();
            for id in ids {
                let found = call.ledger().event(id).await?;
                if found.is_empty() {
                    return Err(nothing("event", id));
                }
                keys.extend(found.iter().map(StoredEvent::key));
            }
            Ok((ids.join(", "), keys))
        }
    }
}

async fn go_on(call: Call) -> Answered {
    let plan = look(&call).await?.plan.replay;
    let limit = usize::try_from(call.body.whole("limit").unwrap_or(RUN_LIMIT)).unwrap_or(usize::MAX);
    replay::run(call.ledger(), &call.console.queue, &plan, call.actor()?, (None, limit), &mut |_| {})
        .await
        .map_err(refused)?;
    Ok(Answer::done(StatusCode::ACCEPTED, &look(&call).await?))
}

fn refused(error: ReplayError) -> Problem {
    match error {
        ReplayError::Ledger(error) => error.into(),
        ReplayError::Rules(failure) => {
            Problem::new(Code::Refused, format!("the rules cannot fold these events: {failure}"))
        }
        ReplayError::Queue(error) => Problem::unavailable(
            "the queue takes no events now: repeat the request, it goes on where it ended",
            error,
        ),
    }
}
