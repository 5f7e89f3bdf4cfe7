//! The unconfirmed publishes of one session, and whether the session is verified yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::connection::Connection;
use super::error::BrokerError;
use super::publishing::Publishing;
use super::supervisor::Status;
use crate::queue::PublishError;

pub(super) type PublishResult = Result<(), PublishError>;

const PROBE_INTERVAL: Duration = Duration::from_mins(1);
/// A confirm that is late by so many deadlines will not come any more: the session is given up, and with it
/// the places that such publishes occupy.
const PATIENCE_DEADLINES: u32 = 4;
/// Where there is another node, one that has confirmed nothing at all for so many deadlines is left: it may be
/// cut off from the others, and not know it yet. A cluster whose leader is cut off takes longer than one of
/// them to choose another, and then a connection that has lasted is of more use than a new one.
const SILENCE_DEADLINES: u32 = 2;
/// How long a new session may take to confirm its probe, before another is begun; it doubles with each round
/// of the nodes. Just after the death of a leader, a node may send what comes on a new connection to the dead,
/// and never again.
pub(super) const FIRST_PROOF: Duration = Duration::from_secs(1);

pub(super) struct Unconfirmed<'a> {
    status: &'a Arc<Status>,
    connection: &'a Connection,
    patience: Duration,
    /// How long nothing at all may be confirmed while something waits.
    silence: Duration,
    confirmed_at: Instant,
    /// How long the first probe may take.
    proof: Duration,
    /// In the order in which they were published, with those who wait for them: everybody of a group, nobody for a
    /// probe. Who has been told about a block waits no more, and the message may still be written and stored.
    publishes: BTreeMap<u64, (Instant, Vec<oneshot::Sender<PublishResult>>)>,
    last: u64,
    /// Since when every event was refused.
    refused_since: Option<Instant>,
    probe: Option<u64>,
    probed_at: Instant,
    is_trusted: bool,
    is_blocked: bool,
    unblocked_at: Instant,
}

impl<'a> Unconfirmed<'a> {
    pub(super) fn new(publishing: &'a Publishing, connection: &'a Connection, proof: Duration) -> Self {
        let is_alone = !publishing.nodes.are_several();
        let silence = if is_alone { PATIENCE_DEADLINES } else { SILENCE_DEADLINES };
        Self {
            status: &publishing.status,
            connection,
            patience: publishing.deadline * PATIENCE_DEADLINES,
            silence: publishing.deadline * silence,
            confirmed_at: Instant::now(),
            proof: proof.min(publishing.deadline * PATIENCE_DEADLINES),
            publishes: BTreeMap::new(),
            last: 0,
            refused_since: None,
            probe: None,
            probed_at: Instant::now(),
            is_trusted: false,
            is_blocked: false,
            unblocked_at: Instant::now(),
        }
    }

    /// The number of a publish that begins now.
    pub(super) fn enter(&mut self, answers: Vec<oneshot::Sender<PublishResult>>) -> u64 {
        self.insert(answers)
    }

    /// The number of a probe that begins now.
    pub(super) fn probe(&mut self) -> u64 {
        let number = self.insert(Vec::new());
        (self.probe, self.probed_at) = (Some(number), Instant::now());
        number
    }

    pub(super) fn probe_is_due(&self) -> bool {
        self.is_trusted && !self.is_blocked && self.probed_at.elapsed() >= PROBE_INTERVAL
    }

    /// Why no publish can begin now.
    pub(super) fn refusal(&self) -> Option<PublishError> {
        match (self.is_blocked, self.is_trusted) {
            (true, _) => Some(PublishError::Blocked),
            (false, false) => Some(PublishError::Unavailable),
            (false, true) => None,
        }
    }

    pub(super) fn confirmed(&mut self, number: u64, answer: PublishResult) {
        self.confirmed_at = Instant::now();
        let (_, answers) = self.publishes.remove(&number).unwrap_or((self.confirmed_at, Vec::new()));
        if !answers.is_empty() {
            self.refused_since = match answer {
                Ok(()) => None,
                Err(_) => self.refused_since.or(Some(self.confirmed_at)),
            };
        }
        for waits in answers {
            waits.send(answer).ok(); // whoever asked may have gone
        }
        if self.probe == Some(number) && !self.is_trusted {
            self.is_trusted = true;
            if !self.is_blocked {
                self.status.up(self.connection);
            }
        }
    }

    pub(super) fn blocked(&mut self, reason: String) {
        self.is_blocked = true;
        self.status.blocked(self.connection, reason);
        for waits in self.publishes.values_mut().flat_map(|(_, answers)| std::mem::take(answers)) {
            waits.send(Err(PublishError::Blocked)).ok();
        }
    }

    pub(super) fn unblocked(&mut self) {
        (self.is_blocked, self.unblocked_at) = (false, Instant::now());
        if self.is_trusted {
            self.status.up(self.connection);
        } else {
            self.status.down(BrokerError::Unreliable("checking that unroutable messages reach a queue"));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.publishes.is_empty()
    }

    /// How many messages with events the broker has not confirmed.
    pub(super) fn messages(&self) -> usize {
        let is_probing = self.probe.is_some_and(|probe| self.publishes.contains_key(&probe));
        self.publishes.len() - usize::from(is_probing)
    }

    pub(super) fn is_hopeless(&self) -> bool {
        let Some((_, (since, _))) = self.publishes.first_key_value() else { return false };
        let since = (*since).max(self.unblocked_at);
        let patience = if self.is_trusted { self.patience } else { self.proof };
        let is_too_late = since.elapsed() > patience;
        let is_silent = since.max(self.confirmed_at).elapsed() > self.silence;
        !self.is_blocked && (is_too_late || is_silent)
    }

    /// Whether it is time for another session. Just after the death of a leader a node may keep refusing what
    /// comes on a connection whose first event was meant for the dead, though the queue has a new leader. (The
    /// probe does not tell: its queue has its own leader.)
    pub(super) fn is_refused(&self) -> bool {
        self.refused_since.is_some_and(|since| since.elapsed() >= FIRST_PROOF)
    }

    fn insert(&mut self, answers: Vec<oneshot::Sender<PublishResult>>) -> u64 {
        self.last += 1;
        self.publishes.insert(self.last, (Instant::now(), answers));
        self.last
    }
}

/// The session is over: nobody can tell what became of these.
impl Drop for Unconfirmed<'_> {
    fn drop(&mut self) {
        for waits in std::mem::take(&mut self.publishes).into_values().flat_map(|(_, answers)| answers) {
            waits.send(Err(PublishError::Unavailable)).ok();
        }
    }
}
