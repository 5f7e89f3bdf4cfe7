//! Staff decisions about a user: ban, lift a ban, or let the disputes decide again.

use chrono::{DateTime, Utc};
use domain::bans::{Act, Ban};
use domain::permissions::Permission;
use domain::{AuditChange, Key, Object, Severity, audit_chain};
use ledger::Ledger;
use ledger::tables::overrides::Override;

use super::{Person, Refusal, count, done, text};
use crate::actor::Actor;
use crate::refused_acts::note_forbidden;

/// What staff want for a user.
#[derive(Clone, Debug)]
pub struct Decision {
    /// `Act::None` takes the last decision back: the disputes decide again.
    pub act: Act,
    pub until: Option<DateTime<Utc>>,
    pub reason: String,
}

/// Another person's decision is replaced by an administrator only.
#[shared::built_once]
pub async fn may_decide(ledger: &Ledger, user: &Key, by: &Actor, now: DateTime<Utc>) -> Result<(), Refusal> {
    let before = ledger.read().await?.look_up::<Ban>(std::slice::from_ref(user)).await?.pop();
    let decided_by = before.and_then(|ban| ban.override_by.filter(|_| ban.override_act != Act::None));
    let is_anothers = decided_by.is_some_and(|name| !by.is_in_audit_as(&name));
    if is_anothers
        && !by.is_declared()
        && let Err(forbidden) = by.may(Permission::Admin)
    {
        note_forbidden(ledger, by, "replace a decision about a user", &forbidden, now).await?;
        return Err(forbidden.into());
    }
    Ok(())
}

/// Bans a user, lifts a ban, or leaves it to the disputes again; gives the ban as it stands then.
#[shared::built_once]
pub async fn decide_on_user(
    ledger: &Ledger,
    user: &Key,
    decision: &Decision,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Ban, Refusal> {
    let reason = text("reason", &decision.reason)?;
    if decision.until.is_some_and(|until| until <= now) {
        return Err(Refusal::EndHasPassed);
    }
    let mut tx = ledger.begin().await?;
    let mut locked = tx.lock_bans(std::slice::from_ref(user)).await?;
    let mut ban = locked.pop().unwrap_or_else(|| Ban::placeholder(user.clone()));
    if decision.act == Act::None && ban.override_act == Act::None {
        return Err(Refusal::NothingToClear);
    }
    let before = in_words(ban.override_act, ban.override_until);
    let change = AuditChange {
        what: "override",
        before: Some(before),
        after: Some(in_words(decision.act, decision.until)),
        severity: if decision.act == Act::Ban { Severity::Critical } else { Severity::Warning },
    };
    let row = Override {
        number: count(&tx.overrides_of(user).await?) + 1,
        act: decision.act,
        until: decision.until,
        reason,
        decided_by: by.name().to_owned(),
        decided_at: now,
    };
    tx.append_override(user, &row).await?;
    ban.override_act = row.act;
    ban.override_until = row.until;
    ban.override_reason = Some(row.reason);
    ban.override_by = Some(row.decided_by);
    ban.override_at = Some(now);
    ban.revision += 1;
    let done = done(&ban, ban.revision, change);
    let line = audit_chain::extend(&mut ban.audit_hash, &done, by.name(), now);
    tx.write(&[&ban]).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(ban)
}

fn in_words(act: Act, until: Option<DateTime<Utc>>) -> String {
    match until {
        Some(until) if act != Act::None => {
            format!("{} until {}", act.as_str(), until.format("%Y-%m-%d %H:%M:%S"))
        }
        _ => act.as_str().to_owned(),
    }
}
