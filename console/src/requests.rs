//! One request from head to answer: find the endpoint, know who asks, read what is asked for, do it, say what came of
//! it. The work runs in a task of its own: a client that hangs up cancels nothing half-way.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use domain::permissions::Permission;
use hyper::body::Incoming;
use hyper::header::TRANSFER_ENCODING;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::Value;
use shared::http::framing;

use crate::Console;
use crate::answer::Answer;
use crate::authenticate;
use crate::bodies::{self, Given};
use crate::call::Call;
use crate::client::Client;
use crate::endpoint::{Access, Answered, Endpoint};
use crate::fields::Fields;
use crate::idempotency::{self, Begun};
use crate::metrics::{NO_ENDPOINT, PAGES, RatedBy};
use crate::pages::browser;
use crate::pages::page_responses::Browsed;
use crate::permit::permit;
use crate::problem::{Code, Problem};
use crate::resources::endpoints;
use crate::responses::{self, HttpResponse};
use crate::router::{Routed, route};
use crate::schemas::card_names;

/// Below these there are no pages.
const API: [&str; 3] = ["/api/", "/admin/api/", "/payments/api/"];

/// What a request came to, and what its client and its line in the log are told beside the answer.
struct Came {
    endpoint: &'static str,
    actor: Option<String>,
    answered: Answered,
    is_replayed: bool,
    allowed: Vec<&'static Method>,
    retry_after_secs: Option<u64>,
    /// What a browser gets instead of a document.
    page: Option<HttpResponse>,
}

impl Came {
    fn to(endpoint: &'static str, answered: Answered) -> Self {
        Self {
            endpoint,
            actor: None,
            answered,
            is_replayed: false,
            allowed: Vec::new(),
            retry_after_secs: None,
            page: None,
        }
    }
}

/// Answers one request, and writes its line.
pub(crate) async fn answer(console: Arc<Console>, peer: IpAddr, request: Request<Incoming>) -> HttpResponse {
    let began = Instant::now();
    let (id, method) = (format!("req_{}", shared::trace::random_hex::<12>()), request.method().clone());
    let (parts, body) = request.into_parts();
    let (headers, in_doubt) = (parts.headers.clone(), parts.headers.contains_key(TRANSFER_ENCODING));
    console.metrics.in_flight.inc();
    let mut came = respond(&console, peer, parts, body).await;
    console.metrics.in_flight.dec();
    let mut response = match came.page.take() {
        Some(page) => page,
        None => responses::of(&came.answered, &id, &headers),
    };
    if came.is_replayed {
        responses::mark_replayed(&mut response);
    }
    if let Some(secs) = came.retry_after_secs {
        responses::retry_after(&mut response, secs);
    }
    responses::allow(&mut response, &came.allowed);
    // Where a request may not have been read to its end, what follows might be read in two ways.
    if in_doubt || came.answered.is_err() {
        responses::close(&mut response);
    }
    console.metrics.answered(came.endpoint, response.status());
    console.metrics.request_seconds.observe(began.elapsed().as_secs_f64());
    note(&console, &id, &method, &came, response.status().as_u16(), began);
    response
}

