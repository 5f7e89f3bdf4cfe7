//! Forms that do something. A form asks an endpoint of the API by its row in the table: the same permission, the same
//! words, the same audit; and its operation id is the key by which a second submission changes nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::money;
use domain::evidence::sha256;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::address::Address;
use super::form_fields::{BACK, FormFields, undone};
use super::modes;
use super::page_responses::{Browsed, elsewhere, html as page_of};
use super::shell::{self, Frame};
use super::shown_once;
use super::sign_in::is_ours;
use super::written;
use crate::Console;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Endpoint};
use crate::fields::{Fields, Kind};
use crate::idempotency::{self, Begun};
use crate::multipart::Part;
use crate::permit::permit;
use crate::problem::{Code, Problem};
use crate::resources::endpoints;
use crate::router::{Routed, route};

/// Before the address of an endpoint.
const DO: &str = "/do";
/// The operation id of a form.
const ONCE: &str = "once";

/// What a page says of an act that led back to it.
const DONE: [(&str, &str); 33] = [
    ("accept_finding", "The finding was accepted"),
    ("acknowledge_finding", "The finding was acknowledged"),
    ("add_notice_target", "The target was added"),
    ("approve_pending_change", "The change was approved"),
    ("attach_evidence", "The file was attached"),
    ("close_checkout", "The checkout was closed"),
    ("decide_on_ban", "The decision was kept"),
    ("delete_view", "The view was deleted"),
    ("disable_member", "The member was disabled"),
    ("discard_dead_letters", "The dead letters were discarded"),
    ("enable_member", "The member was enabled"),
    ("end_session", "The session was ended"),
    ("leave_out_evidence", "The field was left out"),
    ("lift_block", "The block was lifted"),
    ("lift_hold", "The hold was lifted"),
    ("open_checkout", "The checkout was opened"),
    ("pause_workers", "The workers were paused"),
    ("place_block", "The block was placed"),
    ("place_hold", "The hold was placed"),
    ("reject_listing", "The listing was rejected"),
    ("reject_pending_change", "The change was rejected"),
    ("reopen_dispute", "The dispute was reopened"),
    ("reopen_finding", "The finding was reopened"),
    ("resolve_dispute", "The dispute was resolved"),
    ("resolve_finding", "The finding was marked as fixed"),
    ("resume_workers", "The workers were resumed"),
    ("revoke_token", "The token was revoked"),
    ("run_replay", "The events were queued"),
    ("save_view", "The view was saved"),
    ("set_policy", "The policy was set"),
    ("set_roles", "The roles were set"),
    ("snooze_finding", "The finding was snoozed"),
    ("write_evidence", "The answer was saved"),
];

/// A form on a page.
pub struct Act<'a> {
    /// The endpoint's name in the table.
    pub endpoint: &'static str,
    /// What stands for `{…}` in its path.
    pub path: &'a [&'a str],
    pub title: &'a str,
    /// What it does to what, and how much, before it is done.
    pub consequence: Markup,
    pub fields: Markup,
    pub button: &'a str,
    pub is_dangerous: bool,
}

/// The form; for whoever may not, why not.
pub fn form(frame: &Frame<'_>, act: &Act<'_>) -> Markup {
    let Some(endpoint) = endpoints().find(|endpoint| endpoint.name == act.endpoint) else { return html! {} };
    if let Access::Needs(permission) = endpoint.access
        && !frame.actor.has(permission)
    {
        return html! {
            p.muted { span aria-disabled="true" { (act.title) } ": needs " code { (permission) } ", which " (frame.actor.name()) " does not have." }
        };
    }
    let once = format!("form_{}", shared::trace::random_hex::<16>());
    html! {
        details.act {
            summary { (act.title) }
            form.form method="post" action=(action(endpoint, act.path, frame)) enctype=[endpoint.takes_file().then_some("multipart/form-data")] {
                input type="hidden" name=(ONCE) value=(once);
                input type="hidden" name=(BACK) value=(frame.address.with("done", Some(endpoint.name)));
                p { (act.consequence) }
                (act.fields)
                div { button type="submit" class=(if act.is_dangerous { "danger" } else { "primary" }) { (act.button) } }
            }
        }
    }
}

/// A field for words.
pub fn words(name: &str, label: &str, hint: &str, is_long: bool) -> Markup {
    let id = format!("{name}-{}", shared::trace::random_hex::<4>());
    html! {
        div.field {
            label for=(id) { (label) }
            @if is_long { textarea id=(id) name=(name) required maxlength="10000" {} }
            @else { input id=(id) name=(name) type="text" autocomplete="off" maxlength="255"; }
            @if !hint.is_empty() { span.hint { (hint) } }
        }
    }
}

