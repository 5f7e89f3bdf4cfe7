//! Tokens: make one, whose secret is shown once, and revoke it.

use chrono::{DateTime, Utc};
use domain::pending_changes::ChangeKind;
use domain::permissions::{Roles, is_loosening};
use domain::{AuditChange, Severity};
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::tokens::Token;
use ledger::{Ledger, Transaction};
use secrecy::SecretString;
use shared::trace::random_hex;

use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{self, Asked};
use super::staff::{known, named};
use super::{Refusal, reason};
use crate::actor::{Actor, token_hash};
use crate::audit_line::{Subject, append};

/// The audit's name for tokens.
pub const KIND: &str = "token";
/// So much of a secret is shown in lists: its mark and 8 of its 64 digits.
const SHOWN_CHARS: usize = 12;

/// What a token shall be.
#[derive(Clone, Debug)]
pub struct NewToken<'a> {
    pub staff: &'a str,
    pub roles: &'a Roles,
    pub is_program: bool,
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token that was made. The secret is in nobody else's hands, and cannot be shown again.
#[derive(Debug)]
pub struct Made {
    pub secret: SecretString,
    pub token: Token,
    /// Where it works only once a second administrator has agreed.
    pub pending: Option<PendingChange>,
}

fn subject(id: &str) -> Subject<'_> {
    Subject { kind: KIND, id }
}

#[shared::built_once]
pub async fn create(
    ledger: &Ledger,
    wanted: &NewToken<'_>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Made, Refusal> {
    let name = named(wanted.staff)?;
    if wanted.roles.0.is_empty() {
        return Err(StaffRefusal::NoRole.into());
    }
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return Err(Refusal::EndHasPassed);
    }
    let done = try_create(ledger, &name, wanted, by, now).await;
    let subject = Subject { kind: super::staff::KIND, id: &name };
    noting_refusals(ledger, done, subject, &format!("a token as {}", wanted.roles), by, now).await
}

async fn try_create(
    ledger: &Ledger,
    name: &str,
    wanted: &NewToken<'_>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Made, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit_to_add(by)?;
    let member = known(&mut tx, name).await?;
    if member.disabled_at.is_some() {
        return Err(StaffRefusal::IsDisabled(name.to_owned()).into());
    }
    let permissions = member.roles.permissions();
    let exceeds = |role: &&domain::permissions::Role| {
        role.permissions().iter().any(|permission| !permissions.contains(permission))
    };
    if let Some(role) = wanted.roles.0.iter().find(exceeds) {
        let roles = member.roles.to_string();
        return Err(StaffRefusal::MoreThanTheirs { staff: name.to_owned(), role: *role, roles }.into());
    }
    let waits = is_loosening(&wanted.roles.permissions(), true) && administrators.needs_second(by)?;
    let secret = format!("tdg_{}", random_hex::<32>());
    let token = Token {
        id: format!("tok_{}", random_hex::<8>()),
        staff: name.to_owned(),
        roles: wanted.roles.clone(),
        is_program: wanted.is_program,
        hash: token_hash(&secret),
        prefix: secret[..SHOWN_CHARS].to_owned(),
        created_by: by.in_audit(),
        created_at: now,
        approved_at: (!waits).then_some(now),
        expires_at: wanted.expires_at,
        last_used_at: None,
        last_refused_at: None,
        ended_by: None,
        ended_at: None,
    };
    tx.add_token(&token).await?;
    let what = described(&token);
    note(&mut tx, &token.id, "created", Some(what.clone()), by, now).await?;
    let pending = if waits {
        let asked = Asked {
            kind: ChangeKind::Token,
            subject: &token.id,
            before: None,
            after: what,
            reason: "a token that asks for money or approves it",
        };
        Some(pending::ask(&mut tx, &asked, by, now).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(Made { secret: secret.into(), token, pending })
}

/// What a token is, for the audit and for whoever approves it.
fn described(token: &Token) -> String {
    let Token { staff, roles, .. } = token;
    let program = if token.is_program { " (program)" } else { "" };
    let until = token.expires_at.map(|end| format!(" until {}", end.format("%Y-%m-%d %H:%M:%S")));
    format!("{roles} for {staff}{program}{}", until.unwrap_or_default())
}

/// Ends a token at once. Its own person may, too.
#[shared::built_once]
pub async fn revoke(
    ledger: &Ledger,
    id: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Token, Refusal> {
    let (id, why) = (id.trim(), reason(why)?);
    let done = try_revoke(ledger, id, &why, by, now).await;
    // A mistyped id is not a subject of the audit.
    if matches!(done, Err(Refusal::Staff(StaffRefusal::NoSuchToken(_)))) {
        return done;
    }
    noting_refusals(ledger, done, subject(id), "revoke", by, now).await
}

async fn try_revoke(
    ledger: &Ledger,
    id: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Token, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    let token = tx.token(id).await?.ok_or_else(|| StaffRefusal::NoSuchToken(id.to_owned()))?;
    if by.is_declared() || by.staff() != token.staff {
        administrators.admit(by)?;
    }
    if !tx.end_token(id, &by.in_audit(), now).await? {
        return Err(StaffRefusal::TokenHasEnded(id.to_owned()).into());
    }
    note(&mut tx, id, "revoked", Some(why.to_owned()), by, now).await?;
    tx.commit().await?;
    Ok(Token { ended_by: Some(by.in_audit()), ended_at: Some(now), ..token })
}

async fn note(
    tx: &mut Transaction,
    id: &str,
    what: &'static str,
    after: Option<String>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let change = AuditChange { what, before: None, after, severity: Severity::Critical };
    Ok(append(tx, subject(id), change, &by.in_audit(), now).await?)
}
