//! The steps of a story: each changes its objects and reports the events that Stripe would.

use serde_json::json;
use stripe_sim::{
    Charge, Customer, Decline, Dispute, EarlyFraudWarning, Invoice, InvoicePayment, Movement, PaymentError,
    PaymentIntent, Refund, Subscription,
};

use super::scene::Scene;

const DAY_SECS: i64 = 86_400;
const DISPUTE_FEE: i64 = 1_500;

impl Scene {
    pub fn customer_signs_up(&mut self) {
        let (id, metadata) = (self.customer.clone(), json!({ "user_id": self.user }));
        self.name("customer", &id);
        let customer = Customer { id, created: self.now, metadata };
        self.report("customer.created", &customer.json(&self.setting));
    }

    pub fn subscribe(&mut self) -> Subscription {
        let id = self.random.text("sub_1", 23);
        let mut subscription =
            Subscription::new(id, self.customer.clone(), self.now, self.amount, self.currency);
        subscription.metadata = self.metadata.clone();
        self.name("subscription", &subscription.id);
        self.report("customer.subscription.created", &subscription.json(&self.setting));
        subscription
    }

    pub fn renew(&mut self, subscription: &mut Subscription, invoice: &Invoice) {
        let previous = json!({ "latest_invoice": subscription.latest_invoice });
        subscription.latest_invoice = Some(invoice.id.clone());
        subscription.period_start = self.now;
        self.report_change("customer.subscription.updated", &subscription.json(&self.setting), previous);
    }

    pub fn unsubscribe(&mut self, subscription: &mut Subscription) {
        subscription.status = "canceled";
        subscription.ended_at = Some(self.now);
        self.report("customer.subscription.deleted", &subscription.json(&self.setting));
    }

    /// A new invoice, in draft. With `days_to_pay` it will be sent, not charged.
    pub fn make_out(&mut self, days_to_pay: Option<i64>, subscription: Option<&Subscription>) -> Invoice {
        let (prefix, id) = (self.random.text("", 8).to_ascii_uppercase(), self.random.text("in_1", 23));
        let mut invoice = Invoice::new(id, self.customer.clone(), self.now, self.amount, self.currency);
        invoice.line_id = self.random.text("il_1", 23);
        invoice.number = format!("{prefix}-{:04}", 1 + self.random.within(0..200));
        invoice.is_sent = days_to_pay.is_some();
        invoice.due_date = days_to_pay.map(|days| self.now + days * DAY_SECS);
        invoice.next_payment_attempt = days_to_pay.is_none().then_some(self.now + 3_600);
        invoice.subscription = subscription.map(|subscription| subscription.id.clone());
        invoice.metadata = json!({ "user_id": self.user });
        invoice.line_metadata = self.metadata.clone();
        self.name("invoice", &invoice.id);
        self.report("invoice.created", &invoice.json(&self.setting));
        invoice
    }

    pub fn finalize(&mut self, invoice: &mut Invoice) {
        invoice.status = "open";
        invoice.finalized_at = Some(self.now);
        let previous = json!({ "effective_at": null, "number": null, "status": "draft" });
        self.report_change("invoice.finalized", &invoice.json(&self.setting), previous);
        if invoice.is_sent {
            self.seconds_pass(2);
            self.report("invoice.sent", &invoice.json(&self.setting));
        }
    }

    pub fn fall_overdue(&mut self, invoice: &mut Invoice) {
        invoice.next_payment_attempt = None;
        self.report("invoice.overdue", &invoice.json(&self.setting));
    }

    pub fn void(&mut self, invoice: &mut Invoice) {
        (invoice.status, invoice.voided_at, invoice.amount_due) = ("void", Some(self.now), 0);
        self.closes("invoice.voided", invoice);
    }

    pub fn give_up(&mut self, invoice: &mut Invoice) {
        (invoice.status, invoice.uncollectible_at) = ("uncollectible", Some(self.now));
        self.closes("invoice.marked_uncollectible", invoice);
    }

    /// Stripe tries no more to collect it.
    fn closes(&mut self, kind: &'static str, invoice: &mut Invoice) {
        (invoice.auto_advance, invoice.next_payment_attempt) = (false, None);
        self.report_change(kind, &invoice.json(&self.setting), json!({ "status": "open" }));
    }

