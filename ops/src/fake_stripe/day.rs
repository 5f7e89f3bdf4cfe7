//! A day of a small marketplace, for `tidegate up --demo`: what its homepage put up, and what buyers, banks and merchants did
//! since yesterday, through Stripe's API, and told by its webhooks.

use std::cell::Cell;

use anyhow::anyhow;
use fake_stripe::FakeStripe;
use serde_json::{Value, json};

const MINUTE_SECS: i64 = 60;
pub const DAY_SECS: i64 = 86_400;

/// What there is to try, by its id.
#[derive(Clone, Debug)]
pub struct Day {
    /// A payment of more than staff may refund alone.
    pub large_payment: String,
    pub small_payment: String,
    pub dispute: String,
    pub failed_invoice: String,
    /// Whom chargebacks ban.
    pub user: &'static str,
}

/// A listing that the homepage puts, whose it is, and what is paid for it.
#[derive(Clone, Copy, Debug)]
pub struct Posted {
    pub id: &'static str,
    /// The place of its owner among the buyers.
    owner: usize,
    pub category: &'static str,
    fee: i64,
    promotions: &'static [(&'static str, i64)],
}

/// Buyers: name, user of the merchant's, card.
const BUYERS: [(&str, &str, &str); 6] = [
    ("Ada Sample", "user_ada", "pm_card_visa"),
    ("Bela Sample", "user_bela", "pm_card_mastercard"),
    ("Chidi Sample", "user_chidi", "pm_card_amex"),
    ("Dana Sample", "user_dana", "pm_card_visa"),
    ("Emre Sample", "user_emre", "pm_card_chargeCustomerFail"),
    ("Freya Sample", "user_freya", "pm_card_discover"),
];
/// They pay without being customers at Stripe.
const GIL: &str = "user_gil";
const HANA: &str = "user_hana";
const IVO: &str = "user_ivo";

const FEATURED: (&str, i64) = ("featured", 500);
const BUMP: (&str, i64) = ("bump", 200);
/// What is posted in the course of the day. The fees are those that the marketplace takes where nobody set others.
pub const POSTED: [Posted; 13] = [
    posted("lst_loft", 0, "Housing", 500, &[FEATURED]),
    posted("lst_barista", 2, "Jobs", 1_000, &[BUMP]),
    posted("lst_pickup", 5, "Cars & Trucks", 500, &[FEATURED, BUMP]),
    posted("lst_room", 1, "Housing", 500, &[]),
    posted("lst_welder", 3, "Jobs", 1_000, &[FEATURED]),
    posted("lst_kayak", 5, "Boats", 500, &[BUMP]),
    posted("lst_scooter", 2, "Motorcycles", 300, &[]),
    posted("lst_cabin", 3, "Housing", 500, &[FEATURED]),
    posted("lst_nurse", 0, "Jobs", 1_000, &[BUMP]),
    posted("lst_skis", 1, "Sports", 0, &[]),
    posted("lst_bikes", 0, "Sports", 0, &[BUMP]),
    posted(REJECTED, 1, "Jewellery", 0, &[FEATURED]),
    posted("lst_van", 4, "Cars & Trucks", 500, &[]),
];
/// What moderation rejects; what was paid for it goes back by itself.
pub const REJECTED: &str = "lst_watch";

const fn posted(
    id: &'static str,
    owner: usize,
    category: &'static str,
    fee: i64,
    promotions: &'static [(&'static str, i64)],
) -> Posted {
    Posted { id, owner, category, fee, promotions }
}

impl Posted {
    pub fn user(&self) -> &'static str {
        BUYERS[self.owner].1
    }
}

