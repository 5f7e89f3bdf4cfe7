//! Shares one payment's money among the invoices that it pays: in proportion to the amounts paid, exact to the
//! minor unit, in any order of arrival.

use std::collections::BTreeMap;

use crate::Key;
use crate::invoice_payments::InvoicePayment;
use crate::payments::Payment;

/// What each invoice of a payment weighs. The invoice that only a link names, without an amount, weighs what the
/// others leave of the money received; where nobody was paid anything, the payment's own invoice bears it all.
pub fn weights<'a>(payment: &Payment, rows: impl Iterator<Item = &'a InvoicePayment>) -> BTreeMap<Key, i64> {
    let mut weights = BTreeMap::new();
    for row in rows {
        let Some(invoice) = row.owner() else { continue };
        let weight: &mut i64 = weights.entry(invoice).or_default();
        *weight = weight.saturating_add(row.state.amount_paid);
    }
    let paid = weights.values().copied().fold(0, i64::saturating_add);
    let Some(own) = payment.owner() else { return weights };
    if !weights.contains_key(&own) || paid == 0 {
        let rest = payment.state.amount_received.saturating_sub(paid).max(0);
        weights.insert(own, if paid == 0 { rest.max(1) } else { rest });
    }
    weights
}

/// What one of them bears of an amount. The shares of all make up the amount: what division leaves over goes to
/// those whom it cost most, the first by key among equals.
pub fn share(amount: i64, weights: &BTreeMap<Key, i64>, invoice: &Key) -> i64 {
    let total: i128 = weights.values().map(|weight| i128::from(*weight)).sum();
    let Some(weight) = weights.get(invoice).filter(|_| total > 0) else { return 0 };
    let part = |weight: i64| {
        let product = i128::from(amount) * i128::from(weight);
        (product / total, product % total)
    };
    let floors: i128 = weights.values().map(|weight| part(*weight).0).sum();
    let left_over = i128::from(amount) - floors;
    let (floor, remainder) = part(*weight);
    // Those before this one, when what is left over is given away.
    let before = weights.iter().filter(|(other, weight)| {
        let theirs = part(**weight).1;
        theirs > remainder || (theirs == remainder && *other < invoice)
    });
    let before: i128 = before.map(|_| 1).sum();
    let extra = i128::from(remainder > 0 && before < left_over);
    i64::try_from(floor + extra).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        Key { id: id.to_owned(), account: String::new(), livemode: false }
    }

    fn shares(amount: i64, weights: &[i64]) -> Vec<i64> {
        let weights: BTreeMap<Key, i64> = weights
            .iter()
            .enumerate()
            .map(|(place, weight)| (key(&format!("in_{place}")), *weight))
            .collect();
        weights.keys().map(|invoice| share(amount, &weights, invoice)).collect()
    }

    #[test]
    fn shares_make_up_the_amount_and_follow_the_weights() {
        let table: &[(i64, &[i64], &[i64])] = &[
            (1_000, &[400, 600], &[400, 600]),
            (500, &[400, 600], &[200, 300]),
            (100, &[1, 1, 1], &[34, 33, 33]),
            (101, &[1, 1, 1], &[34, 34, 33]),
            (1, &[300, 700], &[0, 1]),
            (7, &[0, 5], &[0, 7]),
            (0, &[3, 4], &[0, 0]),
            (5, &[0, 0], &[0, 0]),
            (999_999_999_999, &[999_999_999_999], &[999_999_999_999]),
        ];
        for (amount, weights, expected) in table {
            assert_eq!(shares(*amount, weights), *expected, "{amount} by {weights:?}");
        }
    }

    #[test]
    fn nothing_is_lost_or_made_by_any_division() {
        for amount in 0..200 {
            for weights in [&[3, 7, 11][..], &[1, 1, 1, 1, 1, 1], &[99, 1], &[0, 2, 5]] {
                assert_eq!(shares(amount, weights).iter().sum::<i64>(), amount, "{amount} by {weights:?}");
            }
        }
    }
}
