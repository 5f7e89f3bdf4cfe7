//! One request of a browser: who asks, whether the form comes from our own page, and which page or act it wants.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::Actor;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use shared::http::body::Taken;

use super::acts;
use super::address::{Address, PARAMETERS_LIMIT};
use super::answer::{PageAnswer, Sources, answer};
use super::assets::Asset;
use super::dashboard::Waiting;
use super::form_fields::{FIELDS_LIMIT, FormFields};
use super::origin::is_foreign;
use super::page_responses::{Browsed, asset, elsewhere, file, html, unchanged, with_tag};
use super::values::capitalised;
use super::{invitation, live, me, shell, sign_in, written};
use crate::Console;
use crate::bodies;
use crate::client::Client;
use crate::endpoint::{BODY_LIMIT_BYTES, Endpoint};
use crate::multipart::{self, Part};
use crate::problem::{Code, Problem};
use crate::response_body::ResponseBody;
use crate::responses::HttpResponse;

pub(crate) async fn respond(
    console: &Arc<Console>,
    client: &Client,
    parts: Parts,
    body: Incoming,
    now: DateTime<Utc>,
) -> Browsed {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let Some(address) = Address::of(target) else {
        let unreadable = format!("The address is not text, or asks for more than {PARAMETERS_LIMIT} things");
        return Browsed::by(None, refused(&unreadable, StatusCode::BAD_REQUEST));
    };
    if let Some(found) = Asset::at(&address.path) {
        return Browsed::by(None, asset(found));
    }
    if parts.method == Method::POST {
        return post(console, client, &address, &parts, body, now).await;
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Browsed::by(
            None,
            refused("A page is looked at, or a form is sent", StatusCode::METHOD_NOT_ALLOWED),
        );
    }
    match address.path.as_str() {
        sign_in::PATH => return sign_in::look(&address),
        sign_in::CODE => return sign_in::look_at_code(&parts.headers, &address),
        invitation::PATH => return invitation::look(console, &address, now).await,
        _ => {}
    }
    match sign_in::actor(console, client, &parts.headers, now).await {
        Err(unavailable) => unavailable,
        Ok(None) => sign_in::leads_to(&parts.headers, target),
        Ok(Some(actor)) if address.path == me::PATH => {
            me::look(console, &actor, &parts.headers, &address, None, now).await
        }
        Ok(Some(actor)) => look(console, &actor, &address, &parts, now).await,
    }
}

async fn look(
    console: &Arc<Console>,
    actor: &Actor,
    address: &Address,
    parts: &Parts,
    now: DateTime<Utc>,
) -> Browsed {
    // A queue that cannot be asked is no reason to show nothing.
    let depth = console.queue.depth().await.ok();
    let waiting = depth.map(|depth| {
        Waiting::of(depth.ready, depth.oldest_age.and_then(|age| TimeDelta::from_std(age).ok()))
    });
    let tag = live::tag(&console.ledger, (actor, address), waiting, now).await;
    if let Some(tag) = tag.as_deref().filter(|tag| live::is_known(tag, &parts.headers)) {
        return Browsed::by(Some(actor), unchanged(tag));
    }
    let sources = Sources {
        ledger: &console.ledger,
        waiting,
        audit_key: console.audit_key.as_ref(),
        till: Some(&console.till),
    };
    let (answer, error) = answer(&sources, actor, address, now).await;
    let response = match answer {
        PageAnswer::Page { status, html: page } => with_tag(
            html(
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                maud::PreEscaped(page),
            ),
            tag.filter(|_| status == 200).as_deref(),
        ),
        PageAnswer::SeeOther(place) => elsewhere(&place),
        PageAnswer::Csv(sheet) => {
            let name = sheet.name();
            taken(sheet.send(console), &name, "text/csv; charset=utf-8")
        }
        PageAnswer::Report(wanted) => {
            let name = wanted.name();
            taken(wanted.send(console), &name, "application/x-tar")
        }
    };
    Browsed {
        cause: error.as_ref().map(|error| shared::telemetry::told(error)),
        is_fatal: error.as_ref().is_some_and(ledger::LedgerError::is_fatal),
        ..Browsed::by(Some(actor), response)
    }
}

