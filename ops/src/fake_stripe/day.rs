//! A day of a small marketplace, for `tidegate up --demo`: what buyers, banks and merchants did since yesterday, through
//! Stripe's API, and told by its webhooks.

use anyhow::anyhow;
use fake_stripe::FakeStripe;
use serde_json::{Value, json};

const MINUTE_SECS: i64 = 60;
const DAY_SECS: i64 = 86_400;

/// What there is to try, by its id.
#[derive(Clone, Debug)]
pub struct Day {
    /// A payment of more than staff may refund alone.
    pub large_payment: String,
    pub small_payment: String,
    pub dispute: String,
    pub failed_invoice: String,
    pub user: &'static str,
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
/// Goods: what is paid for, its category, and its price.
const GOODS: [(&str, &str, i64); 6] = [
    ("Listing fee: Housing", "housing", 500),
    ("Listing fee: Jobs", "jobs", 1_000),
    ("Listing fee: Cars & Trucks", "cars", 500),
    ("Featured for 7 days", "featured", 500),
    ("Bump", "bump", 200),
    ("Deposit: camper van", "campers", 640_000),
];

/// Lives it: the clock of the fake begins a day ago and ends now.
pub fn live(stripe: &FakeStripe) -> anyhow::Result<Day> {
    let story = Story { stripe };
    stripe.passes(-DAY_SECS);
    let mut buyers = Vec::new();
    for (name, user, card) in BUYERS {
        buyers.push((story.customer(name, user, card)?, user));
        story.minutes(7);
    }
    let mut payments = Vec::new();
    for round in 0..4 {
        for (place, (what, category, price)) in GOODS.iter().take(5).enumerate() {
            let (buyer, user) = &buyers[(round + place) % buyers.len()];
            if *user != "user_emre" {
                payments.push(story.pays(buyer, user, what, category, *price)?);
            }
            story.minutes(11);
        }
    }
    let (what, category, price) = GOODS[5];
    let large_payment = story.pays(&buyers[3].0, buyers[3].1, what, category, price)?;

    // Cards say no.
    for card in [
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_radarBlock",
    ] {
        story.fails(card);
        story.minutes(5);
    }
    // Buyers want their money back, and one bank gives it back later.
    story.refund(&payments[0], 200, "requested_by_customer")?;
    story.refund(&payments[3], payments[3].amount, "duplicate")?;
    let late = story.pays_with("pm_card_refundFail", "Featured for 7 days", 500)?;
    story.refund(&late, 500, "requested_by_customer")?;
    story.minutes(20);

    // Banks open disputes: one is answered and won, one is given up, one waits.
    let won = story.disputed("pm_card_createDispute", 1_000)?;
    let lost = story.disputed("pm_card_createDisputeProductNotReceived", 500)?;
    let dispute = story.disputed("pm_card_createDispute", 2_500)?;
    story.disputed("pm_card_createDisputeInquiry", 500)?;
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
    story.post("/subscriptions", &json!({ "customer": buyers[0].0, "items": [{ "price": plan["id"] }], "metadata": { "user_id": buyers[0].1 } }))?;
    let failed_invoice = story.uncollected(&buyers[4].0)?;
    story.minutes(90);

    let left = DAY_SECS - story.elapsed();
    stripe.passes(left.max(0));
    Ok(Day {
        large_payment: large_payment.id,
        small_payment: payments[5].id.clone(),
        dispute,
        failed_invoice,
        user: BUYERS[3].1,
    })
}

struct Story<'s> {
    stripe: &'s FakeStripe,
}

struct Payment {
    id: String,
    amount: i64,
}

impl Story<'_> {
    fn minutes(&self, minutes: i64) {
        self.stripe.passes(minutes * MINUTE_SECS);
    }

    /// Seconds of the day so far, by the stamps of the first and the latest event.
    fn elapsed(&self) -> i64 {
        let stamp = |path: &str| {
            let events = self.stripe.ask("GET", path, &json!({ "limit": 1 })).unwrap_or_default();
            events["data"][0]["created"].as_i64().unwrap_or(0)
        };
        let customers = self.stripe.all("", "customer");
        let first = customers.last().and_then(|customer| customer["created"].as_i64()).unwrap_or(0);
        stamp("/events") - first
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

    fn pays(
        &self,
        customer: &str,
        user: &str,
        what: &str,
        category: &str,
        amount: i64,
    ) -> anyhow::Result<Payment> {
        let found = self
            .stripe
            .ask("GET", &format!("/customers/{customer}"), &json!({}))
            .map_err(|refusal| anyhow!(refusal))?;
        let asked = json!({
            "amount": amount, "currency": "usd", "customer": customer, "description": what, "confirm": true,
            "payment_method": found["invoice_settings"]["default_payment_method"],
            "metadata": { "user_id": user, "category_id": category, "payment_type": "listing_fee" },
        });
        Ok(Payment { id: id(&self.post("/payment_intents", &asked)?)?, amount })
    }

    fn pays_with(&self, card: &str, what: &str, amount: i64) -> anyhow::Result<Payment> {
        let asked = json!({ "amount": amount, "currency": "usd", "description": what, "payment_method": card, "confirm": true });
        Ok(Payment { id: id(&self.post("/payment_intents", &asked)?)?, amount })
    }

    fn fails(&self, card: &str) {
        // That it is declined is the point.
        let _declined = self.pays_with(card, "Listing fee: Jobs", 1_000);
    }

    fn refund(&self, payment: &Payment, amount: i64, reason: &str) -> anyhow::Result<()> {
        self.post("/refunds", &json!({ "payment_intent": payment.id, "amount": amount, "reason": reason }))?;
        Ok(())
    }

    fn disputed(&self, card: &str, amount: i64) -> anyhow::Result<String> {
        let payment = self.pays_with(card, "Featured for 7 days", amount)?;
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
