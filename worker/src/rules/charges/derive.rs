//! What hangs on a charge: money that went back by refunds and disputes, and what contradicts it.

use std::collections::BTreeSet;

use super::Charge;
use crate::rules::disputes::{Dispute, Status};
use crate::rules::payments::Disputed;
use crate::rules::refunds::Refund;

impl Charge {
    /// A pure function of the merged objects.
    pub fn derive<'a>(
        &mut self,
        refunds: impl Iterator<Item = &'a Refund> + Clone,
        disputes: impl Iterator<Item = &'a Dispute> + Clone,
    ) {
        let counted = refunds.clone().filter(|refund| refund.counts_in(&self.state.currency));
        let itemised = counted.map(|refund| refund.state.amount).fold(0, i64::saturating_add);
        self.amount_unitemised = self.unitemised(refunds.clone(), itemised);
        self.amount_refunded = itemised.saturating_add(self.amount_unitemised);
        self.seen.needs_refetch = self.seen.freshness.is_contested() || self.amount_unitemised > 0;

        let lost = disputes.clone().filter(|dispute| dispute.is_lost_in(&self.state.currency));
        self.amount_charged_back = lost.map(|dispute| dispute.state.amount).fold(0, i64::saturating_add);
        self.dispute_count = i64::try_from(disputes.clone().count()).unwrap_or(i64::MAX);
        self.disputed = disputes.clone().map(standing).max().unwrap_or_default();
        self.anomaly = self.contradictions(refunds, disputes);
    }

    /// What the charge says was refunded and no refund is known for: only while no refund speaks later, nor one
    /// that failed at the same moment, for such money is refunded no more.
    fn unitemised<'a>(&self, mut refunds: impl Iterator<Item = &'a Refund>, itemised: i64) -> i64 {
        let created = self.seen.freshness.created();
        let is_earlier = |refund: &Refund| match refund.seen.freshness.created() {
            told if refund.has_failed() => told < created,
            told => told <= created,
        };
        if refunds.all(is_earlier) { (self.state.amount_refunded_reported - itemised).max(0) } else { 0 }
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
        if self.amount_refunded > self.state.amount_captured {
            found.insert("refunds_exceed_charge");
        }
        (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(","))
    }
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
