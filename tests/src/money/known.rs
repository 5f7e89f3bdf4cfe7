//! What an endpoint can know that hears only some families: of everything, the latest that it was told. Where it
//! hears all of them, this is the truth itself.

use std::collections::{BTreeMap, BTreeSet};

use stripe_sim::Decline;

use super::account::Telling;
use super::facts::{Fact, Family, Report, Stands, UserPlace};

/// Told of one payment, each by its id.
#[derive(Debug, Default)]
pub struct PaymentKnown {
    pub status: Option<&'static str>,
    /// As the intent says it.
    received: Option<i64>,
    /// As its charges say it.
    captured: BTreeMap<String, i64>,
    /// What each refund gives back.
    refunds: BTreeMap<String, i64>,
    /// Those that were told by themselves, and not in a sum alone.
    named: BTreeSet<String>,
    /// A refund that looks like any other, and is what was let go; only its charge tells.
    has_nameless_release: bool,
    disputes: BTreeMap<String, (Stands, i64)>,
    pub has_foreign_dispute: bool,
    users: BTreeMap<UserPlace, String>,
    /// Two changes of one second contradict each other, and nobody but Stripe knows which came last.
    pub is_tied: bool,
    /// By charge, else by moment.
    pub failures: BTreeMap<String, Failure>,
    pub succeeded_at: Option<i64>,
}

/// An attempt that failed, with its code where that is known.
#[derive(Clone, Debug)]
pub struct Failure {
    pub at: i64,
    pub decline: Option<Decline>,
}

#[derive(Debug, Default)]
pub struct InvoiceKnown {
    pub report: Option<Report>,
    /// By payment, what it paid where that was said.
    pub links: BTreeMap<String, Option<i64>>,
    /// The merchant's own has one, Stripe's has none.
    pub asks: Option<Asked>,
    /// As the invoice itself reports them.
    pub failures: Vec<Failure>,
    pub is_unsubscribed: bool,
    pub is_tied: bool,
}

/// What a merchant's own invoice asks for, where that is said.
#[derive(Clone, Copy, Debug)]
pub struct Asked(pub Option<i64>);

#[derive(Debug, Default)]
pub struct Known {
    pub payments: BTreeMap<String, PaymentKnown>,
    pub invoices: BTreeMap<String, InvoiceKnown>,
    pub hears: BTreeSet<Family>,
}

impl Known {
    /// What an endpoint knows that hears these families, and of them these types not.
    pub fn of(tellings: &[Telling], hears: &[Family], deaf_to: &[&str]) -> Self {
        let mut known = Self { hears: hears.iter().copied().collect(), ..Self::default() };
        let told: Vec<&Telling> =
            tellings.iter().filter(|telling| telling.is_heard(hears, deaf_to)).collect();
        for telling in &told {
            telling.facts.iter().for_each(|fact| known.learn(fact, telling.at));
        }
        // A reference names an invoice only where the invoice is reported too.
        for fact in told.iter().flat_map(|telling| &telling.facts) {
            if let Fact::Reference { payment, invoice } = fact
                && known.invoices.get(invoice).is_some_and(|invoice| invoice.report.is_some())
            {
                known.link(payment, invoice, None);
            }
        }
        for fact in told.iter().flat_map(|telling| &telling.facts) {
            if let Fact::Unsubscribed { subscription } = fact {
                let of_it = known.invoices.values_mut().filter(|invoice| {
                    invoice
                        .report
                        .as_ref()
                        .is_some_and(|report| report.subscription.as_ref() == Some(subscription))
                });
                of_it.for_each(|invoice| invoice.is_unsubscribed = true);
            }
        }
        for (place, later) in told.iter().enumerate() {
            let before = told[..place].iter().rev().take_while(|before| before.at == later.at);
            for earlier in before.filter(|before| before.step != later.step) {
                known.tie(earlier, later);
            }
        }
        known
    }

