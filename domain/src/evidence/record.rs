//! What the ledger itself can say in the answer to a dispute: pure, and each value names the rows that it came from.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};

use super::fields::EvidenceField as Field;
use crate::charges::Charge;
use crate::disputes::Dispute;
use crate::money::shown;
use crate::payments::Payment;
use crate::refunds::Refund;

/// Two payments of one amount within this time may be taken for one.
const DUPLICATE_WITHIN: TimeDelta = TimeDelta::days(7);
/// A bank reads a few lines, not a statement.
const EARLIER_LIMIT: usize = 10;

/// What the ledger has about a dispute.
#[derive(Debug, Default)]
pub struct Known {
    pub dispute: Dispute,
    pub charge: Option<Charge>,
    pub payment: Option<Payment>,
    /// As the rules tell who it is.
    pub user: Option<String>,
    pub refunds: Vec<Refund>,
    /// Succeeded payments of the same customer or user, the newest first.
    pub others: Vec<Payment>,
    /// The charges that took the money of those, by payment.
    pub charges_of_others: BTreeMap<String, String>,
    /// What the goods say that were paid for: they know better than the payment what they are.
    pub testimony: BTreeMap<Field, Filled>,
}

/// A value that the ledger fills in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    pub text: String,
    /// `payment pi_1`, `refund re_1`.
    pub sources: Vec<String>,
}

impl Filled {
    pub fn of(text: String, sources: impl IntoIterator<Item = String>) -> Self {
        Self { text, sources: sources.into_iter().collect() }
    }
}

pub fn fill(known: &Known) -> BTreeMap<Field, Filled> {
    let filled = [
        (Field::ProductDescription, description(known)),
        (Field::ServiceDate, service_date(known)),
        (Field::DuplicateChargeId, duplicate(known)),
        (Field::RefundRefusalExplanation, refunds(known)),
        (Field::UncategorizedText, record(known)),
    ];
    let filled = filled.into_iter().filter_map(|(field, filled)| Some((field, filled?)));
    filled.chain(known.testimony.clone()).collect()
}

/// What the payment's metadata say that it was for.
fn description(known: &Known) -> Option<Filled> {
    let payment = known.payment.as_ref()?;
    let purpose = &payment.purpose;
    let mut text = match (&purpose.payment_type, &purpose.listing_id) {
        (Some(kind), Some(listing)) => format!("{} for listing {listing}", plain(kind)),
        (Some(kind), None) => plain(kind),
        (None, Some(listing)) => format!("Fee for listing {listing}"),
        (None, None) => format!("Invoice {}", payment.invoice.as_deref()?),
    };
    if let Some(category) = &purpose.category_id {
        write!(text, ", category {}", plain(category)).expect("a String takes every write");
    }
    let invoice = payment.invoice.iter().map(|invoice| format!("invoice {invoice}"));
    Some(Filled::of(text, std::iter::once(named(payment)).chain(invoice)))
}

fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// What is sold here can be used once it is paid for.
fn service_date(known: &Known) -> Option<Filled> {
    let payment = known.payment.as_ref()?;
    let at = paid_at(payment)?;
    Some(Filled::of(at.format("%Y-%m-%d").to_string(), [named(payment)]))
}

/// The payment of the same amount that this one may be taken for.
fn duplicate(known: &Known) -> Option<Filled> {
    if known.dispute.state.reason.as_deref() != Some("duplicate") {
        return None;
    }
    let payment = known.payment.as_ref()?;
    let at = paid_at(payment)?;
    let is_alike = |other: &&Payment| {
        (other.state.amount, &other.state.currency) == (payment.state.amount, &payment.state.currency)
            && paid_at(other).is_some_and(|other| (at - other).abs() <= DUPLICATE_WITHIN)
    };
    let mut alike = known.others.iter().filter(is_alike);
    // Of several nobody knows which one is meant.
    let (other, None) = (alike.next()?, alike.next()) else { return None };
    let charge = known.charges_of_others.get(&other.key.id)?;
    Some(Filled::of(charge.clone(), [format!("charge {charge}"), named(other)]))
}

fn refunds(known: &Known) -> Option<Filled> {
    if known.dispute.state.reason.as_deref() != Some("credit_not_processed") {
        return None;
    }
    let given = given_back(known);
    if given.is_empty() {
        return None;
    }
    let text =
        format!("Refunded before the dispute: {}.", list(given.iter().map(|refund| refund_line(refund))));
    Some(Filled::of(text, given.into_iter().map(|refund| format!("refund {}", refund.key.id))))
}

fn given_back(known: &Known) -> Vec<&Refund> {
    known.refunds.iter().filter(|refund| !refund.has_failed() && !refund.is_release()).collect()
}

fn refund_line(refund: &Refund) -> String {
    let at = refund.state.created_at.map(|at| format!(" on {}", day(at))).unwrap_or_default();
    format!(
        "{}{at} ({}, {})",
        shown(refund.state.amount, &refund.state.currency),
        refund.key.id,
        refund.state.status
    )
}

