//! The stories of `tidegate send`. Each is a realistic history in its natural order; the events may be shuffled
//! and repeated afterwards.

mod broken;

use stripe_sim::{ApiVersion, Charge, Decline, Invoice, MONTH_SECS, PaymentIntent, Random};

pub use self::broken::BROKEN;
use super::scene::{Named, Sample, Scene};

pub struct Story {
    pub name: &'static str,
    pub about: &'static str,
    /// How long the telling takes on the story's clock, rounded up.
    days: i64,
    tell: fn(&mut Scene),
}

/// What all stories of one run share.
#[derive(Clone, Copy)]
pub struct Style {
    pub seed: u64,
    pub api_version: ApiVersion,
    pub livemode: bool,
    /// When the last event of a whole story happens, in seconds since 1970.
    pub end: i64,
}

/// A story told: its events, and what they are about.
pub struct ToldStory {
    pub story: &'static str,
    pub samples: Vec<Sample>,
    pub cast: Vec<Named>,
}

/// Simple ones first: an event type alone is told by the first story that has it.
pub const STORIES: &[Story] = &[
    Story { name: "paid", about: "an invoice is created, finalized and paid", days: 1, tell: paid },
    Story {
        name: "one-off",
        about: "a payment on the merchant's own invoice, after a 3-D Secure check",
        days: 1,
        tell: one_off,
    },
    Story { name: "canceled", about: "a payment that the customer abandons", days: 2, tell: canceled },
    Story { name: "declined", about: "an expired card; retrying is useless", days: 1, tell: declined },
    Story { name: "retried", about: "a payment fails, fails again, then succeeds", days: 9, tell: retried },
    Story { name: "overdue", about: "four failures; the invoice falls overdue", days: 26, tell: overdue },
    Story { name: "voided", about: "an invoice is sent and voided", days: 4, tell: voided },
    Story {
        name: "uncollectible",
        about: "an invoice is never paid and written off",
        days: 61,
        tell: uncollectible,
    },
    Story { name: "refunded", about: "a payment is refunded in full", days: 6, tell: refunded },
    Story { name: "partly-refunded", about: "part of a payment is refunded", days: 6, tell: partly_refunded },
    Story { name: "refund-failed", about: "a refund that the bank returns", days: 10, tell: refund_failed },
    Story {
        name: "dispute-lost",
        about: "a paid invoice is disputed, and the dispute lost",
        days: 86,
        tell: dispute_lost,
    },
    Story {
        name: "dispute-won",
        about: "a paid invoice is disputed, and the dispute won",
        days: 86,
        tell: dispute_won,
    },
    Story { name: "inquiry", about: "a bank inquires and accepts the answer", days: 41, tell: inquiry },
    Story {
        name: "two-disputes",
        about: "one user loses two disputes: enough for a ban",
        days: 113,
        tell: two_disputes,
    },
    Story {
        name: "subscription",
        about: "a subscription starts, renews and is cancelled",
        days: 62,
        tell: subscription,
    },
];

pub fn named(name: &str) -> Option<&'static Story> {
    STORIES.iter().chain(BROKEN).find(|story| story.name == name)
}

/// The first story with an event of this type.
pub fn with_event(kind: &str, style: Style) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.told(style, 0, None).samples.iter().any(|sample| sample.kind == kind))
}

impl Story {
    /// Tells the story, up to and including the first event of the type `until` where one is given.
    pub fn told(&self, style: Style, number: u64, until: Option<&str>) -> ToldStory {
        let random = Random::of_sequence(style.seed, number);
        let mut scene = Scene::new(random, style.api_version, style.livemode, style.end - self.days * 86_400);
        (self.tell)(&mut scene);
        let (mut samples, mut cast) = scene.end();
        if let Some(last) = samples.iter().position(|sample| Some(sample.kind) == until) {
            samples.truncate(last + 1);
            cast.retain(|named| {
                let id = named.id.as_bytes();
                samples.iter().any(|sample| sample.body.windows(id.len()).any(|window| window == id))
            });
        }
        ToldStory { story: self.name, samples, cast }
    }

    /// The types of its events, in order, each once.
    pub fn kinds(&self, style: Style) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        for sample in self.told(style, 0, None).samples {
            if !kinds.contains(&sample.kind) {
                kinds.push(sample.kind);
            }
        }
        kinds
    }
}

