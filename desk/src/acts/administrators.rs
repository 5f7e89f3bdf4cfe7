//! Who may change who may do what: administrators. Until one of them can prove who they are, whoever holds the
//! ledger's address may; what loosens a rule needs a second one where there is one.

use chrono::{DateTime, TimeDelta, Utc};
use domain::passwords::BadPassword;
use domain::permissions::{Permission, Role};
use domain::policies::BadValue;
use ledger::tables::staff::Member;
use ledger::{Ledger, LedgerError, Transaction};
use thiserror::Error;

use super::Refusal;
use crate::actor::Actor;
use crate::audit_line::{self, Subject};

/// So long an administrator who was removed, or whose last token was revoked, counts as the second one: nobody can
/// remove the others and then loosen a rule alone.
const SECOND_FOR: TimeDelta = TimeDelta::hours(24);

/// Why an act about staff, tokens or policies was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StaffRefusal {
    #[error("{name:?} is no name for a member of staff: {fault}")]
    BadName { name: String, fault: &'static str },
    #[error("there is no member of staff {0}: `tidegate staff list` lists them")]
    NoSuchMember(String),
    #[error("{0} is a member of staff already, and a name is never given twice")]
    NameTaken(String),
    #[error("{0} is disabled already")]
    IsDisabled(String),
    #[error("{0} is not disabled")]
    IsEnabled(String),
    #[error("{0} has these roles already")]
    SameRoles(String),
    #[error("no role was given: support, billing_manager, super_user or auditor")]
    NoRole,
    #[error("{0} is the last administrator: make another one first")]
    LastAdministrator(String),
    #[error("the role {role} is more than {staff} may do ({roles}): a token never has more than its person")]
    MoreThanTheirs { staff: String, role: Role, roles: String },
    #[error("there is no token {0}: `tidegate tokens list` lists them")]
    NoSuchToken(String),
    #[error("the token {0} has ended already")]
    TokenHasEnded(String),
    #[error("there is no change {0}: `tidegate staff pending` lists those that wait")]
    NoSuchChange(String),
    #[error("the change {0} does not wait any more")]
    NotWaiting(String),
    #[error("a change of {0} waits already: `tidegate staff pending` lists it")]
    WaitsAlready(String),
    #[error("the change {0} has lapsed: ask for it again")]
    HasLapsed(String),
    #[error("{0} asked for this change: another administrator must approve it")]
    OwnChange(String),
    #[error(
        "{0} is an administrator without a second factor, and could not log in any more: invite them to set one up first"
    )]
    WithoutFactor(String),
    #[error("a program has no second look: a person approves")]
    Program,
    #[error("what {0} would change is not as it was when the change was asked for: ask for it again")]
    HasMoved(String),
    #[error("there is no policy {0}: `tidegate policy list` lists them")]
    NoSuchPolicy(String),
    #[error("{slot}: {fault}")]
    BadPolicy { slot: String, fault: BadValue },
    #[error("{0} has this value already")]
    SamePolicy(String),
    #[error("there is no session {0}: `tidegate staff sessions` lists them")]
    NoSuchSession(String),
    #[error("the session {0} has ended already")]
    SessionHasEnded(String),
    #[error("this code is not valid, or no longer: ask for another invitation")]
    NoSuchInvitation,
    #[error(transparent)]
    BadPassword(#[from] BadPassword),
    #[error("these roles need a second factor: an authenticator app")]
    SecondFactorMissing,
    #[error("a second factor cannot be kept: set STAFF_KEY or STAFF_KEY_FILE")]
    NoStaffKey,
    #[error("the code is not the one that this secret makes now: check the clock")]
    WrongCode,
    #[error(
        "this needs a second administrator, and nobody can be that now: {removed} could act until less than 24 h \
         ago. Ask again after {until}"
    )]
    Alone { removed: String, until: String },
}

