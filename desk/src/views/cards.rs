//! Who sees which card was charged: brand, last digits and expiry. Whoever only looks at payments does not need them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::charges::{Card, Charge};
use domain::permissions::Permission;
use domain::row::{Columns, Field};
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

    /// The columns that say which card it is.
    pub fn columns() -> Vec<&'static str> {
        let mut columns = Columns::new();
        Card::columns("", &[], &mut columns);
        columns.into_iter().map(|(name, _)| name).collect()
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

    /// The same of a row by its columns.
    pub fn hide_columns<V>(self, columns: &mut BTreeMap<String, V>) {
        if self.are_hidden() {
            let of_cards = Self::columns();
            columns.retain(|column, _| !of_cards.contains(&column.as_str()));
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

    #[test]
    fn a_row_by_its_columns_is_shown_without_its_card() {
        let columns = ["status", "card_brand", "card_last4", "card_exp_month", "card_exp_year"];
        let mut row: BTreeMap<String, i64> = columns.map(|column| (column.to_owned(), 1)).into();
        Cards::Shown.hide_columns(&mut row);
        assert_eq!(row.len(), 5);
        Cards::Hidden.hide_columns(&mut row);
        assert!(row.keys().eq(["status"]), "{row:?}");
    }
}
