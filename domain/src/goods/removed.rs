//! Goods that were removed, because their time as evidence is over: what is left of them, so that they stay so.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Goods, Unreadable};
use crate::fulfilments::{Fulfilment, Money};

/// The state of goods that were removed.
pub const REMOVED: &str = "removed";

/// All that is left, in place of the record: it names nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub removed_at: DateTime<Utc>,
    /// The payments that were settled then: their money was earned, or a bank had taken it.
    pub settled: BTreeSet<String>,
}

impl Removed {
    pub fn of(paid: &[Fulfilment], removed_at: DateTime<Utc>) -> Self {
        let settled = paid.iter().filter(|paid| matches!(paid.money, Money::Here | Money::Lost));
        Self { removed_at, settled: settled.map(|paid| paid.payment.id.clone()).collect() }
    }

    /// Payments whose money came later, or came back: nothing is left that it could pay for.
    pub fn unsettled<'a>(&'a self, paid: &'a [Fulfilment]) -> impl Iterator<Item = &'a Fulfilment> {
        let is_settled = |paid: &Fulfilment| self.settled.contains(&paid.payment.id);
        paid.iter().filter(move |paid| paid.money == Money::Here && !is_settled(paid))
    }
}

impl Goods {
    pub fn is_removed(&self) -> bool {
        self.state == REMOVED
    }

    /// What is left of goods that were removed.
    pub fn left(&self) -> Result<Removed, Unreadable> {
        serde_json::from_str(&self.record).map_err(|error| Unreadable {
            kind: self.kind.clone(),
            id: self.key.id.clone(),
            why: error.to_string(),
        })
    }

    /// Leaves nothing but the id, and which payments were settled. The lines of the audit go on as they were.
    #[must_use]
    pub fn emptied(&self, left: &Removed) -> Self {
        Self {
            key: self.key.clone(),
            kind: self.kind.clone(),
            created_at: self.created_at,
            record: serde_json::to_string(left).expect("names and a time"),
            state: REMOVED.to_owned(),
            told_state: REMOVED.to_owned(),
            revision: self.revision,
            audit_hash: self.audit_hash.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;

    fn paid(id: &str, money: Money) -> Fulfilment {
        Fulfilment {
            payment: Key { id: id.to_owned(), ..Key::default() },
            what: "listing_fee".to_owned(),
            user: Some("user_1".to_owned()),
            category: Some("Housing".to_owned()),
            amount: 500,
            currency: "usd".to_owned(),
            money,
            made_at: None,
            paid_at: None,
        }
    }

    #[test]
    fn nobody_is_named_by_what_is_left_and_money_that_comes_later_is_known() {
        let goods = Goods {
            key: Key { id: "lst_1".to_owned(), ..Key::default() },
            kind: "listing".to_owned(),
            user_id: "user_1".to_owned(),
            label: "housing".to_owned(),
            record: r#"{"category":"Housing"}"#.to_owned(),
            derived: "{}".to_owned(),
            state: "deleted".to_owned(),
            revision: 4,
            audit_hash: vec![7],
            ..Goods::default()
        };
        let before = [paid("pi_1", Money::Here), paid("pi_2", Money::Lost), paid("pi_3", Money::Returned)];
        let left = Removed::of(&before, DateTime::UNIX_EPOCH);
        let emptied = goods.emptied(&left);
        assert!(emptied.is_removed() && !goods.is_removed());
        assert_eq!(
            (emptied.user_id.as_str(), emptied.label.as_str(), emptied.derived.as_str()),
            ("", "", "")
        );
        assert_eq!((emptied.revision, emptied.audit_hash.as_slice()), (4, &[7][..]));
        assert_eq!(emptied.left(), Ok(left.clone()));
        assert_eq!(emptied.emptied(&left), emptied, "once more changes nothing");
        // A lost dispute is won late, a refund fails, and somebody pays now.
        let later = ["pi_1", "pi_2", "pi_3", "pi_4"].map(|id| paid(id, Money::Here));
        let unsettled: Vec<&str> = left.unsettled(&later).map(|paid| paid.payment.id.as_str()).collect();
        assert_eq!(unsettled, ["pi_3", "pi_4"]);
    }
}