/// Lives it: the clock of the fake begins a day ago and ends now.
pub fn live(stripe: &FakeStripe) -> anyhow::Result<Day> {
    let story = Story { stripe, passed: Cell::new(0) };
    stripe.passes(-DAY_SECS);
    let mut customers = Vec::new();
    for (name, user, card) in BUYERS {
        customers.push(story.customer(name, user, card)?);
        story.minutes(7);
    }
    let mut fees = Vec::new();
    for posted in &POSTED {
        let customer = &customers[posted.owner];
        if posted.fee > 0 {
            let fee = story.pays_for(posted, customer, ("listing_fee", posted.fee));
            story.minutes(13);
            if posted.user() == "user_emre" {
                // That it is declined is the point.
                continue;
            }
            fees.push(fee?);
        }
        for promotion in posted.promotions {
            story.pays_for(posted, customer, *promotion)?;
            story.minutes(8);
        }
        story.minutes(25);
    }
    let deposit = Purpose { user: BUYERS[3].1, payment_type: "deposit", category: "campers", listing: None };
    let large_payment = story.pays(&customers[3], "Deposit: camper van", 640_000, &deposit)?;

    // Cards say no.
    for card in [
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_radarBlock",
    ] {
        story.fails(card, IVO);
        story.minutes(5);
    }
    // Buyers want their money back, and one bank gives it back later.
    story.refund(&fees[0], 200, "requested_by_customer")?;
    story.refund(&fees[3], fees[3].amount, "requested_by_customer")?;
    let late = story.pays_with("pm_card_refundFail", "Gift card", 500, HANA)?;
    story.refund(&late, 500, "requested_by_customer")?;
    // Somebody pays twice, and the marketplace gives the second payment back.
    let twice = POSTED.iter().find(|posted| posted.id == "lst_scooter").expect("it is posted");
    story.pays_for(twice, &customers[twice.owner], ("listing_fee", twice.fee))?;
    story.minutes(20);

    // Banks open disputes: one is answered and won, one is given up, one waits.
    let won = story.disputed("pm_card_createDispute", 1_000, HANA)?;
    let lost = story.disputed("pm_card_createDisputeProductNotReceived", 500, GIL)?;
    let dispute = story.disputed("pm_card_createDispute", 2_500, GIL)?;
    story.disputed("pm_card_createDisputeInquiry", 500, HANA)?;
    story.post(
        &format!("/disputes/{won}"),
        &json!({ "evidence": { "uncategorized_text": "winning_evidence" } }),
    )?;
    story.post(&format!("/disputes/{lost}/close"), &json!({}))?;
    story.minutes(30);

    // A shop subscribes; another one's invoice cannot be collected.
    let plan = json!({ "currency": "usd", "unit_amount": 2_900, "nickname": "Shop, monthly", "recurring": { "interval": "month" },
        "product_data": { "name": "Shop" } });
    let plan = story.post("/prices", &plan)?;
    story.post("/subscriptions", &json!({ "customer": customers[0], "items": [{ "price": plan["id"] }], "metadata": { "user_id": BUYERS[0].1 } }))?;
    let failed_invoice = story.uncollected(&customers[4])?;
    story.rest_of_the_day();
    Ok(Day {
        large_payment: large_payment.id,
        small_payment: fees[5].id.clone(),
        dispute,
        failed_invoice,
        user: GIL,
    })
}

struct Story<'s> {
    stripe: &'s FakeStripe,
    /// Seconds of the day so far.
    passed: Cell<i64>,
}

/// What a payment says that it is for.
struct Purpose<'p> {
    user: &'p str,
    payment_type: &'p str,
    category: &'p str,
    listing: Option<&'p str>,
}

struct Payment {
    id: String,
    amount: i64,
}

