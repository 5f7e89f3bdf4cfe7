//! Invoices: Stripe's, and the merchant's own, which only the metadata of payments name.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::invoices::Invoice;
use super::super::payments::Payment;
use super::super::stripe::Stripe;
use super::super::truth::Truth;
use super::moment;
use super::retries::RETRY_DAYS;

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
        self.expect_reports(truth, id, invoice);
        let payments = self.payments_of(id);
        let received = if invoice.is_paid_elsewhere { invoice.amount } else { invoice.paid };
        let money = self.money_of(id, &payments, received);
        let failures = Self::failures_of_invoice(id, &payments, &invoice.failures_told);
        let counts = !invoice.is_sent_by_mail && invoice.next_attempt.is_none();
        let status = match invoice.status {
            "paid" => money.word(),
            "open" if invoice.overdue_told || (counts && failures.len() > RETRY_DAYS.len()) => "overdue",
            "open" if failures.is_empty() => "sent",
            "open" => "failed",
            status => status,
        };
        let mut row = json!({
            "amount_due": invoice.amount, "attempt_count": invoice.attempts, "currency": invoice.currency,
            "customer": invoice.customer, "subscription": invoice.subscription,
            "paid_at": moment(invoice.paid_at), "voided_at": moment(invoice.voided_at),
        });
        if invoice.status != "deleted" {
            row["stripe_status"] = json!(invoice.status);
        }
        self.expect(truth, "invoice", id, row);
        self.expect(truth, "invoice", id, money.columns());
        self.expect(truth, "invoice", id, self.retries(Some(invoice), &payments, &failures, status));
        self.expect(truth, "invoice", id, json!({ "status": status }));
        let is_unlinked = payments.is_empty() && !failures.is_empty();
        if is_unlinked && matches!(status, "failed" | "overdue") {
            truth.refetch.insert(self.subject("invoice", id));
        }
    }

    fn expect_own(&self, truth: &mut Truth, id: &str) {
        let payments = self.payments_of(id);
        let received = payments.iter().map(|(_, payment)| payment.received).sum();
        let money = self.money_of(id, &payments, received);
        let failures = Self::failures_of_invoice(id, &payments, &BTreeSet::new());
        let asks = |payment: &Payment| payment.own_amount.filter(|_| payment.own_invoice.now.is_some());
        let asked = payments.iter().filter_map(|(_, payment)| asks(payment)).max();
        let is_paid = match asked {
            Some(amount) => received > 0 && received >= amount,
            None => payments.iter().any(|(_, payment)| payment.status == "succeeded"),
        };
        let status = match failures.len() {
            _ if !payments.iter().any(|(_, payment)| payment.told) => "unknown",
            _ if is_paid => money.word(),
            0 => "sent",
            failures if failures > RETRY_DAYS.len() => "overdue",
            _ => "failed",
        };
        self.expect(truth, "invoice", id, money.columns());
        self.expect(truth, "invoice", id, self.retries(None, &payments, &failures, status));
        self.expect(truth, "invoice", id, json!({ "status": status, "amount_due": asked.unwrap_or(0) }));
    }

    fn money_of(&self, invoice: &str, payments: &[(&String, &Payment)], received: i64) -> Money {
        let share = |id: &str, amount: i64| self.share_of(id, invoice, amount);
        // An open dispute concerns those invoices that were paid by it.
        let is_concerned = |id: &str| share(id, i64::from(u16::MAX)) > 0;
        Money {
            received,
            refunded: payments.iter().map(|(id, _)| share(id, self.refunded_of_payment(id))).sum(),
            lost: payments.iter().map(|(id, _)| share(id, self.lost_of_payment(id))).sum(),
            is_disputed: payments
                .iter()
                .any(|(id, _)| is_concerned(id) && self.disputed_of_payment(id) == "open"),
        }
    }
}

impl Money {
    /// The status of an invoice that was paid: what is left of the money says which.
    fn word(&self) -> &'static str {
        let is_gone = |part: i64| self.received > 0 && part >= self.received;
        match self {
            Self { lost: 1.., .. } if is_gone(self.lost + self.refunded) => "charged_back",
            Self { is_disputed: true, .. } => "disputed",
            _ if is_gone(self.refunded) => "refunded",
            Self { lost: 1.., .. } => "partially_charged_back",
            Self { refunded: 1.., .. } => "partially_refunded",
            _ => "paid",
        }
    }

    fn columns(&self) -> Value {
        json!({
            "amount_paid": (self.received - self.lost).max(0), "amount_refunded": self.refunded,
            "amount_charged_back": self.lost,
        })
    }
}
