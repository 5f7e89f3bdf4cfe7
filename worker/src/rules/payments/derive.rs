//! What hangs on a payment: money that went back, disputes, failed attempts.

use super::{Payment, Refunded, UNKNOWN};
use crate::rules::charges::Charge;
use crate::rules::failures::PaymentFailure;
use crate::rules::refunds::Refund;

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
        let direct = counted.map(|refund| refund.state.amount).fold(0, i64::saturating_add);
        let sum = |amount: fn(&Charge) -> i64| charges.clone().map(amount).fold(0, i64::saturating_add);
        self.amount_refunded = direct.saturating_add(sum(|charge| charge.amount_refunded));
        // As long as nobody has said what came in, nobody can say that all of it went back.
        self.refunded = match (self.amount_refunded, self.received()) {
            (0, _) => Refunded::None,
            (refunded, Some(1..)) if refunded >= self.state.amount_received => Refunded::Full,
            _ => Refunded::Partial,
        };
        self.amount_charged_back = sum(|charge| charge.amount_charged_back);
        self.dispute_count = sum(|charge| charge.dispute_count);
        self.disputed = charges.map(|charge| charge.disputed).max().unwrap_or_default();

        self.failed_attempts = i64::try_from(failures.clone().count()).unwrap_or(i64::MAX);
        let last = failures.max_by_key(|failure| failure.order());
        self.last_failed_at = last.and_then(|failure| failure.failed_at);
        self.last_failure_code = last.and_then(|failure| failure.code.id().map(str::to_owned));
        self.last_decline_code = last.and_then(|failure| failure.decline.id().map(str::to_owned));
        self.anomaly = self.contradiction(refunds, direct);
    }

    /// What its own refunds say against it; those of its charges are told of the charges.
    fn contradiction<'a>(
        &self,
        mut refunds: impl Iterator<Item = &'a Refund>,
        direct: i64,
    ) -> Option<String> {
        if self.state.status == UNKNOWN {
            return None;
        }
        let mut found = Vec::new();
        if refunds.any(|refund| refund.is_in_another(&self.state.currency)) {
            found.push("refund_currency");
        }
        if direct > self.state.amount_received {
            found.push("refunds_exceed_payment");
        }
        (!found.is_empty()).then(|| found.join(","))
    }
}
