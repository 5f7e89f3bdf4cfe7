//! Reading and writing merged objects, alike for every table: lock, read, write. The columns come from the
//! objects' own list of fields.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use crate::engine::locks::Wait;
use crate::engine::query::query;
use crate::engine::rows::{Statement, by_key, by_parent};
use crate::{Ledger, LedgerError, Transaction};
use domain::row::Columns;
use domain::{Key, Object};

/// Fewer keys without a row than these get placeholders at once: that is a statement less, and few rows written twice.
const FEW_KEYS: usize = 8;

/// Rows that this transaction holds locked.
#[derive(Debug)]
pub struct LockedRows<T> {
    /// All of them; those that were not there before are placeholders.
    pub rows: Vec<T>,
    /// These are new. To name an object is to lock it, so nothing names them either.
    pub new: Vec<Key>,
    /// Those of the new ones that have no row yet.
    pub absent: Vec<Key>,
}

impl Transaction {
    /// Makes sure that a row is there for each key, locks it, and reads it. Keys must be sorted.
    pub async fn lock_rows<T: Object>(&mut self, keys: &[Key]) -> Result<LockedRows<T>, LedgerError> {
        let statement = format!(
            "INSERT INTO {} (id, account, livemode) SELECT id, account, livemode FROM input \
             WHERE TRUE ON CONFLICT (id, account, livemode) DO UPDATE SET id = excluded.id WHERE FALSE \
             RETURNING id, account, livemode",
            T::TABLE
        );
        let new: Vec<Key> = by_key(keys).fetch(self, &statement).await?;
        let is_new: HashSet<&Key> = new.iter().collect();
        let known: Vec<Key> = keys.iter().filter(|key| !is_new.contains(key)).cloned().collect();
        let mut rows: Vec<T> = self.look_up(&known).await?;
        rows.extend(new.iter().cloned().map(T::placeholder));
        Ok(LockedRows { rows, new, absent: Vec::new() })
    }

    /// Locks and reads rows, and locks the keys that have none: those rows are to be inserted whole. Where there are few
    /// such keys rows are made at once; so are those of keys for which Postgres has no room. Keys must be sorted.
    pub(crate) async fn lock_or_reserve<T: Object>(
        &mut self,
        keys: &[Key],
        room: &mut usize,
    ) -> Result<LockedRows<T>, LedgerError> {
        let mut rows: Vec<T> = self.lock_present(keys, Wait::ForRelease).await?;
        let mut absent = without(keys, &rows);
        if absent.is_empty() {
            return Ok(LockedRows { rows, new: Vec::new(), absent });
        }
        let crowded = absent.split_off(absent.len().min(*room));
        *room -= absent.len();
        let mut made = Vec::new();
        if absent.len() < FEW_KEYS && !self.is_alone() {
            made = self.lock_and_make(T::TABLE, &absent).await?;
            let late = difference(&absent, &made);
            rows.extend(self.lock_present::<T>(&late, Wait::Never).await?);
            absent.clear();
        } else if self.lock_absent(T::TABLE, &absent).await? {
            let late: Vec<T> = self.lock_present(&absent, Wait::Never).await?;
            absent = without(&absent, &late);
            rows.extend(late);
        }
        let crowd = self.lock_rows::<T>(&crowded).await?;
        rows.extend(crowd.rows);
        rows.extend(absent.iter().chain(&made).cloned().map(T::placeholder));
        Ok(LockedRows { rows, new: [&absent[..], &made, &crowd.new].concat(), absent })
    }

    /// Reads rows without locking them.
    pub async fn look_up<T: Object>(&mut self, keys: &[Key]) -> Result<Vec<T>, LedgerError> {
        let statement = format!("SELECT * FROM {} JOIN input USING (id, account, livemode)", T::TABLE);
        by_key(keys).fetch(self, &statement).await
    }

