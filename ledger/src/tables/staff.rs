//! The table `staff`: who may act, in which roles, and who no longer may.

use chrono::{DateTime, Utc};
use domain::permissions::Roles;
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    /// One person.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Member {
        pub name: String,
        pub roles: Roles,
        pub added_by: String,
        pub added_at: DateTime<Utc>,
        pub disabled_by: Option<String>,
        pub disabled_at: Option<DateTime<Utc>>,
        /// When they ceased to be an administrator, where they no longer are.
        pub admin_until: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    /// When the first member of staff was added.
    #[shared::built_once]
    pub async fn first_member_added(&mut self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        query("SELECT MIN(added_at) FROM staff").one(self).await
    }

    /// Waits for whoever else changes who may do what: of two administrators who remove each other one is refused.
    #[shared::built_once]
    pub async fn lock_staff(&mut self) -> Result<(), LedgerError> {
        query("UPDATE staff_guard SET revision = revision + 1 WHERE id = 1").run(self).await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn member(&mut self, name: &str) -> Result<Option<Member>, LedgerError> {
        query("SELECT * FROM staff WHERE name = $1").bind(name).optional(self).await
    }

    /// All of them, those who may no longer act included.
    #[shared::built_once]
    pub async fn members(&mut self) -> Result<Vec<Member>, LedgerError> {
        query("SELECT * FROM staff ORDER BY name").all(self).await
    }

    #[shared::built_once]
    pub async fn add_member(&mut self, member: &Member) -> Result<(), LedgerError> {
        query("INSERT INTO staff (name, roles, added_by, added_at) VALUES ($1, $2, $3, $4)")
            .bind(&member.name)
            .bind(member.roles.to_string())
            .bind(&member.added_by)
            .bind(member.added_at)
            .run(self)
            .await?;
        Ok(())
    }

    /// Writes what may change of a person.
    #[shared::built_once]
    pub async fn write_member(&mut self, member: &Member) -> Result<(), LedgerError> {
        query(
            "UPDATE staff SET roles = $2, disabled_by = $3, disabled_at = $4, admin_until = $5 WHERE name = $1",
        )
        .bind(&member.name)
        .bind(member.roles.to_string())
        .bind(member.disabled_by.as_deref())
        .bind(member.disabled_at)
        .bind(member.admin_until)
        .run(self)
        .await?;
        Ok(())
    }

    /// Those who had something to prove who they are with at this moment or later: a password, or a token that worked.
    #[shared::built_once]
    pub async fn members_with_credentials(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<Member>, LedgerError> {
        query(
            "SELECT * FROM staff WHERE EXISTS (SELECT 1 FROM staff_credentials \
             WHERE staff_credentials.staff = staff.name) OR EXISTS (SELECT 1 FROM tokens \
             WHERE tokens.staff = staff.name AND approved_at IS NOT NULL \
             AND (ended_at IS NULL OR ended_at > $1) AND (expires_at IS NULL OR expires_at > $1)) ORDER BY name",
        )
        .bind(since)
        .all(self)
        .await
    }

    /// Those among them who could approve what an administrator asks for, where the policy is so: by a token that is no
    /// program's, or by logging in.
    #[shared::built_once]
    pub async fn members_who_could_approve(
        &mut self,
        since: DateTime<Utc>,
        needs_second_factor: bool,
    ) -> Result<Vec<Member>, LedgerError> {
        query(
            "SELECT * FROM staff WHERE EXISTS (SELECT 1 FROM staff_credentials \
             WHERE staff_credentials.staff = staff.name AND (totp_secret IS NOT NULL OR NOT $2)) \
             OR EXISTS (SELECT 1 FROM tokens WHERE tokens.staff = staff.name AND approved_at IS NOT NULL \
             AND NOT is_program AND (ended_at IS NULL OR ended_at > $1) \
             AND (expires_at IS NULL OR expires_at > $1)) ORDER BY name",
        )
        .bind(since)
        .bind(needs_second_factor)
        .all(self)
        .await
    }
}