    pub fn begin_payment(&mut self, invoice: Option<&Invoice>) -> PaymentIntent {
        let id = self.random.text("pi_3", 23);
        let secret = self.random.text(&format!("{id}_secret_"), 25);
        let mut payment = PaymentIntent::new(id, secret, self.now, self.amount, self.currency);
        payment.customer = Some(self.customer.clone());
        payment.metadata = self.metadata.clone();
        if let Some(invoice) = invoice {
            payment.description = format!("Payment for Invoice {}", invoice.number);
            payment.invoice = Some(invoice.id.clone());
            if self.setting.api_version.refers_to_invoice() {
                payment.order_reference = Some(invoice.id.clone());
            }
        }
        self.name("payment", &payment.id);
        self.report("payment_intent.created", &payment.json(&self.setting));
        payment
    }

    /// The customer must prove who they are before the bank decides.
    pub fn ask_for_action(&mut self, payment: &mut PaymentIntent) {
        payment.status = "requires_action";
        self.report("payment_intent.requires_action", &payment.json(&self.setting));
    }

    pub fn cancel(&mut self, payment: &mut PaymentIntent) {
        payment.status = "canceled";
        payment.canceled_at = Some(self.now);
        self.report("payment_intent.canceled", &payment.json(&self.setting));
    }

    /// One attempt that the bank refuses; `again_in_days` is Stripe's own plan for the next one.
    pub fn decline(
        &mut self,
        payment: &mut PaymentIntent,
        invoice: Option<&mut Invoice>,
        decline: Decline,
        again_in_days: Option<i64>,
    ) {
        let charge = self.charge(payment, Some(decline));
        self.report("charge.failed", &charge.json(&self.setting));
        payment.status = "requires_payment_method";
        payment.latest_charge = Some(charge.id.clone());
        payment.error = Some(PaymentError { charge: Some(charge.id.clone()), decline });
        self.report("payment_intent.payment_failed", &payment.json(&self.setting));
        let Some(invoice) = invoice else { return };
        let previous = json!({
            "attempt_count": invoice.attempt_count,
            "next_payment_attempt": invoice.next_payment_attempt,
        });
        invoice.attempt_count += 1;
        invoice.next_payment_attempt = again_in_days.map(|days| self.now + days * DAY_SECS);
        (invoice.payment_intent, invoice.charge) = (Some(payment.id.clone()), Some(charge.id));
        let object = invoice.json(&self.setting);
        self.report("invoice.payment_failed", &object);
        self.report_change("invoice.updated", &object, previous);
    }

    /// One attempt that works.
    pub fn pay(&mut self, payment: &mut PaymentIntent, invoice: Option<&mut Invoice>) -> Charge {
        let charge = self.charge(payment, None);
        self.report("charge.succeeded", &charge.json(&self.setting));
        (payment.status, payment.amount_received, payment.error) = ("succeeded", payment.amount, None);
        payment.latest_charge = Some(charge.id.clone());
        self.report("payment_intent.succeeded", &payment.json(&self.setting));
        let Some(invoice) = invoice else { return charge };
        self.seconds_pass(1);
        (invoice.status, invoice.paid_at, invoice.amount_paid) = ("paid", Some(self.now), payment.amount);
        (invoice.auto_advance, invoice.next_payment_attempt) = (false, None);
        invoice.attempt_count += 1;
        (invoice.payment_intent, invoice.charge) = (Some(payment.id.clone()), Some(charge.id.clone()));
        if self.setting.api_version.links_by_objects() {
            let link = InvoicePayment {
                id: self.random.text("inpay_1", 23),
                created: payment.created,
                currency: payment.currency,
                amount_requested: payment.amount,
                amount_paid: Some(payment.amount),
                invoice: invoice.id.clone(),
                payment_intent: payment.id.clone(),
                status: "paid",
                paid_at: Some(self.now),
            };
            self.report("invoice_payment.paid", &link.json(&self.setting));
        }
        let object = invoice.json(&self.setting);
        self.report_change("invoice.paid", &object, json!({ "amount_paid": 0, "status": "open" }));
        self.report("invoice.payment_succeeded", &object);
        charge
    }

    fn charge(&mut self, payment: &PaymentIntent, decline: Option<Decline>) -> Charge {
        let id = self.random.text("ch_3", 23);
        let mut charge = Charge::new(id, self.now, payment.amount, payment.currency);
        charge.customer = Some(self.customer.clone());
        charge.description = Some(payment.description.clone());
        charge.payment_intent = Some(payment.id.clone());
        charge.invoice.clone_from(&payment.invoice);
        charge.metadata = self.metadata.clone();
        charge.network_transaction_id =
            (100_000_000_000_000 + self.random.within(0..800_000_000_000_000)).to_string();
        charge.risk_score = 1 + self.random.within(0..60);
        if decline.is_some() {
            (charge.status, charge.decline, charge.amount_captured) = ("failed", decline, Some(0));
        } else {
            let receipt = self.random.text("CAcaFwoVYWNjdF8", 60);
            charge.receipt_url = Some(format!("https://pay.stripe.com/receipts/payment/{receipt}"));
            charge.balance_transaction = Some(self.random.text("txn_3", 23));
        }
        charge
    }

