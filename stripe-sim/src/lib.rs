//! Stripe's side, for `tidegate send` and the tests: objects and events as Stripe writes them in each API version,
//! signed as Stripe signs. It uses none of the product's code, so a body never agrees with its reader by design.

#![recursion_limit = "256"] // an invoice is a long JSON literal

mod event;
mod objects;
mod random;
mod setting;
mod signature;
mod version;

pub use self::event::Event;
pub use self::objects::{
    Charge, Customer, Decline, Dispute, EarlyFraudWarning, Invoice, InvoicePayment, MONTH_SECS, Movement,
    PaymentError, PaymentIntent, Refund, Subscription, shaped,
};
pub use self::random::Random;
pub use self::setting::{Card, Payer, Setting};
pub use self::signature::{Signer, signature, signature_header};
pub use self::version::ApiVersion;
