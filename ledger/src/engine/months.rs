//! The months of `events`: on Postgres each month of Stripe's `created` is a partition, so that only the newest ones'
//! indexes are in use (docs/adr/0064). A SQLite file has one table.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Datelike, Months, Utc};
use shared::built_once;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::{Ledger, LedgerError, Patience, Pool};

/// Stripe began in 2011. What is older, or of a far future, has a partition of its own that is always there.
const FIRST_YEAR: i32 = 2011;
const LAST_YEAR: i32 = 2099;
/// So many months are made ahead, beside the present one.
const AHEAD: u32 = 2;
/// Another worker that makes the same month is waited for so long, so often.
const LOCK_PATIENCE: &str = "SET LOCAL lock_timeout = '2s'";
const TIMES: u32 = 5;
/// Those that divide the table, or make a month, do so one after the other.
const LOCK: i64 = 0x7469_6465_6d6f_6e74;

/// A sample of each month may come from the disk.
const TIME_TO_COUNT: &str = "SET LOCAL statement_timeout = '10min'";
/// Of several that would count all months at once, one does.
const ANALYZE_LOCK: i64 = LOCK + 2;

/// What this process has seen to be there.
#[derive(Debug, Default)]
pub(crate) struct KnownMonths(Mutex<BTreeSet<(i32, u32)>>);

/// Year and month of a partition that may have to be made.
fn month(at: DateTime<Utc>) -> Option<(i32, u32)> {
    (FIRST_YEAR..=LAST_YEAR).contains(&at.year()).then(|| (at.year(), at.month()))
}

impl KnownMonths {
    /// A moment of each month that is not known to be there.
    fn unknown(&self, moments: impl Iterator<Item = DateTime<Utc>>) -> Vec<DateTime<Utc>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = BTreeSet::new();
        moments
            .filter(|at| month(*at).is_some_and(|month| !known.contains(&month) && seen.insert(month)))
            .collect()
    }

    fn add(&self, at: DateTime<Utc>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(month(at));
    }
}

impl Ledger {
    /// Sees to it that events of these moments can be stored; before a transaction, as a month that is made for one
    /// serves all. Costs nothing where each month is known.
    pub async fn prepare_months(
        &self,
        moments: impl Iterator<Item = DateTime<Utc>> + Send,
    ) -> Result<(), LedgerError> {
        let Pool::Postgres(pool) = &self.pool else { return Ok(()) };
        for at in self.months.unknown(moments) {
            make(pool, self.patience, at).await?;
            self.months.add(at);
        }
        Ok(())
    }

    /// Makes the present month and the next ones, and has all months counted together where they have doubled.
    #[built_once]
    pub async fn prepare_months_ahead(&self, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let Pool::Postgres(pool) = &self.pool else { return Ok(()) };
        self.forget_months();
        let ahead = (0..=AHEAD).filter_map(|months| now.checked_add_months(Months::new(months)));
        self.prepare_months(ahead).await?;
        let mut tx = pool.begin().await?;
        sqlx::query(TIME_TO_COUNT).execute(&mut *tx).await?;
        sqlx::query("SELECT tidegate_analyze_events()").execute(&mut *tx).await?;
        Ok(tx.commit().await?)
    }