impl Story<'_> {
    fn minutes(&self, minutes: i64) {
        self.seconds(minutes * MINUTE_SECS);
    }

    fn seconds(&self, secs: i64) {
        self.stripe.passes(secs);
        self.passed.set(self.passed.get() + secs);
    }

    /// Until the clock shows what every other clock does.
    fn rest_of_the_day(&self) {
        self.seconds(DAY_SECS - self.passed.get());
    }

    fn post(&self, path: &str, parameters: &Value) -> anyhow::Result<Value> {
        self.stripe
            .ask("POST", path, parameters)
            .map_err(|refusal| anyhow!("the fake Stripe refused {path}: {refusal}"))
    }

    fn customer(&self, name: &str, user: &str, card: &str) -> anyhow::Result<String> {
        let email = format!("{}@example.com", user.trim_start_matches("user_"));
        let customer = self
            .post("/customers", &json!({ "name": name, "email": email, "metadata": { "user_id": user } }))?;
        let id = id(&customer)?;
        let card = self.post(&format!("/payment_methods/{card}/attach"), &json!({ "customer": id }))?;
        let default = json!({ "invoice_settings": { "default_payment_method": card["id"] } });
        self.post(&format!("/customers/{id}"), &default)?;
        Ok(id)
    }

    fn pays_for(
        &self,
        posted: &Posted,
        customer: &str,
        (what, amount): (&str, i64),
    ) -> anyhow::Result<Payment> {
        let said = match what {
            "listing_fee" => format!("Listing fee: {}", posted.category),
            "bump" => "Bump".to_owned(),
            _ => "Featured for 7 days".to_owned(),
        };
        let purpose = Purpose {
            user: posted.user(),
            payment_type: what,
            category: posted.category,
            listing: Some(posted.id),
        };
        self.pays(customer, &said, amount, &purpose)
    }

    fn pays(
        &self,
        customer: &str,
        what: &str,
        amount: i64,
        purpose: &Purpose<'_>,
    ) -> anyhow::Result<Payment> {
        let found = self
            .stripe
            .ask("GET", &format!("/customers/{customer}"), &json!({}))
            .map_err(|refusal| anyhow!(refusal))?;
        let mut metadata = json!({
            "user_id": purpose.user, "category_id": purpose.category, "payment_type": purpose.payment_type,
        });
        if let Some(listing) = purpose.listing {
            metadata["listing_id"] = json!(listing);
        }
        let asked = json!({
            "amount": amount, "currency": "usd", "customer": customer, "description": what, "confirm": true,
            "payment_method": found["invoice_settings"]["default_payment_method"], "metadata": metadata,
        });
        Ok(Payment { id: id(&self.post("/payment_intents", &asked)?)?, amount })
    }

    fn pays_with(&self, card: &str, what: &str, amount: i64, user: &str) -> anyhow::Result<Payment> {
        let asked = json!({
            "amount": amount, "currency": "usd", "description": what, "payment_method": card, "confirm": true,
            "metadata": { "user_id": user },
        });
        Ok(Payment { id: id(&self.post("/payment_intents", &asked)?)?, amount })
    }

    fn fails(&self, card: &str, user: &str) {
        // That it is declined is the point.
        let _declined = self.pays_with(card, "Gift card", 1_000, user);
    }

    fn refund(&self, payment: &Payment, amount: i64, reason: &str) -> anyhow::Result<()> {
        self.post("/refunds", &json!({ "payment_intent": payment.id, "amount": amount, "reason": reason }))?;
        Ok(())
    }

    fn disputed(&self, card: &str, amount: i64, user: &str) -> anyhow::Result<String> {
        let payment = self.pays_with(card, "Gift card", amount, user)?;
        let list = self
            .stripe
            .ask("GET", "/disputes", &json!({ "payment_intent": payment.id }))
            .map_err(|refusal| anyhow!(refusal))?;
        id(&list["data"][0])
    }

    fn uncollected(&self, customer: &str) -> anyhow::Result<String> {
        let item =
            json!({ "customer": customer, "amount": 4_500, "currency": "usd", "description": "Shop, setup" });
        self.post("/invoiceitems", &item)?;
        let invoice = json!({ "customer": customer, "currency": "usd", "auto_advance": false, "metadata": { "user_id": "user_emre" } });
        let invoice = id(&self.post("/invoices", &invoice)?)?;
        self.post(&format!("/invoices/{invoice}/finalize"), &json!({ "auto_advance": false }))?;
        // That it is declined is the point.
        let _declined = self.post(&format!("/invoices/{invoice}/pay"), &json!({}));
        Ok(invoice)
    }
}

fn id(object: &Value) -> anyhow::Result<String> {
    object["id"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| anyhow!("the fake Stripe answered without an id: {object}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fake_stripe::Setup;

    use super::*;

    async fn lived() -> (FakeStripe, Day) {
        let stripe = FakeStripe::start_with(Setup::default()).await.unwrap();
        let day = live(&stripe).unwrap();
        (stripe, day)
    }

    #[tokio::test]
    async fn the_day_ends_now() {
        let (stripe, _) = lived().await;
        let asked =
            json!({ "amount": 500, "currency": "usd", "confirm": true, "payment_method": "pm_card_visa" });
        let paid = stripe.ask("POST", "/payment_intents", &asked).unwrap();
        let (made, now) = (paid["created"].as_i64().unwrap(), shared::clock::now().timestamp());
        assert!((now - 10..=now).contains(&made), "the fake's clock shows {made}, every other one {now}");
        let customers = stripe.all("", "customer");
        let first = customers.iter().filter_map(|customer| customer["created"].as_i64()).min().unwrap();
        assert!((now - DAY_SECS - 10..=now - DAY_SECS).contains(&first), "it begins a day ago: {first}");
    }

    #[tokio::test]
    async fn every_payment_for_a_listing_is_its_owners() {
        let (stripe, _) = lived().await;
        let mut paid_for = BTreeSet::new();
        for payment in stripe.all("", "payment_intent") {
            let Some(listing) = payment["metadata"]["listing_id"].as_str() else { continue };
            let posted = POSTED.iter().find(|posted| posted.id == listing).unwrap();
            assert_eq!(payment["metadata"]["user_id"], posted.user(), "{payment}");
            paid_for.insert(posted.id);
        }
        let wanted = POSTED.iter().filter(|posted| posted.fee > 0 || !posted.promotions.is_empty());
        assert_eq!(paid_for, wanted.map(|posted| posted.id).collect());
    }
}
