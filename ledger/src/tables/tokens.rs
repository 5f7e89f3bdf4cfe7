//! The table `tokens`: by what programs, and people at the command line, prove who they are. Only a hash of the secret
//! is kept.

use chrono::{DateTime, Utc};
use domain::permissions::Roles;
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Token {
        pub id: String,
        pub staff: String,
        pub roles: Roles,
        pub is_program: bool,
        #[serde(skip)]
        pub hash: Vec<u8>,
        /// The beginning of the secret, by which its owner recognizes it.
        pub prefix: String,
        pub created_by: String,
        pub created_at: DateTime<Utc>,
        /// `None` while it waits for a second administrator.
        pub approved_at: Option<DateTime<Utc>>,
        pub expires_at: Option<DateTime<Utc>>,
        pub last_used_at: Option<DateTime<Utc>>,
        pub last_refused_at: Option<DateTime<Utc>>,
        pub ended_by: Option<String>,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn token_by_hash(&mut self, hash: &[u8]) -> Result<Option<Token>, LedgerError> {
        query("SELECT * FROM tokens WHERE hash = $1").bind(hash).optional(self).await
    }

    #[shared::built_once]
    pub async fn token(&mut self, id: &str) -> Result<Option<Token>, LedgerError> {
        query("SELECT * FROM tokens WHERE id = $1").bind(id).optional(self).await
    }

    #[shared::built_once]
    pub async fn all_tokens(&mut self) -> Result<Vec<Token>, LedgerError> {
        query("SELECT * FROM tokens ORDER BY staff, created_at, id").all(self).await
    }

    #[shared::built_once]
    pub async fn tokens_of(&mut self, staff: &str) -> Result<Vec<Token>, LedgerError> {
        query("SELECT * FROM tokens WHERE staff = $1 ORDER BY created_at, id").bind(staff).all(self).await
    }

    #[shared::built_once]
    pub async fn add_token(&mut self, token: &Token) -> Result<(), LedgerError> {
        query(
            "INSERT INTO tokens (id, staff, roles, is_program, hash, prefix, created_by, created_at, approved_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&token.id)
        .bind(&token.staff)
        .bind(token.roles.to_string())
        .bind(token.is_program)
        .bind(token.hash.as_slice())
        .bind(&token.prefix)
        .bind(&token.created_by)
        .bind(token.created_at)
        .bind(token.approved_at)
        .bind(token.expires_at)
        .run(self)
        .await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn approve_token(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
        query("UPDATE tokens SET approved_at = $2 WHERE id = $1").bind(id).bind(now).run(self).await?;
        Ok(())
    }

    /// Ends a token for good; `false` where it had ended before.
    #[shared::built_once]
    pub async fn end_token(&mut self, id: &str, by: &str, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        let ended =
            query("UPDATE tokens SET ended_by = $2, ended_at = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id)
                .bind(by)
                .bind(now)
                .run(self)
                .await?;
        Ok(ended == 1)
    }

    /// Notes that a token was used, unless that was noted after `before`.
    #[shared::built_once]
    pub async fn note_token_use(
        &mut self,
        id: &str,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query(
            "UPDATE tokens SET last_used_at = $3 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2)",
        )
        .bind(id)
        .bind(before)
        .bind(now)
        .run(self)
        .await?;
        Ok(())
    }

    /// The same of a token that was refused; `false` where it was noted a short while ago.
    #[shared::built_once]
    pub async fn note_token_refusal(
        &mut self,
        id: &str,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let noted = query(
            "UPDATE tokens SET last_refused_at = $3 \
             WHERE id = $1 AND (last_refused_at IS NULL OR last_refused_at <= $2)",
        )
        .bind(id)
        .bind(before)
        .bind(now)
        .run(self)
        .await?;
        Ok(noted == 1)
    }
}