async fn respond(console: &Arc<Console>, peer: IpAddr, parts: Parts, body: Incoming) -> Came {
    let nowhere = |problem| Came::to(NO_ENDPOINT, Err(problem));
    if let Some(fault) = framing::fault(parts.version, &parts.headers) {
        console.metrics.connections.misframed();
        return nowhere(match fault {
            framing::Misframed::UnknownCoding => {
                Problem::new(Code::UnknownCoding, "send the body as it is, or chunked")
            }
            framing::Misframed::Host => {
                Problem::new(Code::MalformedRequest, "it has not one good Host header")
            }
            framing::Misframed::ChunkedTwice => {
                Problem::new(Code::MalformedRequest, "it is chunked more than once")
            }
        });
    }
    let client = Client::of(console.proxy.as_ref(), peer, &parts.headers);
    if let Err(secs) = console.address_rate.take(client.network) {
        console.metrics.rate_limited(RatedBy::Address);
        let problem =
            Problem::new(Code::RateLimited, format!("too many requests from this address: wait {secs} s"));
        return Came { retry_after_secs: Some(secs), ..nowhere(problem) };
    }
    let (endpoint, path) = match route(endpoints(), &parts.method, parts.uri.path()) {
        Routed::To(endpoint, path) => (endpoint, path),
        Routed::OtherMethod(allowed) => {
            let names: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
            let problem =
                Problem::new(Code::MethodNotAllowed, format!("this address takes {}", names.join(", ")));
            return Came { allowed, ..nowhere(problem) };
        }
        Routed::Nowhere if !API.iter().any(|below| parts.uri.path().starts_with(below)) => {
            return browse(console, client, parts, body).await;
        }
        Routed::Nowhere => {
            let detail = "there is nothing at this address: /api/openapi.json lists what there is";
            return nowhere(Problem::new(Code::NotFound, detail));
        }
    };
    let Ok(place) = Arc::clone(&console.places).try_acquire_owned() else {
        let detail = "too many requests are in progress: try again in a second";
        return Came::to(endpoint.name, Err(Problem::new(Code::Unavailable, detail)));
    };
    let worker = Arc::clone(console);
    let task = console.tasks.spawn(async move {
        let _place = place;
        serve(&worker, endpoint, path, parts, body).await
    });
    let came = match tokio::time::timeout(console.limits.answer_deadline, task).await {
        Ok(Ok(came)) => came,
        Ok(Err(panicked)) => {
            let problem =
                Problem::new(Code::Internal, "this is our fault: tell the operator the request's id");
            Came::to(endpoint.name, Err(Problem { cause: Some(panicked.to_string()), ..problem }))
        }
        Err(elapsed) => {
            let detail = "the answer took too long; what was begun goes on: look before you repeat it";
            Came::to(endpoint.name, Err(Problem::unavailable(detail, elapsed)))
        }
    };
    if matches!(&came.answered, Err(problem) if problem.is_fatal) {
        console.broken.cancel();
    }
    came
}

/// A page, or a form of one. It runs to its end whatever becomes of the client.
async fn browse(console: &Arc<Console>, client: Client, parts: Parts, body: Incoming) -> Came {
    let Ok(place) = Arc::clone(&console.places).try_acquire_owned() else {
        let detail = "too many requests are in progress: try again in a second";
        return Came::to(PAGES, Err(Problem::new(Code::Unavailable, detail)));
    };
    let (worker, is_form) = (Arc::clone(console), parts.method == Method::POST);
    let task = console.tasks.spawn(async move {
        let _place = place;
        Box::pin(browser::respond(&worker, &client, parts, body, shared::clock::now())).await
    });
    match tokio::time::timeout(console.limits.answer_deadline, task).await {
        Ok(Ok(Browsed { mut response, actor, cause, is_fatal })) => {
            if is_fatal {
                console.broken.cancel();
            }
            // A form that was refused may not have been read to its end.
            if is_form && !response.status().is_redirection() {
                responses::close(&mut response);
            }
            let answered = match cause {
                Some(cause) => Err(Problem::unavailable("the ledger does not answer", cause)),
                None => Ok(Answer::done(response.status(), &())),
            };
            Came { actor, page: Some(response), ..Came::to(PAGES, answered) }
        }
        Ok(Err(panicked)) => {
            let problem =
                Problem::new(Code::Internal, "this is our fault: tell the operator the request's id");
            Came::to(PAGES, Err(Problem { cause: Some(panicked.to_string()), ..problem }))
        }
        Err(elapsed) => Came::to(PAGES, Err(Problem::unavailable("the page took too long", elapsed))),
    }
}