/// The payment and what is known of its customer, in sentences.
fn record(known: &Known) -> Option<Filled> {
    let payment = known.payment.as_ref()?;
    let mut sources = vec![named(payment)];
    let mut text =
        format!("Payment {} of {}", payment.key.id, shown(payment.state.amount, &payment.state.currency));
    if let Some(at) = paid_at(payment) {
        write!(text, " succeeded on {}", at.format("%Y-%m-%d %H:%M:%S UTC"))
            .expect("a String takes every write");
    }
    text.push('.');
    let mut line = |words: String| {
        text.push('\n');
        text.push_str(&words);
    };
    if let Some(charge) = &known.charge {
        line(format!("Charge: {}.", charge.key.id));
        sources.push(format!("charge {}", charge.key.id));
    }
    if let Some(customer) = payment.customer.id() {
        line(format!("Customer: {customer}."));
    }
    if let Some(user) = known.user.as_deref().filter(|user| payment.customer.id() != Some(user)) {
        line(format!("The customer's account with us: {user}."));
    }
    if let Some(invoice) = &payment.invoice {
        line(format!("Invoice: {invoice}."));
        sources.push(format!("invoice {invoice}"));
    }
    let given = given_back(known);
    if !given.is_empty() {
        line(format!("Refunded of it: {}.", list(given.iter().map(|refund| refund_line(refund)))));
        sources.extend(given.iter().map(|refund| format!("refund {}", refund.key.id)));
    }
    let earlier: Vec<&Payment> = earlier(known, payment).collect();
    if !earlier.is_empty() {
        let lines = earlier.iter().map(|other| {
            let at = paid_at(other).map(|at| format!(" on {}", day(at))).unwrap_or_default();
            format!("{}{at} ({})", shown(other.state.amount, &other.state.currency), other.key.id)
        });
        line(format!("Earlier payments of the same customer, none of them disputed: {}.", list(lines)));
        sources.extend(earlier.iter().map(|other| named(other)));
    }
    Some(Filled::of(text, sources))
}

/// Earlier payments that nobody disputed: they show that the customer knows the merchant.
fn earlier<'a>(known: &'a Known, payment: &'a Payment) -> impl Iterator<Item = &'a Payment> {
    let at = paid_at(payment);
    let is_earlier = move |other: &&Payment| other.dispute_count == 0 && paid_at(other) < at;
    known.others.iter().filter(is_earlier).take(EARLIER_LIMIT)
}

fn paid_at(payment: &Payment) -> Option<DateTime<Utc>> {
    payment.succeeded_at.at().or(payment.created_at)
}

fn named(payment: &Payment) -> String {
    format!("payment {}", payment.key.id)
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn list(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Moment;
    use crate::{Key, Object};

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap() + TimeDelta::days(days)
    }

    fn payment(id: &str, amount: i64, days: i64) -> Payment {
        let mut payment = Payment::placeholder(Key { id: id.to_owned(), ..Key::default() });
        (payment.state.amount, payment.state.currency) = (amount, "usd".to_owned());
        payment.succeeded_at = Moment::told(at(days));
        payment
    }

    fn known(reason: &str) -> Known {
        let mut dispute = Dispute::placeholder(Key { id: "du_1".to_owned(), ..Key::default() });
        dispute.state.reason = Some(reason.to_owned());
        let mut own = payment("pi_1", 500, 0);
        own.purpose.payment_type = Some("featured_promotion".to_owned());
        own.purpose.listing_id = Some("4711".to_owned());
        own.invoice = Some("in_1".to_owned());
        let mut disputed = payment("pi_3", 700, -9);
        disputed.dispute_count = 1;
        let others =
            vec![payment("pi_5", 900, 4), payment("pi_4", 500, -3), disputed, payment("pi_2", 600, -20)];
        let charges_of_others = [("pi_4".to_owned(), "ch_4".to_owned())].into();
        let user = Some("user_1".to_owned());
        Known { dispute, payment: Some(own), user, others, charges_of_others, ..Known::default() }
    }

    #[test]
    fn each_value_says_where_it_came_from() {
        let filled = fill(&known("fraudulent"));
        let names: Vec<&str> = filled.keys().map(|field| field.as_str()).collect();
        assert_eq!(names, ["product_description", "service_date", "uncategorized_text"]);
        let description = &filled[&Field::ProductDescription];
        assert_eq!(description.text, "featured promotion for listing 4711");
        assert_eq!(description.sources, ["payment pi_1", "invoice in_1"]);
        assert_eq!(filled[&Field::ServiceDate].text, "2026-05-28");
        let record = &filled[&Field::UncategorizedText];
        assert!(record.text.starts_with("Payment pi_1 of 5.00 USD succeeded on 2026-05-28 20:26:40 UTC."));
        assert!(record.text.contains(
            "none of them disputed: 5.00 USD on 2026-05-25 (pi_4); 6.00 USD on 2026-05-08 (pi_2)."
        ));
        assert_eq!(record.sources, ["payment pi_1", "invoice in_1", "payment pi_4", "payment pi_2"]);
    }

    #[test]
    fn the_other_payment_of_a_duplicate_is_named_where_there_is_one() {
        let mut known = known("duplicate");
        assert_eq!(fill(&known)[&Field::DuplicateChargeId].text, "ch_4");
        known.others.push(payment("pi_6", 500, -1));
        assert!(!fill(&known).contains_key(&Field::DuplicateChargeId), "of two nobody knows which");
    }

    #[test]
    fn refunds_that_were_given_are_told_and_failed_ones_are_not() {
        let refund = |id: &str, status: &str| {
            let mut refund = Refund::placeholder(Key { id: id.to_owned(), ..Key::default() });
            (refund.state.amount, refund.state.currency) = (100, "usd".to_owned());
            (refund.state.status, refund.state.created_at) = (status.to_owned(), Some(at(1)));
            refund
        };
        let refunds = vec![refund("re_1", "succeeded"), refund("re_2", "failed")];
        let filled = fill(&Known { refunds, ..known("credit_not_processed") });
        let told = &filled[&Field::RefundRefusalExplanation];
        assert_eq!(told.text, "Refunded before the dispute: 1.00 USD on 2026-05-29 (re_1, succeeded).");
        assert_eq!(told.sources, ["refund re_1"]);
    }

    #[test]
    fn without_a_payment_there_is_nothing_to_say() {
        assert!(fill(&Known::default()).is_empty());
    }
}
