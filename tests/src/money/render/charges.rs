//! Charges, and what hangs on them: refunds and disputes.

use serde_json::{Value, json};

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
        self.send(kind, body, facts);
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
        let body = Self::refund(payment, charge, refund);
        self.send(kind, body, facts);
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
        let body = Self::dispute(payment, charge, dispute);
        self.send(kind, body, facts);
    }

    pub(super) fn charge(&self, payment: &Payment, charge: &Charge) -> Value {
        let version = self.setting.version;
        let released = if self.setting.refunds_releases { charge.released } else { 0 };
        let refunded = charge.refunded() + released;
        let is_refunded = if self.setting.refunds_releases {
            refunded == charge.amount
        } else {
            charge.captured > 0 && refunded == charge.captured
        };
        // Until 2025-03-31 a canceled authorisation has no captured amount at all.
        let captured = if charge.captured == 0 && charge.released > 0 && self.setting.refunds_releases {
            Value::Null
        } else {
            json!(charge.captured)
        };
        let declined = charge.decline;
        let mut value = json!({
            "id": charge.id, "object": "charge", "amount": charge.amount, "amount_captured": captured,
            "amount_refunded": refunded, "captured": charge.captured > 0, "created": charge.created,
            "currency": payment.currency, "customer": payment.customer.map(|place| &self.customers[place].id),
            "disputed": charge.disputes.iter().any(|dispute| !dispute.is_inquiry()),
            "failure_code": declined.map(|decline| decline.code), "metadata": Self::metadata(payment, true),
            "outcome": match declined {
                Some(decline) => json!({
                    "network_status": "declined_by_network", "reason": decline.decline_code,
                    "type": "issuer_declined",
                }),
                None => json!({ "network_status": "approved_by_network", "reason": null, "type": "authorized" }),
            },
            "paid": charge.status == "succeeded",
            "payment_intent": (!payment.is_direct).then_some(&payment.id),
            "payment_method_details": { "card": { "brand": "visa", "last4": "4242" }, "type": "card" },
            "refunded": is_refunded, "status": charge.status,
        });
        if !version.links_by_objects() {
            value["invoice"] = json!(payment.invoice.map(|place| &self.invoices[place].id));
        }
        if version.lists_children() {
            let newest_first = charge.refunds.iter().rev();
            let refunds: Vec<Value> =
                newest_first.map(|refund| Self::refund(payment, charge, refund)).collect();
            value["dispute"] = json!(charge.disputes.last().map(|dispute| &dispute.id));
            value["refunds"] = json!({
                "object": "list", "data": refunds, "has_more": false, "total_count": refunds.len(),
            });
        }
        value
    }

    fn refund(payment: &Payment, charge: &Charge, refund: &Refund) -> Value {
        let mut value = json!({
            "id": refund.id, "object": "refund", "amount": refund.amount, "balance_transaction": null,
            "charge": charge.id, "created": refund.created, "currency": payment.currency, "metadata": {},
            "payment_intent": (!payment.is_direct).then_some(&payment.id), "reason": refund.reason,
            "status": refund.status,
        });
        if refund.is_dead() {
            let is_canceled = refund.status == "canceled";
            value["failure_reason"] = json!(if is_canceled { "merchant_request" } else { "unknown" });
            value["failure_balance_transaction"] = json!(format!("txn_f{}", &refund.id[3..]));
        }
        value
    }

    fn dispute(payment: &Payment, charge: &Charge, dispute: &Dispute) -> Value {
        let movements: Vec<Value> = dispute
            .movements
            .iter()
            .map(|(id, amount, fee)| {
                json!({
                    "id": id, "object": "balance_transaction", "amount": amount, "created": dispute.created,
                    "currency": dispute.currency, "exchange_rate": null, "fee": fee, "net": amount - fee,
                    "reporting_category": if *amount < 0 { "dispute" } else { "dispute_reversal" },
                    "source": dispute.id, "status": "available", "type": "adjustment",
                })
            })
            .collect();
        json!({
            "id": dispute.id, "object": "dispute", "amount": dispute.amount,
            "balance_transactions": movements, "charge": charge.id, "created": dispute.created,
            "currency": dispute.currency, "evidence": {},
            "evidence_details": {
                "due_by": dispute.created + 9 * 86_400, "has_evidence": false, "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": dispute.is_inquiry(), "metadata": {},
            "payment_intent": (!payment.is_direct).then_some(&payment.id), "reason": dispute.reason,
            "status": dispute.status,
        })
    }
}
