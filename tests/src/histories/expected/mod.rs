//! The truth of one account in one mode: a walk over the objects as they are in the end, with the laws of
//! the domain for what spans them. Events are not looked at, only whether an object was told at all.

mod disputes;
mod invoices;
mod payments;
mod retries;
mod shares;
mod users;

use chrono::DateTime;
use serde_json::{Value, json};

use super::stripe::Stripe;
use super::truth::Truth;

impl Stripe {
    pub(super) fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        self.expect_payments(&mut truth);
        self.expect_charges(&mut truth);
        self.expect_refunds(&mut truth);
        self.expect_disputes(&mut truth);
        self.expect_invoices(&mut truth);
        self.expect_links(&mut truth);
        self.expect_customers(&mut truth);
        self.expect_bans(&mut truth);
        truth
    }

    fn expect(&self, truth: &mut Truth, kind: &'static str, id: &str, columns: Value) {
        let Value::Object(columns) = columns else { panic!("columns are an object") };
        truth.rows.entry(self.subject(kind, id)).or_default().extend(columns);
    }
}

/// A moment as the ledger's rows write it.
fn moment(seconds: impl Into<Option<i64>>) -> Value {
    json!(seconds.into().map(|seconds| DateTime::from_timestamp(seconds, 0).expect("a time of our days")))
}
