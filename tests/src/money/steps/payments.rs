//! Intents and charges: attempts, authorisations, captures, and what is let go.

use crate::money::account::Account;
use stripe_sim::Decline;

use crate::money::objects::{Charge, DECLINES, Payment, Refund};

const CURRENCIES: &[&str] = &["usd", "usd", "usd", "jpy", "eur", "kwd"];
const AMOUNTS: &[i64] = &[1_000, 1_500, 4_900, 25_000];
const OWN_INVOICES: &[&str] = &["own_1", "own_2"];

impl Account {
    pub(super) fn pay(&mut self) {
        let place = self.intend();
        self.succeed(place);
    }

    /// An intent, which waits for somebody to pay.
    pub(super) fn intend(&mut self) -> usize {
        let amount = *self.random.pick(AMOUNTS);
        let place = self.new_payment(amount);
        if self.random.percent(40) {
            // The whole of what its own invoice asks for, a half of it, or as much as is paid.
            let asks = [Some(amount), Some(2 * amount), None]
                [usize::try_from(self.random.within(0..3)).expect("small")];
            let name = (*self.random.pick(OWN_INVOICES)).to_owned();
            let asked = self.asks(&name, asks);
            self.payments[place].own_invoice = Some((name, asked));
            self.payments[place].currency = "usd";
        } else {
            self.payments[place].is_manual = self.random.percent(50);
        }
        self.tell_intent("payment_intent.created", place);
        place
    }

    /// One invoice asks for one amount: for what it asked before, else for this.
    fn asks(&self, invoice: &str, first: Option<i64>) -> Option<i64> {
        let mut own = self.payments.iter().filter_map(|payment| payment.own_invoice.as_ref());
        own.find(|(name, _)| name == invoice).map_or(first, |(_, asks)| *asks)
    }

    pub(super) fn new_payment(&mut self, amount: i64) -> usize {
        let currency = *self.random.pick(CURRENCIES);
        let customer = self.random.percent(60).then(|| usize::from(self.random.percent(50)));
        let (user, charge_user) = match self.random.within(0..10) {
            0..3 => (Some("user_eve".to_owned()), None),
            3..5 => (None, Some("user_mallory".to_owned())),
            _ => (None, None),
        };
        let payment = Payment {
            id: self.random.id("pi"),
            is_direct: false,
            created: self.now,
            amount,
            currency,
            customer,
            user,
            charge_user,
            own_invoice: None,
            invoice: None,
            is_manual: false,
            is_card: self.random.percent(65),
            status: "requires_payment_method",
            error: None,
            failed_charge: None,
            charges: Vec::new(),
        };
        self.payments.push(payment);
        self.payments.len() - 1
    }

    pub(super) fn succeed_one(&mut self) {
        if let Some(place) = self.pick(&self.waiting()) {
            self.succeed(place);
        }
    }

    /// The whole is captured at once.
    pub(super) fn succeed(&mut self, place: usize) {
        let amount = self.payments[place].amount;
        let charge = self.attempt(place, "succeeded", amount);
        self.payments[place].status = "succeeded";
        self.tell_charge("charge.succeeded", place, charge);
        self.tell_intent("payment_intent.succeeded", place);
        if self.random.percent(40) {
            self.now += 2;
            self.tell_charge("charge.updated", place, charge);
        }
    }

    pub(super) fn decline_one(&mut self) {
        if let Some(place) = self.pick(&self.waiting()) {
            self.now += 3_600;
            self.decline(place);
        }
    }

    pub(super) fn decline(&mut self, place: usize) {
        let has_charge = self.random.percent(85);
        let decline = if has_charge { *self.random.pick(DECLINES) } else { Decline::UNPROVEN };
        if has_charge {
            self.attempt(place, "failed", 0);
        }
        self.fail(place, decline, has_charge);
    }

