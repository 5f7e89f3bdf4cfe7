//! Who is on the staff: add, change roles, disable, enable. More permissions wait for a second administrator where
//! there is one; fewer count at once.

use chrono::{DateTime, Utc};
use domain::pending_changes::ChangeKind;
use domain::permissions::{Permission, Roles, is_loosening};
use domain::staff_names::staff_name;
use domain::{AuditChange, Severity};
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::staff::Member;
use ledger::{Ledger, Transaction};
use serde::Serialize;

use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{self, Asked};
use super::{Refusal, reason};
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

/// The audit's name for staff.
pub const KIND: &str = "staff";

/// A person as an act left them, with what waits for a second administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    #[serde(flatten)]
    pub member: Member,
    pub pending: Option<PendingChange>,
}

fn subject(name: &str) -> Subject<'_> {
    Subject { kind: KIND, id: name }
}

pub(super) fn named(given: &str) -> Result<String, Refusal> {
    staff_name(given).map_err(|fault| StaffRefusal::BadName { name: given.trim().to_owned(), fault }.into())
}

/// The person, who must be there.
pub(super) async fn known(tx: &mut Transaction, name: &str) -> Result<Member, Refusal> {
    let member = tx.member(name).await?;
    member.ok_or_else(|| StaffRefusal::NoSuchMember(name.to_owned()).into())
}

/// Adds a person. Roles that need a second administrator are given once that one agrees.
#[shared::built_once]
pub async fn add(
    ledger: &Ledger,
    name: &str,
    roles: &Roles,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let name = named(name)?;
    if roles.0.is_empty() {
        return Err(StaffRefusal::NoRole.into());
    }
    let done = try_add(ledger, &name, roles, by, now).await;
    noting_refusals(ledger, done, subject(&name), &format!("add as {roles}"), by, now).await
}

