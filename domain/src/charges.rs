//! Charges own refunds and disputes. A charge without a payment intent is its own payment.

mod derive;
mod read;
#[cfg(test)]
mod tests;

pub use self::read::{Card, Links, OfPayment, Releases, Report, State, TYPES, latest, named, read};
use super::freshness::{Freshness, Seen};
use super::index::Link;
use super::kinds::Kind;
use super::moments::Moment;
use super::payments::Disputed;
use super::refunds::Refund;
use super::row::{link_to, row};
use super::{AtStripe, Key, Object, UNKNOWN};

/// Stripe's statuses.
pub const STATUSES: &[&str] = &["pending", "succeeded", "failed"];

row! {
    pub struct Charge {
        #[serde(flatten)]
        pub key: Key,
        #[serde(flatten)]
        pub state: State,
        pub captured_at: Moment,
        /// The smallest stamp of a report that tells of a refund; what was never captured is none.
        pub refund_reported_at: Moment,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub payment: PaymentLink,
        #[serde(flatten)]
        pub customer: CustomerLink,
        #[serde(flatten)]
        pub card: Card,
        pub card_freshness: Freshness,
        /// What Stripe counts as refunded though it was never captured: an authorisation that was given back.
        pub amount_released: i64,
        pub releases: Releases,
        /// Its payment was canceled before anything was captured: what was given back was never received.
        pub given_up: bool,
        /// Its payment says that money came in.
        pub payment_received: bool,
        /// From here on derived from its refunds and disputes.
        pub amount_refunded: i64,
        /// The part that the charge reports and no refund is known for yet.
        pub amount_unitemised: i64,
        /// Which refund gave back what was authorised and never captured, though its reason does not say so: its id, or `*`
        /// where nothing was captured, so that each did.
        pub released_refund: Option<String>,
        pub disputed: Disputed,
        pub dispute_count: i64,
        pub amount_charged_back: i64,
        /// In which currency that is, and in which its disputes are, as long as nobody has reported the charge's
        /// own: a code, or `mixed`.
        pub lost_currency: Option<String>,
        pub dispute_currency: Option<String>,
        pub anomaly: Option<String>,
    }
}

const EVERY_REFUND: &str = "*";

link_to!(PaymentLink, payment, payment_freshness);
link_to!(CustomerLink, customer, customer_freshness);

impl Object for Charge {
    const KIND: Kind = Kind::Charge;
    const NAME: &'static str = "charge";
    const TABLE: &'static str = "charges";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("charges", "charge.updated"));

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
        link(Link::ChargeOfPayment, self.owner());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        self.owner().map(|key| (Kind::Payment, key)).into_iter().collect()
    }
}

impl Charge {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        let freshness = report.freshness;
        self.captured_at.see(report.links.captured);
        let releases = report.links.releases;
        if report
            .state
            .as_ref()
            .is_some_and(|state| state.amount_refunded_reported > state.released(releases))
        {
            self.refund_reported_at.see(report.moment);
        }
        self.seen.take(&mut self.state, report);
        self.releases = self.releases.max(releases);
        self.given_up |= report.links.of_payment == OfPayment::GaveUp;
        self.payment_received |= report.links.of_payment == OfPayment::Received;
        self.amount_released = self.state.released(self.releases);
        self.payment.see(report.links.payment.as_deref(), freshness);
        self.customer.see(report.links.customer.as_deref(), freshness);
        if let Some(card) = &report.links.card
            && (freshness, card) > (self.card_freshness, &self.card)
        {
            self.card.clone_from(card);
            self.card_freshness = freshness;
        }
    }

    /// Whether a refund of it gave back what was authorised only: no money that had come in, hence in no sum.
    pub fn has_released(&self, refund: &Refund) -> bool {
        let unnamed = self.released_refund.as_deref();
        refund.is_release() || unnamed.is_some_and(|id| id == EVERY_REFUND || id == refund.key.id)
    }

    /// The payment that it belongs to: its payment intent, or itself once it was reported without one.
    pub fn owner(&self) -> Option<Key> {
        match self.payment.id() {
            Some(payment) => Some(self.key.sibling(payment)),
            None => self.seen.is_reported().then(|| self.key.clone()),
        }
    }
}
