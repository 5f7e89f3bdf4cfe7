//! The tables `staff_credentials` and `recovery_codes`: by what people log in. Nothing here is a secret as it stands.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

readable! {
    pub struct Credentials {
        pub staff: String,
        pub password_hash: String,
        pub password_at: DateTime<Utc>,
        /// Encrypted.
        pub totp_secret: Option<Vec<u8>>,
        pub totp_step: i64,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn credentials_of(&mut self, staff: &str) -> Result<Option<Credentials>, LedgerError> {
        query("SELECT * FROM staff_credentials WHERE staff = $1").bind(staff).optional(self).await
    }

    /// Every second factor, encrypted, with whose it is.
    #[shared::built_once]
    pub async fn second_factors(&mut self) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        query("SELECT staff, totp_secret FROM staff_credentials WHERE totp_secret IS NOT NULL ORDER BY staff")
            .all(self)
            .await
    }

    /// Replaces all that a person logs in by.
    #[shared::built_once]
    pub async fn set_credentials(
        &mut self,
        staff: &str,
        password_hash: &str,
        totp_secret: Option<&[u8]>,
        totp_step: i64,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO staff_credentials (staff, password_hash, password_at, totp_secret, totp_at, totp_step) \
             VALUES ($1, $2, $3, $4, $3, $5) ON CONFLICT (staff) DO UPDATE SET password_hash = excluded.password_hash, \
             password_at = excluded.password_at, totp_secret = excluded.totp_secret, totp_at = excluded.totp_at, \
             totp_step = excluded.totp_step",
        )
        .bind(staff)
        .bind(password_hash)
        .bind(now)
        .bind(totp_secret.map(<[u8]>::to_vec))
        .bind(totp_step)
        .run(self)
        .await?;
        Ok(())
    }

    /// Replaces the password alone.
    #[shared::built_once]
    pub async fn set_password(
        &mut self,
        staff: &str,
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query("UPDATE staff_credentials SET password_hash = $2, password_at = $3 WHERE staff = $1")
            .bind(staff)
            .bind(password_hash)
            .bind(now)
            .run(self)
            .await?;
        Ok(())
    }

    /// Takes a step of time as used; `false` where it, or a later one, was used before.
    #[shared::built_once]
    pub async fn use_totp_step(&mut self, staff: &str, step: i64) -> Result<bool, LedgerError> {
        let used = query("UPDATE staff_credentials SET totp_step = $2 WHERE staff = $1 AND totp_step < $2")
            .bind(staff)
            .bind(step)
            .run(self)
            .await?;
        Ok(used == 1)
    }

    /// Replaces a person's recovery codes by others.
    #[shared::built_once]
    pub async fn set_recovery_codes(
        &mut self,
        staff: &str,
        hashes: &[Vec<u8>],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        query("DELETE FROM recovery_codes WHERE staff = $1").bind(staff).run(self).await?;
        Rows::of(hashes)
            .text("staff", |_| staff)
            .bytes("hash", |hash| hash.as_slice())
            .time("made_at", |_| Some(now))
            .run(
                self,
                "INSERT INTO recovery_codes (staff, hash, made_at) SELECT staff, hash, made_at FROM input",
            )
            .await?;
        Ok(())
    }

    /// Takes a recovery code as used; `false` where it is not one of theirs, or was used before.
    #[shared::built_once]
    pub async fn use_recovery_code(
        &mut self,
        staff: &str,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let used = query(
            "UPDATE recovery_codes SET used_at = $3 WHERE staff = $1 AND hash = $2 AND used_at IS NULL",
        )
        .bind(staff)
        .bind(hash)
        .bind(now)
        .run(self)
        .await?;
        Ok(used == 1)
    }
}