pub fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// What a page says after a form was done.
pub fn done(address: &Address) -> Markup {
    let (done, waits) = (address.get("done"), address.get("waits"));
    let Some(name) = done.or(waits) else { return html! {} };
    let Some(endpoint) = endpoints().find(|endpoint| endpoint.is_act() && endpoint.name == name) else {
        return html! {};
    };
    let did = match endpoint.name {
        name if name.starts_with("note_on_") => "The note was added",
        name if name.starts_with("assign_") => "It was assigned",
        name => DONE.iter().find(|(done, _)| *done == name).map_or("It was done", |(_, words)| words),
    };
    html! {
        @if done.is_some() {
            p.note.good role="status" { (did) ". It is in the audit." }
        } @else {
            p.note.warn role="status" { "It was asked for, and waits for a second administrator, who finds it under " a href="/staff" { "Staff" } "." }
        }
    }
}

/// Where an endpoint asks whose object it is, the form says so: one id may be of both modes, and of several accounts.
fn action(endpoint: &Endpoint, names: &[&str], frame: &Frame<'_>) -> String {
    let mut names = names.iter();
    let parts = endpoint
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { names.next().copied().unwrap_or_default() } else { part });
    let path = format!("{DO}{}", parts.map(super::address::encoded).collect::<Vec<_>>().join("/"));
    let takes = |name: &str| endpoint.query.iter().copied().flatten().any(|field| field.name == name);
    let livemode = if frame.livemode { "true" } else { "false" };
    let mode = takes("livemode").then_some(("livemode", livemode));
    let account = frame.account.as_deref().filter(|_| takes("account")).map(|account| ("account", account));
    super::address::link(&path, mode.into_iter().chain(account))
}

/// Does what a form asks for, once, and leads to the page of what it made, or back.
pub(super) async fn run(
    console: &Arc<Console>,
    actor: &Actor,
    address: &Address,
    parts: &Parts,
    (mut fields, file): (FormFields, Option<Part>),
    now: DateTime<Utc>,
) -> Browsed {
    let (once, back) = (fields.take(ONCE), fields.take(BACK));
    let back = back.filter(|back| is_ours(back));
    let livemode = modes::named(address).unwrap_or(true);
    let frame = Frame { actor, address, livemode, now, account: None, saved: Vec::new(), waiting: 0 };
    match act(console, actor, parts, once, (&fields, file), now).await {
        Ok((name, answer)) => {
            if let Some(secret) = shown_once::page(&frame, name, &answer, back.as_deref()) {
                return Browsed::by(Some(actor), page_of(StatusCode::OK, secret));
            }
            let place = made(name, &answer).or_else(|| back.map(|back| after(&back, &answer)));
            Browsed::by(Some(actor), elsewhere(place.as_deref().unwrap_or("/")))
        }
        Err(problem) => {
            let endpoint = addressed(parts.uri.path()).map(|(endpoint, _)| endpoint);
            let body = refused(&problem, back.as_deref(), &written::shown(endpoint, &fields));
            let page = shell::page(&frame, title(problem.code), &Markup::default(), &body);
            Browsed {
                cause: problem.cause.clone(),
                is_fatal: problem.is_fatal,
                ..Browsed::by(Some(actor), page_of(problem.code.status(), page))
            }
        }
    }
}

/// The endpoint that a form is sent to, and what its path names.
pub(super) fn addressed(path: &str) -> Option<(&'static Endpoint, Vec<String>)> {
    match route(endpoints(), &Method::POST, path.strip_prefix(DO)?) {
        Routed::To(endpoint, names) => Some((endpoint, names)),
        _ => None,
    }
}

async fn act(
    console: &Arc<Console>,
    actor: &Actor,
    parts: &Parts,
    once: Option<String>,
    (fields, file): (&FormFields, Option<Part>),
    now: DateTime<Utc>,
) -> Result<(&'static str, Answer), Problem> {
    let path = parts.uri.path();
    let Some((endpoint, names)) = addressed(path) else {
        return Err(Problem::new(Code::NotFound, "no form is sent to this address"));
    };
    permit(console, endpoint, actor, now).await?;
    let once = once.filter(|once| once.starts_with("form_") && once.len() <= 64);
    let once =
        once.ok_or_else(|| Problem::invalid(ONCE, "the form has no operation id: load its page again"))?;
    let query = Fields::of_query(parts.uri.query().unwrap_or_default(), endpoint.query, now)?;
    let mut given = body(endpoint, fields)?;
    let file = file.map(|part| {
        let told = json!({"name": part.file_name.unwrap_or_default(), "sha256": sha256(&part.content)});
        given.insert(part.name, told);
        part.content
    });
    let target = parts.uri.path_and_query().map_or(path, |target| target.as_str());
    let hash = idempotency::request_hash("POST", target, &Value::Object(given.clone()));
    let body = Fields::of_body(given, endpoint.body.unwrap_or_default(), now)?;
    let call = Call {
        console: Arc::clone(console),
        actor: Some(actor.clone()),
        path: names,
        query,
        body,
        file,
        now,
    };
    match idempotency::begin(&console.ledger, actor, once, &hash, now).await? {
        // It was done before: the same page follows.
        Begun::Answered(answered) => answered.map(|answer| (endpoint.name, answer)),
        Begun::Free(taken) => {
            let answered = (endpoint.run)(call).await;
            idempotency::end(&console.ledger, taken, &answered).await?;
            answered.map(|answer| (endpoint.name, answer))
        }
    }
}

