//! Turns the figures into lines, each with a mark and advice. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use domain::HANDLER_VERSION;
use ledger::tables::checkout_closings::Closing;
use ledger::views::gauges::COUNT_LIMIT;

use super::figures::{Figures, LedgerFigures, ProcessFigures, QueueFigures, Sample, Side};
use super::{finding_lines, money_lines};
use crate::doctor::listeners;
use crate::finding::Finding;
use crate::output::me;
use crate::{cause, checkout, clock_skew, money, pause, when};

const LATENCY_LOOK_SECS: f64 = 5.0;
const LATENCY_ACT_SECS: f64 = 10.0;
const OLDEST_LOOK_SECS: f64 = 10.0;
const OLDEST_ACT_SECS: f64 = 60.0;
const READY_LOOK_MESSAGES: u64 = 2_000;
const DEAD_ACT_EVENTS_AN_HOUR: i64 = 10;
const DEAD_ACT_AGE: TimeDelta = TimeDelta::days(1);
const CAUSES_SHOWN: usize = 5;
/// So long after its time a retry is overdue: nobody works.
const RETRY_ACT_LATE: TimeDelta = TimeDelta::minutes(1);
const SILENCE_LOOK: TimeDelta = TimeDelta::days(1);
const NAMED_LOOK_AGE: TimeDelta = TimeDelta::days(1);
const CLOCK_LOOK_SECS: f64 = 2.0;
const CLOCK_ACT_SECS: f64 = 30.0;

/// In the order in which an event meets them.
pub fn lines(figures: &Figures, now: DateTime<Utc>) -> Vec<Finding> {
    let mut lines = vec![process("gateway", &figures.gateway, "GATEWAY_INTERNAL_ADDR")];
    let ledger = match &figures.ledger {
        Side::Answers(ledger) => Some(ledger),
        Side::Away { .. } => None,
    };
    let is_paused = ledger.is_some_and(|ledger| ledger.pause.is_some());
    lines.push(match &figures.queue {
        Side::Answers(queue) => waiting(queue, is_paused),
        Side::Away { error, .. } => Finding::act(
            "queue",
            error,
            "webhooks are answered 503 meanwhile, and Stripe resends them. Bring the queue back; `tidegate doctor` says more",
        ),
    });
    lines.push(process("worker", &figures.worker, "WORKER_INTERNAL_ADDR"));
    lines.extend(figures.stripe.iter().cloned());
    match &figures.ledger {
        Side::Answers(ledger) => lines.extend(of_ledger(ledger, figures.signature_age_secs, now)),
        Side::Away { error, .. } => lines.push(Finding::act(
            "ledger",
            error,
            "workers keep their events and continue by themselves once it is back; webhooks are accepted and wait. Intake, latency, money, dead letters and pauses are unknown meanwhile",
        )),
    }
    lines
}

fn of_ledger(ledger: &LedgerFigures, signature_age_secs: Option<f64>, now: DateTime<Utc>) -> Vec<Finding> {
    let mut lines = vec![consumption(ledger), intake(ledger), last_event(ledger, now)];
    lines.extend(ledger.closing.as_ref().map(checkout_closed));
    lines.extend([latency(&ledger.sample, ledger.pause.is_some()), outcomes(&ledger.sample)]);
    lines.extend(dead(ledger, now));
    lines.extend(money_lines::lines(&ledger.money, now));
    lines.extend(finding_lines::lines(&ledger.findings, now));
    lines.extend([retries(ledger, now), named_only(ledger, now), uncertain(ledger)]);
    lines.push(clock_skew::judged(signature_age_secs, ledger.sample.stripe_delay_least_secs));
    lines.extend([databases_clock(ledger), versions(ledger)]);
    lines
}

/// A line only while it is closed: that charges are made is no news.
fn checkout_closed(closing: &Closing) -> Finding {
    let advice = "charges, subscriptions and retries of invoices are refused meanwhile: `tidegate checkout open` ends it";
    Finding::look("checkout", checkout::in_words(closing), advice)
}

fn process(name: &'static str, process: &ProcessFigures, variable: &str) -> Finding {
    let at = process.at;
    match (process.ready, &process.why) {
        (Some(true), _) => {
            let version = process.version.as_ref().map(|version| format!(", version {version}"));
            Finding::ok(name, format!("ready at {at}{}", version.unwrap_or_default()))
        }
        (Some(false), why) => Finding::act(
            name,
            format!("not ready at {at}: {}", why.as_deref().unwrap_or("it does not say why")),
            "fix the cause named above; it then continues by itself",
        ),
        (None, _) if process.elsewhere => Finding::unknown(name, "runs elsewhere; not checked"),
        (None, _) => listeners::absent(name, at, variable),
    }
}

