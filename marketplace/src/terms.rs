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