/// Who may administer at this moment, read under the lock of all staff.
pub(super) struct Administrators {
    /// Those who can prove who they are now.
    able: Vec<String>,
    /// Those of them who can approve: no programs, and with a second factor where one is needed.
    approvers: Vec<String>,
    /// Those who could approve until a short while ago.
    recent: Vec<Member>,
    /// How long ago the first member of staff was added.
    age: TimeDelta,
}

impl Administrators {
    /// Takes the lock of all staff.
    pub(super) async fn lock(tx: &mut Transaction, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        tx.lock_staff().await?;
        let is_admin = |member: &Member| member.roles.have(Permission::Admin) && member.disabled_at.is_none();
        let able = tx.members_with_credentials(now).await?.into_iter().filter(is_admin);
        let able: Vec<String> = able.map(|member| member.name).collect();
        let since = now - SECOND_FOR;
        let needs_factor = tx.policies().await?.totp_required();
        let approvers = tx.members_who_could_approve(now, needs_factor).await?.into_iter().filter(is_admin);
        let approvers: Vec<String> = approvers.map(|member| member.name).collect();
        let mut recent = tx.members_who_could_approve(since, needs_factor).await?;
        recent.retain(|member| {
            let was_until = |until: Option<DateTime<Utc>>| until.is_some_and(|until| until > since);
            (is_admin(member) || was_until(member.admin_until)) && !approvers.contains(&member.name)
        });
        let age = tx.first_member_added().await?.map_or_else(TimeDelta::zero, |added_at| now - added_at);
        Ok(Self { able, approvers, recent, age })
    }

    /// Refuses whoever is no administrator, unless none can act yet and they hold the ledger's address.
    pub(super) fn admit(&self, by: &Actor) -> Result<(), Refusal> {
        if by.is_declared() && self.able.is_empty() {
            return Ok(());
        }
        Ok(by.may(Permission::Admin)?)
    }

    /// The same for adding people and what they prove themselves by: while the ledger is being set up, whoever holds its
    /// address may do so.
    pub(super) fn admit_to_add(&self, by: &Actor) -> Result<(), Refusal> {
        let is_setting_up = TimeDelta::zero() <= self.age && self.age < by.sets_up_for();
        if by.is_declared() && is_setting_up { Ok(()) } else { self.admit(by) }
    }

    /// Whether what loosens a rule must wait for a second one.
    pub(super) fn needs_second(&self, by: &Actor) -> Result<bool, StaffRefusal> {
        if self.approvers.iter().any(|name| name != by.staff()) {
            return Ok(!by.is_declared());
        }
        let Some(removed) = self.recent.iter().find(|member| member.name != by.staff()) else {
            return Ok(false);
        };
        if by.is_declared() {
            return Ok(false); // nobody could ever act again
        }
        let until = removed.admin_until.map_or_else(
            || "tomorrow".to_owned(),
            |until| (until + SECOND_FOR).format("%Y-%m-%d %H:%M UTC").to_string(),
        );
        Err(StaffRefusal::Alone { removed: removed.name.clone(), until })
    }

    /// An administrator who could not log in any more if all needed a second factor, nor approve by a token.
    pub(super) async fn without_factor(
        &self,
        tx: &mut Transaction,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, LedgerError> {
        let could = tx.members_who_could_approve(now, true).await?;
        let stays = |name: &&String| could.iter().any(|member| member.name == **name);
        Ok(self.approvers.iter().find(|name| !stays(name)).cloned())
    }

    /// Whether one person less would leave none.
    pub(super) fn is_last(&self, name: &str) -> bool {
        self.able.iter().any(|able| able == name) && self.able.len() == 1
    }
}

/// Passes on how an act ended, and notes in the audit that it was refused. Wrong calls and failures of the ledger are
/// no refusals.
pub(super) async fn noting_refusals<T>(
    ledger: &Ledger,
    done: Result<T, Refusal>,
    subject: Subject<'_>,
    act: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<T, Refusal> {
    if let Err(refusal @ (Refusal::Forbidden(_) | Refusal::Staff(_))) = &done {
        audit_line::note_refusal(ledger, subject, act, &refusal.to_string(), &by.in_audit(), now).await?;
    }
    done
}