/// Knows who asks, and does the work.
async fn serve(
    console: &Arc<Console>,
    endpoint: &'static Endpoint,
    path: Vec<String>,
    parts: Parts,
    body: Incoming,
) -> Came {
    let now = shared::clock::now();
    let mut came = Came::to(endpoint.name, Err(Problem::new(Code::Internal, "")));
    let actor = match endpoint.access {
        Access::Anybody => None,
        Access::Needs(_) => match authenticate::actor(console, &parts.headers, now).await {
            Ok(actor) => Some(actor),
            Err(problem) => return Came { answered: Err(problem), ..came },
        },
    };
    came.actor = actor.as_ref().map(Actor::name);
    if let Some(actor) = &actor
        && let Err(secs) = authenticate::take_rate(console, actor, now).await
    {
        let problem =
            Problem::new(Code::RateLimited, format!("too many requests with this token: wait {secs} s"));
        return Came { answered: Err(problem), retry_after_secs: Some(secs), ..came };
    }
    let done = act(console, endpoint, actor, path, &parts, body, now).await;
    (came.answered, came.is_replayed) = match done {
        Ok((answered, is_replayed)) => (answered, is_replayed),
        Err(problem) => (Err(problem), false),
    };
    came
}

/// Checks the permission, reads what is asked for, and does it, at most once for each key. `true`: it was answered
/// before.
async fn act(
    console: &Arc<Console>,
    endpoint: &'static Endpoint,
    actor: Option<Actor>,
    path: Vec<String>,
    parts: &Parts,
    body: Incoming,
    now: DateTime<Utc>,
) -> Result<(Answered, bool), Problem> {
    if let Some(actor) = &actor {
        permit(console, endpoint, actor, now).await?;
    }
    let query = Fields::of_query(parts.uri.query().unwrap_or_default(), endpoint.query, now)?;
    let key = if endpoint.keeps_answers() { idempotency::key(&parts.headers)? } else { None };
    let given = match endpoint.body {
        Some(_) => bodies::read(console, endpoint, parts, body).await?,
        None => Given::default(),
    };
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let hash =
        idempotency::request_hash(parts.method.as_str(), target, &Value::Object(given.members.clone()));
    // The body takes its room until its request is answered.
    let Given { file, members: given, room: _room } = given;
    let body = Fields::of_body(given, endpoint.body.unwrap_or_default(), now)?;
    let sees_cards = actor.as_ref().is_none_or(|actor| actor.has(Permission::Manage));
    let key = key.zip(actor.clone());
    let call = Call { console: Arc::clone(console), actor, path, query, body, file, now };
    let (answered, is_replayed) = match key {
        None => ((endpoint.run)(call).await, false),
        Some((key, actor)) => match idempotency::begin(&console.ledger, &actor, key, &hash, now).await? {
            Begun::Answered(answered) => (answered, true),
            Begun::Free(taken) => {
                let answered = (endpoint.run)(call).await;
                idempotency::end(&console.ledger, taken, &answered).await?;
                (answered, false)
            }
        },
    };
    // Whichever way it came: of an answer everything is kept.
    let shown = answered.map(|answer| if sees_cards { answer } else { answer.without(&card_names()) });
    Ok((shown, is_replayed))
}

fn note(console: &Console, request_id: &str, method: &Method, came: &Came, status: u16, began: Instant) {
    let problem = came.answered.as_ref().err();
    let code = problem.map(|problem| problem.code.as_str());
    let error = problem.and_then(|problem| problem.cause.as_deref());
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (endpoint, method, actor) = (came.endpoint, method.as_str(), came.actor.as_deref());
    if status >= 500 {
        tracing::error!(
            request_id,
            endpoint,
            method,
            status,
            duration_ms,
            actor,
            code,
            error,
            "request failed"
        );
    } else if actor.is_some() {
        tracing::info!(request_id, endpoint, method, status, duration_ms, actor, code, "request answered");
    } else if let Some(lines_withheld) = console.log_budget.take() {
        tracing::info!(
            request_id,
            endpoint,
            method,
            status,
            duration_ms,
            code,
            lines_withheld,
            "request answered"
        );
    }
}
