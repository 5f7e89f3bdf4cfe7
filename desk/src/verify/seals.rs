//! Checks the blocks, each over its commits and the previous block, and that everything that the commits
//! counted is there.

use serde::Serialize;

use super::members::{Differences, Members};
use domain::audit_chain::{member_of_event, member_of_line};
use domain::identity::Identity;
use domain::seal::{Commit, Head, Seal};
use ledger::views::consistency::AuditPosition;
use ledger::{LedgerError, Transaction};

const SEALS_AT_ONCE: i64 = 200;
const EVENTS_AT_ONCE: i64 = 1_000;
const LINES_AT_ONCE: i64 = 1_000;
/// What a block has not covered yet; beyond it the chore is far behind.
const OPEN_LIMIT: i64 = 100_000;

/// What the blocks say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seals {
    pub blocks: i64,
    /// Of the newest block: kept elsewhere, it shows later that nothing before it was changed.
    pub head: Option<Head>,
    /// Transactions that no block covers yet.
    pub unsealed: i64,
    /// Blocks that are not what was sealed, or that are missing.
    pub broken: Vec<i64>,
    /// Events and lines that are gone, or not what they were, by the block that counts them; 0 is none yet.
    pub missing: Vec<i64>,
    /// Events and lines that no transaction counts: older than the chain, or written by a version that knew none.
    pub uncounted: i64,
    /// Whether the head that was asked about is still in the chain.
    pub has_kept_head: Option<bool>,
}

impl Seals {
    pub fn is_right(&self) -> bool {
        self.broken.is_empty() && self.missing.is_empty() && self.has_kept_head != Some(false)
    }
}

/// Walks all blocks and what they cover; `on_commit` sees each transaction.
pub(super) async fn walk(
    tx: &mut Transaction,
    members: &mut Members,
    kept: Option<&Head>,
    on_commit: &mut dyn FnMut(&Commit),
) -> Result<Seals, LedgerError> {
    let mut seals = Seals { has_kept_head: kept.map(|_| false), ..Seals::default() };
    let mut last: Option<Seal> = None;
    loop {
        let number = last.as_ref().map_or(0, |last| last.number);
        let page = tx.seals_after(number, SEALS_AT_ONCE).await?;
        if page.is_empty() {
            break;
        }
        for seal in page {
            let commits = tx.commits_of(seal.number).await?;
            let follows = seal.number == last.as_ref().map_or(0, |last| last.number) + 1;
            let sums = Seal::after(last.as_ref(), &commits, seal.sealed_at);
            let is_whole = (seal.commits, seal.events, seal.lines) == (sums.commits, sums.events, sums.lines);
            if !follows || !is_whole || seal.hash_over(last.as_ref(), &commits) != seal.hash {
                seals.broken.push(seal.number);
            }
            if kept.is_some_and(|kept| *kept == seal.head()) {
                seals.has_kept_head = Some(true);
            }
            for commit in &commits {
                commit.members().for_each(|member| members.put(member));
                on_commit(commit);
            }
            seals.blocks += 1;
            last = Some(seal);
        }
    }
    // A seal that was removed leaves its commits behind.
    seals.broken.extend(tx.block_after(last.as_ref().map_or(0, |last| last.number)).await?);
    seals.head = last.map(|last| last.head());
    for commit in tx.open_commits(OPEN_LIMIT).await? {
        commit.members().for_each(|member| members.put(member));
        on_commit(&commit);
        seals.unsealed += 1;
    }
    Ok(seals)
}

/// Says what is missing, where the sums did not agree: walks everything again.
pub(super) async fn look_into(
    tx: &mut Transaction,
    mut differences: Differences,
    began: Option<chrono::DateTime<chrono::Utc>>,
    seals: &mut Seals,
) -> Result<(), LedgerError> {
    for block in 1..=seals.head.as_ref().map_or(0, |head| head.number) {
        for commit in tx.commits_of(block).await? {
            commit.members().for_each(|member| differences.put(member, block));
        }
    }
    for commit in tx.open_commits(OPEN_LIMIT).await? {
        commit.members().for_each(|member| differences.put(member, 0));
    }
    let mut after = Identity::first();
    loop {
        let page = tx.recorded(after, EVENTS_AT_ONCE).await?;
        let Some(end) = page.last() else { break };
        after = end.place;
        let counted = page.iter().filter(|event| began.is_some_and(|began| event.recorded_at >= began));
        counted.for_each(|event| differences.take(member_of_event(&event.key)));
    }
    let mut place = AuditPosition::default();
    loop {
        let page = tx.lines_after(&place, LINES_AT_ONCE).await?;
        let Some(end) = page.last() else { break };
        place = AuditPosition::of(end);
        page.iter()
            .filter_map(|row| row.hash.as_deref())
            .for_each(|hash| differences.take(member_of_line(hash)));
    }
    (seals.missing, seals.uncounted) = differences.judge();
    Ok(())
}
