//! The table `invitations`: one-time codes by which people set what they log in by. Only a hash is kept.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Invitation {
        pub id: String,
        /// `None` for the first administrator, who chooses a name.
        pub staff: Option<String>,
        #[serde(skip)]
        pub hash: Vec<u8>,
        pub made_by: String,
        pub made_at: DateTime<Utc>,
        /// `None` while it waits for a second administrator.
        pub approved_at: Option<DateTime<Utc>>,
        pub ends_at: DateTime<Utc>,
        pub ended_by: Option<String>,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn invitation_by_hash(&mut self, hash: &[u8]) -> Result<Option<Invitation>, LedgerError> {
        query("SELECT * FROM invitations WHERE hash = $1").bind(hash).optional(self).await
    }

    #[shared::built_once]
    pub async fn invitation(&mut self, id: &str) -> Result<Option<Invitation>, LedgerError> {
        query("SELECT * FROM invitations WHERE id = $1").bind(id).optional(self).await
    }

    #[shared::built_once]
    pub async fn add_invitation(&mut self, invitation: &Invitation) -> Result<(), LedgerError> {
        query(
            "INSERT INTO invitations (id, staff, hash, made_by, made_at, approved_at, ends_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&invitation.id)
        .bind(invitation.staff.as_deref())
        .bind(invitation.hash.as_slice())
        .bind(&invitation.made_by)
        .bind(invitation.made_at)
        .bind(invitation.approved_at)
        .bind(invitation.ends_at)
        .run(self)
        .await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn approve_invitation(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
        query("UPDATE invitations SET approved_at = $2 WHERE id = $1").bind(id).bind(now).run(self).await?;
        Ok(())
    }

    /// Ends a person's invitations that nobody but who made them has looked at.
    #[shared::built_once]
    pub async fn end_unseen_invitations(
        &mut self,
        staff: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query(
            "UPDATE invitations SET ended_by = $2, ended_at = $3 \
             WHERE ended_at IS NULL AND approved_at = made_at AND staff = $1",
        )
        .bind(staff)
        .bind(by)
        .bind(now)
        .run(self)
        .await?;
        Ok(())
    }

    /// Ends a person's invitations, or those for the first administrator: each new one is the only one.
    #[shared::built_once]
    pub async fn end_invitations(
        &mut self,
        staff: Option<&str>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query(
            "UPDATE invitations SET ended_by = $2, ended_at = $3 \
             WHERE ended_at IS NULL AND (staff = $1 OR staff IS NULL AND $1 IS NULL)",
        )
        .bind(staff)
        .bind(by)
        .bind(now)
        .run(self)
        .await?;
        Ok(())
    }
}
