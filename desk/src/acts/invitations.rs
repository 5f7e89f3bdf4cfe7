//! Invitations: a one-time code by which a person sets a password and a second factor. Whoever invites could use the
//! code, so that of a person who approves money takes two.

use chrono::{DateTime, TimeDelta, Utc};
use domain::passwords;
use domain::pending_changes::ChangeKind;
use domain::permissions::{Permission, Role, Roles, is_loosening};
use domain::{AuditChange, Severity};
use ledger::tables::invitations::Invitation;
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::staff::Member;
use ledger::{Ledger, LedgerError, Transaction};
use secrecy::{ExposeSecret, SecretString};
use shared::trace::random_hex;

use super::Refusal;
use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{self, Asked};
use super::staff::{KIND, known, named};
use crate::actor::{Actor, token_hash};
use crate::audit_line::{Subject, append};
use crate::staff_key::StaffKey;
use crate::{password_hash, totp};

const VALID_FOR: TimeDelta = TimeDelta::hours(24);
const RECOVERY_CODES: usize = 10;
/// Who invites the first administrator.
const FIRST_RUN: &str = "tidegate up";

/// An invitation that was made; the code is shown once.
pub struct Invited {
    pub code: SecretString,
    pub invitation: Invitation,
    pub pending: Option<PendingChange>,
}

/// What a person sets by a code.
pub struct Acceptance<'a> {
    pub code: &'a str,
    /// Chosen by the first administrator; others have one.
    pub name: Option<&'a str>,
    pub password: SecretString,
    /// The secret that the app was given, and a code that it made.
    pub totp: Option<(SecretString, &'a str)>,
}

/// What a code asks for, before it is used.
pub struct Asking {
    /// `None` where the name is chosen.
    pub name: Option<String>,
    pub needs_second_factor: bool,
}

/// A person who can log in now. The recovery codes are shown once.
pub struct Accepted {
    pub member: Member,
    pub recovery_codes: Vec<SecretString>,
}

fn invitation(staff: Option<&str>, by: &str, waits: bool, now: DateTime<Utc>) -> (SecretString, Invitation) {
    let code = format!("inv_{}", random_hex::<32>());
    let invitation = Invitation {
        id: format!("ivt_{}", random_hex::<8>()),
        staff: staff.map(str::to_owned),
        hash: token_hash(&code),
        made_by: by.to_owned(),
        made_at: now,
        approved_at: (!waits).then_some(now),
        ends_at: now + VALID_FOR,
        ended_by: None,
        ended_at: None,
    };
    (code.into(), invitation)
}

/// Invites a person to set a password, for the first time or anew.
#[shared::built_once]
pub async fn invite(ledger: &Ledger, name: &str, by: &Actor, now: DateTime<Utc>) -> Result<Invited, Refusal> {
    let name = named(name)?;
    let done = try_invite(ledger, &name, by, now).await;
    noting_refusals(ledger, done, Subject { kind: KIND, id: &name }, "invite", by, now).await
}

async fn try_invite(ledger: &Ledger, name: &str, by: &Actor, now: DateTime<Utc>) -> Result<Invited, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit_to_add(by)?;
    let member = known(&mut tx, name).await?;
    if member.disabled_at.is_some() {
        return Err(StaffRefusal::IsDisabled(name.to_owned()).into());
    }
    let roles = to_come(&mut tx, &member, now).await?;
    let waits = is_loosening(&roles.permissions(), true) && administrators.needs_second(by)?;
    let (code, invitation) = invitation(Some(name), &by.in_audit(), waits, now);
    tx.end_invitations(Some(name), &by.in_audit(), now).await?;
    tx.add_invitation(&invitation).await?;
    note(&mut tx, name, "invited", Some(invitation.id.clone()), &by.in_audit(), now).await?;
    let mut pending = None;
    if waits {
        let asked = Asked {
            kind: ChangeKind::Invitation,
            subject: &invitation.id,
            before: None,
            after: format!("{name} sets a password ({roles})"),
            reason: "an invitation of a person who asks for money or approves it",
        };
        pending = Some(pending::ask(&mut tx, &asked, by, now).await?);
    }
    tx.commit().await?;
    Ok(Invited { code, invitation, pending })
}

/// A person's roles, or those that wait for a second administrator: the code may be used once they are given.
async fn to_come(tx: &mut Transaction, member: &Member, now: DateTime<Utc>) -> Result<Roles, LedgerError> {
    let waiting = tx.waiting_changes().await?.into_iter().find(|change| {
        change.kind == ChangeKind::Roles && change.subject == member.name && change.ends_at > now
    });
    let roles = waiting.and_then(|change| Roles::try_from(change.after).ok());
    Ok(Roles(roles.unwrap_or_default().0.union(&member.roles.0).copied().collect()))
}

/// Makes the code by which the first administrator is made; `None` once there is anybody.
#[shared::built_once]
pub async fn invite_first(ledger: &Ledger, now: DateTime<Utc>) -> Result<Option<SecretString>, LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    if !tx.members().await?.is_empty() {
        return Ok(None);
    }
    let (code, invitation) = invitation(None, FIRST_RUN, false, now);
    tx.end_invitations(None, FIRST_RUN, now).await?;
    tx.add_invitation(&invitation).await?;
    tx.commit().await?;
    Ok(Some(code))
}