/// The page of what an act has made, where that has one of its own.
fn made(endpoint: &str, answer: &Answer) -> Option<String> {
    let replay = answer.document.get("replay").and_then(Value::as_str);
    let id_of = |place| answer.document.pointer(place).and_then(Value::as_str);
    let (operation, batch) = (id_of("/operation/id"), id_of("/batch/id"));
    let page = |kind, id: Option<&str>| id.map(|id| super::values::page_of(kind, id));
    let member = answer.document.get("name").and_then(Value::as_str).filter(|_| endpoint == "add_member");
    let made =
        page("replay", replay).or_else(|| page("operation", operation)).or_else(|| page("batch", batch));
    made.or_else(|| page("staff", member))
}

/// Where an act leads back to: its page says that it was done, or that it waits for a second administrator.
fn after(back: &str, answer: &Answer) -> String {
    if answer.document.get("pending").is_some_and(Value::is_object) {
        back.replace("done=", "waits=")
    } else {
        back.to_owned()
    }
}

/// The fields of a form as the members of a body; what was left empty is not given.
fn body(endpoint: &Endpoint, fields: &FormFields) -> Result<Map<String, Value>, Problem> {
    let kind_of = |name: &str| {
        let known = endpoint.body.unwrap_or_default().iter().find(|field| field.name == name);
        known.map(|field| field.kind)
    };
    let currency = fields.get("currency");
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in &fields.0 {
        let (name, value) = (name.clone(), value.trim().to_owned());
        if value.is_empty() {
            continue;
        }
        match kind_of(&name) {
            Some(Kind::Ids | Kind::Words(_)) => {
                if let Value::Array(items) = members.entry(name).or_insert(Value::Array(Vec::new())) {
                    items.push(Value::String(value));
                }
            }
            // People write `20` and mean `20.00`.
            Some(Kind::Amount) => {
                let amount = money::read(&ungrouped(&value), currency.unwrap_or("usd"));
                let amount = amount.map_err(|fault| Problem::invalid(&name, fault))?;
                members.insert(name, amount.into());
            }
            Some(Kind::Flag) => {
                members.insert(name, Value::Bool(value == "true"));
            }
            Some(Kind::Whole(..)) if value.parse::<i64>().is_ok() => {
                members.insert(name, value.parse::<i64>().map(Value::from).unwrap_or_default());
            }
            _ => {
                members.insert(name, Value::String(value));
            }
        }
    }
    Ok(members)
}

/// `7,000.00`, as pages show it, without its separators. Without a point, `7,000` may mean seven: it is left as it is.
fn ungrouped(amount: &str) -> String {
    let is_grouped = |whole: &str| {
        let mut groups = whole.split(',');
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
    };
    match amount.split_once('.') {
        Some((whole, _)) if is_grouped(whole) => amount.replace(',', ""),
        _ => amount.to_owned(),
    }
}

/// What a page is called where nothing was done.
fn title(code: Code) -> &'static str {
    match code {
        Code::InvalidParameter => "Something in the form is not right",
        code => code.title(),
    }
}

/// Why nothing was done, in the words of the API, and what was written.
fn refused(problem: &Problem, back: Option<&str>, written: &Markup) -> Markup {
    html! {
        div.title { h1 { (title(problem.code)) } }
        section.panel { div.empty {
            p { strong { (super::values::capitalised(&problem.detail)) "." } }
            @match problem.code {
                Code::KeyInUse => { p { "The same form was sent a moment ago and is in progress: look at the page before you send it again." } }
                Code::Unavailable | Code::OutcomeUnknown => { p { "Look whether it was done before you send it again." } }
                _ => { p { "Nothing was changed." } }
            }
            @if let Some(back) = back { p { a href=(undone(back)) { "Back to the page" } } }
        } }
        (written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_be_done_can_be_done() {
        for (name, _) in DONE {
            assert!(endpoints().any(|endpoint| endpoint.is_act() && endpoint.name == name), "{name}");
        }
    }

    #[test]
    fn separators_are_taken_out_only_where_they_can_be_nothing_else() {
        for (written, read) in [
            ("7,000.00", "7000.00"),
            ("1,234,567.89", "1234567.89"),
            ("20.00", "20.00"),
            ("7,000", "7,000"),
            ("20,5", "20,5"),
            ("1,0.50", "1,0.50"),
            (",000.50", ",000.50"),
            ("1234,567.00", "1234,567.00"),
        ] {
            assert_eq!(ungrouped(written), read);
        }
    }
}
