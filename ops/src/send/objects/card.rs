//! Who pays, with which card, and how a bank says no.

use serde_json::{Value, json};

use super::super::dice::Dice;

pub struct Customer {
    pub id: String,
    pub name: &'static str,
    pub email: String,
    /// The merchant's own name for this person.
    pub user_id: String,
    pub payment_method: String,
    pub card: Card,
}

pub struct Card {
    pub brand: &'static str,
    pub last4: &'static str,
    pub exp_month: u64,
    pub exp_year: u64,
    pub fingerprint: String,
}

/// A refusal: the error code, the bank's own code, and the sentence that Stripe shows.
pub struct Decline {
    pub code: &'static str,
    pub bank_code: &'static str,
    pub message: &'static str,
}

/// The refusals that stories use, by name.
pub struct Declines {
    pub insufficient_funds: Decline,
    pub generic: Decline,
    pub expired_card: Decline,
}

pub const DECLINES: Declines = Declines {
    insufficient_funds: Decline {
        code: "card_declined",
        bank_code: "insufficient_funds",
        message: "Your card has insufficient funds.",
    },
    generic: Decline {
        code: "card_declined",
        bank_code: "generic_decline",
        message: "Your card was declined.",
    },
    expired_card: Decline {
        code: "expired_card",
        bank_code: "expired_card",
        message: "Your card has expired.",
    },
};

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

impl Customer {
    pub fn new(dice: &mut Dice) -> Self {
        let number = 1_000 + dice.below(9_000_000);
        let (brand, last4) = *dice.pick(&CARDS);
        Self {
            id: dice.id("cus_", 14),
            name: *dice.pick(&NAMES),
            email: format!("user{number}@example.com"),
            user_id: format!("user_{number}"),
            payment_method: dice.id("pm_1", 23),
            card: Card {
                brand,
                last4,
                exp_month: 1 + dice.below(12),
                exp_year: 2028 + dice.below(5),
                fingerprint: dice.id("", 16),
            },
        }
    }
}

impl Card {
    /// The part of `payment_method_details.card` that varies.
    pub fn details(&self) -> Value {
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

impl Decline {
    /// `last_payment_error` of the payment that was refused.
    pub fn error(&self, charge: &str, customer: &Customer) -> Value {
        json!({
            "advice_code": if self.code == "expired_card" { "confirm_card_data" } else { "try_again_later" },
            "charge": charge,
            "code": self.code,
            "decline_code": self.bank_code,
            "doc_url": format!("https://stripe.com/docs/error-codes/{}", self.code.replace('_', "-")),
            "message": self.message,
            "payment_method": {
                "id": customer.payment_method,
                "object": "payment_method",
                "card": customer.card.details(),
                "customer": customer.id,
                "type": "card",
            },
            "type": "card_error",
        })
    }
}