    pub fn refund(&mut self, charge: &mut Charge, amount: i64, status: &'static str) -> Refund {
        let mut refund = Refund::new(self.random.text("re_3", 23), charge, self.now, amount);
        refund.status = status;
        refund.balance_transaction = Some(self.random.text("txn_3", 23));
        refund.reference = Some(74_000_000_000_000_000 + self.random.within(0..900_000_000_000_000));
        refund.metadata = json!({ "user_id": self.user });
        self.name("refund", &refund.id);
        let previous = json!({ "amount_refunded": charge.amount_refunded, "refunded": charge.is_refunded });
        gives_back(charge, amount);
        if self.setting.api_version.tells_refunds() {
            self.report("refund.created", &refund.json(&self.setting));
        }
        self.report_change("charge.refunded", &charge.json(&self.setting), previous);
        refund
    }

    /// The bank has dealt with the refund: the money arrived, or it came back.
    pub fn settle_refund(&mut self, charge: &mut Charge, refund: &mut Refund, status: &'static str) {
        let previous = json!({ "status": refund.status });
        refund.status = status;
        if status == "failed" {
            refund.failure_reason = Some("lost_or_stolen_card");
            gives_back(charge, -refund.amount);
        }
        let object = refund.json(&self.setting);
        if self.setting.api_version.tells_refunds() {
            self.report_change("refund.updated", &object, previous.clone());
            if status == "failed" {
                self.report("refund.failed", &object);
            }
        }
        self.report_change("charge.refund.updated", &object, previous);
    }

    pub fn warn_of_fraud(&mut self, charge: &Charge) {
        let warning = EarlyFraudWarning {
            id: self.random.text("issfr_1", 23),
            created: self.now,
            fraud_type: "made_with_stolen_card",
            actionable: true,
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
        };
        self.report("radar.early_fraud_warning.created", &warning.json(&self.setting));
    }

    /// The bank disputes the whole charge, or only asks about it (`warning_needs_response`).
    pub fn dispute(&mut self, charge: &mut Charge, status: &'static str) -> Dispute {
        let (reason, network_reason_code) = *self.random.pick(&[
            ("fraudulent", "10.4"),
            ("product_not_received", "13.1"),
            ("unrecognized", "10.4"),
            ("credit_not_processed", "13.7"),
        ]);
        let mut dispute = Dispute::new(self.random.text("dp_1", 23), charge, self.now, status);
        (dispute.reason, dispute.network_reason_code) = (reason, network_reason_code);
        (charge.is_disputed, charge.dispute) = (true, Some(dispute.id.clone()));
        self.name("dispute", &dispute.id);
        if status == "needs_response" {
            self.move_money(&mut dispute, -charge.amount, DISPUTE_FEE);
        }
        let object = dispute.json(&self.setting);
        self.report("charge.dispute.created", &object);
        if status == "needs_response" {
            self.report("charge.dispute.funds_withdrawn", &object);
        }
        dispute
    }

    pub fn answer_dispute(&mut self, charge: &Charge, dispute: &mut Dispute) {
        let previous = json!({ "evidence_details": { "submission_count": 0 }, "status": dispute.status });
        dispute.status = "under_review";
        dispute.evidence.clone_from(&charge.description);
        dispute.submissions = 1;
        self.report_change("charge.dispute.updated", &dispute.json(&self.setting), previous);
    }

    pub fn close_dispute(&mut self, dispute: &mut Dispute, status: &'static str) {
        let previous = json!({ "status": dispute.status });
        dispute.status = status;
        if status == "won" {
            self.move_money(dispute, dispute.amount, 0);
        }
        let object = dispute.json(&self.setting);
        self.report_change("charge.dispute.closed", &object, previous);
        if status == "won" {
            self.report("charge.dispute.funds_reinstated", &object);
        }
    }

    fn move_money(&mut self, dispute: &mut Dispute, amount: i64, fee: i64) {
        let movement = Movement { id: self.random.text("txn_1", 23), created: self.now, amount, fee };
        dispute.movements.push(movement);
    }
}

fn gives_back(charge: &mut Charge, amount: i64) {
    charge.amount_refunded += amount;
    charge.is_refunded = charge.amount_refunded == charge.amount;
}
