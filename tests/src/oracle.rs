//! Judges a ledger by three things alone: what was sent, what was answered, and what SQL shows.

use domain::Kind;
use std::collections::BTreeMap;
use std::fmt;

use crate::ledger::{EventRow, Ledger, Transition};
use crate::load::SendLog;
use crate::stories::Truth;

/// What is wrong with a ledger, by kind; nothing in a good one.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Answered 200 and not there.
    pub lost: Vec<String>,
    /// There twice, or with an effect that happened twice.
    pub double: Vec<String>,
    /// There, and never sent.
    pub foreign: Vec<String>,
    /// Not handled.
    pub waiting: Vec<String>,
    /// Another outcome, another status, or fewer repetitions than the truth.
    pub wrong: Vec<String>,
    /// More repetitions than were sent.
    pub overcounted: Vec<String>,
}

/// The status that staff read, by kind and id.
type Statuses = BTreeMap<&'static str, BTreeMap<String, String>>;

/// Compares the ledger with everything that was sent to it.
pub async fn judge(ledger: &Ledger, log: &SendLog, truth: &Truth) -> anyhow::Result<Verdict> {
    judge_where(ledger, log, truth, |_| true).await
}

/// The same, but for the test mode alone: what is of live mode somebody else judges.
pub async fn judge_test_mode(ledger: &Ledger, log: &SendLog, truth: &Truth) -> anyhow::Result<Verdict> {
    judge_where(ledger, log, truth, |livemode| !livemode).await
}

async fn judge_where(
    ledger: &Ledger,
    log: &SendLog,
    truth: &Truth,
    is_judged: fn(bool) -> bool,
) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut events = ledger.events().await?;
    events.retain(|event| is_judged(event.livemode));
    verdict.events(log, &events);
    let mut statuses = Statuses::new();
    // Table by table: after an hour of torture not all of them fit in memory at once.
    for kind in Kind::ALL {
        let kind = kind.as_str();
        let mut rows = ledger.rows_of(kind, "").await?;
        for (subject, row) in &rows {
            let status = row.get("status").and_then(|status| status.as_str());
            let of_kind = statuses.entry(kind).or_default();
            of_kind.extend(status.map(|status| (subject.id.clone(), status.to_owned())));
        }
        rows.retain(|subject, _| is_judged(subject.livemode));
        verdict.wrong.extend(truth.differences_of(kind, &rows).iter().map(ToString::to_string));
    }
    verdict.transitions(&ledger.transitions().await?, &statuses);
    Ok(verdict)
}

impl Verdict {
    /// Nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.kinds().iter().all(|(_, findings)| findings.is_empty())
    }

    fn kinds(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("lost", &self.lost),
            ("double", &self.double),
            ("foreign", &self.foreign),
            ("waiting", &self.waiting),
            ("wrong", &self.wrong),
            ("overcounted", &self.overcounted),
        ]
    }

    fn events(&mut self, log: &SendLog, rows: &[EventRow]) {
        let sent = log.entries();
        let mut stored: BTreeMap<&str, &EventRow> = BTreeMap::new();
        for row in rows {
            if stored.insert(&row.id, row).is_some() {
                self.double.push(format!("{} has two rows", row.id));
            }
        }
        for (id, row) in &stored {
            let Some(sent) = sent.get(*id) else {
                self.foreign.push((*id).to_owned());
                continue;
            };
            if row.outcome == "waiting" {
                self.waiting.push(format!("{id}: {:?} after {} attempts", row.reason, row.attempts));
            } else if row.outcome != sent.outcome {
                self.wrong.push(format!("{id} is {} ({:?}), not {}", row.outcome, row.reason, sent.outcome));
            }
            // An attempt without an answer may have been accepted or not.
            let seen = row.repetitions + 1;
            if seen < i64::from(sent.accepted) {
                self.wrong.push(format!("{id} was seen {seen} times, but {sent:?}"));
            } else if seen > i64::from(sent.attempts) {
                self.overcounted.push(format!("{id} was seen {seen} times, but {sent:?}"));
            }
        }
        let accepted = sent.iter().filter(|(_, sent)| sent.accepted > 0);
        self.lost
            .extend(accepted.filter(|(id, _)| !stored.contains_key(id.as_str())).map(|(id, _)| id.clone()));
    }

    /// Each transition begins where the one before it ended, and the last ends at the status that is shown:
    /// an effect that was applied twice, or lost, breaks the chain.
    fn transitions(&mut self, transitions: &[Transition], statuses: &Statuses) {
        let mut chains: BTreeMap<(&str, &str), Vec<&Transition>> = BTreeMap::new();
        for transition in transitions.iter().filter(|transition| transition.what == "status") {
            let subject = (transition.subject_kind.as_str(), transition.subject_id.as_str());
            chains.entry(subject).or_default().push(transition);
        }
        for ((kind, id), chain) in chains {
            for pair in chain.windows(2) {
                if pair[0].after != pair[1].before || pair[0].after == pair[1].after {
                    self.double.push(format!("{kind} {id}: {:?} is followed by {:?}", pair[0], pair[1]));
                }
            }
            let last = chain.last().and_then(|transition| transition.after.as_ref());
            let shown = statuses.get(kind).and_then(|of_kind| of_kind.get(id)).map(String::as_str);
            // A user whom nothing concerns any more has no row.
            let shown = shown.or((kind == "ban").then_some("clear"));
            if last.map(String::as_str) != shown {
                self.wrong.push(format!("{kind} {id}: the audit ends at {last:?}"));
            }
        }
    }
}

/// Counts, and the first few findings of each kind.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, findings) in self.kinds() {
            writeln!(f, "{kind}: {}", findings.len())?;
            for finding in findings.iter().take(5) {
                writeln!(f, "    {finding}")?;
            }
        }
        Ok(())
    }
}