    fn fail(&mut self, place: usize, decline: Decline, has_charge: bool) {
        let payment = &mut self.payments[place];
        payment.error = Some(decline);
        payment.failed_charge = payment.charges.last().filter(|_| has_charge).map(|charge| charge.id.clone());
        payment.status = "requires_payment_method";
        if has_charge {
            let charge = payment.charges.len() - 1;
            payment.charges[charge].decline = Some(decline);
            self.tell_charge("charge.failed", place, charge);
        }
        self.tell_intent("payment_intent.payment_failed", place);
    }

    pub(super) fn authorise_one(&mut self) {
        let manual: Vec<usize> =
            self.waiting().into_iter().filter(|place| self.payments[*place].is_manual).collect();
        let place = self.pick(&manual).unwrap_or_else(|| self.intend());
        if !self.payments[place].is_manual {
            return;
        }
        let charge = self.attempt(place, "succeeded", 0);
        self.payments[place].status = "requires_capture";
        self.tell_charge("charge.succeeded", place, charge);
        self.tell_intent("payment_intent.amount_capturable_updated", place);
    }

    /// All of an authorisation, or a part; the rest is let go with it.
    pub(super) fn capture_one(&mut self) {
        let Some(place) = self.pick(&self.capturable()) else { return };
        let amount = self.payments[place].amount;
        let part = if self.random.percent(60) { self.part_of(amount) } else { amount };
        let charge = self.payments[place].charges.len() - 1;
        self.payments[place].charges[charge].captured = part;
        self.payments[place].status = "succeeded";
        let released = self.release(place, charge, amount - part, self.setting.release_reason);
        self.tell_charge("charge.captured", place, charge);
        self.tell_intent_unless_direct("payment_intent.succeeded", place);
        if let Some(refund) = released {
            if self.random.percent(50) {
                self.tell_charge("charge.refunded", place, charge);
            }
            self.tell_new_refund(place, charge, refund);
        }
    }

    /// An authorisation expires or is canceled, or an intent that nobody paid is.
    pub(super) fn let_go_one(&mut self) {
        let capturable = self.capturable();
        let Some(place) = self.pick(&capturable).or_else(|| self.pick(&self.waiting())) else { return };
        self.let_go(place);
    }

    pub(super) fn let_go(&mut self, place: usize) {
        let is_expiry = self.random.percent(50);
        if self.payments[place].is_capturable() {
            let charge = self.payments[place].charges.len() - 1;
            let amount = self.payments[place].amount;
            let reason = is_expiry.then_some("expired_uncaptured_charge");
            let released = self.release(place, charge, amount, reason);
            self.payments[place].status = "canceled";
            if is_expiry {
                self.tell_charge("charge.expired", place, charge);
            }
            if let Some(refund) = released {
                self.tell_charge("charge.refunded", place, charge);
                self.tell_new_refund(place, charge, refund);
            }
        } else {
            self.payments[place].status = "canceled";
        }
        self.tell_intent_unless_direct("payment_intent.canceled", place);
    }

    /// What is not captured goes back to the card. Until 2025-03-31 that makes a refund.
    fn release(
        &mut self,
        place: usize,
        charge: usize,
        amount: i64,
        reason: Option<&'static str>,
    ) -> Option<usize> {
        if amount == 0 {
            return None;
        }
        let (id, created) = (self.random.id("re"), self.now);
        let charge = &mut self.payments[place].charges[charge];
        charge.released = amount;
        if !self.setting.refunds_releases {
            return None;
        }
        charge.refunds.push(Refund { id, created, amount, status: "succeeded", reason, is_release: true });
        Some(charge.refunds.len() - 1)
    }

    pub(super) fn pend_one(&mut self) {
        let debits: Vec<usize> =
            self.waiting().into_iter().filter(|place| !self.payments[*place].is_card).collect();
        if let Some(place) = self.pick(&debits) {
            self.pend(place);
        }
    }

    fn pend(&mut self, place: usize) {
        let charge = self.attempt(place, "pending", 0);
        self.payments[place].status = "processing";
        self.tell_charge("charge.pending", place, charge);
        self.tell_intent("payment_intent.processing", place);
    }