fn waiting(queue: &QueueFigures, is_paused: bool) -> Finding {
    let leased = queue
        .leased_messages
        .map_or(String::new(), |leased| format!(", {} in progress", money::count(leased)));
    let oldest = queue.oldest_secs.map_or(String::new(), |age| format!(", the oldest for {}", in_words(age)));
    let text =
        format!("{} messages waiting{leased}{oldest}  ({})", money::count(queue.ready_messages), queue.at);
    let age = queue.oldest_secs.unwrap_or(0.0);
    let more = "check that a worker runs and the ledger is fast; more workers or lanes empty it sooner";
    if is_paused && queue.ready_messages > 0 {
        return Finding::look("queue", text, "consumption is paused: the queue grows until someone resumes");
    }
    let is_long = age > OLDEST_LOOK_SECS || queue.ready_messages > READY_LOOK_MESSAGES;
    Finding::weighed("queue", text, (age > OLDEST_ACT_SECS, is_long), more)
}

fn consumption(ledger: &LedgerFigures) -> Finding {
    match &ledger.pause {
        None => Finding::ok("consumption", "running"),
        Some(pause) => Finding::look(
            "consumption",
            pause::in_words(pause),
            format!("`{} worker resume` once the cause is removed", me()),
        ),
    }
}

fn intake(ledger: &LedgerFigures) -> Finding {
    let count = |number: i64| money::count(number.unsigned_abs());
    let (minute, hour, day) = (ledger.intake.last_minute, ledger.intake.last_hour, ledger.intake.last_day);
    let text = format!(
        "{} events in the last minute, {} in the last hour, {} in the last day",
        count(minute),
        count(hour),
        count(day)
    );
    Finding::ok("intake", text)
}

fn last_event(ledger: &LedgerFigures, now: DateTime<Utc>) -> Finding {
    let Some(last) = &ledger.last_event else {
        return Finding::ok("last event", format!("none yet; `{} send` makes some", me()));
    };
    let silence = now - last.recorded_at;
    let text = format!("{} ago: {}", when::shown(silence.max(TimeDelta::zero())), last.kind);
    if silence > SILENCE_LOOK {
        let advice =
            "is that usual? If not, check in Stripe's dashboard that the endpoint is enabled and reachable";
        return Finding::look("last event", text, advice);
    }
    Finding::ok("last event", text)
}

fn latency(sample: &Sample, is_paused: bool) -> Finding {
    let name = "latency";
    let (Some(p50), Some(p95)) = (sample.latency_p50_secs, sample.latency_p95_secs) else {
        return Finding::ok(name, "nothing arrived from Stripe in the last hour");
    };
    let text = format!(
        "from receipt to ledger: median {}, 95 % within {}  (last hour)",
        in_words(p50),
        in_words(p95)
    );
    let advice = "add workers or lanes, unless the ledger was unavailable, slow or paused in that hour";
    Finding::weighed(name, text, (p95 > LATENCY_ACT_SECS && !is_paused, p95 > LATENCY_LOOK_SECS), advice)
}

fn outcomes(sample: &Sample) -> Finding {
    let told: Vec<String> = sample
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{} {outcome}", money::count(*count)))
        .collect();
    let text = if told.is_empty() { "none in the last hour".to_owned() } else { told.join(", ") };
    let newest = format!("  (of the newest {} in the last hour)", money::count(sample.events as u64));
    Finding::ok("outcomes", if told.is_empty() { text } else { text + &newest })
}

fn dead(ledger: &LedgerFigures, now: DateTime<Utc>) -> Vec<Finding> {
    let name = "dead letters";
    if ledger.dead.is_empty() {
        return vec![Finding::ok(name, "none")];
    }
    let recent: i64 = ledger.dead.iter().map(|cause| cause.last_hour).sum();
    let advice = format!(
        "`{} dead-letters groups` shows causes and the money at risk; once fixed, `replay plan`",
        me()
    );
    let mut lines: Vec<Finding> = Vec::new();
    for cause in ledger.dead.iter().take(CAUSES_SHOWN) {
        let text = format!(
            "{} x {}  {}, the last {}",
            money::count(cause.events.unsigned_abs()),
            cause::short(&cause.fingerprint),
            cause.fingerprint,
            when::age(cause.last_at, now)
        );
        let is_urgent = recent > DEAD_ACT_EVENTS_AN_HOUR || now - cause.first_at > DEAD_ACT_AGE;
        let line = if is_urgent { Finding::act } else { Finding::look };
        lines.push(Finding { advice: None, ..line(name, text, "") });
    }
    let left_out: i64 = ledger.dead.iter().skip(CAUSES_SHOWN).map(|cause| cause.events).sum();
    if left_out > 0 {
        lines.push(Finding {
            advice: None,
            ..Finding::look(name, format!("{left_out} with other causes"), "")
        });
    }
    if let Some(last) = lines.last_mut() {
        last.advice = Some(advice);
    }
    lines
}

