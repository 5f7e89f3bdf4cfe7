//! What a listing is, derived from what acts wrote, from its payments, from what its checkouts asked for, from which
//! money was asked back and from the terms: a pure function that no order of arrival, no repetition and no clock changes. Payments take effect in the order of their own times.

mod promotions;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod ties;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::checkouts::Checkout;
use domain::fulfilments::{Fulfilment, Money};
use serde::{Deserialize, Serialize};

use self::promotions::Promoted;
use crate::record::{Record, Span, State};
use crate::terms::{LISTING_FEE, ListingTerms, PROMOTIONS, slug};

/// All that a listing follows from.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub record: &'a Record,
    pub user: &'a str,
    pub terms: &'a ListingTerms,
    /// What checkouts of ours asked for, by payment intent.
    pub asked: &'a BTreeMap<String, Asked>,
    /// Payments whose money is on its way back: an event that comes late may turn the order of two, and what was asked
    /// back stays asked back.
    pub returning: &'a BTreeSet<String>,
    pub payments: &'a [Fulfilment],
}

/// What a checkout of ours asked for, when, and in which category the listing was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub at: DateTime<Utc>,
    pub category: String,
    pub amount: i64,
    pub currency: String,
}

impl Asked {
    pub(crate) fn of(checkout: &Checkout) -> Self {
        Self {
            at: checkout.created_at,
            category: checkout.label.clone(),
            amount: checkout.amount,
            currency: checkout.currency.clone(),
        }
    }
}

/// What follows. Whether a time is over, whoever reads it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    pub fee: i64,
    /// Paid, or free, and not taken away.
    pub is_listed: bool,
    pub active_from: Option<DateTime<Utc>>,
    pub active_until: Option<DateTime<Utc>>,
    pub featured_until: Option<DateTime<Utc>>,
    pub bumped_at: Option<DateTime<Utc>>,
    pub bump_again_at: Option<DateTime<Utc>>,
    pub payments: Vec<Judged>,
}

/// One payment, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub payment: String,
    pub what: String,
    pub amount: i64,
    pub currency: String,
    pub paid_at: Option<DateTime<Utc>>,
    pub verdict: Verdict,
    /// What it was granted.
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not paid yet.
    Awaited,
    /// It entitles to what it was paid for.
    Granted,
    /// A chargeback is open: it entitles to nothing until it is decided.
    Held,
    /// Its money went back, was lost, or never came.
    Gone,
    /// It entitles to nothing, and its money is to go back.
    Owed(Why),
    /// Nobody knows what it is: a person decides.
    Wrong(Fault),
}

/// Why money is to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The fee is paid already.
    PaidTwice,
    /// There was a bump less than a day before.
    TooSoon,
    /// A promotion of a listing that was not active.
    NotActive,
    Rejected,
    /// Paid after the listing was deleted.
    Deleted,
}

/// What is wrong with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    Amount,
    Currency,
    User,
    /// Nothing of this name is sold.
    Unknown,
}

/// Derives a listing.
pub fn derive(known: &Known<'_>) -> Derived {
    let mut payments: Vec<&Fulfilment> = known.payments.iter().collect();
    payments.sort_by(|a, b| a.order().cmp(&b.order()));
    payments.dedup_by(|a, b| a.payment == b.payment);
    let unpaid = free_time(known.record, known.terms);
    // A promotion is judged by whether the listing was active when it was paid, whatever became of the fee since.
    let mut nominal = nominal(known, unpaid, &payments);
    payments.sort_by_key(|paid| known.returning.contains(&paid.payment.id));
    let mut judged: Vec<Judged> = payments.iter().map(|paid| known.judge(paid)).collect();
    let spans = grant_fees(known, unpaid, &mut judged);
    // A fee that is paid anew, because the one before it went back, is nominal as well.
    nominal.extend(&spans);
    let promoted = promotions::grant(known, &nominal, &mut judged);
    if let Some(rejected) = known.record.rejected.as_ref().map(|word| word.at) {
        give_back(rejected, &mut judged);
    }
    let is_listed = known.record.closed_at().is_none() && !spans.is_empty();
    let Promoted { featured_until, bumped_at, bump_again_at } = promoted;
    Derived {
        fee: fee(known.record, known.terms),
        is_listed,
        active_from: spans.last().map(|span| span.from),
        active_until: spans.last().map(|span| span.until),
        featured_until,
        bumped_at,
        bump_again_at,
        payments: judged,
    }
}

