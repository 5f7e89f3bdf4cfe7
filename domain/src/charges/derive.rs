//! Derives a charge's totals from its refunds and disputes, and its contradictions.

use std::collections::BTreeSet;

use super::{Charge, EVERY_REFUND, Releases};
use crate::disputes::{Dispute, Status};
use crate::payments::Disputed;
use crate::refunds::Refund;

/// Between a dispute and its end a rate moves by less than this part of it.
const RATES_DIFFER_BY: u64 = 20;
/// In the place of a currency, where there are several.
const MIXED: &str = "mixed";

/// What went back of a charge, as far as anybody tells.
struct Refunds {
    total: i64,
    /// The part that only the charge reports.
    unitemised: i64,
    /// Whether nobody but Stripe can tell: something happened in the very second of the charge's report, so that it may count
    /// it or not, or nothing shows what of it was a release.
    is_doubtful: bool,
    /// As the column of this name.
    released_refund: Option<String>,
}

impl Charge {
    /// A pure function of the merged objects.
    pub fn derive<'a>(
        &mut self,
        refunds: impl Iterator<Item = &'a Refund> + Clone,
        disputes: impl Iterator<Item = &'a Dispute> + Clone,
    ) {
        let Refunds { total, unitemised, is_doubtful, released_refund } = self.refunds(refunds.clone());
        self.released_refund = released_refund;
        (self.amount_refunded, self.amount_unitemised) = (total, unitemised);
        self.seen.needs_refetch = self.seen.freshness.is_contested() || unitemised > 0 || is_doubtful;

        self.amount_charged_back = self.lost(disputes.clone());
        let told = disputes.clone().filter(|dispute| dispute.seen.is_reported() && !self.seen.is_reported());
        let currency = |dispute: &'a Dispute| dispute.state.currency.as_str();
        self.dispute_currency = common(told.clone().map(currency));
        self.lost_currency = common(told.filter(|dispute| dispute.lost().is_some()).map(currency));
        self.dispute_count = i64::try_from(disputes.clone().count()).unwrap_or(i64::MAX);
        self.disputed = disputes.clone().map(standing).max().unwrap_or_default();
        self.anomaly = self.contradictions(refunds, disputes);
    }

    /// What the charge says went back by refunds is a floor, as of the second in which it said so: refunds made
    /// later come on top of it, and of those made before only what failed since is taken off.
    fn refunds<'a>(&self, refunds: impl Iterator<Item = &'a Refund>) -> Refunds {
        let told = self.seen.freshness.created();
        let reported = (self.state.amount_refunded_reported - self.amount_released).max(0);
        let (mut known, mut later, mut failed_since, mut released) = (0_i64, 0_i64, 0_i64, 0_i64);
        let (mut released_refund, mut without_reason) = (None, Vec::new());
        let mut is_of_that_second = false;
        let gave_up = self.gave_up();
        // Stripe refuses to give back a part of what is held: whoever did has captured, and nobody has told it yet.
        let voids = |amount| gave_up.is_some_and(|is_told| is_told || amount == self.state.amount);
        for refund in refunds.filter(|refund| !refund.is_in_another(&self.state.currency)) {
            let amount = refund.state.amount;
            let is_known = told.is_some() && refund.made_at() <= told;
            is_of_that_second |= is_known && told == refund.made_at().max(refund.failed_at());
            let sum = match () {
                () if refund.has_failed() && is_known && refund.failed_at() >= told => &mut failed_since,
                () if refund.has_failed() => continue,
                () if voids(amount) => {
                    released_refund = Some(EVERY_REFUND.to_owned());
                    &mut released
                }
                () if refund.is_release() => &mut released,
                () if is_known => {
                    without_reason.extend(Some(refund).filter(|refund| refund.state.reason.is_none()));
                    &mut known
                }
                () => &mut later,
            };
            *sum = sum.saturating_add(amount);
        }
        // A release is not always marked as one: what exceeds the refunds that the charge tells of is its own. A refund
        // with a reason of its own is none, whatever the charge counts.
        let untold = (self.amount_released - released).max(0);
        let nameless = without_reason.iter().map(|refund| refund.state.amount).fold(0, i64::saturating_add);
        let unmarked = untold.min((known - reported).max(0)).min(nameless);
        if unmarked > 0 {
            // Stripe makes one refund of what a capture leaves, at once.
            let whole = without_reason.into_iter().filter(|refund| refund.state.amount == untold);
            let first = whole.min_by_key(|refund| (refund.made_at(), &refund.key));
            released_refund = first.map(|refund| refund.key.id.clone());
        }
        let unitemised = (reported - (known - unmarked) - failed_since).max(0);
        let total = (known - unmarked).saturating_add(unitemised).saturating_add(later);
        let is_guessed = match gave_up {
            Some(is_told) => !is_told && (released_refund.is_some() || total > 0),
            None => self.releases == Releases::Unknown && untold > 0,
        };
        let is_doubtful = is_guessed || (is_of_that_second && (unmarked > 0 || failed_since > 0));
        Refunds { total, unitemised, is_doubtful, released_refund }
    }

    /// Whether nothing was captured, so that no refund gives back money that came in: an authorisation that was given up, as
    /// somebody tells, or that is still held as far as anybody tells.
    fn gave_up(&self) -> Option<bool> {
        let is_held = self.state.status == "succeeded" && self.state.amount_captured == 0;
        match () {
            () if self.given_up && self.state.amount_captured == 0 => Some(true),
            () if is_held && self.state.amount_refunded_reported > 0 => Some(true),
            () if is_held && !self.payment_received => Some(false),
            () => None,
        }
    }

    /// What lost disputes took. There is no conversion: one in another currency takes all that was captured.
    fn lost<'a>(&self, disputes: impl Iterator<Item = &'a Dispute> + Clone) -> i64 {
        let lost = disputes.filter_map(|dispute| Some((dispute, dispute.lost()?)));
        let (own, others): (Vec<_>, Vec<_>) =
            lost.partition(|(dispute, _)| !dispute.is_in_another(&self.state.currency));
        let is_by_rates = own.iter().any(|(dispute, _)| dispute.part_kept().is_some());
        let own = own.iter().map(|(_, amount)| *amount).fold(0, i64::saturating_add);
        // Stripe gave back what had been refunded; what two rates make of that is off by less than this.
        let rest = (self.state.amount_captured - self.amount_refunded).max(0);
        let is_near = own.abs_diff(rest) <= self.state.amount.unsigned_abs() / RATES_DIFFER_BY;
        match () {
            () if !others.is_empty() => own.max(self.state.amount_captured),
            () if is_by_rates && is_near => rest,
            () => own,
        }
    }

    fn contradictions<'a>(
        &self,
        refunds: impl Iterator<Item = &'a Refund>,
        disputes: impl Iterator<Item = &'a Dispute>,
    ) -> Option<String> {
        if !self.seen.is_reported() {
            return None;
        }
        let mut found = BTreeSet::new();
        for refund in refunds {
            if refund.is_in_another(&self.state.currency) {
                found.insert("refund_currency");
            }
        }
        for dispute in disputes.filter(|dispute| dispute.seen.is_reported()) {
            if dispute.state.currency != self.state.currency {
                found.insert("dispute_currency");
            } else if dispute.state.amount > self.state.amount {
                found.insert("dispute_exceeds_charge");
            }
        }
        let captured = self.state.amount_captured;
        match () {
            // A bank debit on its way may be refunded, and nothing has come in yet.
            () if self.state.status == "pending" => {}
            () if self.amount_refunded > captured => _ = found.insert("refunds_exceed_charge"),
            () if self.amount_refunded.saturating_add(self.amount_charged_back) > captured => {
                found.insert("double_loss");
            }
            () => {}
        }
        (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(","))
    }
}

/// The one currency of all, where they have one.
fn common<'a>(mut currencies: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = currencies.next()?;
    Some(if currencies.all(|other| other == first) { first } else { MIXED }.to_owned())
}

/// An inquiry is open as any dispute is; so is one in a status that we do not know.
fn standing(dispute: &Dispute) -> Disputed {
    match dispute.status {
        Status::Unknown if !dispute.seen.is_reported() => Disputed::None,
        Status::Unknown | Status::Opened | Status::UnderReview => Disputed::Open,
        Status::Lost => Disputed::Lost,
        Status::Won => Disputed::Won,
        Status::Closed => Disputed::Closed,
    }
}
