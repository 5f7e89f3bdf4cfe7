//! The stories that samples tell. Each is a history that could have happened, told in the order in which it
//! would have; what reaches the gateway may be shuffled and repeated afterwards.

use super::dice::Dice;
use super::objects::{ApiVersion, Charge, DECLINES, Invoice, MONTH_SECS, Payment};
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
pub struct Told {
    pub story: &'static str,
    pub samples: Vec<Sample>,
    pub cast: Vec<Named>,
}

/// Simple ones first: an event type alone is told by the first story that has it.
pub const STORIES: &[Story] = &[
    Story { name: "paid", about: "an invoice is made out, finalized and paid", days: 1, tell: paid },
    Story {
        name: "one-off",
        about: "a payment on the merchant's own invoice, after a 3-D Secure check",
        days: 1,
        tell: one_off,
    },
    Story { name: "canceled", about: "a payment that the customer abandons", days: 2, tell: canceled },
    Story { name: "declined", about: "an expired card; trying again is no use", days: 1, tell: declined },
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
    Story {
        name: "partly-refunded",
        about: "a part of a payment is refunded",
        days: 6,
        tell: partly_refunded,
    },
    Story {
        name: "refund-failed",
        about: "a refund comes back from the bank",
        days: 10,
        tell: refund_failed,
    },
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
    Story { name: "inquiry", about: "a bank asks, and is content with the answer", days: 41, tell: inquiry },
    Story {
        name: "two-disputes",
        about: "one user loses two disputes: enough for a ban",
        days: 113,
        tell: two_disputes,
    },
    Story {
        name: "subscription",
        about: "a subscription begins, renews and is cancelled",
        days: 62,
        tell: subscription,
    },
];

pub fn named(name: &str) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.name == name)
}

/// The first story with an event of this type.
pub fn with_event(kind: &str, style: Style) -> Option<&'static Story> {
    STORIES.iter().find(|story| story.told(style, 0, None).samples.iter().any(|sample| sample.kind == kind))
}