fn fee(record: &Record, terms: &ListingTerms) -> i64 {
    terms.fee(&record.category, &record.currency, record.categorised_at).unwrap_or_default()
}

/// How long a listing is active in its category without any fee.
pub fn free_time(record: &Record, terms: &ListingTerms) -> Option<Span> {
    let from = record.categorised_at;
    (fee(record, terms) == 0).then(|| Span { from, until: from + terms.listed(from) })
}

impl Derived {
    /// How the listing stands at a moment.
    pub fn state_at(&self, record: &Record, now: DateTime<Utc>) -> State {
        match () {
            () if record.deleted.is_some() => State::Deleted,
            () if record.rejected.is_some() => State::Rejected,
            () if !self.is_listed => State::PendingPayment,
            () if self.active_until.is_some_and(|until| until <= now) => State::Expired,
            () => State::Active,
        }
    }

    pub fn is_featured(&self, record: &Record, now: DateTime<Utc>) -> bool {
        self.state_at(record, now) == State::Active && self.featured_until.is_some_and(|until| until > now)
    }

    /// When the clock next makes something of it.
    pub fn turns_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let ends =
            [self.active_until.filter(|_| self.is_listed), self.featured_until.filter(|_| self.is_listed)];
        ends.into_iter().flatten().filter(|end| *end > now).min()
    }
}

impl Known<'_> {
    /// What a payment is by itself. One that could entitle to something is `Granted` until it is placed.
    fn judge(&self, paid: &Fulfilment) -> Judged {
        let verdict = match paid.money {
            Money::Awaited => Verdict::Awaited,
            Money::Canceled | Money::Returned | Money::Lost => Verdict::Gone,
            Money::Held => Verdict::Held,
            Money::Here => {
                let fault = self.fault(paid).or_else(|| self.misplaced(paid));
                fault.map_or(Verdict::Granted, Verdict::Wrong)
            }
        };
        Judged {
            payment: paid.payment.id.clone(),
            what: paid.what.clone(),
            amount: paid.amount,
            currency: paid.currency.clone(),
            paid_at: paid.paid_at,
            verdict,
            from: None,
            until: None,
        }
    }

    /// What is wrong with a payment by itself.
    fn fault(&self, paid: &Fulfilment) -> Option<Fault> {
        if paid.user.as_deref().is_some_and(|user| user != self.user) {
            return Some(Fault::User);
        }
        if paid.what != LISTING_FEE && !PROMOTIONS.contains(&paid.what.as_str()) {
            return Some(Fault::Unknown);
        }
        let (amount, currency) = match self.asked.get(&paid.payment.id) {
            Some(asked) => (Some(asked.amount), asked.currency.as_str()),
            None => (self.price(paid), self.record.currency.as_str()),
        };
        match () {
            () if paid.currency != currency => Some(Fault::Currency),
            () if amount != Some(paid.amount) => Some(Fault::Amount),
            () => None,
        }
    }

    /// A fee that is right by itself, and is not the price of the category that the listing has: a cheap one buys no dear
    /// one. What it bought was over before the listing came into its category, or its category is free: no fault.
    fn misplaced(&self, paid: &Fulfilment) -> Option<Fault> {
        let Record { category, currency, categorised_at: since, .. } = self.record;
        let is_over = paid.paid_at.is_some_and(|at| at + self.terms.listed(at) <= *since);
        let is_asked = self.asked.get(&paid.payment.id).is_some_and(|asked| {
            slug(&asked.category) == slug(category) && asked.currency == *currency && asked.at >= *since
        });
        if paid.what != LISTING_FEE || is_over || is_asked {
            return None;
        }
        // Of one that was made before the listing came into its category: by the terms of that moment.
        let made_at = paid.made_at.or(paid.paid_at).unwrap_or(*since);
        match self.terms.fee(category, currency, made_at.max(*since)) {
            Some(0) => None,
            Some(_) if paid.currency != *currency => Some(Fault::Currency),
            fee => (fee != Some(paid.amount)).then_some(Fault::Amount),
        }
    }

    /// Of an intent that no checkout of ours made: by the terms when it was made.
    fn price(&self, paid: &Fulfilment) -> Option<i64> {
        let at = paid.made_at.or(paid.paid_at)?;
        let category = paid.category.as_deref().unwrap_or(&self.record.category);
        match paid.what.as_str() {
            LISTING_FEE => self.terms.fee(category, &paid.currency, at).filter(|fee| *fee > 0),
            promotion => self.terms.promotion(promotion, &paid.currency, at),
        }
    }

    /// Why nothing is granted at a moment, however much was paid.
    fn closed_at(&self, moment: DateTime<Utc>) -> Option<Why> {
        let is_before =
            |word: &Option<crate::record::Word>| word.as_ref().is_some_and(|word| word.at <= moment);
        if is_before(&self.record.rejected) {
            return Some(Why::Rejected);
        }
        is_before(&self.record.deleted).then_some(Why::Deleted)
    }
}

