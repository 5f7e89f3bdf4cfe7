//! Who acts, how they are known, and what they may do.

mod session;
mod token;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::operations::{CLOCK, Operation};
use domain::permissions::{Permission, Role, Roles};
use serde::Serialize;

pub use self::session::{Asks, authenticate_session, authenticate_signed_on};
pub use self::token::{NotAuthenticated, SETUP, TOKEN, TOKEN_FILE, authenticate_token, token_hash};
use crate::person::Person;

/// How it is known who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum KnownBy {
    /// Logged in to the console.
    Session,
    /// By the proxy in front of the console, which proves itself by a secret.
    SignedOn,
    /// A token `tdg_…`; its id is what people see of it.
    Token { id: String },
    /// By their own word, because they hold the database's address: `cli:LOGIN`.
    Declared,
    /// A chore of the worker's, which asks for what is planned. Nobody else is known so.
    Clock,
}

/// A person or a program. Four eyes are two `staff`, however each of them is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name of the member of staff for whom they act; for somebody declared, their own.
    staff: String,
    permissions: BTreeSet<Permission>,
    known_by: KnownBy,
    is_program: bool,
    /// For so long after the first member of staff was added they may add others, though nothing proves who they are.
    sets_up_for: TimeDelta,
}

/// Refused because a permission is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} lacks the permission {permission}{}", advice(.known_by))]
pub struct Forbidden {
    pub who: String,
    pub permission: Permission,
    pub known_by: KnownBy,
}

fn advice(known_by: &KnownBy) -> &'static str {
    match known_by {
        KnownBy::Declared => ": set TIDEGATE_TOKEN or TIDEGATE_TOKEN_FILE to a token that has it",
        _ => "",
    }
}

impl Actor {
    pub fn known(staff: &str, roles: BTreeSet<Role>, known_by: KnownBy, is_program: bool) -> Self {
        Self::with_permissions(staff, Roles(roles).permissions(), known_by, is_program)
    }

    /// Whoever may do less than their roles say.
    pub fn with_permissions(
        staff: &str,
        permissions: BTreeSet<Permission>,
        known_by: KnownBy,
        is_program: bool,
    ) -> Self {
        Self { staff: staff.to_owned(), permissions, known_by, is_program, sets_up_for: TimeDelta::zero() }
    }

    /// Somebody at the command line without a token: may look, note, replay and repair; may not ask for money to
    /// leave, nor approve that it does.
    pub fn declared(person: &Person) -> Self {
        Self::with_permissions(person.name(), [Permission::Read].into(), KnownBy::Declared, false)
    }

    /// The clock, which asks for planned retries and decides about nothing.
    pub fn clock() -> Self {
        let permissions = [Permission::Read, Permission::Request].into();
        Self::with_permissions(CLOCK, permissions, KnownBy::Clock, true)
    }

    /// The same, while the ledger is being set up.
    #[must_use]
    pub fn setting_up_for(self, sets_up_for: TimeDelta) -> Self {
        Self { sets_up_for, ..self }
    }

    pub(crate) fn sets_up_for(&self) -> TimeDelta {
        self.sets_up_for
    }

    /// What people call them: `cli:` stands before a name that nothing but its own word proves.
    pub fn name(&self) -> String {
        match self.known_by {
            KnownBy::Declared => format!("cli:{}", self.staff),
            _ => self.staff.clone(),
        }
    }

    /// The same as the audit says it, with how they are known.
    pub fn in_audit(&self) -> String {
        match &self.known_by {
            KnownBy::Declared => self.name(),
            KnownBy::Session => format!("{} (session)", self.staff),
            KnownBy::SignedOn => format!("{} (sign-on)", self.staff),
            KnownBy::Token { id } => format!("{} (token {id})", self.staff),
            KnownBy::Clock => self.staff.clone(),
        }
    }

    /// The same, for acts that keep a name.
    pub fn person(&self) -> Person {
        Person::known(self.in_audit())
    }

    /// Whether a name in the ledger is theirs, by whatever door they came.
    pub fn is_named(&self, name: &str) -> bool {
        name.strip_prefix("cli:").unwrap_or(name).trim().eq_ignore_ascii_case(self.staff.trim())
    }

    /// Whether a name in the audit, which ends with how somebody was known, is theirs.
    pub fn is_in_audit_as(&self, name: &str) -> bool {
        self.is_named(name.split(" (").next().unwrap_or_default())
    }

    /// Whether they asked for an operation, or made the clock ask for it: then somebody else approves it.
    pub fn caused(&self, operation: &Operation) -> bool {
        self.is_named(&operation.requested_by)
            || operation.caused_by.as_deref().is_some_and(|name| self.is_in_audit_as(name))
    }

    pub fn staff(&self) -> &str {
        &self.staff
    }

    pub fn known_by(&self) -> &KnownBy {
        &self.known_by
    }

    pub fn is_declared(&self) -> bool {
        self.known_by == KnownBy::Declared
    }

    pub fn is_program(&self) -> bool {
        self.is_program
    }

    pub fn permissions(&self) -> &BTreeSet<Permission> {
        &self.permissions
    }

    pub fn has(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    pub fn may(&self, permission: Permission) -> Result<(), Forbidden> {
        if self.has(permission) {
            return Ok(());
        }
        Err(Forbidden { who: self.name(), permission, known_by: self.known_by.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_only_declares_a_name_reads_and_moves_no_money() {
        let declared = Actor::declared(&Person::named("jane").unwrap());
        assert_eq!(declared.name(), "cli:jane");
        assert!(declared.has(Permission::Read) && !declared.has(Permission::Request));
        assert!(declared.may(Permission::Manage).unwrap_err().to_string().contains("TIDEGATE_TOKEN"));
        let manager = Actor::known("jane", [Role::BillingManager].into(), KnownBy::Session, false);
        assert!(manager.may(Permission::Manage).is_ok() && manager.may(Permission::Admin).is_err());
    }

    #[test]
    fn the_audit_says_how_somebody_is_known() {
        let known = |by| Actor::known("jane", [Role::Support].into(), by, false).in_audit();
        assert_eq!(known(KnownBy::Session), "jane (session)");
        assert_eq!(known(KnownBy::Token { id: "tok_1".to_owned() }), "jane (token tok_1)");
        assert_eq!(Actor::declared(&Person::named("jane").unwrap()).in_audit(), "cli:jane");
    }
}
