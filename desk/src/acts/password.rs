//! A person changes their own password. The old one is checked and counted like that of a login, because whoever sits
//! down at an open browser does not know it. All sessions end.

use chrono::{DateTime, Utc};
use domain::lockout::Scope;
use domain::passwords::{self, BadPassword};
use domain::{AuditChange, Severity};
use ledger::{Ledger, LedgerError};
use secrecy::{ExposeSecret, SecretString};

use super::login::{LoginRefused, check_password, conclude};
use super::staff::KIND;
use crate::actor::Actor;
use crate::audit_line::{Subject, append};
use crate::password_hash;

/// Why the password stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum PasswordRefused {
    #[error("the old password is wrong")]
    WrongOld,
    #[error(transparent)]
    Bad(#[from] BadPassword),
    #[error(transparent)]
    Login(#[from] LoginRefused),
}

impl From<LedgerError> for PasswordRefused {
    fn from(error: LedgerError) -> Self {
        Self::Login(error.into())
    }
}

#[shared::built_once]
pub async fn change_password(
    ledger: &Ledger,
    old: SecretString,
    new: SecretString,
    by: &Actor,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), PasswordRefused> {
    let name = by.staff();
    passwords::check(new.expose_secret(), name)?;
    let Some(checked) = check_password(ledger, name, old, address, now).await? else {
        let mut tx = ledger.begin().await?;
        tx.lock_staff().await?;
        return match conclude(tx, name, Err::<(), _>(LoginRefused::Wrong), now).await {
            Err(LoginRefused::Ledger(error)) => Err(error.into()),
            _ => Err(PasswordRefused::WrongOld),
        };
    };
    let hash = password_hash::hashed(new).await;
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let current = tx.credentials_of(name).await?;
    if current.is_none_or(|current| current.password_hash != checked.password_hash) {
        return Err(PasswordRefused::WrongOld);
    }
    tx.set_password(name, &hash, now).await?;
    tx.end_sessions_of(name, &by.in_audit(), now).await?;
    tx.forget_login_failures(Scope::Staff, name).await?;
    tx.forget_login_failures(Scope::Address, address).await?;
    let after = Some("a new password".to_owned());
    let change = AuditChange { what: "credentials", before: None, after, severity: Severity::Critical };
    append(&mut tx, Subject { kind: KIND, id: name }, change, &by.in_audit(), now).await?;
    Ok(tx.commit().await?)
}