/// What a code asks for.
#[shared::built_once]
pub async fn asking(ledger: &Ledger, code: &str, now: DateTime<Utc>) -> Result<Asking, Refusal> {
    let mut tx = ledger.read().await?;
    let invitation = usable(&mut tx, code, now).await?;
    let roles = match &invitation.staff {
        Some(name) => known(&mut tx, name).await?.roles,
        None => Role::SuperUser.into(),
    };
    let is_required = tx.policies().await?.totp_required();
    let needs_second_factor = roles.need_second_factor(is_required);
    Ok(Asking { name: invitation.staff, needs_second_factor })
}

async fn usable(tx: &mut Transaction, code: &str, now: DateTime<Utc>) -> Result<Invitation, Refusal> {
    let found = tx.invitation_by_hash(&token_hash(code.trim())).await?;
    let fits = found.filter(|found| {
        found.ended_at.is_none() && found.approved_at.is_some() && found.ends_at > now && found.made_at <= now
    });
    fits.ok_or_else(|| StaffRefusal::NoSuchInvitation.into())
}

/// Sets what a person logs in by. The code is used up; sessions that they had end.
#[shared::built_once]
pub async fn accept(
    ledger: &Ledger,
    acceptance: Acceptance<'_>,
    key: Option<&StaffKey>,
    now: DateTime<Utc>,
) -> Result<Accepted, Refusal> {
    let Acceptance { code, name, password, totp } = acceptance;
    let asking = asking(ledger, code, now).await?;
    let name = match (&asking.name, name) {
        (Some(name), _) => name.clone(),
        (None, Some(chosen)) => named(chosen)?,
        (None, None) => return Err(StaffRefusal::BadName { name: String::new(), fault: "choose one" }.into()),
    };
    passwords::check(password.expose_secret(), &name).map_err(StaffRefusal::from)?;
    let second = match totp {
        None if asking.needs_second_factor => return Err(StaffRefusal::SecondFactorMissing.into()),
        None => None,
        Some((secret, code)) => {
            let key = key.ok_or(StaffRefusal::NoStaffKey)?;
            let step = totp::step_of(&secret, code, now).ok_or(StaffRefusal::WrongCode)?;
            Some((key.encrypt(&secret, &name), step))
        }
    };
    let hash = password_hash::hashed(password).await;
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let invitation = usable(&mut tx, code, now).await?;
    let member = match &invitation.staff {
        Some(name) => known(&mut tx, name).await?,
        None => first_member(&mut tx, &name, now).await?,
    };
    if member.disabled_at.is_some() {
        return Err(StaffRefusal::IsDisabled(name).into());
    }
    let (secret, step) = second.map_or((None, 0), |(secret, step)| (Some(secret), step));
    tx.set_credentials(&name, &hash, secret.as_deref(), step, now).await?;
    let recovery_codes: Vec<SecretString> = match secret {
        Some(_) => (0..RECOVERY_CODES).map(|_| random_hex::<8>().into()).collect(),
        None => Vec::new(),
    };
    let mut hashes: Vec<Vec<u8>> =
        recovery_codes.iter().map(|code| token_hash(code.expose_secret())).collect();
    hashes.sort();
    tx.set_recovery_codes(&name, &hashes, now).await?;
    tx.end_invitations(invitation.staff.as_deref(), &name, now).await?;
    tx.end_sessions_of(&name, &name, now).await?;
    let with = if secret.is_some() { "a second factor" } else { "a password alone" };
    let by = format!("{name} (invitation {})", invitation.id);
    note(&mut tx, &name, "credentials", Some(with.to_owned()), &by, now).await?;
    tx.commit().await?;
    Ok(Accepted { member, recovery_codes })
}

async fn first_member(tx: &mut Transaction, name: &str, now: DateTime<Utc>) -> Result<Member, Refusal> {
    let members = tx.members().await?;
    // A service that was added meanwhile takes nobody's place.
    if members.iter().any(|member| member.roles.have(Permission::Admin)) {
        return Err(StaffRefusal::NoSuchInvitation.into());
    }
    if members.iter().any(|member| member.name == name) {
        return Err(StaffRefusal::NameTaken(name.to_owned()).into());
    }
    let member = Member {
        name: name.to_owned(),
        roles: Roles::from(Role::SuperUser),
        added_by: FIRST_RUN.to_owned(),
        added_at: now,
        disabled_by: None,
        disabled_at: None,
        admin_until: None,
    };
    tx.add_member(&member).await?;
    note(tx, name, "added", Some(member.roles.to_string()), FIRST_RUN, now).await?;
    Ok(member)
}

async fn note(
    tx: &mut Transaction,
    name: &str,
    what: &'static str,
    after: Option<String>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let change = AuditChange { what, before: None, after, severity: Severity::Critical };
    append(tx, Subject { kind: KIND, id: name }, change, by, now).await
}