    /// A debit for the merchant's own invoice is refused, and asked for once more.
    pub(super) fn pend_again(&mut self) {
        let place = self.intend();
        if self.payments[place].own_invoice.is_none() {
            return;
        }
        self.payments[place].is_card = false;
        self.decline(place);
        self.now += 3_600;
        self.pend(place);
    }

    /// After a failure another payment brings a half of what the merchant's own invoice asks for.
    pub(super) fn pay_half_after_failure(&mut self) {
        let place = self.intend();
        let own_invoice = self.payments[place].own_invoice.clone();
        let Some((_, Some(asked))) = own_invoice else { return };
        self.decline(place);
        self.now += 3_600;
        let half = self.new_payment(asked / 2);
        (self.payments[half].own_invoice, self.payments[half].currency) = (own_invoice, "usd");
        self.tell_intent("payment_intent.created", half);
        self.succeed(half);
    }

    /// The bank pays what was pending, or does not.
    pub(super) fn settle_one(&mut self) {
        let pending: Vec<usize> = self.places(|payment| payment.status == "processing");
        let Some(place) = self.pick(&pending) else { return };
        self.now += 3_600;
        let charge = self.payments[place].charges.len() - 1;
        if self.random.percent(30) {
            self.payments[place].charges[charge].status = "failed";
            return self.fail(place, DECLINES[0], true);
        }
        let payment = &mut self.payments[place];
        payment.status = "succeeded";
        payment.charges[charge].status = "succeeded";
        payment.charges[charge].captured = payment.amount;
        self.tell_charge("charge.succeeded", place, charge);
        self.tell_intent("payment_intent.succeeded", place);
    }

    /// As it was done before there were intents: captured at once, or authorised first.
    pub(super) fn charge_directly(&mut self) {
        let amount = *self.random.pick(AMOUNTS);
        let place = self.new_payment(amount);
        let captured = if self.random.percent(70) { amount } else { 0 };
        let charge = self.attempt(place, "succeeded", captured);
        let payment = &mut self.payments[place];
        payment.is_direct = true;
        payment.id = payment.charges[0].id.clone();
        payment.status = if captured > 0 { "succeeded" } else { "requires_capture" };
        self.tell_charge("charge.succeeded", place, charge);
    }

    /// Somebody changes a description.
    pub(super) fn update_charge(&mut self) {
        if let Some((place, charge)) = self.pick(&self.charges(|_| true)) {
            self.tell_charge("charge.updated", place, charge);
        }
    }

    fn attempt(&mut self, place: usize, status: &'static str, captured: i64) -> usize {
        let (id, created) = (self.random.id("ch"), self.now);
        let payment = &mut self.payments[place];
        let amount = payment.amount;
        let (decline, refunds, disputes) = (None, Vec::new(), Vec::new());
        payment.charges.push(Charge {
            id,
            created,
            amount,
            captured,
            status,
            released: 0,
            decline,
            refunds,
            disputes,
        });
        payment.charges.len() - 1
    }

    fn tell_intent_unless_direct(&mut self, kind: &'static str, place: usize) {
        if !self.payments[place].is_direct {
            self.tell_intent(kind, place);
        }
    }

    /// Intents that a merchant may try to pay, of no invoice of Stripe's.
    fn waiting(&self) -> Vec<usize> {
        self.places(|payment| payment.status == "requires_payment_method" && payment.invoice.is_none())
    }

    fn capturable(&self) -> Vec<usize> {
        self.places(Payment::is_capturable)
    }

    pub(super) fn places(&self, is_meant: impl Fn(&Payment) -> bool) -> Vec<usize> {
        (0..self.payments.len()).filter(|place| is_meant(&self.payments[*place])).collect()
    }

    pub(super) fn charges(&self, is_meant: impl Fn(&Charge) -> bool) -> Vec<(usize, usize)> {
        let all = self.payments.iter().enumerate();
        let all = all.flat_map(|(place, payment)| {
            payment.charges.iter().enumerate().map(move |(at, c)| (place, at, c))
        });
        all.filter(|(_, _, charge)| is_meant(charge)).map(|(place, at, _)| (place, at)).collect()
    }
}
