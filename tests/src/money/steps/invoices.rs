//! Invoices of Stripe's: paid at once, in parts, outside, after failures, or never.

use crate::money::account::Account;
use crate::money::objects::{Invoice, Link};

const AMOUNTS: &[i64] = &[1_000, 2_400, 9_900];
const DAY_SECS: i64 = 86_400;

impl Account {
    /// An invoice that waits to be paid, with the intent that Stripe makes for it.
    pub(super) fn bill(&mut self) -> usize {
        let due = *self.random.pick(AMOUNTS);
        let is_sent = self.random.percent(25);
        let customer = usize::from(self.random.percent(50));
        let invoice = Invoice {
            id: self.random.id("in"),
            created: self.now,
            customer,
            subscription: self.random.percent(40).then(|| self.random.id("sub")),
            due,
            currency: "usd",
            status: "draft",
            is_sent,
            out_of_band: 0,
            finalized_at: None,
            paid_at: None,
            next_attempt: None,
            attempts: 0,
            is_overdue: false,
            links: Vec::new(),
        };
        self.invoices.push(invoice);
        let place = self.invoices.len() - 1;
        self.tell_invoice("invoice.created", place);
        self.now += 5;
        self.invoices[place].status = "open";
        self.invoices[place].finalized_at = Some(self.now);
        let payment = self.payment_for(place, due);
        self.tell_invoice("invoice.finalized", place);
        self.tell_intent("payment_intent.created", payment);
        if is_sent {
            self.tell_invoice("invoice.sent", place);
        }
        place
    }

    /// An intent that is meant for the invoice.
    fn payment_for(&mut self, place: usize, amount: i64) -> usize {
        let payment = self.new_payment(amount);
        let id = self.random.id("inpay");
        let (currency, customer) = (self.invoices[place].currency, self.invoices[place].customer);
        let made = &mut self.payments[payment];
        (made.currency, made.customer, made.invoice) = (currency, Some(customer), Some(place));
        self.invoices[place].links.push(Link { id, payment, requested: amount, paid: 0 });
        payment
    }

    pub(super) fn pay_invoice(&mut self) {
        let open: Vec<usize> = self.bills(|invoice| invoice.is_open() && invoice.paid() == 0);
        let place = self.one_of(&open);
        self.invoices[place].attempts += 1;
        let payment = self.invoices[place].links[0].payment;
        self.succeed(payment);
        self.credit(place, 0, self.invoices[place].due);
    }

    /// A payment that succeeded pays so much of it; it is paid when all is there.
    fn credit(&mut self, place: usize, link: usize, amount: i64) {
        let invoice = &mut self.invoices[place];
        invoice.links[link].paid = amount;
        if invoice.paid() >= invoice.due {
            invoice.status = "paid";
            invoice.paid_at = Some(self.now);
            invoice.next_attempt = None;
        }
        if invoice.status == "paid" {
            self.tell_invoice("invoice.paid", place);
            self.tell_invoice("invoice.payment_succeeded", place);
        } else {
            self.tell_invoice("invoice.updated", place);
        }
        self.tell_link(place, link);
    }

    pub(super) fn fail_invoice(&mut self) {
        let open = self.bills(|invoice| invoice.status == "open" && invoice.paid() == 0);
        let place = self.one_of(&open);
        self.now += 3_600;
        let payment = self.invoices[place].links[0].payment;
        self.decline(payment);
        let retries = !self.invoices[place].is_sent && self.random.percent(40);
        let invoice = &mut self.invoices[place];
        invoice.attempts += 1;
        invoice.next_attempt = retries.then_some(self.now + 3 * DAY_SECS);
        self.tell_invoice("invoice.payment_failed", place);
        self.tell_invoice("invoice.updated", place);
    }

