//! What a shop with card payments and subscriptions hears from Stripe, in the shares in which it does: most
//! payments just succeed, some are declined, few are refunded, hardly any is disputed. Thousands of people buy at
//! the same time, each in the order in which things happen.

use std::collections::VecDeque;

use harness::histories::{ApiVersion, Asked, Decline, SampleEvent, Scene, Stripe};
use harness::stories::Stories;
use stripe_sim::Random;

/// Buyers whose events are under way at the same time; what one buyer causes lies some thousand events apart.
const BUYERS_AT_ONCE: usize = 2_000;
/// Types without a rule: `payment_method.attached`, `balance.available` and the like.
const UNRULED_PERCENT: u64 = 10;
const AMOUNTS: &[i64] = &[490, 1_200, 4_900, 25_000];

/// An endless source of events, the oldest first.
pub struct Mix {
    random: Random,
    stories: Stories,
    buyers: Vec<VecDeque<SampleEvent>>,
}

impl Mix {
    pub fn of_seed(seed: u64) -> Self {
        Self { random: Random::of_seed(seed), stories: Stories::of_seed(!seed), buyers: Vec::new() }
    }

    pub fn take(&mut self, count: usize) -> Vec<SampleEvent> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            while self.buyers.len() < BUYERS_AT_ONCE {
                let buyer = self.buyer();
                self.buyers.push(buyer);
            }
            let at = usize::try_from(self.random.within(0..BUYERS_AT_ONCE as u64)).expect("small");
            match self.buyers[at].pop_front() {
                _ if self.random.percent(UNRULED_PERCENT) => events.push(self.stories.unruled()),
                Some(event) => events.push(event),
                None => drop(self.buyers.swap_remove(at)),
            }
        }
        events
    }

    /// All that happens around one purchase.
    fn buyer(&mut self) -> VecDeque<SampleEvent> {
        let version = *self.random.pick(&ApiVersion::ALL);
        let seed = self.random.number();
        let mut stripe = Stripe::new(&Scene { seed, account: String::new(), livemode: true, version });
        let amount = *self.random.pick(AMOUNTS);
        let user = self.random.id("user");
        let customer = stripe.customer(Some(&user));
        if self.random.percent(40) {
            stripe.tell(&["customer.created"], &customer);
        }
        if self.random.percent(45) {
            self.renewal(&mut stripe, &customer, amount);
        } else {
            let payment = stripe.payment(Asked::of(amount).from(&customer));
            stripe.tell(&["payment_intent.created"], &payment);
            stripe.wait(20);
            if let Some(charge) = self.paid(&mut stripe, &payment) {
                self.regretted(&mut stripe, &charge, amount);
            }
        }
        let (events, _) = stripe.end();
        events.into()
    }

    /// A subscription that goes on for another month.
    fn renewal(&mut self, stripe: &mut Stripe, customer: &str, amount: i64) {
        let subscription = stripe.subscription(customer, "active");
        let invoice = stripe.invoice(customer, amount);
        stripe.tell(&["invoice.created"], &invoice);
        stripe.tell(&["customer.subscription.updated"], &subscription);
        stripe.wait(3_600);
        stripe.invoice_becomes(&invoice, "open");
        stripe.tell(&["invoice.finalized"], &invoice);
        let payment = stripe.payment(Asked::of(amount).from(customer));
        stripe.assign(&payment, &invoice);
        stripe.tell(&["payment_intent.created"], &payment);
        match self.paid(stripe, &payment) {
            Some(charge) => {
                stripe.settle_invoice(&payment, &invoice);
                self.regretted(stripe, &charge, amount);
            }
            None => stripe.attempt_failed(&invoice),
        }
    }

    /// One in twelve is declined at first, and most of those succeed at last. Gives the charge.
    fn paid(&mut self, stripe: &mut Stripe, payment: &str) -> Option<String> {
        if self.random.percent(8) {
            stripe.decline(payment, Decline::INSUFFICIENT);
            if self.random.percent(30) {
                return None;
            }
            stripe.wait(120);
        }
        Some(stripe.pay(payment))
    }

    /// Four in a hundred are refunded, and five in a thousand disputed.
    fn regretted(&mut self, stripe: &mut Stripe, charge: &str, amount: i64) {
        match self.random.within(0..1_000) {
            0..40 => {
                let refund = stripe.give_back(charge, amount / 2, "pending");
                stripe.refund_becomes(&refund, "succeeded");
                stripe.tell(&["refund.updated"], &refund);
            }
            40..45 => {
                let dispute = stripe.charge_back(charge);
                stripe.wait(86_400);
                let decision = if self.random.percent(40) { "won" } else { "lost" };
                stripe.decide(&dispute, decision);
            }
            _ => {}
        }
    }
}
