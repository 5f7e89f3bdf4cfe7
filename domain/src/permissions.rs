//! What a person or a program may do. Roles are sets of permissions; one table serves buttons, endpoints and commands.

use std::collections::BTreeSet;

use super::row::words;

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
}
