//! Invoices, and the objects that say which payment paid how much of which.

use serde_json::{Value, json};

use crate::money::account::Account;
use crate::money::facts::{Fact, Report};
use crate::money::objects::{Invoice, Link};

impl Account {
    pub(in crate::money) fn tell_invoice(&mut self, kind: &'static str, place: usize) {
        let invoice = &self.invoices[place];
        let mut facts = vec![Fact::Invoice {
            invoice: invoice.id.clone(),
            report: Report {
                status: invoice.status,
                due: invoice.due,
                paid: invoice.paid(),
                is_overdue: invoice.is_overdue,
                is_sent: invoice.is_sent,
                next_attempt: invoice.next_attempt,
                subscription: invoice.subscription.clone(),
            },
        }];
        if kind == "invoice.payment_failed" {
            facts.push(Fact::FailedInvoice { invoice: invoice.id.clone(), at: self.now });
        }
        let by_objects = self.setting.version.links_by_objects();
        let shown = match (by_objects, self.setting.lists_payments) {
            (true, false) => &[][..],
            (true, true) => &invoice.links[..],
            // Before there were link objects an invoice knew only its latest payment.
            (false, _) => &invoice.links[invoice.links.len().saturating_sub(1)..],
        };
        facts.extend(shown.iter().map(|link| Fact::Link {
            payment: self.payments[link.payment].id.clone(),
            invoice: invoice.id.clone(),
            paid: by_objects.then_some(link.paid),
        }));
        let body = self.invoice(invoice);
        self.send(kind, body, facts);
    }

    /// `invoice_payment.paid`, which is there since there are such objects.
    pub(in crate::money) fn tell_link(&mut self, place: usize, link: usize) {
        if !self.setting.version.links_by_objects() {
            return;
        }
        let invoice = &self.invoices[place];
        let link = &invoice.links[link];
        let facts = vec![Fact::Link {
            payment: self.payments[link.payment].id.clone(),
            invoice: invoice.id.clone(),
            paid: Some(link.paid),
        }];
        let body = self.invoice_payment(invoice, link);
        self.send("invoice_payment.paid", body, facts);
    }

    pub(in crate::money) fn tell_unsubscription(&mut self, subscription: &str, customer: usize) {
        let body = json!({
            "id": subscription, "object": "subscription", "cancel_at_period_end": false,
            "canceled_at": self.now, "collection_method": "charge_automatically", "created": self.now - 86_400,
            "currency": "usd", "customer": self.customers[customer].id, "ended_at": self.now, "metadata": {},
            "status": "canceled",
        });
        let facts = vec![Fact::Unsubscribed { subscription: subscription.to_owned() }];
        self.send("customer.subscription.deleted", body, facts);
    }

    fn invoice(&self, invoice: &Invoice) -> Value {
        let is_out = invoice.out_of_band > 0;
        let by_objects = self.setting.version.links_by_objects();
        // Only since 2025-03-31 the paid amount holds what was paid outside.
        let paid = if by_objects { invoice.paid() } else { invoice.paid() - invoice.out_of_band };
        let mut value = json!({
            "id": invoice.id, "object": "invoice", "amount_due": invoice.due, "amount_paid": paid,
            "amount_remaining": invoice.due - paid, "attempt_count": invoice.attempts,
            "attempted": invoice.attempts > 0, "auto_advance": invoice.next_attempt.is_some(),
            "billing_reason": if invoice.subscription.is_some() { "subscription_cycle" } else { "manual" },
            "collection_method": if invoice.is_sent { "send_invoice" } else { "charge_automatically" },
            "created": invoice.created, "currency": invoice.currency,
            "customer": self.customers[invoice.customer].id, "due_date": null, "metadata": {},
            "next_payment_attempt": invoice.next_attempt, "number": null, "status": invoice.status,
            "status_transitions": {
                "finalized_at": invoice.finalized_at, "marked_uncollectible_at": null,
                "paid_at": invoice.paid_at,
                "voided_at": (invoice.status == "void").then_some(self.now),
            },
            "total": invoice.due,
        });
        if by_objects {
            value["amount_overpaid"] = json!(0);
            value["parent"] = invoice.subscription.as_ref().map_or(Value::Null, |subscription| {
                json!({
                    "type": "subscription_details",
                    "subscription_details": { "metadata": {}, "subscription": subscription },
                })
            });
            if self.setting.lists_payments {
                let listed: Vec<Value> =
                    invoice.links.iter().map(|link| self.invoice_payment(invoice, link)).collect();
                value["payments"] = json!({
                    "object": "list", "data": listed, "has_more": false, "total_count": listed.len(),
                });
            }
        } else {
            let latest = invoice.links.last().map(|link| &self.payments[link.payment]);
            let charge = latest.and_then(|payment| payment.charges.last());
            value["charge"] = json!(charge.map(|charge| &charge.id));
            value["paid"] = json!(invoice.status == "paid");
            value["paid_out_of_band"] = json!(is_out);
            value["payment_intent"] = json!(latest.map(|payment| &payment.id));
            value["subscription"] = json!(invoice.subscription);
        }
        value
    }

    fn invoice_payment(&self, invoice: &Invoice, link: &Link) -> Value {
        let is_paid = link.paid > 0;
        json!({
            "id": link.id, "object": "invoice_payment", "amount_paid": is_paid.then_some(link.paid),
            "amount_requested": link.requested, "created": invoice.created, "currency": invoice.currency,
            "invoice": invoice.id, "is_default": true, "livemode": true,
            "payment": { "payment_intent": self.payments[link.payment].id, "type": "payment_intent" },
            "status": if is_paid { "paid" } else { "open" },
            "status_transitions": { "canceled_at": null, "paid_at": is_paid.then_some(self.now) },
        })
    }
}