/// A file, or that too many are being sent.
fn taken(body: Option<ResponseBody>, name: &str, content_type: &'static str) -> HttpResponse {
    match body {
        Some(body) => file(name, content_type, body),
        None => {
            refused("Too many files are being sent: try again in a minute", StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// A form. It must come from a page of ours: a cookie alone proves no intention.
async fn post(
    console: &Arc<Console>,
    client: &Client,
    address: &Address,
    parts: &Parts,
    incoming: Incoming,
    now: DateTime<Utc>,
) -> Browsed {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if is_foreign(&parts.headers, host) {
        return Browsed::by(None, refused("This form was sent from another site", StatusCode::FORBIDDEN));
    }
    let endpoint = acts::addressed(&address.path).map(|(endpoint, _)| endpoint);
    let limit_bytes = endpoint.map_or(BODY_LIMIT_BYTES, Endpoint::body_limit_bytes);
    // What is long is read only of somebody who is known.
    if limit_bytes > BODY_LIMIT_BYTES {
        return match sign_in::actor(console, client, &parts.headers, now).await {
            Err(unavailable) => unavailable,
            Ok(None) => {
                let read = read_form(console, endpoint, BODY_LIMIT_BYTES, parts, incoming).await;
                let fields = read.map(|((fields, _), _room)| fields).unwrap_or_default();
                written::signed_out(&parts.headers, endpoint, &fields)
            }
            Ok(Some(actor)) => match read_form(console, endpoint, limit_bytes, parts, incoming).await {
                Ok((form, _room)) => acts::run(console, &actor, address, parts, form, now).await,
                Err(problem) => Browsed::by(Some(&actor), unread(&problem)),
            },
        };
    }
    let ((fields, file), _room) = match read_form(console, endpoint, limit_bytes, parts, incoming).await {
        Ok(form) => form,
        Err(problem) => return Browsed::by(None, unread(&problem)),
    };
    match address.path.as_str() {
        sign_in::PATH => return sign_in::begin(console, client, &parts.headers, &fields, now).await,
        sign_in::CODE => return sign_in::finish(console, client, &parts.headers, &fields, now).await,
        sign_in::END => return sign_in::end(console, &parts.headers, now).await,
        invitation::PATH => return invitation::accept(console, &fields, now).await,
        _ => {}
    }
    match sign_in::actor(console, client, &parts.headers, now).await {
        Err(unavailable) => unavailable,
        Ok(None) => written::signed_out(&parts.headers, endpoint, &fields),
        Ok(Some(actor)) if address.path == me::PASSWORD => {
            me::change_password(console, client, &actor, parts, &fields, now).await
        }
        Ok(Some(actor)) => acts::run(console, &actor, address, parts, (fields, file), now).await,
    }
}

/// The fields of a form and its file; and the room that the form takes.
async fn read_form<'c>(
    console: &'c Console,
    endpoint: Option<&Endpoint>,
    limit_bytes: usize,
    parts: &Parts,
    incoming: Incoming,
) -> Result<((FormFields, Option<Part>), Taken<'c>), Problem> {
    let media_type =
        parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multipart::boundary(media_type).zip(endpoint);
    if boundary.is_none() && !media_type.starts_with("application/x-www-form-urlencoded") {
        return Err(Problem::new(Code::UnsupportedMediaType, "this is not how a browser sends a form"));
    }
    let taken = bodies::bytes(console, limit_bytes, incoming).await?;
    if let Some((boundary, endpoint)) = boundary {
        let form = multipart::read(&taken.bytes, boundary);
        let form = form.ok_or_else(|| Problem::new(Code::InvalidBody, "the form is not whole"))?;
        let (fields, file) = bodies::of_page(endpoint, form)?;
        return Ok(((FormFields(fields), file), taken));
    }
    let fields = std::str::from_utf8(&taken.bytes).ok().and_then(FormFields::of);
    let fields = fields.ok_or_else(|| {
        let detail = format!("the form is not text, or has more than {FIELDS_LIMIT} fields");
        Problem::new(Code::InvalidBody, detail)
    })?;
    Ok(((fields, None), taken))
}

/// Why a form could not be read.
fn unread(problem: &Problem) -> HttpResponse {
    refused(&capitalised(&problem.detail), problem.code.status())
}

/// For whoever is not known: without anything around it.
fn refused(what: &str, status: StatusCode) -> HttpResponse {
    let page = maud::html! {
        h1 { (what) "." }
        p { "Nothing was changed. Go back to the " a href="/" { "overview" } " and try again there." }
    };
    html(status, shell::bare(what, &page))
}
