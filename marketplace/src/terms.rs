//! What listings are sold on: the fee of each category, the prices of promotions, and how long things last. The merchant
//! sets them; each payment is judged by those of its own time.

use chrono::{DateTime, TimeDelta, Utc};
use domain::goods::Terms;
use ledger::{LedgerError, Transaction};

use crate::KIND;

/// What is paid for, as `metadata.payment_type` says it.
pub const LISTING_FEE: &str = "listing_fee";
pub const FEATURED: &str = "featured";
pub const BUMP: &str = "bump";
pub const PROMOTIONS: [&str; 2] = [FEATURED, BUMP];

const DAYS: &str = "listing_days";
const FEATURED_DAYS: &str = "featured_days";
const BUMP_HOURS: &str = "bump_hours";
pub const EVIDENCE_DAYS: &str = "listing_evidence_days";
/// Customers may dispute a payment weeks after it: what was sold is kept at least so many days as evidence.
pub const SHORTEST_EVIDENCE: i64 = 30;
/// Nothing lasts longer, and no two bumps need to be further apart.
pub const LONGEST: i64 = 3_650;

/// So far back a price is compared: two small steps are a large one.
const COMPARED: TimeDelta = TimeDelta::days(1);

/// Name, currency (none of what is no money), and what it is until somebody sets it. Every other category is free.
pub const USUAL: &[(&str, &str, i64)] = &[
    ("listing_fee.housing", "usd", 500),
    ("listing_fee.jobs", "usd", 1_000),
    ("listing_fee.cars_trucks", "usd", 500),
    ("listing_fee.motorcycles", "usd", 300),
    ("listing_fee.rvs_campers", "usd", 500),
    ("listing_fee.boats", "usd", 500),
    (FEATURED, "usd", 500),
    (BUMP, "usd", 200),
    (DAYS, "", 30),
    (FEATURED_DAYS, "", 7),
    (BUMP_HOURS, "", 24),
    (EVIDENCE_DAYS, "", 90),
];

/// The terms of listings, with their past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingTerms(Terms);

impl ListingTerms {
    #[shared::built_once]
    pub async fn read(tx: &mut Transaction) -> Result<Self, LedgerError> {
        Ok(Self(desk::goods::terms(tx, KIND, USUAL).await?))
    }

    pub fn of(terms: Terms) -> Self {
        Self(terms)
    }

    /// The posting fee of a category: nothing where it has none in any currency, `None` where it has one in another.
    pub fn fee(&self, category: &str, currency: &str, at: DateTime<Utc>) -> Option<i64> {
        let name = format!("{LISTING_FEE}.{}", slug(category));
        match self.0.at(&name, currency, at) {
            None if self.0.all_at(at).iter().all(|(other, ..)| *other != name) => Some(0),
            fee => fee,
        }
    }

    /// The price of a promotion; `None` where it is not sold in this currency.
    pub fn promotion(&self, what: &str, currency: &str, at: DateTime<Utc>) -> Option<i64> {
        self.0.at(what, currency, at)
    }

    /// How long a listing is shown.
    pub fn listed(&self, at: DateTime<Utc>) -> TimeDelta {
        TimeDelta::days(self.number(DAYS, at))
    }

    pub fn featured(&self, at: DateTime<Utc>) -> TimeDelta {
        TimeDelta::days(self.number(FEATURED_DAYS, at))
    }

    /// How long after a bump there is no other.
    pub fn between_bumps(&self, at: DateTime<Utc>) -> TimeDelta {
        TimeDelta::hours(self.number(BUMP_HOURS, at))
    }

    /// How long a listing is kept after it was deleted or rejected.
    pub fn evidence(&self, at: DateTime<Utc>) -> TimeDelta {
        TimeDelta::days(self.number(EVIDENCE_DAYS, at).max(SHORTEST_EVIDENCE))
    }

    /// Whether setting a term takes a second administrator: a price that falls below the half of what it was within a day, or
    /// rises above the double; the first price in a currency; a shorter time for evidence.
    pub fn takes_two(&self, name: &str, currency: &str, value: i64, now: DateTime<Utc>) -> bool {
        if currency.is_empty() {
            return name == EVIDENCE_DAYS && value < self.number(EVIDENCE_DAYS, now);
        }
        let mut held = self.0.since(name, currency, now - COMPARED);
        let category = name.strip_prefix(LISTING_FEE).and_then(|rest| rest.strip_prefix('.'));
        if held.is_empty() && category.is_some_and(|category| self.fee(category, currency, now) == Some(0)) {
            held.push(0);
        }
        held.is_empty() || held.iter().any(|held| value < held - held / 2 || value > held * 2)
    }

    pub fn all_at(&self, at: DateTime<Utc>) -> Vec<(&str, &str, i64)> {
        self.0.all_at(at)
    }

    fn number(&self, name: &str, at: DateTime<Utc>) -> i64 {
        self.0.at(name, "", at).unwrap_or_default().clamp(0, LONGEST)
    }
}

/// A category as terms name it: `Cars & Trucks` is `cars_trucks`.
pub fn slug(category: &str) -> String {
    let words = category.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_jumps_takes_two_however_many_steps_it_takes() {
        let at = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let set = |version, value, hours| domain::goods::Term {
            kind: KIND.to_owned(),
            name: BUMP.to_owned(),
            currency: "usd".to_owned(),
            version,
            value,
            reason: String::new(),
            set_by: String::new(),
            set_at: at(hours),
        };
        // 2.00 until hour 10, then 3.00.
        let terms = ListingTerms::of(Terms::of(USUAL, [set(1, 300, 10)]));
        let two = |name, currency, value, hours| terms.takes_two(name, currency, value, at(hours));
        assert!(!two(BUMP, "usd", 150, 11) && !two(BUMP, "usd", 400, 11));
        assert!(two(BUMP, "usd", 149, 11), "less than half of 3.00");
        assert!(two(BUMP, "usd", 401, 11), "more than double of the 2.00 that it was an hour ago");
        assert!(!two(BUMP, "usd", 600, 35), "a day later it is no more");
        assert!(two("listing_fee.free_stuff", "usd", 1, 11) && !two("listing_fee.free_stuff", "usd", 0, 11));
        assert!(two(BUMP, "eur", 200, 11), "the first price in a currency");
        assert!(two("listing_fee.jobs", "usd", 0, 11));
        assert!(!two(DAYS, "", 1, 11) && !two(EVIDENCE_DAYS, "", 90, 11) && two(EVIDENCE_DAYS, "", 89, 11));
    }

    #[test]
    fn a_category_costs_what_its_terms_say_and_any_other_is_free() {
        let (terms, now) = (ListingTerms::of(Terms::of(USUAL, [])), DateTime::UNIX_EPOCH);
        for (category, fee) in [
            ("Housing", 500),
            ("Jobs", 1_000),
            ("Cars & Trucks", 500),
            ("motorcycles", 300),
            ("RVs & Campers", 500),
            ("Boats", 500),
            ("Free stuff", 0),
        ] {
            assert_eq!(terms.fee(category, "usd", now), Some(fee), "{category}");
        }
        assert_eq!((terms.fee("Housing", "eur", now), terms.fee("Free stuff", "eur", now)), (None, Some(0)));
        assert_eq!(
            (terms.promotion(FEATURED, "usd", now), terms.promotion(BUMP, "eur", now)),
            (Some(500), None)
        );
    }
}
