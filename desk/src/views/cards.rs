//! Who sees which card was charged: brand, last digits and expiry. Whoever only looks at payments does not need them.

use chrono::{DateTime, Utc};
use domain::charges::{Card, Charge};
use domain::permissions::Permission;
use ledger::{Ledger, LedgerError};

use crate::actor::Actor;

/// Whether a reader sees data of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cards {
    Shown,
    Hidden,
}

impl Cards {
    /// Of whoever proves who they are.
    pub fn of(actor: &Actor) -> Self {
        if actor.has(Permission::Manage) { Self::Shown } else { Self::Hidden }
    }

    /// At the command line. Until an administrator can act, the ledger's address opens everything.
    #[shared::built_once]
    pub async fn at_command_line(
        ledger: &Ledger,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        if actor.is_declared() { Self::unnamed(ledger, now).await } else { Ok(Self::of(actor)) }
    }

    /// Of somebody who proves nothing.
    #[shared::built_once]
    pub async fn unnamed(ledger: &Ledger, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        let able = ledger.read().await?.members_with_credentials(now).await?;
        let is_admin =
            able.iter().any(|member| member.disabled_at.is_none() && member.roles.have(Permission::Admin));
        Ok(if is_admin { Self::Hidden } else { Self::Shown })
    }

    pub fn are_hidden(self) -> bool {
        self == Self::Hidden
    }

    /// Takes what this reader does not see out of charges, before anything is made of them.
    pub fn hide(self, charges: &mut [Charge]) {
        if self.are_hidden() {
            for charge in charges {
                charge.card = Card::default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::permissions::Role;
    use domain::{Key, Object};

    use super::*;
    use crate::actor::KnownBy;

    #[test]
    fn only_those_who_manage_see_which_card_it_was() {
        for (role, wanted) in [
            (Role::Support, Cards::Hidden),
            (Role::Auditor, Cards::Hidden),
            (Role::BillingManager, Cards::Shown),
            (Role::SuperUser, Cards::Shown),
        ] {
            let actor = Actor::known("jane", [role].into(), KnownBy::Session, false);
            assert_eq!(Cards::of(&actor), wanted, "{role}");
        }
        let mut charge = Charge::placeholder(Key::default());
        charge.card.card_last4 = Some("4242".to_owned());
        let mut charges = [charge];
        Cards::Shown.hide(&mut charges);
        assert!(charges[0].card.card_last4.is_some());
        Cards::Hidden.hide(&mut charges);
        assert_eq!(charges[0].card, Card::default());
    }
}
