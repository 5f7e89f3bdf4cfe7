//! Setting a policy: rehearsed first, then one more row. What loosens a rule waits for a second administrator.

use chrono::{DateTime, TimeDelta, Utc};
use domain::operations::invoice_retry::{LEAD, TOO_OLD};
use domain::pending_changes::ChangeKind;
use domain::policies::{BadValue, Policies, PolicyKey, Slot, Value, shown, typed};
use domain::policy_rehearsal::{Rehearsal, rehearse};
use domain::{AuditChange, Severity};
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::policies::PolicyRow;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{self, Asked};
use super::{Refusal, reason};
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

const RETRIES_COUNTED: i64 = 1_000;
/// The audit's name for policies.
pub const KIND: &str = "policy";
/// A change is rehearsed on the operations of so long.
const REHEARSED: TimeDelta = TimeDelta::days(30);

/// What a change would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub key: &'static str,
    pub currency: String,
    pub before: String,
    pub after: String,
    /// Whether it gives up a safeguard, and so needs a second administrator where there is one.
    pub loosens: bool,
    /// On the operations of the last 30 days, by their amounts alone.
    pub rehearsal: Rehearsal,
    /// Invoices that would be tried again within the next day, where the change switches that on; at most so many are
    /// counted.
    pub invoices_to_retry: Option<usize>,
    #[serde(skip)]
    slot: Slot,
    #[serde(skip)]
    value_before: Value,
    #[serde(skip)]
    value: Value,
}

/// What came of setting it.
#[derive(Clone, Debug, Serialize)]
pub struct Set {
    #[serde(flatten)]
    pub plan: Plan,
    /// The row that counts now.
    pub row: Option<PolicyRow>,
    pub pending: Option<PendingChange>,
}

/// Reads key, currency and value as people type them.
pub fn slot(key: &str, currency: Option<&str>) -> Result<Slot, Refusal> {
    let key = key.trim();
    let known = PolicyKey::try_from(key.to_owned());
    let key = known.map_err(|_| StaffRefusal::NoSuchPolicy(key.to_owned()))?;
    Ok(Slot { key, currency: currency.unwrap_or_default().trim().to_ascii_lowercase() })
}

pub fn value(slot: &Slot, text: &str) -> Result<Value, Refusal> {
    let bad = |fault: BadValue| StaffRefusal::BadPolicy { slot: slot.to_string(), fault };
    Ok(slot.key.read(text, &slot.currency).map_err(bad)?)
}

/// What a change would do; nothing is written.
#[shared::built_once]
pub async fn rehearsed(
    ledger: &Ledger,
    slot: &Slot,
    value: Value,
    now: DateTime<Utc>,
) -> Result<Plan, LedgerError> {
    plan(&mut ledger.read().await?, slot, value, now).await
}

async fn plan(
    tx: &mut Transaction,
    slot: &Slot,
    value: Value,
    now: DateTime<Utc>,
) -> Result<Plan, LedgerError> {
    let policies: Policies = tx.policies().await?;
    let before = policies.get(slot);
    let changed = policies.clone().with(slot.clone(), value);
    let operations = tx.operations_to_rehearse(now - REHEARSED).await?;
    let begins_retries = slot.key == PolicyKey::ScheduledRetries && value == Value::Switch(true);
    let invoices_to_retry = if begins_retries {
        Some(tx.invoices_to_retry(now - TOO_OLD, now + LEAD, None, RETRIES_COUNTED).await?.len())
    } else {
        None
    };
    Ok(Plan {
        key: slot.key.as_str(),
        currency: slot.currency.clone(),
        before: shown(slot.key, &slot.currency, before),
        after: shown(slot.key, &slot.currency, value),
        loosens: slot.key.loosens(before, value),
        rehearsal: rehearse(&policies.limits(), &changed.limits(), &operations),
        invoices_to_retry,
        slot: slot.clone(),
        value_before: before,
        value,
    })
}

/// Sets a policy, or asks for it where it takes two.
#[shared::built_once]
pub async fn set(
    ledger: &Ledger,
    slot: &Slot,
    value: Value,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Set, Refusal> {
    let why = reason(why)?;
    let done = try_set(ledger, slot, value, &why, by, now).await;
    let act = format!("set {}", shown(slot.key, &slot.currency, value));
    let id = slot.to_string();
    noting_refusals(ledger, done, Subject { kind: KIND, id: &id }, &act, by, now).await
}

async fn try_set(
    ledger: &Ledger,
    slot: &Slot,
    value: Value,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Set, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit(by)?;
    let plan = plan(&mut tx, slot, value, now).await?;
    if plan.value_before == value {
        return Err(StaffRefusal::SamePolicy(slot.to_string()).into());
    }
    if (slot.key, value) == (PolicyKey::TotpRequired, Value::Switch(true))
        && let Some(name) = administrators.without_factor(&mut tx, now).await?
    {
        return Err(StaffRefusal::WithoutFactor(name).into());
    }
    let (mut row, mut pending) = (None, None);
    if plan.loosens && administrators.needs_second(by)? {
        let asked = Asked {
            kind: ChangeKind::Policy,
            subject: &slot.to_string(),
            before: Some(typed(slot, plan.value_before)),
            after: typed(slot, value),
            reason: why,
        };
        pending = Some(pending::ask(&mut tx, &asked, by, now).await?);
    } else {
        row = Some(write(&mut tx, &plan, why, by, now).await?);
    }
    tx.commit().await?;
    Ok(Set { plan, row, pending })
}

async fn write(
    tx: &mut Transaction,
    plan: &Plan,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PolicyRow, Refusal> {
    let Slot { key, currency } = &plan.slot;
    let last = tx.current_policies().await?.into_iter();
    let last = last.filter(|row| row.key == key.as_str() && row.currency == *currency);
    let row = PolicyRow {
        key: key.as_str().to_owned(),
        currency: currency.clone(),
        version: last.map(|row| row.version).max().unwrap_or(0) + 1,
        value: plan.value.stored(),
        reason: why.to_owned(),
        set_by: by.in_audit(),
        set_at: now,
    };
    tx.append_policy(&row).await?;
    let change = AuditChange {
        what: "set",
        before: Some(plan.before.clone()),
        after: Some(plan.after.clone()),
        severity: if plan.loosens { Severity::Critical } else { Severity::Warning },
    };
    let id = plan.slot.to_string();
    append(tx, Subject { kind: KIND, id: &id }, change, &by.in_audit(), now).await?;
    Ok(row)
}

/// Does what a change said that was asked for, where the policy is still as it was then.
pub(super) async fn carry_out(
    tx: &mut Transaction,
    change: &PendingChange,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let moved = || Refusal::from(StaffRefusal::HasMoved(change.subject.clone()));
    let (key, currency) = change.subject.split_once(' ').unwrap_or((&change.subject, ""));
    let slot = slot(key, Some(currency)).map_err(|_| moved())?;
    let plan = plan(tx, &slot, value(&slot, &change.after).map_err(|_| moved())?, now).await?;
    if change.before != Some(typed(&slot, plan.value_before)) {
        return Err(moved());
    }
    write(tx, &plan, &change.reason, by, now).await.map(|_| ())
}
