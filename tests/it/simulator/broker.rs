//! A broker under the simulation's rule: it keeps RabbitMQ's contract, and does whatever that contract allows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use envelope::Envelope;
use shared::Pending;
use shared::digest::EnvelopeKeys;
use shared::queue::affinity::Affinity;
use shared::queue::{Backend, Delivery, Depth, PublishError, QueueError, Settle, Settled, Tag, Unusable};
use stripe_sim::Random;

/// What becomes of the next messages that are published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chances {
    /// Not stored, and refused.
    pub(super) refused: u64,
    /// Stored, and its confirm is lost.
    pub(super) unconfirmed: u64,
    /// Stored twice.
    pub(super) doubled: u64,
    /// Applied, and the answer to a settlement lost.
    pub(super) unsettled: u64,
}

impl Chances {
    pub(super) const FINE: Self = Self { refused: 0, unconfirmed: 0, doubled: 0, unsettled: 0 };
    pub(super) const ROUGH: Self = Self { refused: 4, unconfirmed: 4, doubled: 3, unsettled: 6 };
}

struct Message {
    envelope: Envelope,
    redelivered: bool,
}

struct State {
    random: Random,
    chances: Chances,
    ready: VecDeque<Message>,
    /// By number: whom it is lent to, and the message.
    lent: BTreeMap<u64, (usize, Message)>,
    /// What a connection may take at its next look.
    granted: BTreeMap<usize, Vec<Delivery>>,
    next: u64,
}

#[derive(Clone)]
pub(super) struct Broker(Arc<Mutex<State>>);

impl Broker {
    pub(super) fn of_seed(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            random: Random::of_sequence(seed, 1),
            chances: Chances::ROUGH,
            ready: VecDeque::new(),
            lent: BTreeMap::new(),
            granted: BTreeMap::new(),
            next: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behaves(&self, chances: Chances) {
        self.state().chances = chances;
    }

    pub(super) fn ready(&self) -> usize {
        self.state().ready.len()
    }

    /// The events that it has.
    pub(super) fn events(&self) -> BTreeSet<String> {
        let state = self.state();
        let lent = state.lent.values().map(|(_, message)| message);
        state.ready.iter().chain(lent).map(|message| message.envelope.header.id.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        let state = self.state();
        state.ready.is_empty() && state.lent.is_empty()
    }

    /// Lends up to so many messages to a connection, from anywhere in the queue.
    pub(super) fn lend(&self, connection: usize, most: usize) -> usize {
        let mut state = self.state();
        let mut granted = Vec::new();
        while granted.len() < most && !state.ready.is_empty() {
            let waiting = state.ready.len() as u64;
            let place = state.random.within(0..waiting);
            let message = state.ready.remove(usize::try_from(place).unwrap()).unwrap();
            state.next += 1;
            let number = state.next;
            granted.push(Delivery {
                envelope: message.envelope.clone(),
                tag: Tag::numbered(number),
                redelivered: message.redelivered,
            });
            state.lent.insert(number, (connection, message));
        }
        let count = granted.len();
        state.granted.entry(connection).or_default().extend(granted);
        count
    }

    /// The connection is gone: what was lent to it is there again, for anybody.
    pub(super) fn disconnect(&self, connection: usize) -> usize {
        let mut state = self.state();
        state.granted.remove(&connection);
        let theirs: Vec<u64> = state
            .lent
            .iter()
            .filter(|(_, (whose, _))| *whose == connection)
            .map(|(number, _)| *number)
            .collect();
        for number in &theirs {
            let (_, message) = state.lent.remove(number).unwrap();
            state.ready.push_front(Message { redelivered: true, ..message });
        }
        theirs.len()
    }
}

/// What a process has of the broker.
pub(super) struct Connection {
    pub(super) broker: Broker,
    pub(super) number: usize,
    pub(super) gate: Arc<Gate>,
    pub(super) keys: EnvelopeKeys,
}

/// Where the work of a process stands still until the scheduler lets it go on.
#[derive(Default)]
pub(super) struct Gate(Mutex<Standing>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Moving,
    Receiving,
    Settling,
    /// It may settle.
    Released,
}

impl Gate {
    pub(super) fn standing(&self) -> Standing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, standing: Standing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

impl Backend for Connection {
    fn publish<'a>(&'a self, envelope: &'a Envelope) -> Pending<'a, Result<(), PublishError>> {
        let mut state = self.broker.state();
        let Chances { refused, unconfirmed, doubled, .. } = state.chances;
        let (is_refused, is_unconfirmed, is_doubled) =
            (state.random.percent(refused), state.random.percent(unconfirmed), state.random.percent(doubled));
        let copies = if is_refused { 0 } else { 1 + u64::from(is_doubled) };
        for _ in 0..copies {
            state.ready.push_back(Message { envelope: envelope.clone(), redelivered: false });
        }
        let published = match () {
            () if is_refused => Err(PublishError::Unavailable),
            () if is_unconfirmed => Err(PublishError::Deadline),
            () => Ok(()),
        };
        Box::pin(std::future::ready(published))
    }

    fn receive(&self, max: usize, _: Affinity) -> Pending<'_, Vec<Delivery>> {
        Box::pin(std::future::poll_fn(move |_| {
            let mut state = self.broker.state();
            let Some(granted) = state.granted.get_mut(&self.number).filter(|granted| !granted.is_empty())
            else {
                self.gate.set(Standing::Receiving);
                return Poll::Pending;
            };
            self.gate.set(Standing::Moving);
            let count = granted.len().min(max);
            Poll::Ready(granted.drain(..count).collect())
        }))
    }

    fn settle<'a>(&'a self, settlements: &'a [(Tag, Settle)]) -> Pending<'a, Result<Settled, QueueError>> {
        Box::pin(std::future::poll_fn(move |_| {
            if self.gate.standing() != Standing::Released {
                self.gate.set(Standing::Settling);
                return Poll::Pending;
            }
            self.gate.set(Standing::Moving);
            let mut state = self.broker.state();
            let mut settled = Settled::default();
            for (tag, settle) in settlements {
                let number = state.lent.keys().copied().find(|number| Tag::numbered(*number) == *tag);
                match number.and_then(|number| state.lent.remove(&number)) {
                    None => settled.stale += 1,
                    Some((_, message)) => {
                        settled.settled += 1;
                        if *settle == Settle::Release {
                            state.ready.push_front(Message { redelivered: true, ..message });
                        }
                    }
                }
            }
            let unsettled = state.chances.unsettled;
            if state.random.percent(unsettled) {
                return Poll::Ready(Err(QueueError::Lost));
            }
            Poll::Ready(Ok(settled))
        }))
    }

    fn depths(&self) -> Pending<'_, Result<Vec<(&'static str, Depth)>, QueueError>> {
        let ready = self.broker.ready() as u64;
        Box::pin(std::future::ready(Ok(vec![("events", Depth { ready, leased: None, oldest_age: None })])))
    }

    fn health(&self) -> Result<(), Unusable> {
        Ok(())
    }

    fn keys(&self) -> &EnvelopeKeys {
        &self.keys
    }

    fn begin_drain(&self) {}

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
