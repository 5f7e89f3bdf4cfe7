//! Sessions: whose are open, and their end, by their person or by an administrator.

use chrono::{DateTime, Utc};
use domain::permissions::Permission;
use domain::{AuditChange, Severity};
use ledger::tables::sessions::Session;
use ledger::{Ledger, LedgerError};

use super::Refusal;
use super::administrators::{StaffRefusal, noting_refusals};
use super::staff::KIND;
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

/// Those that have not ended, of everybody, or of whoever is no administrator their own.
pub async fn open(ledger: &Ledger, by: &Actor) -> Result<Vec<Session>, LedgerError> {
    let mut sessions = ledger.read().await?.open_sessions().await?;
    if !by.is_declared() && !by.has(Permission::Admin) {
        sessions.retain(|session| session.staff == by.staff());
    }
    Ok(sessions)
}

/// Ends one at once.
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
