//! `/_fake/…`: what only a fake can do. Time passes on demand, banks decide on demand, and things go wrong on demand.
//! Parameters come as a form; `GET /_fake/` lists all of this.

use std::time::Duration;

use serde_json::{Value, json};

use crate::call::Reply;
use crate::error::{Answer, Refusal};
use crate::faults::Fault;
use crate::params::Params;
use crate::state::State;
use crate::{disputes, payment_intents, payouts, refunds, subscriptions};

/// Each path with its parameters and what it does.
pub const PATHS: &[(&str, &str, &str)] = &[
    ("GET /_fake/", "", "this list"),
    ("POST /_fake/clock", "advance_secs or now", "moves the clock: what is due by then happens"),
    (
        "POST /_fake/faults",
        "fault, at, times, length",
        "the next requests go wrong: cut_before, cut_during, cut_after, slow, trouble, trouble_after, rate_limit, lock_timeout, approval_required, malformed; at=POST /v1/refunds narrows it, length is milliseconds, seconds or a status",
    ),
    ("DELETE /_fake/faults", "", "nothing goes wrong any more"),
    ("POST /_fake/limit", "requests_per_sec", "more than that are answered 429"),
    ("GET /_fake/approvals", "", "requests that wait for an approval"),
    ("POST /_fake/approvals/ID", "", "approves one: it is executed"),
    ("POST /_fake/disputes", "charge, reason, amount, inquiry", "the customer's bank opens a dispute"),
    (
        "POST /_fake/disputes/ID",
        "status",
        "the bank decides: won, lost, or needs_response, which escalates an inquiry",
    ),
    ("POST /_fake/warnings", "charge", "the bank warns of fraud"),
    (
        "POST /_fake/refunds/ID",
        "status, reason",
        "the bank deals with it: succeeded, failed, requires_action",
    ),
    ("POST /_fake/payment_intents/ID", "authenticated", "the customer proves who they are: true or false"),
    ("POST /_fake/payouts", "currency", "all that is available is paid out, as Stripe does it by itself"),
    ("POST /_fake/payouts/ID", "status", "the bank answers: paid or failed"),
    ("POST /_fake/subscriptions/ID/renew", "", "its next period begins"),
    ("POST /_fake/deliveries", "late_millis, twice_percent, lost_percent, retry_millis", "how events travel"),
    ("POST /_fake/events/ID", "", "an event is sent again"),
    (
        "POST /_fake/settings",
        "see docs",
        "how the account behaves: refunds_need_balance, settles_after_secs, available_after_secs, refunds_move_after_secs, disputes_end_after_secs, payouts_arrive_after_secs",
    ),
    ("GET /_fake/requests", "", "all requests so far"),
];

pub(crate) fn answer(state: &mut State, method: &str, path: &str, parameters: &Value) -> Reply {
    let params = Params(parameters);
    let done = act(state, method, path, params);
    state.pass_time();
    match done {
        Ok(value) => Reply::ok(value.to_string()),
        Err(refusal) => refusal.reply(),
    }
}

fn act(state: &mut State, method: &str, path: &str, params: Params<'_>) -> Answer {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method, &parts[..]) {
        ("GET", [""]) => {
            let paths = PATHS
                .iter()
                .map(|(path, takes, does)| json!({ "path": path, "parameters": takes, "does": does }));
            Ok(json!({ "paths": paths.collect::<Vec<_>>() }))
        }
        ("GET", ["requests"]) => Ok(json!({ "requests": state.requests })),
        ("GET", ["approvals"]) => Ok(json!({ "waiting": state.approvals.ids() })),
        ("POST", ["approvals", id]) => state.approve(id),
        ("POST", ["clock"]) => move_clock(state, params),
        ("POST", ["faults"]) => plan(state, params),
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Ok(json!({ "faults": 0 }))
        }
        ("POST", ["limit"]) => {
            state.limit = params.integer("requests_per_sec")?.and_then(|limit| usize::try_from(limit).ok());
            Ok(json!({ "requests_per_sec": state.limit }))
        }
        ("POST", ["deliveries"]) => deliver(state, params),
        ("POST", ["settings"]) => set(state, params),
        _ => at_the_bank(state, method, &parts, params),
    }
}