/// Every event type that some story has, each once.
pub fn all_kinds(style: Style) -> Vec<&'static str> {
    let mut kinds: Vec<_> = STORIES.iter().flat_map(|story| story.kinds(style)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn paid(s: &mut Scene) {
    paid_invoice(s);
}

fn one_off(s: &mut Scene) {
    let number = s.random.within(100_000..1_000_000);
    s.metadata["invoice_id"] = format!("inv_{number}").into();
    s.metadata["invoice_amount"] = s.amount.to_string().into();
    let mut payment = s.begin_payment(None);
    s.seconds_pass(4);
    s.ask_for_action(&mut payment);
    s.seconds_pass(41);
    s.pay(&mut payment, None);
}

fn canceled(s: &mut Scene) {
    let mut payment = s.begin_payment(None);
    s.seconds_pass(4);
    s.ask_for_action(&mut payment);
    s.days_pass(1);
    s.cancel(&mut payment);
}

fn declined(s: &mut Scene) {
    let (mut invoice, mut payment) = open_invoice(s);
    s.decline(&mut payment, Some(&mut invoice), Decline::EXPIRED, None);
}

fn retried(s: &mut Scene) {
    let (mut invoice, mut payment) = open_invoice(s);
    s.decline(&mut payment, Some(&mut invoice), Decline::INSUFFICIENT, Some(3));
    s.days_pass(3);
    s.decline(&mut payment, Some(&mut invoice), Decline::INSUFFICIENT, Some(5));
    s.days_pass(5);
    s.pay(&mut payment, Some(&mut invoice));
}

fn overdue(s: &mut Scene) {
    let (mut invoice, mut payment) = open_invoice(s);
    s.decline(&mut payment, Some(&mut invoice), Decline::GENERIC, None);
    for days in [3, 7, 14] {
        s.days_pass(days);
        s.decline(&mut payment, Some(&mut invoice), Decline::INSUFFICIENT, None);
    }
    s.seconds_pass(3_600);
    s.fall_overdue(&mut invoice);
}

fn voided(s: &mut Scene) {
    let mut invoice = s.make_out(Some(30), None);
    s.seconds_pass(60);
    s.finalize(&mut invoice);
    s.days_pass(3);
    s.void(&mut invoice);
}

fn uncollectible(s: &mut Scene) {
    let mut invoice = s.make_out(Some(30), None);
    s.seconds_pass(60);
    s.finalize(&mut invoice);
    s.days_pass(30);
    s.fall_overdue(&mut invoice);
    s.days_pass(30);
    s.give_up(&mut invoice);
}

fn refunded(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(2);
    let all = charge.amount;
    let mut refund = s.refund(&mut charge, all, "succeeded");
    s.days_pass(3);
    s.settle_refund(&mut charge, &mut refund, "succeeded");
}

fn partly_refunded(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(2);
    let part = (charge.amount / 30).max(1) * 10;
    let mut refund = s.refund(&mut charge, part, "succeeded");
    s.days_pass(3);
    s.settle_refund(&mut charge, &mut refund, "succeeded");
}

fn refund_failed(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(2);
    let all = charge.amount;
    let mut refund = s.refund(&mut charge, all, "succeeded");
    s.days_pass(7);
    s.settle_refund(&mut charge, &mut refund, "failed");
}

fn dispute_lost(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    disputed(s, &mut charge, "lost");
}

fn dispute_won(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    disputed(s, &mut charge, "won");
}

fn inquiry(s: &mut Scene) {
    let mut charge = paid_invoice(s);
    s.days_pass(20);
    let mut dispute = s.dispute(&mut charge, "warning_needs_response");
    s.days_pass(20);
    s.close_dispute(&mut dispute, "warning_closed");
}

fn two_disputes(s: &mut Scene) {
    for _ in 0..2 {
        let mut charge = paid_invoice(s);
        s.days_pass(20);
        s.warn_of_fraud(&charge);
        s.days_pass(1);
        let mut dispute = s.dispute(&mut charge, "needs_response");
        s.days_pass(35);
        s.close_dispute(&mut dispute, "lost");
        s.seconds_pass(60);
    }
}

fn subscription(s: &mut Scene) {
    s.customer_signs_up();
    s.seconds_pass(30);
    let mut subscription = s.subscribe();
    for _ in 0..2 {
        let mut invoice = s.make_out(None, Some(&subscription));
        s.seconds_pass(2);
        s.finalize(&mut invoice);
        let mut payment = s.begin_payment(Some(&invoice));
        s.pay(&mut payment, Some(&mut invoice));
        s.renew(&mut subscription, &invoice);
        s.seconds_pass(MONTH_SECS);
    }
    s.unsubscribe(&mut subscription);
}

fn open_invoice(s: &mut Scene) -> (Invoice, PaymentIntent) {
    let mut invoice = s.make_out(None, None);
    s.seconds_pass(3_600); // Stripe leaves drafts open for an hour
    s.finalize(&mut invoice);
    let payment = s.begin_payment(Some(&invoice));
    s.seconds_pass(2);
    (invoice, payment)
}

fn paid_invoice(s: &mut Scene) -> Charge {
    let (mut invoice, mut payment) = open_invoice(s);
    s.pay(&mut payment, Some(&mut invoice))
}

fn disputed(s: &mut Scene, charge: &mut Charge, result: &'static str) {
    s.days_pass(20);
    let mut dispute = s.dispute(charge, "needs_response");
    s.days_pass(5);
    s.answer_dispute(charge, &mut dispute);
    s.days_pass(60);
    s.close_dispute(&mut dispute, result);
}

#[cfg(test)]
mod tests;
