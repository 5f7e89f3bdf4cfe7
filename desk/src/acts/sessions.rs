//! Sessions: whose are open, and their end, by their person or by an administrator.

use chrono::{DateTime, TimeDelta, Utc};
use domain::lockout::FORGOTTEN_AFTER;
use domain::permissions::Permission;
use domain::{AuditChange, Severity};
use ledger::tables::sessions::Session;
use ledger::{Ledger, LedgerError};

use super::Refusal;
use super::administrators::{StaffRefusal, noting_refusals};
use super::staff::KIND;
use crate::actor::{Actor, KnownBy, token_hash};
use crate::audit_line::{Subject, append};

/// Ended sessions are kept so long, for whoever asks when somebody was logged in.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Those that have not ended, of everybody, or of whoever is no administrator their own.
#[shared::built_once]
pub async fn open(ledger: &Ledger, by: &Actor) -> Result<Vec<Session>, LedgerError> {
    let mut sessions = ledger.read().await?.open_sessions().await?;
    if !by.is_declared() && !by.has(Permission::Admin) {
        sessions.retain(|session| session.staff == by.staff());
    }
    Ok(sessions)
}

/// The one of this cookie.
#[shared::built_once]
pub async fn of_cookie(ledger: &Ledger, cookie: &str) -> Result<Option<Session>, LedgerError> {
    ledger.read().await?.session_by_hash(&token_hash(cookie)).await
}

/// Ends the one of this cookie, as its person asks; nothing where it is none, or has ended.
#[shared::built_once]
pub async fn log_out(ledger: &Ledger, cookie: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let Some(session) = tx.session_by_hash(&token_hash(cookie)).await? else { return Ok(()) };
    let by = Actor::known(&session.staff, [].into(), KnownBy::Session, false).in_audit();
    if !tx.end_session(&session.id, &by, now).await? {
        return Ok(());
    }
    let change =
        AuditChange { what: "logged out", before: None, after: Some(session.id), severity: Severity::Info };
    append(&mut tx, Subject { kind: KIND, id: &session.staff }, change, &by, now).await?;
    tx.commit().await
}

/// Removes sessions, challenges and counted failures that mean nothing any more; says how many.
#[shared::built_once]
pub async fn forget_old(ledger: &Ledger, now: DateTime<Utc>) -> Result<u64, LedgerError> {
    let mut tx = ledger.begin().await?;
    let removed = tx.remove_sessions_before(now - KEPT).await?
        + tx.remove_login_challenges_before(now).await?
        + tx.remove_login_failures_before(now - FORGOTTEN_AFTER).await?;
    tx.commit().await?;
    Ok(removed)
}

/// Ends one at once.
#[shared::built_once]
pub async fn end(ledger: &Ledger, id: &str, by: &Actor, now: DateTime<Utc>) -> Result<Session, Refusal> {
    let found = ledger.read().await?.session(id.trim()).await?;
    let session = found.ok_or_else(|| StaffRefusal::NoSuchSession(id.trim().to_owned()))?;
    let done = try_end(ledger, &session, by, now).await;
    let subject = Subject { kind: KIND, id: &session.staff };
    noting_refusals(ledger, done, subject, "end a session", by, now).await?;
    Ok(Session { ended_by: Some(by.in_audit()), ended_at: Some(now), ..session })
}

async fn try_end(ledger: &Ledger, session: &Session, by: &Actor, now: DateTime<Utc>) -> Result<(), Refusal> {
    if by.is_declared() || by.staff() != session.staff {
        by.may(Permission::Admin)?;
    }
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    if !tx.end_session(&session.id, &by.in_audit(), now).await? {
        return Err(StaffRefusal::SessionHasEnded(session.id.clone()).into());
    }
    let after = Some(session.id.clone());
    let change = AuditChange { what: "session ended", before: None, after, severity: Severity::Info };
    append(&mut tx, Subject { kind: KIND, id: &session.staff }, change, &by.in_audit(), now).await?;
    Ok(tx.commit().await?)
}
