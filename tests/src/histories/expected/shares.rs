//! Who pays what: the payments of an invoice by every link that was told, and what each invoice bears of the money
//! that went back of a payment.

use serde_json::json;

use super::super::invoices::InvoicePayment;
use super::super::payments::Payment;
use super::super::stripe::Stripe;
use super::super::truth::Truth;

impl Stripe {
    pub(super) fn expect_links(&self, truth: &mut Truth) {
        for (id, link) in &self.invoice_payments {
            let Some((status, amount)) = link.told else { continue };
            let row = json!({
                "status": status, "amount_paid": amount, "invoice": link.invoice, "payment": link.payment,
            });
            self.expect(truth, "invoice_payment", id, row);
        }
    }

    /// The invoice that a payment belongs to: by Stripe's own word before the merchant's. An order reference is
    /// Stripe's word where the invoice is known to be Stripe's.
    pub(super) fn owner_of<'a>(&'a self, payment: &'a Payment) -> Option<&'a String> {
        let is_stripes =
            |id: &&String| payment.invoice_told || (payment.reference_told && self.invoices[*id].told);
        payment.invoice.as_ref().filter(is_stripes).or(payment.own_invoice.last.as_ref())
    }

    pub(super) fn told_links_of<'a>(&'a self, payment: &'a str) -> impl Iterator<Item = &'a InvoicePayment> {
        self.invoice_payments.values().filter(move |link| link.payment == payment && link.told.is_some())
    }

    pub(super) fn payments_of(&self, invoice: &str) -> Vec<(&String, &Payment)> {
        let is_linked = |id: &str| self.told_links_of(id).any(|link| link.invoice == invoice);
        let owns = |payment: &Payment| self.owner_of(payment).is_some_and(|owner| owner == invoice);
        self.payments.iter().filter(|(id, payment)| owns(payment) || is_linked(id)).collect()
    }

    /// What an invoice bears of an amount of this payment: by what each was paid, the rest by whom it cost most.
    pub(super) fn share_of(&self, id: &str, invoice: &str, amount: i64) -> i64 {
        let mut paid: Vec<(&str, i64)> = self
            .told_links_of(id)
            .map(|link| (link.invoice.as_str(), link.told.map_or(0, |(_, amount)| amount)))
            .collect();
        let total: i64 = paid.iter().map(|(_, amount)| amount).sum();
        let payment = &self.payments[id];
        let owner = self.owner_of(payment).map_or("", String::as_str);
        if total == 0 {
            return if owner == invoice { amount } else { 0 };
        }
        if !paid.iter().any(|(other, _)| *other == owner) && payment.received > total {
            paid.push((owner, payment.received - total));
        }
        let total: i64 = paid.iter().map(|(_, amount)| amount).sum();
        let mut shares: Vec<(&str, i64, i64)> = paid
            .into_iter()
            .map(|(other, paid)| (other, amount * paid / total, amount * paid % total))
            .collect();
        shares.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(b.0)));
        let mut left = amount - shares.iter().map(|share| share.1).sum::<i64>();
        for share in &mut shares {
            if left > 0 {
                share.1 += 1;
                left -= 1;
            }
        }
        shares.iter().find(|share| share.0 == invoice).map_or(0, |share| share.1)
    }
}
