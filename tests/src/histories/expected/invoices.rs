//! Invoices: Stripe's, and the merchant's own, which only the metadata of payments name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::invoices::Invoice;
use super::super::payments::Payment;
use super::super::stripe::{DAY_SECS, Stripe};
use super::super::truth::Truth;
use super::moment;
use super::payments::Failure;

/// After failure n the next attempt is planned so many days later; after the last of them it is overdue.
const RETRY_DAYS: [i64; 3] = [3, 7, 14];
/// Codes, and bank's codes, after which nobody tries again by himself.
const FINAL_CODES: &[&str] = &[
    "expired_card",
    "incorrect_cvc",
    "stolen_card",
    "lost_card",
    "pickup_card",
    "fraudulent",
    "do_not_honor",
    "authentication_required",
];

/// What the payments of an invoice add up to.
struct Money {
    received: i64,
    refunded: i64,
    lost: i64,
    is_disputed: bool,
}

impl Stripe {
    pub(super) fn expect_invoices(&self, truth: &mut Truth) {
        for (id, invoice) in &self.invoices {
            if invoice.told {
                self.expect_stripes(truth, id, invoice);
            } else {
                self.expect(truth, "invoice", id, json!({ "status": "unknown" }));
            }
        }
        let own: BTreeSet<&String> =
            self.payments.values().filter_map(|payment| payment.own_invoice.last.as_ref()).collect();
        for id in own.into_iter().filter(|id| !self.invoices.contains_key(*id)) {
            self.expect_own(truth, id);
        }
    }

    fn expect_stripes(&self, truth: &mut Truth, id: &str, invoice: &Invoice) {
        let payments = self.payments_of(id);
        let money = self.money_of(&payments, invoice.paid);
        let failures = failures_of(&payments);
        let has_failed = !failures.is_empty() || invoice.failure_told.is_some();
        let unpaid = match invoice.status {
            "uncollectible" => "uncollectible",
            "draft" => "draft",
            _ if invoice.overdue_told || failures.len() > RETRY_DAYS.len() => "overdue",
            _ if has_failed => "failed",
            _ => "sent",
        };
        let status = match invoice.status {
            "deleted" | "void" => invoice.status,
            status => money.word().unwrap_or(if status == "paid" { "paid" } else { unpaid }),
        };
        let mut row = json!({
            "amount_due": invoice.amount, "attempt_count": invoice.attempts, "currency": invoice.currency,
            "customer": invoice.customer, "subscription": invoice.subscription,
        });
        if invoice.status != "deleted" {
            row["stripe_status"] = json!(invoice.status);
        }
        self.expect(truth, "invoice", id, row);
        self.expect(truth, "invoice", id, money.columns());
        let plan = retries(&failures, status, invoice.next_attempt.is_some(), invoice.failure_told);
        self.expect(truth, "invoice", id, plan);
        self.expect(truth, "invoice", id, json!({ "status": status }));
    }

    fn expect_own(&self, truth: &mut Truth, id: &str) {
        let payments = self.payments_of(id);
        let received = payments.iter().map(|(_, payment)| payment.received).sum();
        let money = self.money_of(&payments, received);
        let failures = failures_of(&payments);
        let asks = |payment: &Payment| payment.own_amount.filter(|_| payment.own_invoice.now.is_some());
        let asked = payments.iter().filter_map(|(_, payment)| asks(payment)).max();
        let is_paid = match asked {
            Some(amount) => received > 0 && received >= amount,
            None => payments.iter().any(|(_, payment)| payment.status == "succeeded"),
        };
        let unpaid = match failures.len() {
            0 => "sent",
            failures if failures > RETRY_DAYS.len() => "overdue",
            _ => "failed",
        };
        let status = if payments.iter().any(|(_, payment)| payment.told) {
            money.word().unwrap_or(if is_paid { "paid" } else { unpaid })
        } else {
            "unknown"
        };
        self.expect(truth, "invoice", id, money.columns());
        self.expect(truth, "invoice", id, retries(&failures, status, false, None));
        self.expect(truth, "invoice", id, json!({ "status": status, "amount_due": asked.unwrap_or(0) }));
    }

    fn payments_of(&self, invoice: &str) -> Vec<(&String, &Payment)> {
        let owns = |payment: &Payment| payment.owner().is_some_and(|owner| owner == invoice);
        self.payments.iter().filter(|(_, payment)| owns(payment)).collect()
    }

    fn money_of(&self, payments: &[(&String, &Payment)], received: i64) -> Money {
        Money {
            received,
            refunded: payments.iter().map(|(id, _)| self.refunded_of_payment(id)).sum(),
            lost: payments.iter().map(|(id, _)| self.lost_of_payment(id)).sum(),
            is_disputed: payments.iter().any(|(id, _)| self.disputed_of_payment(id) == "open"),
        }
    }
}

impl Money {
    /// The status that money alone gives, where it gives one.
    fn word(&self) -> Option<&'static str> {
        let all_of = |part: i64| part > 0 && part >= self.received;
        match self {
            _ if all_of(self.lost) => Some("charged_back"),
            Self { is_disputed: true, .. } => Some("disputed"),
            _ if all_of(self.refunded) => Some("refunded"),
            Self { lost: 1.., .. } => Some("partially_charged_back"),
            Self { refunded: 1.., .. } => Some("partially_refunded"),
            _ => None,
        }
    }

    fn columns(&self) -> Value {
        json!({
            "amount_paid": (self.received - self.lost).max(0), "amount_refunded": self.refunded,
            "amount_charged_back": self.lost,
        })
    }
}

fn failures_of<'a>(payments: &[(&'a String, &'a Payment)]) -> Vec<Failure<'a>> {
    let mut failures: Vec<Failure<'_>> =
        payments.iter().flat_map(|(id, payment)| Stripe::failures_of(id, payment)).collect();
    failures.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    failures
}

fn retries(failures: &[Failure<'_>], status: &str, stripe_plans: bool, told: Option<i64>) -> Value {
    let last = failures.last();
    let decline = last.map(|failure| failure.attempt.decline);
    let is_final = decline.is_some_and(|decline| {
        FINAL_CODES.contains(&decline.code) || decline.decline_code.is_some_and(|c| FINAL_CODES.contains(&c))
    });
    let days = failures.len().checked_sub(1).and_then(|place| RETRY_DAYS.get(place));
    let next = last.zip(days).map(|(failure, days)| failure.at + days * DAY_SECS);
    let is_planned = status == "failed" && !stripe_plans && !is_final;
    json!({
        "payment_failed_at": moment(last.map(|failure| failure.at).or(told)),
        "payment_failure_code": decline.map(|decline| decline.code),
        "payment_retry_count": failures.len(),
        "last_payment_retry_at": moment(last.filter(|_| failures.len() > 1).map(|failure| failure.at)),
        "next_payment_retry_at": moment(next.filter(|_| is_planned)),
    })
}
