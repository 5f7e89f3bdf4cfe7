//! What can happen in a story: each act changes its objects and reports the events that Stripe would.

use serde_json::json;

use super::objects::{
    Charge, Decline, Dispute, Invoice, Movement, Payment, Refund, Subscription, customer,
    early_fraud_warning, invoice_payment,
};
use super::scene::Scene;

const DAY_SECS: i64 = 86_400;
const DISPUTE_FEE: i64 = 1_500;

impl Scene {
    pub fn customer_signs_up(&mut self) {
        let id = self.setting.customer.id.clone();
        self.name("customer", &id);
        self.report("customer.created", customer(self.now, &self.setting));
    }

    pub fn subscribe(&mut self) -> Subscription {
        let subscription = Subscription {
            id: self.dice.id("sub_1", 23),
            item_id: self.dice.id("si_", 14),
            price_id: self.dice.id("price_1", 23),
            product_id: self.dice.id("prod_", 14),
            created: self.now,
            amount: self.amount,
            status: "active",
            period_start: self.now,
            latest_invoice: None,
            ended_at: None,
        };
        self.name("subscription", &subscription.id);
        self.report("customer.subscription.created", subscription.json(&self.setting));
        subscription
    }

    pub fn renew(&mut self, subscription: &mut Subscription, invoice: &Invoice) {
        let previous = json!({ "latest_invoice": subscription.latest_invoice });
        subscription.latest_invoice = Some(invoice.id.clone());
        subscription.period_start = self.now;
        self.report_change("customer.subscription.updated", subscription.json(&self.setting), previous);
    }

    pub fn unsubscribe(&mut self, subscription: &mut Subscription) {
        subscription.status = "canceled";
        subscription.ended_at = Some(self.now);
        self.report("customer.subscription.deleted", subscription.json(&self.setting));
    }

    /// A new invoice, in draft. With `days_to_pay` it will be sent, not charged.
    pub fn make_out(&mut self, days_to_pay: Option<i64>, subscription: Option<&Subscription>) -> Invoice {
        let prefix = self.dice.id("", 8).to_ascii_uppercase();
        let invoice = Invoice {
            id: self.dice.id("in_1", 23),
            line_id: self.dice.id("il_1", 23),
            number: format!("{prefix}-{:04}", 1 + self.dice.below(200)),
            created: self.now,
            amount: self.amount,
            amount_paid: 0,
            description: "Listing, premium placement, 30 days".to_owned(),
            status: "draft",
            due_date: days_to_pay.map(|days| self.now + days * DAY_SECS),
            attempt_count: 0,
            next_payment_attempt: days_to_pay.is_none().then_some(self.now + 3_600),
            finalized_at: None,
            paid_at: None,
            voided_at: None,
            uncollectible_at: None,
            subscription: subscription.map(|subscription| subscription.id.clone()),
        };
        self.name("invoice", &invoice.id);
        self.report("invoice.created", invoice.json(&self.setting, None, None));
        invoice
    }

    pub fn finalize(&mut self, invoice: &mut Invoice) {
        invoice.status = "open";
        invoice.finalized_at = Some(self.now);
        let previous = json!({ "effective_at": null, "number": null, "status": "draft" });
        self.report_change("invoice.finalized", invoice.json(&self.setting, None, None), previous);
        if invoice.due_date.is_some() {
            self.seconds_pass(2);
            self.report("invoice.sent", invoice.json(&self.setting, None, None));
        }
    }

    pub fn fall_overdue(&mut self, invoice: &mut Invoice) {
        invoice.next_payment_attempt = None;
        self.report("invoice.overdue", invoice.json(&self.setting, None, None));
    }

    pub fn void(&mut self, invoice: &mut Invoice) {
        invoice.status = "void";
        invoice.voided_at = Some(self.now);
        self.report_change(
            "invoice.voided",
            invoice.json(&self.setting, None, None),
            json!({ "status": "open" }),
        );
    }

    pub fn give_up(&mut self, invoice: &mut Invoice) {
        invoice.status = "uncollectible";
        invoice.uncollectible_at = Some(self.now);
        let object = invoice.json(&self.setting, None, None);
        self.report_change("invoice.marked_uncollectible", object, json!({ "status": "open" }));
    }