    /// Since 2025-03-31 several payments pay one invoice.
    pub(super) fn pay_part(&mut self) {
        if !self.setting.version.links_by_objects() {
            return self.pay_invoice();
        }
        let open = self.bills(|invoice| invoice.status == "open" && invoice.due - invoice.paid() > 1);
        let place = self.one_of(&open);
        let left = self.invoices[place].due - self.invoices[place].paid();
        let part = if self.invoices[place].paid() > 0 && self.random.percent(60) {
            left
        } else {
            self.part_of(left)
        };
        let payment = self.payment_for(place, part);
        self.tell_intent("payment_intent.created", payment);
        self.succeed(payment);
        let link = self.invoices[place].links.len() - 1;
        self.credit(place, link, part);
    }

    /// One payment of two invoices.
    pub(super) fn pay_two_invoices(&mut self) {
        if !self.setting.version.links_by_objects() {
            return;
        }
        let (one, other) = (self.one_of(&[]), self.one_of(&[]));
        let (first, second) = (self.invoices[one].due, self.invoices[other].due);
        let payment = self.payment_for(one, first + second);
        self.invoices[one].links.last_mut().expect("just made").requested = first;
        let id = self.random.id("inpay");
        self.invoices[other].links.push(Link { id, payment, requested: second, paid: 0 });
        self.tell_intent("payment_intent.created", payment);
        self.succeed(payment);
        self.credit(one, 1, first);
        self.credit(other, 1, second);
    }

    pub(super) fn pay_outside(&mut self) {
        let open = self.bills(|invoice| invoice.is_open() && invoice.paid() == 0);
        let Some(place) = self.pick(&open) else { return };
        let invoice = &mut self.invoices[place];
        invoice.out_of_band = invoice.due;
        invoice.status = "paid";
        invoice.paid_at = Some(self.now);
        invoice.next_attempt = None;
        self.drop_payments(place);
        self.tell_invoice("invoice.paid", place);
        self.tell_invoice("invoice.updated", place);
    }

    pub(super) fn close_invoice(&mut self) {
        let open = self.bills(|invoice| invoice.status == "open" && invoice.paid() == 0);
        let Some(place) = self.pick(&open) else { return };
        self.invoices[place].next_attempt = None;
        if self.random.percent(50) {
            self.invoices[place].status = "void";
            self.drop_payments(place);
            self.tell_invoice("invoice.voided", place);
        } else {
            self.invoices[place].status = "uncollectible";
            self.tell_invoice("invoice.marked_uncollectible", place);
        }
    }

    pub(super) fn make_overdue(&mut self) {
        let open = self.bills(|invoice| invoice.status == "open" && invoice.is_sent);
        let Some(place) = self.pick(&open) else { return };
        self.invoices[place].is_overdue = true;
        self.tell_invoice("invoice.overdue", place);
    }

    /// Nobody asks for what is still open of a subscription that has ended.
    pub(super) fn unsubscribe(&mut self) {
        let subscribed = self.bills(|invoice| invoice.subscription.is_some());
        let Some(place) = self.pick(&subscribed) else { return };
        let invoice = &mut self.invoices[place];
        invoice.next_attempt = None;
        let (subscription, customer) = (invoice.subscription.clone().expect("it has one"), invoice.customer);
        self.tell_invoice("invoice.updated", place);
        self.tell_unsubscription(&subscription, customer);
    }

    /// Stripe cancels the intents of an invoice that needs none any more.
    fn drop_payments(&mut self, place: usize) {
        let payments: Vec<usize> = self.invoices[place].links.iter().map(|link| link.payment).collect();
        for payment in payments {
            if self.payments[payment].status == "requires_payment_method" {
                self.let_go(payment);
            }
        }
    }

    /// One of these, or a new one, which waits a while.
    fn one_of(&mut self, open: &[usize]) -> usize {
        self.pick(open).unwrap_or_else(|| {
            let place = self.bill();
            self.now += 60;
            place
        })
    }

    fn bills(&self, is_meant: impl Fn(&Invoice) -> bool) -> Vec<usize> {
        (0..self.invoices.len()).filter(|place| is_meant(&self.invoices[*place])).collect()
    }
}
