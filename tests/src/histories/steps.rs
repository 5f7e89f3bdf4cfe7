//! What happens again and again: a change and the several events by which Stripe tells it.

use stripe_sim::Decline;

use super::payments::Asked;
use super::stripe::Stripe;

impl Stripe {
    /// A payment that succeeds at once. Gives it and its charge.
    pub fn paid(&mut self, asked: Asked) -> (String, String) {
        let payment = self.payment(asked);
        let charge = self.pay(&payment);
        (payment, charge)
    }

    /// Gives the charge.
    pub fn pay(&mut self, payment: &str) -> String {
        let charge = self.succeed(payment);
        self.tell(&["charge.succeeded"], &charge);
        self.tell(&["payment_intent.succeeded"], payment);
        charge
    }

    /// One decline, told by the payment and by the charge.
    pub fn decline(&mut self, payment: &str, decline: Decline) {
        let charge = self.fail(payment, decline);
        self.tell(&["payment_intent.payment_failed"], payment);
        self.tell(&["charge.failed"], &charge);
    }

    /// The attempt of an invoice that failed, which Stripe counts.
    pub fn attempt_failed(&mut self, invoice: &str) {
        self.invoice_mut(invoice).attempts += 1;
        self.tell(&["invoice.payment_failed"], invoice);
    }

    /// An invoice that waits to be paid, told when it was finalized.
    pub fn billed(&mut self, customer: &str, amount: i64) -> String {
        let invoice = self.invoice(customer, amount);
        self.invoice_becomes(&invoice, "open");
        self.tell(&["invoice.finalized"], &invoice);
        invoice
    }

    /// The payment pays the whole invoice, which is told under three ids.
    pub fn settle_invoice(&mut self, payment: &str, invoice: &str) {
        let link = self.pay_invoice(payment, invoice, self.invoices[invoice].amount);
        self.tell(&["invoice.payment_succeeded", "invoice.paid"], invoice);
        self.tell_link(&link);
    }

    /// A refund, told by the charge and by itself. Gives the refund.
    pub fn give_back(&mut self, charge: &str, amount: i64, status: &'static str) -> String {
        let refund = self.refund(charge, amount, status);
        self.tell(&["charge.refunded"], charge);
        self.tell(&["refund.created"], &refund);
        refund
    }

    /// A chargeback: the money leaves the balance at once. Gives the dispute.
    pub fn charge_back(&mut self, charge: &str) -> String {
        let dispute = self.dispute(charge, "needs_response");
        self.tell(&["charge.dispute.created"], &dispute);
        self.withdraw(&dispute);
        self.tell(&["charge.dispute.funds_withdrawn"], &dispute);
        dispute
    }

    /// The bank decides; a win brings the money back.
    pub fn decide(&mut self, dispute: &str, status: &'static str) {
        self.dispute_becomes(dispute, status);
        if status == "won" && !self.disputes[dispute].movements.is_empty() {
            self.reinstate(dispute);
            self.tell(&["charge.dispute.closed", "charge.dispute.funds_reinstated"], dispute);
        } else {
            self.tell(&["charge.dispute.closed"], dispute);
        }
    }
}
