//! How Stripe shows its objects in events, by API version.

mod charges;
mod intents;
mod invoices;