    pub fn begin_payment(&mut self, invoice: Option<&Invoice>) -> Payment {
        let id = self.dice.id("pi_3", 23);
        let payment = Payment {
            client_secret: self.dice.id(&format!("{id}_secret_"), 25),
            id,
            created: self.now,
            amount: self.amount,
            status: "requires_payment_method",
            description: match invoice {
                Some(invoice) => format!("Payment for Invoice {}", invoice.number),
                None => "Listing fee".to_owned(),
            },
            invoice: invoice.map(|invoice| invoice.id.clone()),
            canceled_at: None,
        };
        self.name("payment", &payment.id);
        self.report("payment_intent.created", payment.json(&self.setting, None));
        payment
    }

    /// The customer must prove who they are before the bank decides.
    pub fn ask_for_action(&mut self, payment: &mut Payment) {
        payment.status = "requires_action";
        self.report("payment_intent.requires_action", payment.json(&self.setting, None));
    }

    pub fn cancel(&mut self, payment: &mut Payment) {
        payment.status = "canceled";
        payment.canceled_at = Some(self.now);
        self.report("payment_intent.canceled", payment.json(&self.setting, None));
    }

    /// One attempt that the bank refuses; `again_in_days` is Stripe's own plan for the next one.
    pub fn decline(
        &mut self,
        payment: &mut Payment,
        invoice: Option<&mut Invoice>,
        decline: &'static Decline,
        again_in_days: Option<i64>,
    ) {
        let charge = self.charge(payment, Some(decline));
        self.report("charge.failed", charge.json(&self.setting, payment));
        payment.status = "requires_payment_method";
        self.report("payment_intent.payment_failed", payment.json(&self.setting, Some(&charge)));
        let Some(invoice) = invoice else { return };
        let previous = json!({
            "attempt_count": invoice.attempt_count,
            "next_payment_attempt": invoice.next_payment_attempt,
        });
        invoice.attempt_count += 1;
        invoice.next_payment_attempt = again_in_days.map(|days| self.now + days * DAY_SECS);
        let object = invoice.json(&self.setting, Some(payment), Some(&charge));
        self.report("invoice.payment_failed", object.clone());
        self.report_change("invoice.updated", object, previous);
    }

    /// One attempt that works.
    pub fn pay(&mut self, payment: &mut Payment, invoice: Option<&mut Invoice>) -> Charge {
        let charge = self.charge(payment, None);
        self.report("charge.succeeded", charge.json(&self.setting, payment));
        payment.status = "succeeded";
        self.report("payment_intent.succeeded", payment.json(&self.setting, Some(&charge)));
        let Some(invoice) = invoice else { return charge };
        self.seconds_pass(1);
        invoice.status = "paid";
        invoice.attempt_count += 1;
        invoice.amount_paid = payment.amount;
        invoice.paid_at = Some(self.now);
        if self.setting.api_version.links_by_objects() {
            let id = self.dice.id("inpay_1", 23);
            self.report(
                "invoice_payment.paid",
                invoice_payment(&id, self.now, &self.setting, invoice, payment),
            );
        }
        let object = invoice.json(&self.setting, Some(payment), Some(&charge));
        self.report_change("invoice.paid", object.clone(), json!({ "amount_paid": 0, "status": "open" }));
        self.report("invoice.payment_succeeded", object);
        charge
    }

    fn charge(&mut self, payment: &Payment, decline: Option<&'static Decline>) -> Charge {
        Charge {
            id: self.dice.id("ch_3", 23),
            created: self.now,
            amount: payment.amount,
            amount_refunded: 0,
            balance_transaction: self.dice.id("txn_3", 23),
            network_transaction: 100_000_000_000_000 + self.dice.below(800_000_000_000_000),
            risk_score: 1 + self.dice.below(60),
            decline,
            dispute: None,
            receipt: self.dice.id("CAcaFwoVYWNjdF8", 60),
        }
    }

