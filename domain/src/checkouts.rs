//! Checkouts: a payment intent that a customer pays by himself, for goods of the merchant's. The row with its key is there
//! before Stripe is asked. The secret by which it is paid is handed on, and never kept.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Key;
use super::row::{row, words};

/// Its name in keys and in the audit.
pub const NAME: &str = "checkout";
/// Stripe forgets a key after 24 hours. Before that the same key gives the same intent; after it a new one is made, for
/// nobody was ever given the secret of the first.
pub const KEY_LIFETIME: TimeDelta = TimeDelta::hours(23);
/// How long after it was made, and after each look, an unpaid one is looked at in Stripe again.
const LOOKS: [TimeDelta; 6] = [
    TimeDelta::minutes(2),
    TimeDelta::minutes(10),
    TimeDelta::hours(1),
    TimeDelta::hours(6),
    TimeDelta::hours(24),
    TimeDelta::hours(72),
];

words! {
    pub enum CheckoutState {
        // Stripe is asked, or was asked and nobody knows the answer.
        Sending = "sending",
        // There is an intent, to be paid.
        Open = "open",
        // It was paid, canceled, refused by Stripe, or another has taken its place.
        Closed = "closed",
    }
}

row! {
    pub struct Checkout {
        #[serde(flatten)]
        pub key: Key,
        pub goods: String,
        pub what: String,
        pub user_id: String,
        pub label: String,
        pub amount: i64,
        pub currency: String,
        pub state: CheckoutState,
        pub idempotency_key: String,
        pub payment_intent: Option<String>,
        pub requested_by: String,
        pub created_at: DateTime<Utc>,
        pub look_at: Option<DateTime<Utc>>,
        pub looks: i64,
        pub closed_at: Option<DateTime<Utc>>,
        pub closed_why: Option<String>,
    }
}

impl Checkout {
    /// What Stripe is told of it: the payment's events say so again, and by this they find the goods.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        [
            ("listing_id", &self.goods),
            ("user_id", &self.user_id),
            ("category_id", &self.label),
            ("payment_type", &self.what),
            ("tidegate_checkout_id", &self.key.id),
        ]
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .into()
    }

    /// Whether Stripe still knows its key.
    pub fn key_is_known(&self, now: DateTime<Utc>) -> bool {
        now - self.created_at < KEY_LIFETIME && now >= self.created_at - TimeDelta::minutes(5)
    }

    /// Stripe has made its intent.
    pub fn made(&mut self, payment_intent: &str, now: DateTime<Utc>) {
        self.payment_intent = Some(payment_intent.to_owned());
        if self.state == CheckoutState::Sending {
            self.state = CheckoutState::Open;
            self.look_at = Some(now + LOOKS[0]);
        }
    }

    /// It was looked at, and is not paid yet. After the last look only a webhook, or the list of events, tells of it.
    pub fn looked(&mut self, now: DateTime<Utc>) {
        self.looks += 1;
        let next = usize::try_from(self.looks).ok().and_then(|looks| LOOKS.get(looks));
        self.look_at = next.map(|pause| now + *pause);
    }

    pub fn close(&mut self, why: &str, now: DateTime<Utc>) {
        self.state = CheckoutState::Closed;
        self.closed_at = Some(now);
        self.closed_why = Some(why.to_owned());
        self.look_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_looked_at_ever_more_seldom_until_it_is_closed() {
        let at = |secs: i64| DateTime::from_timestamp(1_780_000_000 + secs, 0).unwrap();
        let mut checkout = Checkout { created_at: at(0), ..Checkout::default() };
        checkout.made("pi_1", at(1));
        assert_eq!((checkout.state, checkout.look_at), (CheckoutState::Open, Some(at(121))));
        checkout.looked(at(121));
        assert_eq!(checkout.look_at, Some(at(721)));
        (2..6).for_each(|_| checkout.looked(at(800)));
        assert!(checkout.look_at.is_some());
        checkout.looked(at(900));
        assert_eq!(checkout.look_at, None);
        checkout.close("paid", at(1_000));
        assert_eq!(checkout.state, CheckoutState::Closed);
        assert!(checkout.key_is_known(at(82_799)) && !checkout.key_is_known(at(82_800)));
    }
}
