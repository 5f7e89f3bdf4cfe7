//! Tables to which rows are only ever added: triggers of either database refuse to change them or take them away,
//! whoever asks. Dropping a trigger takes the owner of the table, whom only `migrate` needs to be.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

use crate::LedgerError;

/// What is decided, said and noted stays as it was.
pub const TABLES: [&str; 12] = [
    "assignments",
    "audit",
    "audit_seals",
    "ban_overrides",
    "batch_items",
    "batches",
    "finding_history",
    "goods_terms",
    "notes",
    "operation_calls",
    "operation_decisions",
    "policies",
];

/// Several processes that migrate at once do this one after the other.
const LOCK: i64 = 0x7469_6465_6170_7064;

pub(super) async fn protect_postgres(pool: &PgPool) -> Result<(), LedgerError> {
    let mut tx = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    for table in TABLES {
        let is_there = "SELECT 1 FROM pg_trigger WHERE tgname = 'append_only' AND tgrelid = to_regclass($1)";
        if sqlx::query(is_there).bind(table).fetch_optional(&mut *tx).await?.is_some() {
            continue;
        }
        // 23001, restrict_violation: the statement itself is at fault, and trying again changes nothing.
        let sql = format!(
            "CREATE OR REPLACE FUNCTION tidegate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME USING ERRCODE = '23001'; END $$; \
             CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION tidegate_append_only()"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// For a migration that adds what the rows of a table did not have; protected again when all are through.
pub(super) async fn release_postgres(pool: &PgPool, table: &str) -> Result<(), LedgerError> {
    let sql = format!("DROP TRIGGER IF EXISTS append_only ON {table}");
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

pub(super) async fn release_sqlite(pool: &SqlitePool, table: &str) -> Result<(), LedgerError> {
    let sql = format!("DROP TRIGGER IF EXISTS {table}_refuses_update");
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

pub(super) async fn protect_sqlite(pool: &SqlitePool) -> Result<(), LedgerError> {
    for table in TABLES {
        for act in ["UPDATE", "DELETE"] {
            let name = act.to_ascii_lowercase();
            let sql = format!(
                "CREATE TRIGGER IF NOT EXISTS {table}_refuses_{name} BEFORE {act} ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'rows of {table} are only ever added'); END"
            );
            sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
        }
    }
    Ok(())
}
