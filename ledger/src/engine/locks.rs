//! Locks that last until the transaction ends: on rows, and on keys that have no row yet. On SQLite a transaction
//! that writes is the only one, so nothing is locked there.

use domain::row::Read;
use domain::{Key, Object};
use sqlx::AssertSqlSafe;

use super::query::query;
use super::rows::Rows;
use crate::{LedgerError, Transaction};

/// What happens if another transaction holds a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until it is released. All transactions that wait must take rows in one order.
    ForRelease,
    /// Not at all: the transaction fails as `Moved`. For one that holds later locks already.
    Never,
}

impl Transaction {
    /// Locks and reads the rows that these keys have, in the order of the keys.
    pub(crate) async fn lock_present<T: Object>(
        &mut self,
        keys: &[Key],
        wait: Wait,
    ) -> Result<Vec<T>, LedgerError> {
        let table = T::TABLE;
        let lock = match (&self, wait) {
            (Self::Sqlite(..), _) => String::new(),
            (Self::Postgres(..), Wait::ForRelease) => format!("ORDER BY place FOR NO KEY UPDATE OF {table}"),
            (Self::Postgres(..), Wait::Never) => format!("FOR NO KEY UPDATE OF {table} NOWAIT"),
        };
        let places: Vec<(i64, &Key)> = (0..).zip(keys).collect();
        Rows::of(&places)
            .fields(|(_, key)| *key)
            .int("place", |(place, _)| *place)
            .fetch(
                self,
                &format!("SELECT {table}.* FROM {table} JOIN input USING (id, account, livemode) {lock}"),
            )
            .await
    }

    /// Locks and reads the row of this id, in a table where the id alone is the key.
    pub(crate) async fn lock_one<T: Read>(
        &mut self,
        table: &str,
        id: &str,
    ) -> Result<Option<T>, LedgerError> {
        let lock = if self.is_alone() { "" } else { "FOR NO KEY UPDATE" };
        let text = format!("SELECT * FROM {table} WHERE id = $1 {lock}");
        query(AssertSqlSafe(text)).bind(id).optional(self).await
    }

    /// Locks keys that have no row, each by a number made from it. Gives whether a row may have come meanwhile.
    pub(crate) async fn lock_absent(&mut self, table: &str, keys: &[Key]) -> Result<bool, LedgerError> {
        if matches!(self, Self::Sqlite(..)) || keys.is_empty() {
            return Ok(false);
        }
        numbered(table, keys).rows().run(self, "SELECT pg_advisory_xact_lock(number) FROM input").await?;
        Ok(true)
    }

    /// The same for few keys, for which it makes rows at once: one statement, where to lock and to look again is two.
    /// Gives the keys that have a row now that had none.
    pub(crate) async fn lock_and_make(&mut self, table: &str, keys: &[Key]) -> Result<Vec<Key>, LedgerError> {
        // That the lock is looked at keeps Postgres from leaving it out.
        let statement = format!(
            ", locked AS MATERIALIZED (SELECT id, account, livemode, pg_advisory_xact_lock(number)::text AS lock \
             FROM input) INSERT INTO {table} (id, account, livemode) SELECT id, account, livemode FROM locked \
             WHERE lock = '' ON CONFLICT (id, account, livemode) DO NOTHING RETURNING id, account, livemode"
        );
        numbered(table, keys).rows().fetch(self, &statement).await
    }

    /// Whether a transaction that writes is the only one.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Sqlite(..))
    }
}

/// Keys with their locks, in the order in which everybody takes them.
struct Numbered<'a>(Vec<(i64, &'a Key)>);

fn numbered<'a>(table: &str, keys: &'a [Key]) -> Numbered<'a> {
    let mut numbered: Vec<(i64, &Key)> = keys.iter().map(|key| (number(table, key), key)).collect();
    numbered.sort_unstable_by_key(|(number, _)| *number);
    Numbered(numbered)
}

impl Numbered<'_> {
    fn rows(&self) -> Rows<'_, (i64, &Key)> {
        Rows::of(&self.0).int("number", |(number, _)| *number).fields(|(_, key)| *key)
    }
}

/// A key's lock (FNV-1a), the same in every process. Where two keys share one, one waits without need.
fn number(table: &str, key: &Key) -> i64 {
    let mode = if key.livemode { "live" } else { "test" };
    let parts = [table, mode, &key.account, &key.id];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two versions of a worker must lock each other out.
    #[test]
    fn a_keys_lock_never_changes() {
        let key = Key { id: "pi_1".to_owned(), account: String::new(), livemode: true };
        let live = number("payments", &key);
        assert_eq!(live, LOCK_OF_PI_1);
        assert_ne!(number("charges", &key), live);
        assert_ne!(number("payments", &Key { livemode: false, ..key.clone() }), live);
        let [a, b] = [("ab", "c"), ("a", "bc")].map(|(account, id)| Key {
            id: id.to_owned(),
            account: account.to_owned(),
            livemode: true,
        });
        assert_ne!(number("payments", &a), number("payments", &b));
    }

    const LOCK_OF_PI_1: i64 = -7_548_740_978_104_808_627;
}
