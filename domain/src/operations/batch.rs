//! Several refunds under one word: a frozen list with its sum and hash. Each item is an operation of its own; what is
//! judged together is the money.

use std::collections::BTreeMap;

use envelope::hex::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Operation, Sums};
use crate::money::shown;
use crate::{Key, readable};
use chrono::{DateTime, Utc};

/// The most that one word is about: what a person can read.
pub const ITEMS_LIMIT: usize = 200;

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Batch {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub items: i64,
        /// As people read them: `1,200.00 USD, 30.00 EUR`.
        pub sums: String,
        /// Of what each item sends, in order.
        pub hash: String,
        pub reason: String,
        pub note: Option<String>,
        pub requested_by: String,
        pub known_by: String,
        pub requested_at: DateTime<Utc>,
    }
}

impl Batch {
    pub fn key(&self) -> Key {
        Key { id: self.id.clone(), account: self.account.clone(), livemode: self.livemode }
    }

    /// Whether these are the items that were frozen, unchanged and in order.
    pub fn is_of(&self, operations: &[Operation]) -> bool {
        self.hash == hash_of(operations)
    }
}

/// What a word about all of them binds to.
pub fn hash_of(operations: &[Operation]) -> String {
    let mut digest = Sha256::new();
    for operation in operations {
        // Whom it is about stands beside the parameters, which name no account.
        let subject = &operation.subject_id;
        digest.update(format!("{}\n{}\n{subject}\n", operation.key.account, operation.parameters_hash));
    }
    hex(&digest.finalize())
}

/// A payment that stands in a list more than once: each of its items is paid.
pub fn repeated(operations: &[Operation]) -> Vec<String> {
    let mut items: BTreeMap<(&str, &str), Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        items.entry((&operation.subject_kind, &operation.subject_id)).or_default().push(operation);
    }
    items.retain(|_, items| items.len() > 1);
    let said = |((kind, id), items): (_, Vec<&Operation>)| {
        let times = if items.len() == 2 { "twice".to_owned() } else { format!("{} times", items.len()) };
        format!("The list has {kind} {id} {times}, {} together.", sums_of(items))
    };
    items.into_iter().map(said).collect()
}

/// The sum in each currency.
pub fn sums_of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> String {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for operation in operations {
        let sum = sums.entry(operation.currency.as_str()).or_default();
        *sum = sum.saturating_add(operation.amount);
    }
    let shown: Vec<String> = sums.into_iter().map(|(currency, sum)| shown(sum, currency)).collect();
    shown.join(", ")
}

/// What the items that come after one add to the sums that it is judged by: those before it are in them already. So each
/// is judged by the whole, and no order of a list brings it below a threshold.
pub fn with_those_after(sums: Sums, operation: &Operation, after: &[Operation]) -> Sums {
    let same = |of: &dyn Fn(&Operation) -> bool| {
        let after = after.iter().filter(|other| other.currency == operation.currency && of(other));
        after.map(|other| other.amount).fold(0, i64::saturating_add)
    };
    let all = same(&|_| true);
    Sums {
        payment: sums.payment.saturating_add(same(&|other| other.payment == operation.payment)),
        customer: sums
            .customer
            .saturating_add(same(&|other| other.customer.is_some() && other.customer == operation.customer)),
        requester: sums.requester.saturating_add(all),
        by_policy: sums.by_policy.saturating_add(if operation.is_program { all } else { 0 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::refund;

    #[test]
    fn every_item_is_judged_by_the_sum_of_all_whatever_their_order() {
        let items = [refund("op_1", 300, "usd"), refund("op_2", 500, "usd"), refund("op_3", 70, "eur")];
        assert_eq!(sums_of(&items), "0.70 EUR, 8.00 USD");
        let first = with_those_after(Sums::default(), &items[0], &items[1..]);
        assert_eq!((first.requester + items[0].amount, first.by_policy), (800, 0), "euros are apart");
        let stored = Sums { requester: 300, ..Sums::default() };
        let second = with_those_after(stored, &items[1], &items[2..]);
        assert_eq!(second.requester + items[1].amount, 800);
    }

    #[test]
    fn a_payment_that_stands_twice_is_named_with_what_both_come_to() {
        let of = |id: &str, payment: &str, amount| {
            let (payment, subject_id) = (Some(payment.to_owned()), payment.to_owned());
            Operation { subject_id, payment, ..refund(id, amount, "usd") }
        };
        let (one, two, three) = (of("op_1", "pi_1", 300), of("op_2", "pi_2", 500), of("op_3", "pi_1", 70));
        assert_eq!(repeated(&[one.clone(), two.clone()]), [""; 0]);
        let said = repeated(&[one.clone(), two.clone(), three]);
        assert_eq!(said, ["The list has payment pi_1 twice, 3.70 USD together."]);
        let thrice = repeated(&[one.clone(), one.clone(), one, two]);
        assert_eq!(thrice, ["The list has payment pi_1 3 times, 9.00 USD together."]);
    }

    #[test]
    fn a_hash_is_of_these_items_in_this_order() {
        let (one, two) = (refund("op_1", 300, "usd"), refund("op_2", 500, "usd"));
        let hash = hash_of(&[one.clone(), two.clone()]);
        assert_ne!(hash, hash_of(&[two.clone(), one.clone()]));
        assert_ne!(hash, hash_of(std::slice::from_ref(&one)));
        let other = Operation { parameters_hash: two.parameters_hash.clone(), ..one.clone() };
        assert_ne!(hash, hash_of(&[other.clone(), two.clone()]));
        let batch = Batch {
            id: "bat_1".to_owned(),
            account: String::new(),
            livemode: true,
            items: 2,
            sums: "8.00 USD".to_owned(),
            hash,
            reason: "other".to_owned(),
            note: None,
            requested_by: "jane".to_owned(),
            known_by: "session".to_owned(),
            requested_at: crate::operations::testing::at(0),
        };
        assert!(batch.is_of(&[one, two.clone()]) && !batch.is_of(&[other, two]), "as many, and others");
    }
}