async fn try_add(
    ledger: &Ledger,
    name: &str,
    roles: &Roles,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit_to_add(by)?;
    if tx.member(name).await?.is_some() {
        return Err(StaffRefusal::NameTaken(name.to_owned()).into());
    }
    let waits = is_loosening(&roles.permissions(), false) && administrators.needs_second(by)?;
    let member = Member {
        name: name.to_owned(),
        roles: if waits { Roles::default() } else { roles.clone() },
        added_by: by.in_audit(),
        added_at: now,
        disabled_by: None,
        disabled_at: None,
        admin_until: None,
    };
    tx.add_member(&member).await?;
    note(&mut tx, name, "added", None, Some(member.roles.to_string()), by, now).await?;
    let pending = if waits {
        let asked = Asked {
            kind: ChangeKind::Roles,
            subject: name,
            before: Some(String::new()),
            after: roles.to_string(),
            reason: "added to the staff",
        };
        Some(pending::ask(&mut tx, &asked, by, now).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(Changed { member, pending })
}

/// Gives a person exactly these roles.
#[shared::built_once]
pub async fn set_roles(
    ledger: &Ledger,
    name: &str,
    roles: &Roles,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let (name, why) = (named(name)?, reason(why)?);
    if roles.0.is_empty() {
        return Err(StaffRefusal::NoRole.into());
    }
    let done = try_set_roles(ledger, &name, roles, &why, by, now).await;
    noting_refusals(ledger, done, subject(&name), &format!("roles {roles}"), by, now).await
}

async fn try_set_roles(
    ledger: &Ledger,
    name: &str,
    roles: &Roles,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit(by)?;
    let mut member = known(&mut tx, name).await?;
    if member.roles == *roles {
        return Err(StaffRefusal::SameRoles(name.to_owned()).into());
    }
    let mut given = roles.permissions();
    given.retain(|permission| !member.roles.have(*permission));
    if is_loosening(&given, true) && administrators.needs_second(by)? {
        let asked = Asked {
            kind: ChangeKind::Roles,
            subject: name,
            before: Some(member.roles.to_string()),
            after: roles.to_string(),
            reason: why,
        };
        let pending = Some(pending::ask(&mut tx, &asked, by, now).await?);
        tx.commit().await?;
        return Ok(Changed { member, pending });
    }
    let loses_admin = member.roles.have(Permission::Admin) && !roles.have(Permission::Admin);
    if loses_admin && administrators.is_last(name) {
        return Err(StaffRefusal::LastAdministrator(name.to_owned()).into());
    }
    give_roles(&mut tx, &mut member, roles.clone(), by, now).await?;
    tx.commit().await?;
    Ok(Changed { member, pending: None })
}

pub(super) async fn give_roles(
    tx: &mut Transaction,
    member: &mut Member,
    roles: Roles,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if member.roles.have(Permission::Admin) && !roles.have(Permission::Admin) {
        member.admin_until = Some(now);
    }
    let mut given = roles.permissions();
    given.retain(|permission| !member.roles.have(*permission));
    if is_loosening(&given, true) {
        // Made when they opened less, so that nobody else had to look at them.
        tx.end_unseen_invitations(&member.name, &by.in_audit(), now).await?;
    }
    let before = std::mem::replace(&mut member.roles, roles);
    tx.write_member(member).await?;
    let after = Some(member.roles.to_string());
    note(tx, &member.name, "roles", Some(before.to_string()), after, by, now).await
}

/// Ends all that a person can do, at once: their sessions and tokens end for good.
#[shared::built_once]
pub async fn disable(
    ledger: &Ledger,
    name: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let (name, why) = (named(name)?, reason(why)?);
    let done = try_disable(ledger, &name, &why, by, now).await;
    noting_refusals(ledger, done, subject(&name), "disable", by, now).await
}

async fn try_disable(
    ledger: &Ledger,
    name: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit(by)?;
    let mut member = known(&mut tx, name).await?;
    if member.disabled_at.is_some() {
        return Err(StaffRefusal::IsDisabled(name.to_owned()).into());
    }
    if administrators.is_last(name) {
        return Err(StaffRefusal::LastAdministrator(name.to_owned()).into());
    }
    if member.roles.have(Permission::Admin) {
        member.admin_until = Some(now);
    }
    member.disabled_by = Some(by.in_audit());
    member.disabled_at = Some(now);
    tx.write_member(&member).await?;
    for token in tx.tokens_of(name).await? {
        tx.end_token(&token.id, &by.in_audit(), now).await?;
    }
    tx.end_sessions_of(name, &by.in_audit(), now).await?;
    tx.end_invitations(Some(name), &by.in_audit(), now).await?;
    note(&mut tx, name, "disabled", None, Some(why.to_owned()), by, now).await?;
    tx.commit().await?;
    Ok(Changed { member, pending: None })
}

/// Lets a person act again, with the roles that they had; their tokens stay ended.
#[shared::built_once]
pub async fn enable(
    ledger: &Ledger,
    name: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let (name, why) = (named(name)?, reason(why)?);
    let done = try_enable(ledger, &name, &why, by, now).await;
    noting_refusals(ledger, done, subject(&name), "enable", by, now).await
}

async fn try_enable(
    ledger: &Ledger,
    name: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Changed, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit(by)?;
    let mut member = known(&mut tx, name).await?;
    if member.disabled_at.is_none() {
        return Err(StaffRefusal::IsEnabled(name.to_owned()).into());
    }
    if is_loosening(&member.roles.permissions(), true) && administrators.needs_second(by)? {
        let asked = Asked {
            kind: ChangeKind::Enable,
            subject: name,
            before: Some("disabled".to_owned()),
            after: member.roles.to_string(),
            reason: why,
        };
        let pending = Some(pending::ask(&mut tx, &asked, by, now).await?);
        tx.commit().await?;
        return Ok(Changed { member, pending });
    }
    let_act_again(&mut tx, &mut member, why, by, now).await?;
    tx.commit().await?;
    Ok(Changed { member, pending: None })
}

pub(super) async fn let_act_again(
    tx: &mut Transaction,
    member: &mut Member,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    (member.disabled_by, member.disabled_at) = (None, None);
    tx.write_member(member).await?;
    note(tx, &member.name, "enabled", None, Some(why.to_owned()), by, now).await
}

async fn note(
    tx: &mut Transaction,
    name: &str,
    what: &'static str,
    before: Option<String>,
    after: Option<String>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let change = AuditChange { what, before, after, severity: Severity::Critical };
    Ok(append(tx, subject(name), change, &by.in_audit(), now).await?)
}