impl Story {
    /// Tells the story, up to and including the first event of the type `until` where one is given.
    pub fn told(&self, style: Style, number: u64, until: Option<&str>) -> Told {
        let dice = Dice::new(style.seed, number);
        let mut scene = Scene::new(dice, style.api_version, style.livemode, style.end - self.days * 86_400);
        (self.tell)(&mut scene);
        let (mut samples, mut cast) = scene.end();
        if let Some(last) = samples.iter().position(|sample| Some(sample.kind) == until) {
            samples.truncate(last + 1);
            cast.retain(|named| {
                let id = named.id.as_bytes();
                samples.iter().any(|sample| sample.body.windows(id.len()).any(|window| window == id))
            });
        }
        Told { story: self.name, samples, cast }
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
    let number = s.dice.below(900_000) + 100_000;
    s.setting.metadata["invoice_id"] = format!("inv_{number}").into();
    s.setting.metadata["invoice_amount"] = s.amount.to_string().into();
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
    s.decline(&mut payment, Some(&mut invoice), &DECLINES.expired_card, None);
}

fn retried(s: &mut Scene) {
    let (mut invoice, mut payment) = open_invoice(s);
    s.decline(&mut payment, Some(&mut invoice), &DECLINES.insufficient_funds, Some(3));
    s.days_pass(3);
    s.decline(&mut payment, Some(&mut invoice), &DECLINES.insufficient_funds, Some(5));
    s.days_pass(5);
    s.pay(&mut payment, Some(&mut invoice));
}

fn overdue(s: &mut Scene) {
    let (mut invoice, mut payment) = open_invoice(s);
    s.decline(&mut payment, Some(&mut invoice), &DECLINES.generic, None);
    for days in [3, 7, 14] {
        s.days_pass(days);
        s.decline(&mut payment, Some(&mut invoice), &DECLINES.insufficient_funds, None);
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
    let (payment, mut charge) = paid_invoice(s);
    s.days_pass(2);
    let mut refund = s.refund(&payment, &mut charge, payment.amount, "succeeded");
    s.days_pass(3);
    s.settle_refund(&payment, &mut charge, &mut refund, "succeeded");
}

fn partly_refunded(s: &mut Scene) {
    let (payment, mut charge) = paid_invoice(s);
    s.days_pass(2);
    let part = (payment.amount / 30).max(1) * 10;
    let mut refund = s.refund(&payment, &mut charge, part, "succeeded");
    s.days_pass(3);
    s.settle_refund(&payment, &mut charge, &mut refund, "succeeded");
}

fn refund_failed(s: &mut Scene) {
    let (payment, mut charge) = paid_invoice(s);
    s.days_pass(2);
    let mut refund = s.refund(&payment, &mut charge, payment.amount, "succeeded");
    s.days_pass(7);
    s.settle_refund(&payment, &mut charge, &mut refund, "failed");
}

fn dispute_lost(s: &mut Scene) {
    let (payment, mut charge) = paid_invoice(s);
    disputed(s, &payment, &mut charge, "lost");
}

fn dispute_won(s: &mut Scene) {
    let (payment, mut charge) = paid_invoice(s);
    disputed(s, &payment, &mut charge, "won");
}

fn inquiry(s: &mut Scene) {
    let (payment, mut charge) = paid_invoice(s);
    s.days_pass(20);
    let mut dispute = s.dispute(&payment, &mut charge, "warning_needs_response");
    s.days_pass(20);
    s.close_dispute(&payment, &charge, &mut dispute, "warning_closed");
}

fn two_disputes(s: &mut Scene) {
    for _ in 0..2 {
        let (payment, mut charge) = paid_invoice(s);
        s.days_pass(20);
        s.warn_of_fraud(&payment, &charge);
        s.days_pass(1);
        let mut dispute = s.dispute(&payment, &mut charge, "needs_response");
        s.days_pass(35);
        s.close_dispute(&payment, &charge, &mut dispute, "lost");
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

fn open_invoice(s: &mut Scene) -> (Invoice, Payment) {
    let mut invoice = s.make_out(None, None);
    s.seconds_pass(3_600); // Stripe leaves drafts open for an hour
    s.finalize(&mut invoice);
    let payment = s.begin_payment(Some(&invoice));
    s.seconds_pass(2);
    (invoice, payment)
}

fn paid_invoice(s: &mut Scene) -> (Payment, Charge) {
    let (mut invoice, mut payment) = open_invoice(s);
    let charge = s.pay(&mut payment, Some(&mut invoice));
    (payment, charge)
}

fn disputed(s: &mut Scene, payment: &Payment, charge: &mut Charge, result: &'static str) {
    s.days_pass(20);
    let mut dispute = s.dispute(payment, charge, "needs_response");
    s.days_pass(5);
    s.answer_dispute(payment, charge, &mut dispute);
    s.days_pass(60);
    s.close_dispute(payment, charge, &mut dispute, result);
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const END: i64 = 1_793_491_200;

    fn styles() -> impl Iterator<Item = Style> {
        [ApiVersion::Dahlia, ApiVersion::Acacia].into_iter().flat_map(|api_version| {
            (0..6).map(move |seed| Style { seed, api_version, livemode: false, end: END })
        })
    }

    fn every_story() -> impl Iterator<Item = (Style, Told, Vec<Value>)> {
        styles().flat_map(|style| {
            STORIES.iter().map(move |story| {
                let told = story.told(style, 0, None);
                let events = told.samples.iter().map(|s| serde_json::from_slice(&s.body).unwrap()).collect();
                (style, told, events)
            })
        })
    }

    #[test]
    fn every_event_is_one_of_stripes() {
        for (style, told, events) in every_story() {
            assert!(!events.is_empty());
            for (sample, event) in told.samples.iter().zip(&events) {
                assert_eq!(event["object"], "event");
                assert_eq!(event["id"], sample.id.as_str());
                assert_eq!(event["type"], sample.kind);
                assert_eq!(event["created"], sample.created);
                assert_eq!(event["livemode"], false);
                assert_eq!(event["api_version"], style.api_version.as_str());
                let object = &event["data"]["object"];
                assert!(object["id"].as_str().unwrap().contains('_'), "{}", sample.kind);
                assert!(object["object"].is_string() && object["created"].is_i64(), "{}", sample.kind);
            }
        }
    }

    #[test]
    fn ids_are_distinct_and_events_are_in_order_of_time() {
        for (_, told, _) in every_story() {
            let mut ids: Vec<&str> = told.samples.iter().map(|sample| sample.id.as_str()).collect();
            assert!(told.samples.is_sorted_by_key(|sample| sample.created), "{}", told.story);
            let last = told.samples.last().unwrap().created;
            assert!(last <= END && last > END - 2 * 86_400, "{} ends at its end", told.story);
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), told.samples.len());
        }
    }

    #[test]
    fn samples_are_as_large_as_stripes_events() {
        for style in styles() {
            let told = STORIES.iter().map(|story| story.told(style, 0, None));
            let sizes: Vec<usize> = told.flat_map(|told| told.samples).map(|s| s.body.len()).collect();
            let mean = sizes.iter().sum::<usize>() / sizes.len();
            assert!((2_500..=5_000).contains(&mean), "{mean} bytes on average");
            assert!(sizes.iter().all(|&size| size < 8_000));
        }
    }

    #[test]
    fn objects_name_each_other_and_agree_on_money() {
        for (style, told, events) in every_story() {
            let objects = |kind: &'static str| {
                events
                    .iter()
                    .map(|event| &event["data"]["object"])
                    .filter(move |object| object["object"] == kind)
            };
            let currencies: Vec<_> =
                events.iter().filter_map(|event| event["data"]["object"]["currency"].as_str()).collect();
            assert!(currencies.iter().all(|currency| *currency == currencies[0]));
            for charge in objects("charge") {
                let payment =
                    objects("payment_intent").find(|payment| payment["id"] == charge["payment_intent"]);
                assert_eq!(payment.unwrap()["amount"], charge["amount"], "{}", told.story);
                assert!(charge["amount_refunded"].as_i64() <= charge["amount"].as_i64());
            }
            for dispute in objects("dispute") {
                assert!(
                    objects("charge")
                        .any(|c| c["id"] == dispute["charge"] && c["amount"] == dispute["amount"])
                );
            }
            for refund in objects("refund") {
                assert!(objects("charge").any(|c| c["id"] == refund["charge"]));
                assert!(refund["amount"].as_i64().unwrap() > 0);
            }
            for paid in objects("invoice").filter(|invoice| invoice["status"] == "paid") {
                assert_eq!(paid["amount_paid"], paid["total"]);
                let linked = match style.api_version {
                    ApiVersion::Dahlia => {
                        objects("invoice_payment").any(|link| link["invoice"] == paid["id"])
                    }
                    ApiVersion::Acacia => {
                        objects("payment_intent").any(|p| p["id"] == paid["payment_intent"])
                    }
                };
                assert!(linked, "{} says what paid the invoice", told.story);
            }
        }
    }

    #[test]
    fn links_stand_where_the_api_version_has_them() {
        for (style, told, events) in every_story() {
            let moved = style.api_version == ApiVersion::Dahlia;
            for event in &events {
                let object = &event["data"]["object"];
                match object["object"].as_str().unwrap() {
                    "invoice" => assert_eq!(object.get("payment_intent").is_none(), moved, "{}", told.story),
                    "charge" => assert_eq!(object.get("invoice").is_none(), moved, "{}", told.story),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_story_is_told_up_to_the_event_that_was_asked_for() {
        let style = styles().next().unwrap();
        let told = named("dispute-lost").unwrap().told(style, 0, Some("payment_intent.succeeded"));
        assert_eq!(told.samples.last().unwrap().kind, "payment_intent.succeeded");
        assert!(told.cast.iter().all(|named| named.kind != "dispute"), "it has not happened yet");
        for kind in all_kinds(style) {
            assert!(with_event(kind, style).is_some());
        }
    }

    #[test]
    fn no_two_stories_share_an_id_and_one_seed_repeats_itself() {
        let style = styles().next().unwrap();
        let ids = |number| named("paid").unwrap().told(style, number, None).samples.into_iter().map(|s| s.id);
        assert!(ids(0).all(|id| ids(1).all(|other| id != other)));
        assert!(ids(0).eq(ids(0)));
    }
}
