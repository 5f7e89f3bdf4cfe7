//! `tidegate events tail`: events as they are recorded. Several workers commit at once, so what was recorded a moment
//! ago may still come: each look goes back a little, and what was shown before is remembered for as long.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::event::EventKey;
use ledger::Ledger;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use shared::env::Env;
use shared::shutdown;

use crate::cli::TailOptions;
use crate::table::clean;
use crate::{open, output, when};

const PAUSE: Duration = Duration::from_millis(500);
/// A transaction that takes longer than this to commit may be missed.
const LOOK_BACK: TimeDelta = TimeDelta::seconds(10);
/// More in one look than a person reads; the rest is counted.
const LOOK_EVENTS: i64 = 1_000;
/// The ledger may be away for so long before the tail ends.
const PATIENCE: Duration = Duration::from_mins(1);

pub async fn tail(env: &Env, options: &TailOptions) -> anyhow::Result<()> {
    let stop = shutdown::on_signal()?;
    let ledger = open::ledger(env).await?;
    let mut tail = Tail::new(options.selection.filter());
    let result = async {
        output::print(&shown(&tail.begin(&ledger, options.lines).await?, options.shape.json)?)?;
        let mut last_answer = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
            }
            // Not cancelled half-way: the question has its own deadline.
            match tail.look(&ledger).await {
                Ok(Look { events, is_cut }) => {
                    last_answer = tokio::time::Instant::now();
                    if is_cut {
                        output::remark("more events came than are shown: `events list` has them all");
                    }
                    output::print(&shown(&events, options.shape.json)?)?;
                }
                Err(error) if last_answer.elapsed() > PATIENCE => return Err(error),
                Err(_) => {}
            }
        }
    }
    .await;
    ledger.close().await;
    result
}

struct Tail {
    filter: EventFilter,
    /// What was shown, with when it was recorded: as far back as a look goes.
    seen: BTreeMap<EventKey, DateTime<Utc>>,
    /// By the clocks of those who recorded: ours may differ.
    newest: DateTime<Utc>,
}

struct Look {
    /// In the order in which they were recorded.
    events: Vec<StoredEvent>,
    is_cut: bool,
}

impl Tail {
    fn new(filter: EventFilter) -> Self {
        Self { filter, seen: BTreeMap::new(), newest: DateTime::UNIX_EPOCH }
    }

    /// The last ones so far; everything before counts as seen.
    async fn begin(&mut self, ledger: &Ledger, lines: i64) -> anyhow::Result<Vec<StoredEvent>> {
        let filter = EventFilter { limit: lines.max(1), ..self.filter.clone() };
        let mut shown = open::answer(ledger, ledger.events(&filter)).await?;
        if let Some(newest) = shown.first() {
            self.newest = newest.recorded_at;
            let recent = self.recent(ledger).await?;
            self.seen.extend(recent.iter().map(|event| (event.key(), event.recorded_at)));
        }
        shown.truncate(usize::try_from(lines).unwrap_or_default());
        shown.reverse();
        Ok(shown)
    }

    /// What came since.
    async fn look(&mut self, ledger: &Ledger) -> anyhow::Result<Look> {
        let mut events = self.recent(ledger).await?;
        let is_full = i64::try_from(events.len()).is_ok_and(|count| count >= LOOK_EVENTS);
        // Full of what is new: there may be more between that and what was seen.
        let is_cut = is_full && events.last().is_some_and(|oldest| !self.seen.contains_key(&oldest.key()));
        events.retain(|event| !self.seen.contains_key(&event.key()));
        events.reverse();
        for event in &events {
            self.newest = self.newest.max(event.recorded_at);
            self.seen.insert(event.key(), event.recorded_at);
        }
        let oldest = self.newest - LOOK_BACK;
        self.seen.retain(|_, recorded_at| *recorded_at >= oldest);
        Ok(Look { events, is_cut })
    }

    async fn recent(&self, ledger: &Ledger) -> anyhow::Result<Vec<StoredEvent>> {
        let since = Some(self.newest - LOOK_BACK);
        let filter = EventFilter { since, limit: LOOK_EVENTS, ..self.filter.clone() };
        open::answer(ledger, ledger.events(&filter)).await
    }
}

fn shown(events: &[StoredEvent], json: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for event in events {
        if json {
            text.push_str(&output::json_line(event)?);
        } else {
            text.push_str(&line(event));
        }
    }
    Ok(text)
}

fn line(event: &StoredEvent) -> String {
    let mode = if event.livemode { "  live" } else { "" };
    let reason = event.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    let recorded = when::whole(event.recorded_at);
    clean(&format!("{recorded}  {}  {}  {}{mode}{reason}", event.id, event.kind, event.outcome)) + "\n"
}