fn retries(ledger: &LedgerFigures, now: DateTime<Utc>) -> Finding {
    let name = "waiting";
    let (0.., Some(next)) = (ledger.retries.events, ledger.retries.next_at) else {
        return Finding::ok(name, "no event is waiting for another attempt");
    };
    let text = format!(
        "{} are waiting for another attempt, the next {}",
        money::count(ledger.retries.events.unsigned_abs()),
        when::until(next, now)
    );
    match &ledger.pause {
        None if now - next > RETRY_ACT_LATE => {
            Finding::act(name, text, "its time has passed and nothing tried: start a worker")
        }
        _ => Finding::look(
            name,
            text,
            format!("each failed for a reason that may pass: `{} events list --outcome waiting`", me()),
        ),
    }
}

fn named_only(ledger: &LedgerFigures, now: DateTime<Utc>) -> Finding {
    let name = "named only";
    let known: Vec<_> = ledger.named_only.iter().filter(|named| named.count > 0).collect();
    if known.is_empty() {
        return Finding::ok(name, "every named object has been reported");
    }
    let told = known.iter().map(|named| {
        let more = if named.count == COUNT_LIMIT { " or more" } else { "" };
        format!("{}{more} {}s", money::count(named.count.unsigned_abs()), named.kind)
    });
    let told: Vec<String> = told.collect();
    let since = known.iter().filter_map(|named| named.since).min();
    let age = since.map(|since| format!(", the first {}", when::age(since, now))).unwrap_or_default();
    let text = format!("{} were named by events, but never reported{age}", told.join(", "));
    if since.is_some_and(|since| now - since > NAMED_LOOK_AGE) {
        let advice = "those from before Tidegate was connected stay so; others were never sent, or are still on their way: check the endpoint's event types in Stripe's dashboard";
        return Finding::look(name, text, advice);
    }
    Finding::ok(name, text)
}

fn uncertain(ledger: &LedgerFigures) -> Finding {
    if ledger.uncertain.is_empty() {
        return Finding::ok("uncertain", "no object is uncertain");
    }
    let told: Vec<String> = ledger
        .uncertain
        .iter()
        .map(|(kind, count)| {
            let (kind, plural) = (kind.replace('_', " "), if *count == 1 { "" } else { "s" });
            format!("{} {kind}{plural}", money::count(count.unsigned_abs()))
        })
        .collect();
    Finding::look(
        "uncertain",
        format!("only Stripe knows the state of {}", told.join(", ")),
        format!("`{} anomalies --uncertain` lists them; compare them with Stripe's dashboard", me()),
    )
}

fn databases_clock(ledger: &LedgerFigures) -> Finding {
    let name = "database's clock";
    let Some(ahead) = ledger.clock_ahead_secs else {
        return Finding::ok(name, "the ledger is a file, so it uses this machine's clock");
    };
    let side = if ahead < 0.0 { "behind" } else { "ahead of" };
    let text = format!("{} {side} ours", in_words(ahead.abs()));
    let advice = "synchronise both machines' clocks; while they are an hour apart, no body is removed after its retention";
    let off = ahead.abs();
    Finding::weighed(name, text, (off > CLOCK_ACT_SECS, off > CLOCK_LOOK_SECS), advice)
}

fn versions(ledger: &LedgerFigures) -> Finding {
    let seen: Vec<String> = ledger.sample.handler_versions.iter().map(ToString::to_string).collect();
    let seen = if seen.is_empty() { "none in the last hour".to_owned() } else { seen.join(", ") };
    let text = format!(
        "this program {}, schema {}, rules {HANDLER_VERSION}; rules that handled events: {seen}",
        env!("CARGO_PKG_VERSION"),
        ledger.schema
    );
    if ledger.sample.handler_versions.iter().any(|version| *version > HANDLER_VERSION) {
        return Finding::look("versions", text, "the workers are newer than this program: use their version");
    }
    Finding::ok("versions", text)
}

fn in_words(secs: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "spans that people wait for")]
    when::shown(TimeDelta::microseconds((secs * 1e6) as i64))
}
