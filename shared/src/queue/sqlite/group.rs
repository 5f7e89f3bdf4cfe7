//! Requests to the writer, and which of them share one transaction and one fsync. Nothing in a group depends on
//! the order of its requests.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::statements::{INSERT_ROWS, Message};
use crate::queue::{PublishError, QueueError, Settle, Settled, Tag};

use super::grants::PendingGrants;

const GROUP_OPS: usize = INSERT_ROWS;
/// A group of large bodies is cut here, so that it stays in SQLite's memory and others do not wait long.
const GROUP_BYTES: usize = 8 << 20;

pub(super) enum Op {
    Publish(Publish),
    Ask(Ask),
    Settle(Settlement),
}

pub(super) struct Publish {
    pub message: Message,
    pub done: oneshot::Sender<Result<(), PublishError>>,
    /// One of the places that bound how many may wait; free when this is dropped.
    pub place: OwnedSemaphorePermit,
}

/// Somebody wants messages, at most `max`.
pub(super) struct Ask {
    pub max: usize,
    pub done: oneshot::Sender<PendingGrants>,
}

pub(super) struct Settlement {
    pub settlements: Vec<(Tag, Settle)>,
    pub done: oneshot::Sender<Result<Settled, QueueError>>,
}

#[derive(Default)]
pub(super) struct Group {
    pub publishes: Vec<Publish>,
    pub asks: Vec<Ask>,
    pub settlements: Vec<Settlement>,
    /// Nobody waits for these.
    pub returns: Vec<(Tag, Settle)>,
    pub renew: bool,
    bytes: usize,
}

/// What the settlements of a group come to, given which leases have not ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub finish: Vec<Tag>,
    pub release: Vec<Tag>,
    /// The answer to each settlement, in the group's order.
    pub answers: Vec<Settled>,
}

impl Group {
    pub(super) fn has_room(&self) -> bool {
        self.publishes.len() + self.asks.len() + self.settlements.len() < GROUP_OPS
            && self.bytes < GROUP_BYTES
    }

    pub(super) fn add(&mut self, op: Op) {
        match op {
            Op::Publish(publish) => {
                self.bytes += publish.message.body.len();
                self.publishes.push(publish);
            }
            Op::Ask(ask) => self.asks.push(ask),
            Op::Settle(settlement) => self.settlements.push(settlement),
        }
    }

    /// A caller that stopped waiting got "don't know" and sends again: writing it would be wasted.
    /// A settlement is worth writing all the same.
    pub(super) fn forget_abandoned(&mut self) {
        self.publishes.retain(|publish| !publish.done.is_closed());
        self.asks.retain(|ask| !ask.done.is_closed());
    }

    pub(super) fn is_empty(&self) -> bool {
        let nobody = self.publishes.is_empty() && self.asks.is_empty() && self.settlements.is_empty();
        nobody && self.returns.is_empty() && !self.renew
    }

    /// Whether anybody still waits for an answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.publishes.iter().any(|publish| !publish.done.is_closed())
            || self.asks.iter().any(|ask| !ask.done.is_closed())
            || self.settlements.iter().any(|settlement| !settlement.done.is_closed())
    }

    pub(super) fn tags(&self) -> Vec<Tag> {
        let settled = self.settlements.iter().flat_map(|settlement| &settlement.settlements);
        settled.chain(&self.returns).map(|(tag, _)| *tag).collect()
    }

    /// What was to be settled: it is as true later.
    pub(super) fn unsettled(&self) -> Vec<(Tag, Settle)> {
        let settled = self.settlements.iter().flat_map(|settlement| &settlement.settlements);
        settled.chain(&self.returns).copied().collect()
    }

    pub(super) fn plan(&self, held: HashSet<Tag>) -> Plan {
        let lists = self.settlements.iter().map(|settlement| &*settlement.settlements);
        plan(lists, &self.returns, held)
    }

    /// Whether it is more than what it brings, and brings something.
    pub(super) fn brings_and_more(&self) -> bool {
        let more = !(self.asks.is_empty() && self.settlements.is_empty() && self.returns.is_empty());
        !self.publishes.is_empty() && (more || self.renew)
    }

    /// What it brings was not written, and the rest may still be.
    pub(super) fn refuse_publishes(&mut self) {
        for publish in self.publishes.drain(..) {
            let _ = publish.done.send(Err(PublishError::Unavailable));
        }
    }

    /// None of it was written. Those who asked for messages ask again by themselves.
    pub(super) fn refuse(mut self, cause: impl Error + Send + Sync + 'static) {
        self.refuse_publishes();
        let cause: Arc<dyn Error + Send + Sync> = Arc::new(cause);
        for settlement in self.settlements {
            drop(settlement.done.send(Err(QueueError::File(Arc::clone(&cause)))));
        }
    }
}

/// Each lease ends once: the first settlement that names it counts, every other one is stale.
fn plan<'a>(
    lists: impl Iterator<Item = &'a [(Tag, Settle)]>,
    returns: &[(Tag, Settle)],
    mut held: HashSet<Tag>,
) -> Plan {
    let mut plan = Plan::default();
    for list in lists {
        let mut answer = Settled::default();
        for (tag, settle) in list {
            if !held.remove(tag) {
                answer.stale += 1;
                continue;
            }
            answer.settled += 1;
            plan.end(*tag, *settle);
        }
        plan.answers.push(answer);
    }
    for (tag, settle) in returns {
        if held.remove(tag) {
            plan.end(*tag, *settle);
        }
    }
    plan
}

impl Plan {
    fn end(&mut self, tag: Tag, settle: Settle) {
        match settle {
            Settle::Done => self.finish.push(tag),
            Settle::Release => self.release.push(tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tag(scope: u64, number: u64) -> Tag {
        Tag { scope, number, part: 0 }
    }

    #[test]
    fn a_lending_ends_once_however_often_the_group_names_it() {
        let (one, two, stale) = (tag(1, 2), tag(2, 1), tag(1, 1));
        let lists: [&[(Tag, Settle)]; 2] = [
            &[(one, Settle::Done), (stale, Settle::Done), (one, Settle::Release)],
            &[(one, Settle::Done), (two, Settle::Release)],
        ];
        let plan = plan(
            lists.into_iter(),
            &[(two, Settle::Release), (stale, Settle::Done)],
            HashSet::from([one, two]),
        );
        assert_eq!(plan.finish, [one]);
        assert_eq!(plan.release, [two]);
        assert_eq!(plan.answers, [Settled { settled: 1, stale: 2 }, Settled { settled: 1, stale: 1 }]);
    }
}