    fn learn(&mut self, fact: &Fact, now: i64) {
        match fact {
            Fact::Intent { payment, status, received, .. } => {
                let known = self.payment(payment);
                (known.status, known.received) = (Some(*status), Some(*received));
                if *received > 0 {
                    known.succeeded_at.get_or_insert(now);
                }
            }
            Fact::Charge { payment, charge, captured, refunds, names_refunds } => {
                let known = self.payment(payment);
                known.captured.insert(charge.clone(), *captured);
                if *captured > 0 {
                    // Whose charge took the money has succeeded, whatever was said of it before.
                    known.status = known.status.map(|_| "succeeded");
                    known.succeeded_at.get_or_insert(now);
                }
                known.refunds.extend(refunds.iter().cloned());
                if *names_refunds {
                    known.named.extend(refunds.iter().map(|(refund, _)| refund.clone()));
                }
            }
            Fact::Refund { payment, refund, gives_back, is_nameless_release, .. } => {
                let known = self.payment(payment);
                known.refunds.insert(refund.clone(), *gives_back);
                known.named.insert(refund.clone());
                known.has_nameless_release |= is_nameless_release;
            }
            Fact::Dispute { payment, dispute, stands, lost, is_foreign, .. } => {
                let known = self.payment(payment);
                known.disputes.insert(dispute.clone(), (*stands, *lost));
                known.has_foreign_dispute |= is_foreign;
            }
            Fact::User { payment, place, user } => {
                self.payment(payment).users.insert(*place, user.clone());
            }
            Fact::FailedAttempt { payment, charge, at, decline } => {
                let key = charge.clone().unwrap_or_else(|| at.to_string());
                let failure = Failure { at: *at, decline: Some(*decline) };
                self.payment(payment).failures.entry(key).or_insert(failure);
            }
            Fact::FailedInvoice { invoice, at } => {
                self.invoice(invoice).failures.push(Failure { at: *at, decline: None });
            }
            Fact::Link { payment, invoice, paid } => self.link(payment, invoice, *paid),
            Fact::Own { payment, invoice, asks } => {
                self.link(payment, invoice, None);
                self.invoice(invoice).asks = Some(Asked(*asks));
            }
            Fact::Invoice { invoice, report } => self.invoice(invoice).report = Some(report.clone()),
            Fact::Reference { .. } | Fact::Unsubscribed { .. } => {}
        }
    }

    fn link(&mut self, payment: &str, invoice: &str, paid: Option<i64>) {
        self.payment(payment);
        let said = self.invoice(invoice).links.entry(payment.to_owned()).or_default();
        *said = paid.or(*said);
    }

    fn tie(&mut self, earlier: &Telling, later: &Telling) {
        for one in &earlier.facts {
            for other in &later.facts {
                match (one, other) {
                    (
                        Fact::Intent { payment, status, .. },
                        Fact::Intent { payment: of_other, status: then, .. },
                    ) if payment == of_other && status != then => self.payment(payment).is_tied = true,
                    (Fact::Dispute { payment, dispute, .. }, Fact::Dispute { dispute: of_other, .. })
                        if dispute == of_other =>
                    {
                        self.payment(payment).is_tied = true;
                    }
                    // Sums only grow, unless a refund failed.
                    (
                        Fact::Refund { payment, gives_back, amount, .. },
                        Fact::Refund { payment: of_other, .. } | Fact::Charge { payment: of_other, .. },
                    )
                    | (
                        Fact::Charge { payment: of_other, .. },
                        Fact::Refund { payment, gives_back, amount, .. },
                    ) if payment == of_other && gives_back < amount => self.payment(payment).is_tied = true,
                    (Fact::Refund { payment, refund, .. }, Fact::Refund { refund: of_other, .. })
                        if refund == of_other =>
                    {
                        self.payment(payment).is_tied = true;
                    }
                    (Fact::Invoice { invoice, .. }, Fact::Invoice { invoice: of_other, .. })
                        if invoice == of_other =>
                    {
                        self.invoice(invoice).is_tied = true;
                    }
                    _ => {}
                }
            }
        }
    }

    fn payment(&mut self, id: &str) -> &mut PaymentKnown {
        self.payments.entry(id.to_owned()).or_default()
    }

    fn invoice(&mut self, id: &str) -> &mut InvoiceKnown {
        self.invoices.entry(id.to_owned()).or_default()
    }
}

impl PaymentKnown {
    /// `None`: nobody said it.
    pub fn received(&self) -> Option<i64> {
        let captured = (!self.captured.is_empty()).then(|| self.captured.values().sum());
        // What came in was not less before.
        self.received.max(captured)
    }

    /// Others name it, and neither an intent nor a charge said what it is.
    pub fn is_only_named(&self) -> bool {
        self.status.is_none() && self.captured.is_empty()
    }

    pub fn has_charge(&self) -> bool {
        !self.captured.is_empty()
    }

    /// `None`: it cannot be known from what was said.
    pub fn refunded(&self) -> Option<i64> {
        let is_open = self.has_nameless_release && self.captured.is_empty();
        (!is_open).then(|| self.refunds.values().sum())
    }

    /// Something was refunded of which only the sum is known.
    pub fn has_unnamed_refund(&self) -> bool {
        self.refunds.iter().any(|(refund, gives_back)| *gives_back > 0 && !self.named.contains(refund))
    }

    pub fn charged_back(&self) -> i64 {
        self.disputes.values().map(|(_, lost)| lost).sum()
    }

    /// Of several disputes the one that weighs most.
    pub fn stands(&self) -> Option<Stands> {
        self.disputes.values().map(|(stands, _)| *stands).max()
    }

    pub fn user(&self) -> Option<&String> {
        self.users.values().next()
    }
}
