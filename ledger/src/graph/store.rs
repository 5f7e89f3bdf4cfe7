//! Writes a batch's changes, its audit lines and its commit note, in a fixed number of statements.

use std::collections::BTreeSet;

use domain::audit_chain::Chained;
use domain::object_graph::{InGraph, ObjectGraph};
use domain::seal::Commit;
use domain::tracked_rows::{TrackedRows, without_revision};
use domain::{Key, Kind, Object, each_kind};

use super::load::Locked;
use crate::engine::rows::Statement;
use crate::tables::audit::appending;
use crate::tables::objects::{inserting, updating};
use crate::tables::seals::committing;
use crate::{LedgerError, Transaction};

/// Inserts what is new, writes what changed and appends what moved: what nearly every batch does in one statement, and
/// in others what few do.
#[shared::built_once]
pub async fn store(
    tx: &mut Transaction,
    graph: &ObjectGraph,
    locked: &Locked,
    lines: &[Chained<'_>],
    commit: Option<&Commit>,
) -> Result<(), LedgerError> {
    let (mut new, mut seldom, mut often) = (Vec::new(), Vec::new(), Vec::new());
    each_kind!(|Row| {
        let (inserts, updates) = written(Row::rows(graph), locked);
        new.extend(inserts);
        if is_written_often(Row::KIND) { often.extend(updates) } else { seldom.extend(updates) }
    });
    tx.run_together(new).await?;
    tx.run_together(seldom).await?;
    often.extend([appending(lines), committing(commit)]);
    tx.run_together(often).await?;
    // A user whom nothing concerns any more, or never did, has no row, whatever came first.
    let is_silent = |user: &&Key| graph.bans.get(user).and_then(without_revision).is_none();
    let silent: Vec<Key> = locked.keys(Kind::Ban).into_iter().filter(|user| is_silent(&user)).collect();
    tx.forget_bans(&silent).await
}

/// What nearly every batch writes goes in one statement, and what few do in another.
fn is_written_often(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Failure | Kind::Charge | Kind::Payment | Kind::Invoice | Kind::Subscription | Kind::Customer
    )
}

/// What has no row yet is inserted whole, changed or not, because others may name it from now on. The rest is
/// updated. A row that changed without its lock would be a lost update in waiting. Of most kinds a batch writes nothing, and
/// to make their statements took a tenth of a worker's time in small batches.
fn written<'a, T: Object>(
    rows: &'a TrackedRows<T>,
    locked: &Locked,
) -> (Option<Statement<'a>>, Option<Statement<'a>>) {
    let mut changed = rows.changed();
    debug_assert!(changed.iter().all(|row| locked.has(T::KIND, row.key())), "{} without a lock", T::KIND);
    let absent = locked.absent(T::KIND);
    changed.retain(|row| absent.is_none_or(|absent| !absent.contains(row.key())));
    let new: Vec<&T> = absent.into_iter().flatten().filter_map(|key| rows.get(key)).collect();
    debug_assert_eq!(new.len(), absent.map_or(0, BTreeSet::len), "{} without a row", T::KIND);
    ((!new.is_empty()).then(|| inserting(&new)), (!changed.is_empty()).then(|| updating(&changed)))
}
