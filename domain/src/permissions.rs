//! What a person or a program may do. Roles are sets of permissions; one table serves buttons, endpoints and commands.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use super::row::{At, Cells, Read, Unreadable, read_as, words};

words! {
    pub enum Permission {
        Read = "billing:read",
        Request = "billing:request",
        Manage = "billing:manage",
        Export = "billing:export",
        Admin = "admin",
    }
}

words! {
    pub enum Role {
        Support = "support",
        BillingManager = "billing_manager",
        SuperUser = "super_user",
        Auditor = "auditor",
    }
}

impl Role {
    pub fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Support => &[Permission::Read, Permission::Request],
            Self::BillingManager => {
                &[Permission::Read, Permission::Request, Permission::Manage, Permission::Export]
            }
            Self::SuperUser => Permission::ALL,
            Self::Auditor => &[Permission::Read, Permission::Export],
        }
    }
}

/// The roles of a person or a token; in the ledger one text, words with commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(pub BTreeSet<Role>);

impl Roles {
    pub fn permissions(&self) -> BTreeSet<Permission> {
        of_roles(&self.0)
    }

    pub fn have(&self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }

    /// Whether whoever has these must prove who they are by a second factor, where the policy requires one.
    pub fn need_second_factor(&self, is_required: bool) -> bool {
        is_required && (self.have(Permission::Manage) || self.have(Permission::Admin))
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self([role].into())
    }
}

impl Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for Roles {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(|word| Role::try_from(word.to_owned())).collect::<Result<_, _>>().map(Self)
    }
}

impl Read for Roles {
    fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
        read_as(at, cells)
    }
}

impl serde::Serialize for Roles {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

/// Whether to give these permissions needs a second administrator: whoever has them approves money or gives
/// permissions. To ask for money needs one where a credential comes with it, or is there already: whoever makes the
/// credential could ask by it, and approve as themselves.
pub fn is_loosening(given: &BTreeSet<Permission>, with_credential: bool) -> bool {
    given.iter().any(|permission| match permission {
        Permission::Manage | Permission::Admin => true,
        Permission::Request => with_credential,
        Permission::Read | Permission::Export => false,
    })
}

/// What somebody with several roles may do.
pub fn of_roles(roles: &BTreeSet<Role>) -> BTreeSet<Permission> {
    roles.iter().flat_map(|role| role.permissions().iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_leaves_only_by_those_who_manage_or_ask() {
        let may = |role: Role, permission| role.permissions().contains(&permission);
        assert!(may(Role::Support, Permission::Request) && !may(Role::Support, Permission::Manage));
        assert!(!may(Role::Auditor, Permission::Request) && may(Role::Auditor, Permission::Export));
        assert!(
            may(Role::BillingManager, Permission::Manage) && !may(Role::BillingManager, Permission::Admin)
        );
        assert_eq!(Role::SuperUser.permissions().len(), Permission::ALL.len());
    }

    #[test]
    fn roles_are_one_text_in_the_ledger() {
        let roles = Roles([Role::Support, Role::Auditor].into());
        assert_eq!(roles.to_string(), "support,auditor");
        assert_eq!(Roles::try_from("auditor, support".to_owned()), Ok(roles));
        assert!(Roles::try_from("support,root".to_owned()).is_err());
        assert!(!Roles::default().have(Permission::Read));
    }

    #[test]
    fn who_approves_or_gives_permissions_needs_two_and_so_does_a_credential_to_ask_by() {
        let loosens = |role: Role, credential| is_loosening(&of_roles(&[role].into()), credential);
        assert!(loosens(Role::BillingManager, false) && loosens(Role::SuperUser, false));
        assert!(!loosens(Role::Support, false) && loosens(Role::Support, true));
        assert!(!loosens(Role::Auditor, true));
    }
}
