//! Customers, subscriptions, and the bans of the users behind them.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::disputes::Dispute;
use super::super::stripe::Stripe;
use super::super::truth::Truth;
use super::moment;

/// So many chargebacks ban a user.
const BAN_THRESHOLD: usize = 2;

impl Stripe {
    pub(super) fn expect_customers(&self, truth: &mut Truth) {
        for (id, customer) in self.customers.iter().filter(|(_, customer)| customer.told) {
            let row = json!({ "user_id": customer.user.last, "deleted": customer.deleted });
            self.expect(truth, "customer", id, row);
        }
        for (id, subscription) in self.subscriptions.iter().filter(|(_, subscription)| subscription.told) {
            let row = json!({ "status": subscription.status, "customer": subscription.customer });
            self.expect(truth, "subscription", id, row);
        }
    }

    pub(super) fn expect_bans(&self, truth: &mut Truth) {
        let mut users: BTreeMap<String, Vec<&Dispute>> = BTreeMap::new();
        for (_, dispute) in self.told_disputes() {
            let chargebacks = self.user_of(dispute).map(|user| users.entry(user).or_default());
            if let Some(chargebacks) = chargebacks.filter(|_| dispute.is_chargeback()) {
                chargebacks.push(dispute);
            }
        }
        for (user, mut chargebacks) in users {
            chargebacks.sort_by_key(|dispute| dispute.opened);
            let decisive = chargebacks.get(BAN_THRESHOLD - 1).map(|dispute| dispute.opened);
            let row = json!({
                "status": if decisive.is_some() { "banned" } else { "clear" },
                "chargebacks": chargebacks.len(), "since": moment(decisive),
            });
            self.expect(truth, "ban", &user, row);
        }
    }

    /// The user of the payment, else of its customer, else the customer himself.
    fn user_of(&self, dispute: &Dispute) -> Option<String> {
        let charge = &self.charges[&dispute.charge];
        let (user, customer) = match charge.payment.as_ref().map(|payment| &self.payments[payment]) {
            Some(payment) => (&payment.user.last, &payment.customer),
            None => (&charge.user, &charge.customer),
        };
        let of_customer = || {
            let id = customer.as_ref()?;
            let known = self.customers.get(id).and_then(|customer| customer.user.last.clone());
            Some(known.unwrap_or_else(|| id.clone()))
        };
        user.clone().or_else(of_customer)
    }
}
