//! Payment intents, and the metadata that they share with their charges.

use serde_json::{Value, json};
use stripe_sim::{PaymentError, PaymentIntent};

use crate::money::account::Account;
use crate::money::facts::{Fact, UserPlace};
use crate::money::objects::Payment;

impl Account {
    pub(in crate::money) fn tell_intent(&mut self, kind: &'static str, place: usize) {
        let payment = &self.payments[place];
        let (body, mut facts) = (self.intent(payment), Vec::new());
        facts.push(Fact::Intent {
            payment: payment.id.clone(),
            status: payment.status,
            received: payment.received(),
        });
        let user = payment.user.clone();
        facts.extend(user.map(|user| Fact::User {
            payment: payment.id.clone(),
            place: UserPlace::Payment,
            user,
        }));
        facts.extend(self.links_of(payment, !self.setting.version.links_by_objects()));
        let references = self.setting.version.links_by_objects() && self.setting.references_orders;
        facts.extend(payment.invoice.filter(|_| references).map(|place| Fact::Reference {
            payment: payment.id.clone(),
            invoice: self.invoices[place].id.clone(),
        }));
        if kind == "payment_intent.payment_failed" {
            facts.push(self.failed_attempt(payment));
        }
        self.send(kind, &body, facts);
    }

    /// The latest attempt, which failed.
    pub(super) fn failed_attempt(&self, payment: &Payment) -> Fact {
        Fact::FailedAttempt {
            payment: payment.id.clone(),
            charge: payment.failed_charge.clone(),
            at: self.now,
            decline: payment.error.expect("it failed"),
        }
    }

    /// What metadata, and in older versions a field, say of the invoice.
    pub(super) fn links_of(&self, payment: &Payment, names_invoice: bool) -> Vec<Fact> {
        let own = payment.own_invoice.clone().map(|(invoice, asks)| Fact::Own {
            payment: payment.id.clone(),
            invoice,
            asks,
        });
        let stripes = payment.invoice.filter(|_| names_invoice).map(|place| Fact::Link {
            payment: payment.id.clone(),
            invoice: self.invoices[place].id.clone(),
            paid: None,
        });
        own.into_iter().chain(stripes).collect()
    }

    pub(super) fn metadata(payment: &Payment, of_charge: bool) -> Value {
        let mut metadata = json!({ "order": "A-17" });
        let user = payment.user.as_ref().or(payment.charge_user.as_ref().filter(|_| of_charge));
        if let Some(user) = user {
            metadata["user_id"] = json!(user);
        }
        if let Some((invoice, asks)) = &payment.own_invoice {
            metadata["invoice_id"] = json!(invoice);
            if let Some(asks) = asks {
                metadata["invoice_amount"] = json!(asks.to_string());
            }
        }
        metadata
    }

    fn intent(&self, payment: &Payment) -> Value {
        let (id, secret) = (payment.id.clone(), format!("{}_secret", payment.id));
        let mut body = PaymentIntent::new(id, secret, payment.created, payment.amount, payment.currency);
        let capturable = payment.charges.iter().filter(|charge| charge.is_capturable()).map(|c| c.amount);
        body.amount_capturable = capturable.sum();
        body.amount_received = payment.received();
        body.canceled_at = (payment.status == "canceled").then_some(self.now);
        body.capture_method = if payment.is_manual { "manual" } else { "automatic" };
        body.customer = payment.customer.map(|place| self.customers[place].id.clone());
        let error = payment.error.filter(|_| payment.status == "requires_payment_method");
        body.error = error.map(|decline| PaymentError { charge: payment.failed_charge.clone(), decline });
        let latest = payment.charges.last();
        body.latest_charge = latest.map(|charge| charge.id.clone());
        body.charges = latest.iter().map(|charge| self.charge(payment, charge)).collect();
        body.invoice = payment.invoice.map(|place| self.invoices[place].id.clone());
        body.order_reference = body.invoice.clone().filter(|_| self.setting.references_orders);
        body.metadata = Self::metadata(payment, false);
        body.payment_method_types = if payment.is_card { &["card"] } else { &["sepa_debit"] };
        body.status = payment.status;
        body.json(&self.form())
    }
}
