//! Refunds. A refund sometimes goes from succeeded to failed; the money is then not refunded.

mod read;
#[cfg(test)]
mod tests;

pub use self::read::{Links, Report, State, read, read_within};
use super::freshness::Seen;
use super::index::Link;
use super::kinds::Kind;
use super::moments::Moment;
use super::row::{link_to, row};
use super::{AtStripe, AuditChange, Key, Object, Severity, UNKNOWN};

pub(super) const FAILED: &[&str] = &["failed", "canceled"];
/// Stripe's own reasons for giving back what was authorised and never captured.
pub const RELEASES: &[&str] = &["expired_uncaptured_charge", "partial_capture"];

/// Stripe's statuses.
pub const STATUSES: &[&str] = &["pending", "requires_action", "succeeded", "failed", "canceled"];

row! {
    pub struct Refund {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        pub succeeded_at: Moment,
        pub failed_at: Moment,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub charge: ChargeLink,
        #[serde(flatten)]
        pub payment: PaymentLink,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

link_to!(ChargeLink, charge, charge_freshness);
link_to!(PaymentLink, payment, payment_freshness);

impl Object for Refund {
    const KIND: Kind = Kind::Refund;
    const NAME: &'static str = "refund";
    const TABLE: &'static str = "refunds";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = STATUSES;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("refunds", "refund.updated"));

    fn placeholder(key: Key) -> Self {
        let state = State { status: UNKNOWN.to_owned(), ..State::default() };
        Self { key, state, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn stripe_status(&self) -> Option<&str> {
        Some(&self.state.status)
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::RefundOfCharge, self.owner());
        link(Link::RefundOfPayment, self.paid_by());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        let charge = self.owner().map(|key| (Kind::Charge, key));
        charge.into_iter().chain(self.paid_by().map(|key| (Kind::Payment, key))).collect()
    }

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = if after.has_failed() { Severity::Warning } else { Severity::Info };
        AuditChange::status(&before.state.status, &after.state.status, severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Refund {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        match report.state.as_ref().map(|state| state.status.as_str()) {
            Some("succeeded") => self.succeeded_at.see(report.moment),
            Some(status) if FAILED.contains(&status) => self.failed_at.see(report.moment),
            _ => {}
        }
        self.seen.take(&mut self.state, report);
        self.charge.see(report.links.charge.as_deref(), report.freshness);
        self.payment.see(report.links.payment.as_deref(), report.freshness);
    }

    /// The charge that it hangs on.
    pub fn owner(&self) -> Option<Key> {
        self.charge.id().map(|id| self.key.sibling(id))
    }

    /// The payment that it hangs on, where it names no charge.
    pub fn paid_by(&self) -> Option<Key> {
        if self.charge.id().is_some() {
            return None;
        }
        self.payment.id().map(|id| self.key.sibling(id))
    }

    pub fn has_failed(&self) -> bool {
        FAILED.contains(&self.state.status.as_str())
    }

    /// Whether it gave back what was authorised only: no money that had come in, hence in no sum.
    pub fn is_release(&self) -> bool {
        self.state.reason.as_deref().is_some_and(|reason| RELEASES.contains(&reason))
    }

    /// When it was made, in seconds since 1970: as Stripe says, else by the first event about it.
    pub fn made_at(&self) -> Option<i64> {
        self.state.created_at.or(self.seen.first_event_at).map(|at| at.timestamp())
    }

    /// When it failed or was canceled, in seconds since 1970.
    pub fn failed_at(&self) -> Option<i64> {
        self.failed_at.at().filter(|_| self.has_failed()).map(|at| at.timestamp())
    }

    /// Whether its amount is refunded, of something in this currency.
    pub fn counts_in(&self, currency: &str) -> bool {
        !self.has_failed() && !self.is_release() && !self.is_in_another(currency)
    }

    /// Currencies that are not known yet contradict nothing.
    pub fn is_in_another(&self, currency: &str) -> bool {
        let own = self.state.currency.as_str();
        !own.is_empty() && !currency.is_empty() && own != currency
    }
}