    /// The rows that name one of these keys in a column. Read after the named rows are locked: moving a
    /// child locks its parents, so nothing is missed.
    pub async fn children<T: Object>(
        &mut self,
        column: &'static str,
        parents: &[Key],
    ) -> Result<Vec<T>, LedgerError> {
        self.children_where(column, parents, "TRUE").await
    }

    /// The same, of those rows only that hold to a condition.
    pub(crate) async fn children_where<T: Object>(
        &mut self,
        column: &'static str,
        parents: &[Key],
        condition: &'static str,
    ) -> Result<Vec<T>, LedgerError> {
        let table = T::TABLE;
        let statement = format!(
            "SELECT {table}.* FROM {table} JOIN input ON {table}.{column} = parent \
             AND {table}.account = parent_account AND {table}.livemode = parent_livemode WHERE {condition}"
        );
        by_parent(parents).fetch(self, &statement).await
    }

    /// Writes rows that this transaction has locked, hence that are there.
    pub async fn write<T: Object>(&mut self, rows: &[&T]) -> Result<(), LedgerError> {
        self.run_together(vec![updating(rows)]).await
    }

    /// The objects of this id: one an account and mode.
    pub async fn find<T: Object>(&mut self, id: &str) -> Result<Vec<T>, LedgerError> {
        let sql = format!("SELECT * FROM {} WHERE id = $1 ORDER BY livemode DESC, account", T::TABLE);
        query(AssertSqlSafe(sql)).bind(id).all(self).await
    }

    /// The same by another indexed column that names them, such as a customer's `user_id`.
    pub async fn find_by<T: Object>(
        &mut self,
        column: &'static str,
        value: &str,
    ) -> Result<Vec<T>, LedgerError> {
        let sql = format!("SELECT * FROM {} WHERE {column} = $1 ORDER BY id LIMIT 1000", T::TABLE);
        query(AssertSqlSafe(sql)).bind(value).all(self).await
    }
}

const KEY: [&str; 3] = ["id", "account", "livemode"];

/// The statement that updates these rows, all columns but the key.
pub(crate) fn updating<'a, T: Object>(rows: &[&'a T]) -> Statement<'a> {
    let (table, mut columns) = (T::TABLE, Columns::new());
    T::columns("", &[], &mut columns);
    let names = columns.iter().map(|(name, _)| *name).filter(|name| !KEY.contains(name));
    let set: Vec<String> = names.map(|name| format!("{name} = input.{name}")).collect();
    let text = format!(
        "UPDATE {table} SET {} FROM input WHERE {table}.id = input.id AND {table}.account = input.account \
         AND {table}.livemode = input.livemode",
        set.join(", ")
    );
    Statement::of_fields(rows, text)
}

/// The statement that inserts these rows.
pub(crate) fn inserting<'a, T: Object>(rows: &[&'a T]) -> Statement<'a> {
    let (table, mut columns) = (T::TABLE, Columns::new());
    T::columns("", &[], &mut columns);
    let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    Statement::of_fields(rows, format!("INSERT INTO {table} ({names}) SELECT {names} FROM input"))
}

/// The keys that none of these rows has.
fn without<T: Object>(keys: &[Key], rows: &[T]) -> Vec<Key> {
    difference(keys, rows.iter().map(Object::key))
}

fn difference<'k>(keys: &[Key], others: impl IntoIterator<Item = &'k Key>) -> Vec<Key> {
    let others: HashSet<&Key> = others.into_iter().collect();
    keys.iter().filter(|key| !others.contains(key)).cloned().collect()
}

impl Ledger {
    /// The objects of this id: one an account and mode.
    pub async fn find<T: Object>(&self, id: &str) -> Result<Vec<T>, LedgerError> {
        self.read().await?.find(id).await
    }

    /// The objects that name this one in a column, sorted by key.
    pub async fn naming<T: Object>(&self, column: &'static str, key: &Key) -> Result<Vec<T>, LedgerError> {
        let mut rows: Vec<T> = self.read().await?.children(column, std::slice::from_ref(key)).await?;
        rows.sort_by(|a, b| a.key().cmp(b.key()));
        Ok(rows)
    }
}