/// What banks and customers do.
fn at_the_bank(state: &mut State, method: &str, parts: &[&str], params: Params<'_>) -> Answer {
    let livemode = params.flag("livemode")?.unwrap_or(false);
    let books = state.books(params.text("account").unwrap_or_default(), livemode);
    match (method, parts) {
        ("POST", ["disputes"]) => {
            let charge = params.required("charge")?;
            books.find("charge", charge, "charge")?;
            let is_inquiry = params.flag("inquiry")?.unwrap_or(false);
            let (status, code) =
                if is_inquiry { ("warning_needs_response", "10") } else { ("needs_response", "10.4") };
            let reason = params.text("reason").unwrap_or("fraudulent");
            let amount = params.amount("amount")?;
            let id = disputes::open(books, charge, reason, code, status, amount);
            disputes::retrieve(books, &id)
        }
        ("POST", ["disputes", id]) => {
            let status = params
                .one_of("status", &["won", "lost", "needs_response", "warning_closed"])?
                .unwrap_or("lost");
            disputes::end(books, id, status)
        }
        ("POST", ["warnings"]) => {
            let charge = params.required("charge")?;
            books.find("charge", charge, "charge")?;
            disputes::warn(books, charge);
            Ok(json!({ "charge": charge }))
        }
        ("POST", ["refunds", id]) => {
            match params.one_of("status", &["succeeded", "failed", "requires_action"])? {
                Some("failed") => refunds::fail(books, id, params.text("reason").unwrap_or("unknown")),
                Some("requires_action") => refunds::ask_customer(books, id),
                _ => {
                    refunds::succeed(books, id);
                    refunds::retrieve(books, id)
                }
            }
        }
        ("POST", ["payment_intents", id]) => {
            payment_intents::authenticate(books, id, params.flag("authenticated")?.unwrap_or(true))
        }
        ("POST", ["payouts"]) => match payouts::pay_all(books, &params.currency()?) {
            Some(id) => payouts::retrieve(books, &id),
            None => Err(Refusal::new("Nothing is available in that currency.")),
        },
        ("POST", ["payouts", id]) => {
            if params.text("status") == Some("failed") {
                return payouts::fail(books, id);
            }
            payouts::arrive(books, id);
            payouts::retrieve(books, id)
        }
        ("POST", ["subscriptions", id, "renew"]) => subscriptions::renew(books, id),
        ("POST", ["events", id]) => {
            let place = books.events.iter().position(|event| event.id == *id);
            let place = place.ok_or_else(|| Refusal::no_such("event", id, "id"))?;
            books.unsent.push(place);
            Ok(json!({ "id": id }))
        }
        (method, _) => Err(Refusal::unknown_url(method, "/_fake")),
    }
}

fn move_clock(state: &mut State, params: Params<'_>) -> Answer {
    if let Some(secs) = params.integer("advance_secs")? {
        state.clock.advance(secs);
    }
    if let Some(now) = params.integer("now")? {
        state.clock.set(now);
    }
    Ok(json!({ "now": state.clock.now() }))
}

fn plan(state: &mut State, params: Params<'_>) -> Answer {
    let name = params.required("fault")?;
    let length = params.integer("length")?.and_then(|length| u64::try_from(length).ok());
    let fault = Fault::named(name, length)
        .ok_or_else(|| Refusal::invalid("fault", format!("There is no fault `{name}`.")))?;
    let times = params.integer("times")?.and_then(|times| usize::try_from(times).ok()).unwrap_or(1);
    state.faults.plan(params.text("at").unwrap_or_default(), std::iter::repeat_n(fault, times));
    Ok(json!({ "fault": name, "times": times }))
}

fn deliver(state: &mut State, params: Params<'_>) -> Answer {
    let number =
        |name: &str| params.integer(name).map(|number| number.and_then(|number| u64::try_from(number).ok()));
    let delivering = &mut state.courier.delivering;
    if let Some(millis) = number("late_millis")? {
        delivering.late = Duration::from_millis(millis);
    }
    if let Some(percent) = number("twice_percent")? {
        delivering.twice_percent = percent;
    }
    if let Some(percent) = number("lost_percent")? {
        delivering.lost_percent = percent;
    }
    if let Some(millis) = number("retry_millis")? {
        delivering.retry_after = Duration::from_millis(millis);
    }
    Ok(json!({ "pending": state.courier.pending() }))
}

fn set(state: &mut State, params: Params<'_>) -> Answer {
    let settings = &mut state.settings;
    if let Some(needed) = params.flag("refunds_need_balance")? {
        settings.refunds_need_balance = needed;
    }
    for (name, setting) in [
        ("settles_after_secs", &mut settings.settles_after_secs),
        ("available_after_secs", &mut settings.available_after_secs),
        ("refunds_move_after_secs", &mut settings.refunds_move_after_secs),
        ("disputes_end_after_secs", &mut settings.disputes_end_after_secs),
        ("payouts_arrive_after_secs", &mut settings.payouts_arrive_after_secs),
    ] {
        if let Some(secs) = params.integer(name)? {
            *setting = secs;
        }
    }
    Ok(json!({ "settings": format!("{settings:?}") }))
}
