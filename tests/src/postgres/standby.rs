//! A streaming standby of a Postgres, and how it takes the place of a primary that is lost with its disk.

use std::fs;

use anyhow::ensure;
use sqlx::{Connection, PgConnection};

use super::{BOOT_PATIENCE, Postgres};
use crate::process_guard::until;

impl Postgres {
    /// A copy of this server that follows it; asynchronously, unless `waits_for_standby` says otherwise.
    pub async fn standby(&self) -> anyhow::Result<Self> {
        let mut standby = Self::lay_out(self.password.clone(), &[])?;
        let output = standby.guard.folder().join("basebackup");
        let mut command = standby.command("pg_basebackup", &output)?;
        command.arg("--pgdata").arg(standby.data()).arg("--dbname").arg(self.address("postgres"));
        command.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"]);
        let mut copying = standby.guard.spawn(&mut command)?;
        until("a copy of the primary", BOOT_PATIENCE, async || Ok(copying.has_exited())).await?;
        ensure!(copying.succeeded(), "pg_basebackup failed: {}", fs::read_to_string(output)?);
        standby.boot().await?;
        Ok(standby)
    }

    /// From now on a commit is one only when the standby has it, too.
    pub async fn waits_for_standby(&self) -> anyhow::Result<()> {
        self.alter("ALTER SYSTEM SET synchronous_standby_names = '*'").await
    }

    /// Waits until the standby shows everything that is committed here now.
    pub async fn is_followed_by(&self, standby: &Self) -> anyhow::Result<()> {
        let here: i64 = self.number("SELECT (pg_current_wal_lsn() - '0/0')::bigint").await?;
        until("the standby to follow", BOOT_PATIENCE, async || {
            Ok(standby.number("SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint").await? >= here)
        })
        .await
    }

    /// A standby hears nothing more of its primary, as where the link between them is cut.
    pub async fn stops_following(&self) -> anyhow::Result<()> {
        self.alter("ALTER SYSTEM SET primary_conninfo = ''").await?;
        until("the standby to be alone", BOOT_PATIENCE, async || {
            Ok(self.number("SELECT count(*) FROM pg_stat_wal_receiver").await? == 0)
        })
        .await
    }

    /// SIGKILL, and its disk is gone.
    pub async fn is_lost(&mut self) -> anyhow::Result<()> {
        self.kill().await?;
        Ok(fs::remove_dir_all(self.data())?)
    }

    /// A standby becomes the primary, under the address of the one that was.
    pub async fn takes_the_place_of(&mut self, lost: &Self) -> anyhow::Result<()> {
        self.port = lost.port;
        self.restart().await?;
        ensure!(self.number("SELECT pg_promote()::int::bigint").await? == 1, "it is not promoted");
        Ok(())
    }

    async fn alter(&self, statement: &'static str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.address("postgres")).await?;
        sqlx::query(statement).execute(&mut connection).await?;
        sqlx::query("SELECT pg_reload_conf()").execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    async fn number(&self, statement: &'static str) -> anyhow::Result<i64> {
        let mut connection = PgConnection::connect(&self.address("postgres")).await?;
        let number = sqlx::query_scalar(statement).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(number)
    }
}
