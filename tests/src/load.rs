//! Many senders at once, and the log of what they sent and what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client::{Answer, Client};
use crate::stories::SampleEvent;

/// What was sent, by event id. It is written before a request leaves and after its answer came, so it is
/// the truth about the requests whatever happens to anybody else.
#[derive(Clone, Default)]
pub struct SendLog(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    sent: BTreeMap<String, Sent>,
    statuses: BTreeMap<u16, u64>,
    /// When an event was accepted last, and the longest time between two of these.
    accepted_at: Option<Instant>,
    longest_gap: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// The outcome that the ledger must show.
    pub outcome: &'static str,
    pub attempts: u32,
    pub accepted: u32,
    pub refused: u32,
    pub unanswered: u32,
}

impl SendLog {
    pub fn entries(&self) -> BTreeMap<String, Sent> {
        self.lock().sent.clone()
    }

    /// How many requests were answered with this status.
    pub fn answered(&self, status: u16) -> u64 {
        self.lock().statuses.get(&status).copied().unwrap_or_default()
    }

    /// Every status that came, with its number.
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.lock().statuses.clone()
    }

    /// The longest time in which nobody's event was accepted, from the first that was to the last.
    pub fn longest_gap(&self) -> Duration {
        self.lock().longest_gap
    }

    /// Sends once, and notes it.
    pub async fn send(&self, client: &mut Client, event: &SampleEvent) -> Answer {
        self.begun(event);
        let answer = client.send(&event.body).await;
        self.ended(event, answer);
        answer
    }

    pub fn begun(&self, event: &SampleEvent) {
        self.note(event, |sent| sent.attempts += 1);
    }

    pub fn ended(&self, event: &SampleEvent, answer: Answer) {
        if let Answer::Status(status) = answer {
            let mut noted = self.lock();
            *noted.statuses.entry(status).or_default() += 1;
            if answer.accepted() {
                let now = Instant::now();
                let gap = noted.accepted_at.replace(now).map_or(Duration::ZERO, |before| now - before);
                noted.longest_gap = noted.longest_gap.max(gap);
            }
        }
        self.note(event, |sent| match answer {
            Answer::Status(200) => sent.accepted += 1,
            Answer::Status(_) => sent.refused += 1,
            Answer::Nothing => sent.unanswered += 1,
        });
    }

    fn note(&self, event: &SampleEvent, change: impl FnOnce(&mut Sent)) {
        let mut noted = self.lock();
        let sent = noted.sent.entry(event.id.clone()).or_default();
        sent.outcome = event.outcome;
        change(sent);
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends every event once, from so many clients at a time; the answers stand in the order of the events.
pub async fn send_all(
    log: &SendLog,
    events: Vec<SampleEvent>,
    clients: usize,
    client: impl Fn() -> Client,
) -> Vec<Answer> {
    let (events, next) = (Arc::new(events), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..clients)
        .map(|_| {
            let (events, next, log, mut client) =
                (Arc::clone(&events), Arc::clone(&next), log.clone(), client());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(event) = events.get(number) else { return answers };
                    answers.push((number, log.send(&mut client, event).await));
                }
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(events.len());
    for sender in senders {
        answers.extend(sender.await.expect("a sender does not panic"));
    }
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
