//! What the objects of one telling agree on: the API version, the mode, and who pays with which card.

use serde_json::{Value, json};

use crate::{ApiVersion, Random};

#[derive(Clone, Debug)]
pub struct Setting {
    pub api_version: ApiVersion,
    pub livemode: bool,
    /// Links are told as the objects themselves instead of their ids.
    pub expands: bool,
    /// Only the fields that vary, without all that real objects carry besides.
    pub is_bare: bool,
    pub payer: Payer,
}

#[derive(Clone, Debug)]
pub struct Payer {
    pub name: &'static str,
    pub email: String,
    pub payment_method: String,
    pub card: Card,
}

#[derive(Clone, Debug)]
pub struct Card {
    pub brand: &'static str,
    pub last4: &'static str,
    pub exp_month: u64,
    pub exp_year: u64,
    pub fingerprint: String,
}

const NAMES: [&str; 8] = [
    "Ada Sample",
    "Bela Sample",
    "Chidi Sample",
    "Dana Sample",
    "Emre Sample",
    "Freya Sample",
    "Goran Sample",
    "Hana Sample",
];
/// Stripe's published test cards.
const CARDS: [(&str, &str); 4] =
    [("visa", "4242"), ("mastercard", "4444"), ("amex", "8431"), ("discover", "9424")];

impl Setting {
    pub fn new(api_version: ApiVersion, livemode: bool) -> Self {
        Self { api_version, livemode, expands: false, is_bare: false, payer: Payer::default() }
    }

    /// A link to an object: its id, or so much of the object itself.
    pub(crate) fn link(&self, id: Option<&str>, object: &str) -> Value {
        match id {
            Some(id) if self.expands => json!({ "id": id, "object": object, "livemode": self.livemode }),
            id => json!(id),
        }
    }
}

impl Payer {
    /// Somebody, whom the number tells from others.
    pub fn random(number: u64, random: &mut Random) -> Self {
        let (brand, last4) = *random.pick(&CARDS);
        Self {
            name: *random.pick(&NAMES),
            email: format!("user{number}@example.com"),
            payment_method: random.text("pm_1", 23),
            card: Card {
                brand,
                last4,
                exp_month: 1 + random.within(0..12),
                exp_year: 2028 + random.within(0..5),
                fingerprint: random.text("", 16),
            },
        }
    }
}

impl Default for Payer {
    fn default() -> Self {
        let fingerprint = "Xt5EWLLDS7FJjR1c".to_owned();
        Self {
            name: "Jane Example",
            email: "buyer@example.com".to_owned(),
            payment_method: "pm_1Nw2bJ2eZvKYlo2CpKtTidXg".to_owned(),
            card: Card { brand: "visa", last4: "4242", exp_month: 4, exp_year: 2031, fingerprint },
        }
    }
}

impl Card {
    /// The part of `payment_method_details.card` that varies.
    pub(crate) fn details(&self) -> Value {
        json!({
            "brand": self.brand,
            "exp_month": self.exp_month,
            "exp_year": self.exp_year,
            "fingerprint": self.fingerprint,
            "last4": self.last4,
            "network": self.brand,
        })
    }
}
