//! Charges, and what hangs on them: refunds and disputes.

use serde_json::Value;
use stripe_sim::Movement;

use crate::money::account::Account;
use crate::money::facts::{Fact, Stands, UserPlace};
use crate::money::objects::{Charge, Dispute, Payment, Refund};

impl Account {
    pub(in crate::money) fn tell_charge(&mut self, kind: &'static str, place: usize, charge: usize) {
        let payment = &self.payments[place];
        let charge = &payment.charges[charge];
        let mut facts = vec![Fact::Charge {
            payment: payment.id.clone(),
            charge: charge.id.clone(),
            captured: if charge.status == "succeeded" { charge.captured } else { 0 },
            refunds: charge.refunds.iter().map(|refund| (refund.id.clone(), refund.gives_back())).collect(),
            names_refunds: self.setting.version.lists_children(),
        }];
        let user = payment.user.as_ref().or(payment.charge_user.as_ref()).cloned();
        facts.extend(user.map(|user| Fact::User {
            payment: payment.id.clone(),
            place: UserPlace::Charge,
            user,
        }));
        facts.extend(self.links_of(payment, !self.setting.version.links_by_objects()));
        if kind == "charge.failed" {
            facts.push(self.failed_attempt(payment));
        }
        let body = self.charge(payment, charge);
        self.send(kind, &body, facts);
    }

    pub(in crate::money) fn tell_refund(
        &mut self,
        kind: &'static str,
        place: usize,
        charge: usize,
        refund: usize,
    ) {
        let payment = &self.payments[place];
        let charge = &payment.charges[charge];
        let refund = &charge.refunds[refund];
        let facts = vec![Fact::Refund {
            payment: payment.id.clone(),
            refund: refund.id.clone(),
            amount: refund.amount,
            gives_back: refund.gives_back(),
            is_nameless_release: refund.is_release && refund.reason.is_none(),
        }];
        let body = self.refund_body(payment, charge, refund).json(&self.form());
        self.send(kind, &body, facts);
    }

    pub(in crate::money) fn tell_dispute(
        &mut self,
        kind: &'static str,
        place: usize,
        charge: usize,
        dispute: usize,
    ) {
        let payment = &self.payments[place];
        let charge = &payment.charges[charge];
        let dispute = &charge.disputes[dispute];
        let is_foreign = dispute.currency != payment.currency;
        let stands = match dispute.status {
            "warning_closed" | "prevented" => Stands::Closed,
            "won" => Stands::Won,
            "lost" => Stands::Lost,
            _ => Stands::Open,
        };
        let facts = vec![Fact::Dispute {
            payment: payment.id.clone(),
            dispute: dispute.id.clone(),
            stands,
            // The bank took the whole in its own currency; there is no conversion.
            lost: if is_foreign && dispute.lost() > 0 { charge.captured } else { dispute.lost() },
            is_foreign,
        }];
        let body = self.dispute(payment, charge, dispute);
        self.send(kind, &body, facts);
    }

    pub(super) fn charge(&self, payment: &Payment, charge: &Charge) -> Value {
        let mut body = self.charge_body(payment, charge);
        let newest_first = charge.refunds.iter().rev();
        body.refunds =
            newest_first.map(|refund| self.refund_body(payment, charge, refund).json(&self.form())).collect();
        body.json(&self.form())
    }

    fn charge_body(&self, payment: &Payment, charge: &Charge) -> stripe_sim::Charge {
        let refunds_releases = self.setting.refunds_releases;
        let refunded = charge.refunded() + if refunds_releases { charge.released } else { 0 };
        let (id, currency) = (charge.id.clone(), payment.currency);
        let mut body = stripe_sim::Charge::new(id, charge.created, charge.amount, currency);
        // Until 2025-03-31 a canceled authorisation has no captured amount at all.
        let is_canceled = charge.captured == 0 && charge.released > 0;
        body.amount_captured = (!is_canceled || !refunds_releases).then_some(charge.captured);
        body.amount_refunded = refunded;
        body.is_refunded = if refunds_releases {
            refunded == charge.amount
        } else {
            charge.captured > 0 && refunded == charge.captured
        };
        (body.status, body.decline) = (charge.status, charge.decline);
        body.customer = payment.customer.map(|place| self.customers[place].id.clone());
        body.payment_intent = (!payment.is_direct).then(|| payment.id.clone());
        body.invoice = payment.invoice.map(|place| self.invoices[place].id.clone());
        body.is_disputed = charge.disputes.iter().any(|dispute| !dispute.is_inquiry());
        if self.setting.version.lists_children() {
            body.dispute = charge.disputes.last().map(|dispute| dispute.id.clone());
        }
        body.metadata = Self::metadata(payment, true);
        body
    }

    fn refund_body(&self, payment: &Payment, charge: &Charge, refund: &Refund) -> stripe_sim::Refund {
        let of = self.charge_body(payment, charge);
        let mut body = stripe_sim::Refund::new(refund.id.clone(), &of, refund.created, refund.amount);
        (body.status, body.reason) = (refund.status, refund.reason);
        if refund.is_dead() {
            let is_canceled = refund.status == "canceled";
            body.failure_reason = Some(if is_canceled { "merchant_request" } else { "unknown" });
        }
        body
    }

    fn dispute(&self, payment: &Payment, charge: &Charge, dispute: &Dispute) -> Value {
        let of = self.charge_body(payment, charge);
        let mut body = stripe_sim::Dispute::new(dispute.id.clone(), &of, dispute.created, dispute.status);
        (body.amount, body.currency, body.reason) = (dispute.amount, dispute.currency, dispute.reason);
        let movements = dispute.movements.iter().cloned();
        body.movements = movements
            .map(|(id, amount, fee)| Movement { id, created: dispute.created, amount, fee })
            .collect();
        body.json(&self.form())
    }
}
