//! The report of a run of samples: how the gateway answered, and what to look at next.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use super::run::{Done, Telling};
use super::scene::Named;
use super::stories::{BROKEN, STORIES, Style};
use crate::table::{self, Table};
use crate::{money, output, when};

/// Stories that are named to people; `--json` names up to a thousand.
const NAMED_STORIES: usize = 20;

/// The form of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    url: &'a str,
    stories: u64,
    sent: u64,
    accepted: u64,
    refused_by_status: &'a BTreeMap<u16, u64>,
    unanswered_by_reason: &'a BTreeMap<&'static str, u64>,
    seconds: f64,
    events_per_second: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    stopped: Option<&'static str>,
    /// The first thousand stories at most.
    told: Vec<StoryReport<'a>>,
}

#[derive(Serialize)]
struct StoryReport<'a> {
    story: &'static str,
    objects: &'a [Named],
    first_event: &'a str,
    last_event: &'a str,
}

pub fn tell(url: &str, done: &Done, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::print_json(&report(url, done))?;
    } else {
        output::print(&for_people(url, done))?;
    }
    let all_accepted = done.tally.accepted == done.tally.sent() && done.stopped.is_none();
    Ok(if all_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The stories, each with its event types.
pub fn list(style: Style, json: bool) -> anyhow::Result<ExitCode> {
    #[derive(Serialize)]
    struct Listed {
        story: &'static str,
        about: &'static str,
        event_types: Vec<&'static str>,
    }
    let listed = STORIES.iter().chain(BROKEN).map(|story| Listed {
        story: story.name,
        about: story.about,
        event_types: story.kinds(style),
    });
    if json {
        output::print_json(&listed.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for Listed { story, about, event_types } in listed {
        writeln!(text, "{story}: {about}").expect("a String takes every write");
        text.push_str(&table::filled("    ", &event_types));
    }
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn report<'a>(url: &'a str, done: &'a Done) -> Report<'a> {
    let millis = |percent| done.tally.percentile(percent).map(|took| took.as_secs_f64() * 1_000.0);
    let told = |telling: &'a Telling| StoryReport {
        story: telling.story,
        objects: &telling.cast,
        first_event: &telling.first_event,
        last_event: &telling.last_event,
    };
    Report {
        url,
        stories: done.stories,
        sent: done.tally.sent(),
        accepted: done.tally.accepted,
        refused_by_status: &done.tally.refused,
        unanswered_by_reason: &done.tally.unanswered,
        seconds: done.took.as_secs_f64(),
        events_per_second: per_second(done),
        p50_ms: millis(50),
        p99_ms: millis(99),
        stopped: done.stopped,
        told: done.told.iter().map(told).collect(),
    }
}

fn for_people(url: &str, done: &Done) -> String {
    let tally = &done.tally;
    let mut text = String::new();
    if let Some(why) = done.stopped {
        writeln!(text, "stopped early: {why}").expect("a String takes every write");
    }
    let plural = if done.stories == 1 { "story" } else { "stories" };
    let mut table = Table::default().text("").text("");
    let mut line = |name: &str, value: String| table.row([name.to_owned(), value]);
    line(
        "sent",
        format!("{} events, {} {plural}, to {url}", money::count(tally.sent()), money::count(done.stories)),
    );
    line("accepted", money::count(tally.accepted));
    for (status, count) in &tally.refused {
        line("refused", format!("{} with {status} {}", money::count(*count), meaning(*status)));
    }
    for (why, count) in &tally.unanswered {
        line("unanswered", format!("{}: {why}", money::count(*count)));
    }
    if let (Some(p50), Some(p99)) = (tally.percentile(50), tally.percentile(99)) {
        line("answers", format!("median {}, 99 % within {}", shown(p50), shown(p99)));
    }
    line("took", format!("{}, {} events/s", shown(done.took), money::count(per_second(done))));
    text.push_str(&table.render_bare());
    if tally.accepted > 0 {
        text.push_str(&look_at(done));
    }
    text
}

fn look_at(done: &Done) -> String {
    let mut table = Table::default().text("STORY").text("OBJECT").text("LAST EVENT");
    for telling in done.told.iter().take(NAMED_STORIES) {
        let object =
            subject(telling).map_or_else(String::new, |named| format!("{} {}", named.kind, named.id));
        table.row([telling.story.to_owned(), object, telling.last_event.clone()]);
    }
    let mut text = format!("\n{}", table.render());
    let left_out = done.stories.saturating_sub(NAMED_STORIES as u64);
    if left_out > 0 {
        writeln!(text, "and {} more; --json names up to 1,000", money::count(left_out))
            .expect("a String takes every write");
    }
    if let Some(telling) = done.told.last().filter(|_| done.told.len() == 1).or(done.told.first()) {
        let me = output::me();
        text.push_str("\nSee what became of it:\n");
        if let Some(named) = subject(telling) {
            writeln!(text, "  {me} show {} {}", named.kind, named.id).expect("a String takes every write");
        }
        writeln!(text, "  {me} trace {}", telling.last_event).expect("a String takes every write");
        if BROKEN.iter().any(|story| story.name == telling.story) {
            writeln!(text, "  {me} dead-letters groups").expect("a String takes every write");
        }
    }
    text
}

/// The object that `show` tells the story by: its invoice, else its payment.
fn subject(telling: &Telling) -> Option<&Named> {
    let of = |kind| telling.cast.iter().find(|named| named.kind == kind);
    of("invoice").or_else(|| of("payment"))
}

fn meaning(status: u16) -> &'static str {
    match status {
        400 => "(bad signature, bad time, or not an event: is it the gateway's secret?)",
        404 => "(no such path or endpoint)",
        413 => "(too large)",
        503 => "(not durable: the queue is unreachable, full or slow)",
        _ => "",
    }
}

fn per_second(done: &Done) -> u64 {
    let micros = done.took.as_micros().max(1);
    u64::try_from(u128::from(done.tally.sent()) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

fn shown(span: Duration) -> String {
    when::shown(TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX))
}