    /// A month that was there is gone: somebody dropped it.
    pub fn forget_months(&self) {
        self.months.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[built_once]
async fn make(pool: &PgPool, patience: Patience, at: DateTime<Utc>) -> Result<(), LedgerError> {
    let mut times = 1;
    loop {
        match make_once(pool, patience, at).await {
            Err(LedgerError::Moved) if times < TIMES => times += 1,
            made => return made,
        }
    }
}

async fn make_once(pool: &PgPool, patience: Patience, at: DateTime<Utc>) -> Result<(), LedgerError> {
    let mut tx = patience.begin(pool, None).await?;
    patience.wait(sqlx::query(LOCK_PATIENCE).execute(&mut *tx)).await?;
    let make = sqlx::query("SELECT tidegate_month_of_events($1)").bind(at);
    patience.wait(make.execute(&mut *tx)).await?;
    Ok(patience.wait(tx.commit()).await?)
}

/// Divides the table, which is empty, into months. To do so again changes nothing.
pub(super) async fn divide(pool: &PgPool) -> Result<(), LedgerError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let kind: String =
        sqlx::query_scalar("SELECT CAST(relkind AS TEXT) FROM pg_class WHERE oid = to_regclass('events')")
            .fetch_one(&mut *tx)
            .await?;
    if kind == "r" {
        let indexes: Vec<String> = sqlx::query_scalar(
            "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass('events') AND NOT indisprimary",
        )
        .fetch_all(&mut *tx)
        .await?;
        let statements = format!(
            "ALTER TABLE events RENAME TO events_undivided; \
             CREATE TABLE events (LIKE events_undivided INCLUDING DEFAULTS INCLUDING CONSTRAINTS) \
             PARTITION BY RANGE (created_at); \
             DROP TABLE events_undivided; \
             ALTER TABLE events ADD PRIMARY KEY (id_hash, rest_hash, created_at); {}; \
             CREATE TABLE events_older PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('{FIRST_YEAR}-01-01 00:00:00+00'); \
             CREATE TABLE events_later PARTITION OF events FOR VALUES FROM ('{}-01-01 00:00:00+00') TO (MAXVALUE)",
            indexes.join("; "),
            LAST_YEAR + 1,
        );
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Ends the function where a month is there. By a look into the tables: what a session remembers of a name, it remembers
/// while it waits for a lock, too.
const IS_THERE: &str = "IF EXISTS (SELECT FROM pg_inherits JOIN pg_class ON oid = inhrelid \
    WHERE inhparent = to_regclass('events') AND relname = part) THEN RETURN; END IF;";

/// The function that makes a month. It has its owner's rights, so a worker needs none on tables; what it can be asked
/// for is no more than these months. A new table is attached: that waits for nobody who reads or writes events. Whoever
/// may do something with `events` may do it with the month, for copies are made table by table.
///
/// Postgres analyzes months by itself, but never the table that they make up: without that it does not know that an id is of
/// one event, and reads all of them for a list of a customer's. So another function does, by a small sample.
pub(super) async fn allow_months(pool: &PgPool) -> Result<(), LedgerError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let schema: String =
        sqlx::query_scalar("SELECT quote_ident(current_schema())").fetch_one(&mut *tx).await?;
    let function = format!(
        "CREATE OR REPLACE FUNCTION tidegate_month_of_events(moment timestamptz) RETURNS void LANGUAGE plpgsql \
         SECURITY DEFINER SET search_path = {schema}, pg_temp SET timezone = 'UTC' AS $$ \
         DECLARE \
           first timestamptz := date_trunc('month', moment); \
           part text := 'events_' || to_char(moment, 'YYYY_MM'); \
           granted record; \
         BEGIN \
           IF extract(year FROM moment) NOT BETWEEN {FIRST_YEAR} AND {LAST_YEAR} THEN RETURN; END IF; \
           {IS_THERE} \
           PERFORM pg_advisory_xact_lock({LOCK}); \
           {IS_THERE} \
           EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part); \
           EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, first, \
             first + interval '1 month'); \
           FOR granted IN SELECT privilege_type AS privilege, CAST(CAST(grantee AS regrole) AS TEXT) AS name \
             FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass('events') AND grantee NOT IN (0, relowner) LOOP \
             EXECUTE format('GRANT %s ON %I TO %s', granted.privilege, part, granted.name); \
           END LOOP; \
         END $$; \
         CREATE OR REPLACE FUNCTION tidegate_analyze_events() RETURNS void LANGUAGE plpgsql SECURITY DEFINER \
         SET search_path = {schema}, pg_temp SET default_statistics_target = 10 AS $$ BEGIN \
           IF (SELECT reltuples FROM pg_class WHERE oid = to_regclass('events')) * 2 < \
             (SELECT sum(reltuples) FROM pg_inherits JOIN pg_class ON oid = inhrelid \
               WHERE inhparent = to_regclass('events') AND reltuples > 0) \
             AND pg_try_advisory_xact_lock({ANALYZE_LOCK}) THEN ANALYZE events; END IF; \
         END $$"
    );
    sqlx::raw_sql(AssertSqlSafe(function)).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Held by whoever brings the schema up to date; others wait for as long as that takes. No statement on it is cut off; a
/// lock on a table is waited for as long as anywhere.
pub(super) async fn alone(pool: &PgPool) -> Result<PgConnection, LedgerError> {
    let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0").execute(&mut connection).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK + 1).execute(&mut connection).await?;
    sqlx::query("RESET lock_timeout").execute(&mut connection).await?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_is_asked_for_once_and_only_between_2011_and_2099() {
        let known = KnownMonths::default();
        let moments = [
            "2026-11-01T00:00:00Z",
            "2026-11-30T23:59:59Z",
            "2026-12-01T00:00:00Z",
            "2010-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "2011-01-01T00:00:00Z",
            "2099-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ];
        let asked = || known.unknown(moments.iter().map(|text| at(text)));
        let expected: Vec<_> = [0, 2, 5, 6].iter().map(|place| at(moments[*place])).collect();
        assert_eq!(asked(), expected);
        known.add(at("2026-11-15T12:00:00Z"));
        assert_eq!(asked(), expected[1..]);
    }
}
