//! Derives a payment's refunds, disputes and failed attempts.

use super::{Payment, Refunded, UNKNOWN};
use crate::charges::Charge;
use crate::payment_failures::PaymentFailure;
use crate::refunds::Refund;

impl Payment {
    /// Derives from its charges, from the refunds that name no charge, and from its failures: a pure function
    /// of the merged objects.
    pub fn derive<'a>(
        &mut self,
        charges: impl Iterator<Item = &'a Charge> + Clone,
        refunds: impl Iterator<Item = &'a Refund> + Clone,
        failures: impl Iterator<Item = &'a PaymentFailure> + Clone,
    ) {
        let counted = refunds.clone().filter(|refund| refund.counts_in(&self.state.currency));
        let direct = total(counted.clone());
        let sum = |amount: fn(&Charge) -> i64| charges.clone().map(amount).fold(0, i64::saturating_add);
        // By the charges that report more than their own refunds explain: a declined one that speaks later tells nothing.
        let reporting = charges.clone().filter(|charge| charge.amount_unitemised > 0);
        let told = reporting.filter_map(|charge| charge.seen.freshness.created()).max();
        let is_told = |refund: &&Refund| told.is_some() && refund.made_at() <= told;
        let failed = refunds.clone().filter(|refund| refund.has_failed() && refund.failed_at() >= told);
        // What a charge reports and no refund of its own explains is one of these: it counts once.
        let explained = total(counted.filter(is_told)).min(sum(|charge| charge.amount_unitemised));
        let failed_since =
            total(failed.filter(is_told)).min(sum(|charge| charge.amount_unitemised) - explained);
        let by_charges = sum(|charge| charge.amount_refunded) - explained - failed_since;
        self.amount_refunded = direct.saturating_add(by_charges);
        // As long as nobody has said what came in, nobody can say that all of it went back.
        self.refunded = match (self.amount_refunded, self.received()) {
            (0, _) => Refunded::None,
            // What is still held may yet come in.
            (refunded, Some(1..))
                if refunded >= self.state.amount_received && self.state.amount_capturable == 0 =>
            {
                Refunded::Full
            }
            _ => Refunded::Partial,
        };
        let (own, foreign): (Vec<&Charge>, Vec<&Charge>) =
            charges.clone().partition(|charge| !self.is_in_another(charge.lost_currency.as_deref()));
        let taken = |charges: &[&Charge]| {
            charges.iter().map(|charge| charge.amount_charged_back).fold(0, i64::saturating_add)
        };
        // There is no conversion: what was lost in another currency is all that came in.
        self.amount_charged_back = match taken(&foreign) {
            0 => taken(&own),
            _ => taken(&own).max(self.state.amount_received),
        };
        self.dispute_count = sum(|charge| charge.dispute_count);
        self.disputed = charges.clone().map(|charge| charge.disputed).max().unwrap_or_default();

        self.failed_attempts = i64::try_from(failures.clone().count()).unwrap_or(i64::MAX);
        let last = failures.max_by_key(|failure| failure.order());
        self.last_failed_at = last.and_then(|failure| failure.failed_at.at());
        self.last_failure_code = last.and_then(|failure| failure.code.id().map(str::to_owned));
        self.last_decline_code = last.and_then(|failure| failure.decline.id().map(str::to_owned));
        let is_disputed_in_another =
            { charges }.any(|charge| self.is_in_another(charge.dispute_currency.as_deref()));
        self.anomaly = self.contradiction(refunds, direct, is_disputed_in_another);
    }

    /// Currencies that are not known yet contradict nothing.
    fn is_in_another(&self, currency: Option<&str>) -> bool {
        let own = self.state.currency.as_str();
        !own.is_empty() && currency.is_some_and(|currency| currency != own)
    }

    /// What its own refunds, and disputes of charges that nobody has reported, say against it; all else is told of
    /// the charges.
    fn contradiction<'a>(
        &self,
        mut refunds: impl Iterator<Item = &'a Refund>,
        direct: i64,
        is_disputed_in_another: bool,
    ) -> Option<String> {
        if self.state.status == UNKNOWN {
            return None;
        }
        let mut found = Vec::new();
        if is_disputed_in_another {
            found.push("dispute_currency");
        }
        if refunds.any(|refund| refund.is_in_another(&self.state.currency)) {
            found.push("refund_currency");
        }
        if direct > self.state.amount_received {
            found.push("refunds_exceed_payment");
        }
        (!found.is_empty()).then(|| found.join(","))
    }
}

fn total<'a>(refunds: impl Iterator<Item = &'a Refund>) -> i64 {
    refunds.map(|refund| refund.state.amount).fold(0, i64::saturating_add)
}
