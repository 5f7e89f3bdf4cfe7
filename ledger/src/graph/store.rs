//! Writes what the events of a batch changed, with the lines of the audit and the note of the commit, in a fixed
//! number of statements.

use domain::chain::Chained;
use domain::seal::Commit;
use domain::shelf::{Shelf, without_revision};
use domain::world::World;
use domain::{Key, Object};

use super::load::{Keys, Locked};
use crate::engine::rows::Statement;
use crate::tables::audit::appending;
use crate::tables::objects::writing;
use crate::tables::seals::committing;
use crate::{LedgerError, Transaction};

/// Writes what changed and appends what moved: what nearly every batch does in one statement, and in another what
/// few do.
pub async fn store(
    tx: &mut Transaction,
    world: &World,
    locked: &Locked,
    lines: &[Chained<'_>],
    commit: Option<&Commit>,
) -> Result<(), LedgerError> {
    let seldom = vec![
        changed(&world.refunds, &locked.refunds),
        changed(&world.movements, &locked.movements),
        changed(&world.disputes, &locked.disputes),
        changed(&world.warnings, &locked.warnings),
        changed(&world.invoice_payments, &locked.invoice_payments),
        changed(&world.bans, &locked.users),
    ];
    tx.run_together(seldom).await?;
    let often = vec![
        changed(&world.failures, &locked.failures),
        changed(&world.charges, &locked.charges),
        changed(&world.payments, &locked.payments),
        changed(&world.invoices, &locked.invoices),
        changed(&world.subscriptions, &locked.subscriptions),
        changed(&world.customers, &locked.customers),
        appending(lines),
        committing(commit),
    ];
    tx.run_together(often).await?;
    // A user whom nothing concerns any more, or never did, has no row, whatever came first.
    let is_silent = |user: &&Key| world.bans.get(user).and_then(without_revision).is_none();
    let silent: Vec<Key> = locked.users.iter().filter(is_silent).cloned().collect();
    tx.forget_bans(&silent).await
}

/// A row that changed without its lock would be a lost update in waiting.
fn changed<'a, T: Object>(shelf: &'a Shelf<T>, locked: &Keys) -> Statement<'a> {
    let changed = shelf.changed();
    debug_assert!(changed.iter().all(|row| locked.contains(row.key())), "{} without a lock", T::TABLE);
    writing(&changed)
}