/// Places the fees: the first makes the listing active; one that is paid after its end makes it active again; any other is
/// paid twice.
fn grant_fees(known: &Known<'_>, free: Option<Span>, judged: &mut [Judged]) -> Vec<Span> {
    let mut spans: Vec<Span> = free.into_iter().collect();
    for fee in judged.iter_mut().filter(|judged| judged.what == LISTING_FEE) {
        let (Verdict::Granted, Some(paid_at)) = (fee.verdict, fee.paid_at) else { continue };
        let until = paid_at + known.terms.listed(paid_at);
        let is_returning = known.returning.contains(&fee.payment);
        let is_taken = |span: &Span| paid_at < span.until && (is_returning || span.from < until);
        if let Some(why) = known.closed_at(paid_at) {
            fee.verdict = Verdict::Owed(why);
        } else if spans.iter().any(is_taken) {
            fee.verdict = Verdict::Owed(Why::PaidTwice);
        } else {
            (fee.from, fee.until) = (Some(paid_at), Some(until));
            spans.push(Span { from: paid_at, until });
        }
    }
    spans.sort_by_key(|span| span.from);
    spans
}

/// When the listing was active by what was paid for it, whatever became of that money since, or without any.
fn nominal(known: &Known<'_>, free: Option<Span>, payments: &[&Fulfilment]) -> Vec<Span> {
    let mut spans: Vec<Span> = known.record.was_free.iter().copied().chain(free).collect();
    let fees = payments.iter().filter(|paid| paid.what == LISTING_FEE && known.fault(paid).is_none());
    for (fee, paid_at) in fees.filter_map(|fee| Some((fee, fee.paid_at?))) {
        let mut until = paid_at + known.terms.listed(paid_at);
        if known.misplaced(fee).is_some() {
            // It was right until the listing left the category that it was paid for.
            until = until.min(known.record.categorised_at);
        }
        if !spans.iter().any(|span| span.holds(paid_at)) {
            spans.push(Span { from: paid_at, until });
        }
    }
    spans
}

/// What runs at the moment of the rejection goes back.
fn give_back(rejected_at: DateTime<Utc>, judged: &mut [Judged]) {
    for judged in judged {
        let runs = judged.until.is_some_and(|until| rejected_at < until);
        if judged.verdict == Verdict::Granted && runs {
            judged.verdict = Verdict::Owed(Why::Rejected);
        }
    }
}