    pub fn refund(
        &mut self,
        payment: &Payment,
        charge: &mut Charge,
        amount: i64,
        status: &'static str,
    ) -> Refund {
        let refund = Refund {
            id: self.dice.id("re_3", 23),
            created: self.now,
            amount,
            status,
            reason: "requested_by_customer",
            balance_transaction: self.dice.id("txn_3", 23),
            reference: 74_000_000_000_000_000 + self.dice.below(900_000_000_000_000),
        };
        self.name("refund", &refund.id);
        let previous = json!({
            "amount_refunded": charge.amount_refunded,
            "refunded": charge.amount_refunded == charge.amount,
        });
        charge.amount_refunded += amount;
        if self.setting.api_version.links_by_objects() {
            self.report("refund.created", refund.json(&self.setting, payment, charge));
        }
        self.report_change("charge.refunded", charge.json(&self.setting, payment), previous);
        refund
    }

    /// The bank has dealt with the refund: the money arrived, or it came back.
    pub fn settle_refund(
        &mut self,
        payment: &Payment,
        charge: &mut Charge,
        refund: &mut Refund,
        status: &'static str,
    ) {
        let previous = json!({ "status": refund.status });
        refund.status = status;
        if status == "failed" {
            charge.amount_refunded -= refund.amount;
        }
        let object = refund.json(&self.setting, payment, charge);
        if self.setting.api_version.links_by_objects() {
            self.report_change("refund.updated", object.clone(), previous.clone());
            if status == "failed" {
                self.report("refund.failed", object.clone());
            }
        }
        self.report_change("charge.refund.updated", object, previous);
    }

    pub fn warn_of_fraud(&mut self, payment: &Payment, charge: &Charge) {
        let id = self.dice.id("issfr_1", 23);
        let object = early_fraud_warning(&id, self.now, &self.setting, payment, charge);
        self.report("radar.early_fraud_warning.created", object);
    }

    /// The bank disputes the whole charge, or only asks about it (`warning_needs_response`).
    pub fn dispute(&mut self, payment: &Payment, charge: &mut Charge, status: &'static str) -> Dispute {
        let (reason, network_reason_code) = *self.dice.pick(&[
            ("fraudulent", "10.4"),
            ("product_not_received", "13.1"),
            ("unrecognized", "10.4"),
            ("credit_not_processed", "13.7"),
        ]);
        let mut dispute = Dispute {
            id: self.dice.id("dp_1", 23),
            created: self.now,
            amount: charge.amount,
            reason,
            network_reason_code,
            status,
            respond_by: self.now + 9 * DAY_SECS,
            evidence_submitted: false,
            movements: Vec::new(),
        };
        charge.dispute = Some(dispute.id.clone());
        self.name("dispute", &dispute.id);
        if status == "needs_response" {
            self.move_money(&mut dispute, -charge.amount, DISPUTE_FEE);
        }
        let object = dispute.json(&self.setting, payment, charge);
        self.report("charge.dispute.created", object.clone());
        if status == "needs_response" {
            self.report("charge.dispute.funds_withdrawn", object);
        }
        dispute
    }

    pub fn answer_dispute(&mut self, payment: &Payment, charge: &Charge, dispute: &mut Dispute) {
        let previous = json!({ "evidence_details": { "submission_count": 0 }, "status": dispute.status });
        dispute.status = "under_review";
        dispute.evidence_submitted = true;
        self.report_change("charge.dispute.updated", dispute.json(&self.setting, payment, charge), previous);
    }

    pub fn close_dispute(
        &mut self,
        payment: &Payment,
        charge: &Charge,
        dispute: &mut Dispute,
        status: &'static str,
    ) {
        let previous = json!({ "status": dispute.status });
        dispute.status = status;
        if status == "won" {
            self.move_money(dispute, dispute.amount, 0);
        }
        let object = dispute.json(&self.setting, payment, charge);
        self.report_change("charge.dispute.closed", object.clone(), previous);
        if status == "won" {
            self.report("charge.dispute.funds_reinstated", object);
        }
    }

    fn move_money(&mut self, dispute: &mut Dispute, amount: i64, fee: i64) {
        let movement = Movement { id: self.dice.id("txn_1", 23), created: self.now, amount, fee };
        dispute.movements.push(movement);
    }
}
