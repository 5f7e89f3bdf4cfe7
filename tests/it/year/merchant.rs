//! The merchant: sells, refunds, is disputed and paid out on a fake Stripe, whose events reach the ledger, unless one of
//! the plants keeps or changes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use desk::reconcile::{Comparing, days_due, run};
use envelope::Envelope;
use fake_stripe::{FakeStripe, Setup};
use harness::histories::agreeing;
use ledger::Ledger;
use serde_json::{Value, json};
use shared::env::Env;
use stripe_api::{Api, StripeConfig};
use stripe_sim::Random;
use tokio_util::sync::CancellationToken;

use super::plants;
use crate::ledgers::{envelope, together};

const START: &str = "2025-11-03T00:00:00Z";
/// What the clock of `ledgers::envelope` begins with.
const EPOCH: i64 = 1_780_000_000;
pub(super) const CURRENCIES: [&str; 3] = ["usd", "eur", "jpy"];
const EVENTS_A_BATCH: usize = 200;

/// A sale that was paid.
#[derive(Clone, Debug)]
pub(super) struct Sale {
    pub(super) payment: String,
    pub(super) charge: String,
    pub(super) amount: i64,
    pub(super) day: i64,
}

pub(super) struct Merchant<'l> {
    ledger: &'l Ledger,
    pub(super) stripe: FakeStripe,
    api: Api,
    pub(super) random: Random,
    pub(super) day: i64,
    customer: String,
    pub(super) sales: Vec<Sale>,
    /// Sales that something was planted in, or that were refunded or disputed: they are left alone.
    pub(super) touched: BTreeSet<String>,
    disputes: Vec<(String, i64)>,
    last_event: Option<String>,
    /// Objects whose events never reach the ledger; with a status only those that show it.
    pub(super) hidden: BTreeSet<(String, Option<&'static str>)>,
    /// Fields that the ledger hears with other values.
    pub(super) altered: BTreeMap<String, Vec<(&'static str, i64)>>,
    /// Kind and subject of each.
    pub(super) planted: BTreeSet<(String, String)>,
    pub(super) runs: usize,
}

impl<'l> Merchant<'l> {
    pub(super) async fn open(ledger: &'l Ledger, seed: u64) -> Self {
        let stripe = FakeStripe::start_with(Setup { livemode: true, seed: Some(seed), ..Setup::default() })
            .await
            .unwrap();
        stripe.admin("POST", "/settings", &json!({ "available_after_secs": 86_400 })).unwrap();
        let mut settings = stripe.settings();
        settings.push(("STRIPE_RATE_PER_SEC", "100".to_owned()));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let config = StripeConfig::from_env(&Env::of(&settings)).unwrap().unwrap();
        let api = Api::open(&config, CancellationToken::new()).unwrap();
        let mut merchant = Self {
            ledger,
            stripe,
            api,
            random: Random::of_seed(seed),
            day: 0,
            customer: String::new(),
            sales: Vec::new(),
            touched: BTreeSet::new(),
            disputes: Vec::new(),
            last_event: None,
            hidden: BTreeSet::new(),
            altered: BTreeMap::new(),
            planted: BTreeSet::new(),
            runs: 0,
        };
        merchant.at(8, 0);
        let customer = merchant.ask("POST", "/customers", &json!({ "name": "Ada Sample" }));
        merchant.customer = id(&customer);
        let card = json!({ "customer": merchant.customer });
        let card = merchant.ask("POST", "/payment_methods/pm_card_visa/attach", &card);
        let default = json!({ "invoice_settings": { "default_payment_method": card["id"] } });
        merchant.ask("POST", &format!("/customers/{}", merchant.customer), &default);
        merchant
    }

    pub(super) fn ask(&self, method: &str, path: &str, parameters: &Value) -> Value {
        self.stripe
            .ask(method, path, parameters)
            .unwrap_or_else(|refusal| panic!("{method} {path}: {refusal}"))
    }

    /// A number below another.
    pub(super) fn any(&mut self, below: usize) -> usize {
        usize::try_from(self.random.within(0..u64::try_from(below).unwrap())).unwrap()
    }

    fn midnight(day: i64) -> DateTime<Utc> {
        START.parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day)
    }

    /// The clock of today.
    pub(super) fn at(&self, hour: i64, minute: i64) {
        let now = Self::midnight(self.day) + TimeDelta::hours(hour) + TimeDelta::minutes(minute);
        self.stripe.admin("POST", "/clock", &json!({ "now": now.timestamp() })).unwrap();
    }

    pub(super) async fn lives_a_day(&mut self, sales: usize, planted: usize) {
        for sale in 0..sales {
            self.at(9 + i64::try_from(sale % 10).unwrap(), 7);
            self.sells();
        }
        self.at(19, 0);
        self.refunds_disputes_and_fails();
        if self.day % 3 == 0 {
            self.invoices();
        }
        self.stripe.passes(600);
        for _ in 0..planted {
            plants::plant(self);
        }
        self.at(21, 0);
        self.is_paid_out();
        self.ends_the_day().await;
    }

    /// Days without anything to sell, in which the rest settles.
    pub(super) async fn rests(&mut self, days: usize) {
        for _ in 0..days {
            self.at(21, 0);
            self.is_paid_out();
            self.ends_the_day().await;
        }
    }

    pub(super) fn sells(&mut self) -> Sale {
        let currency = CURRENCIES[self.any(3)];
        let amount = 500 + i64::try_from(self.any(20_000)).unwrap();
        let asked = json!({
            "amount": amount, "currency": currency, "payment_method": "pm_card_visa", "confirm": true,
            "return_url": "https://shop.example/",
        });
        let payment = self.ask("POST", "/payment_intents", &asked);
        let charge = payment["latest_charge"].as_str().expect("it is paid").to_owned();
        let sale = Sale { payment: id(&payment), charge, amount, day: self.day };
        self.sales.push(sale.clone());
        sale
    }

    /// A sale of the last days that nothing has happened to.
    pub(super) fn fresh(&mut self, of_today: bool) -> Sale {
        let day = self.day;
        let untouched = |sale: &&Sale| {
            !self.touched.contains(&sale.charge)
                && if of_today { sale.day == day } else { sale.day >= day - 20 }
        };
        let found: Vec<Sale> = self.sales.iter().filter(untouched).cloned().collect();
        let sale = if found.is_empty() {
            let sale = self.sells();
            self.stripe.passes(60);
            sale
        } else {
            found[self.any(found.len())].clone()
        };
        self.touched.insert(sale.charge.clone());
        sale
    }

    pub(super) fn refund(&mut self, sale: &Sale, amount: i64) -> String {
        let refund = self.ask("POST", "/refunds", &json!({ "charge": sale.charge, "amount": amount }));
        self.stripe.passes(10);
        id(&refund)
    }

    pub(super) fn dispute(&mut self, sale: &Sale) -> String {
        let asked = json!({ "charge": sale.charge, "reason": "fraudulent", "livemode": true });
        id(&self.stripe.admin("POST", "/disputes", &asked).unwrap())
    }

    fn refunds_disputes_and_fails(&mut self) {
        let sale = self.fresh(false);
        let part = sale.amount / 2;
        let refund = self.refund(&sale, part);
        match self.day % 4 {
            0 => drop(self.stripe.admin(
                "POST",
                &format!("/refunds/{refund}"),
                &json!({ "status": "failed", "reason": "expired_or_canceled_card", "livemode": true }),
            )),
            1 => {
                let sale = self.fresh(false);
                let dispute = self.dispute(&sale);
                self.disputes.push((dispute, self.day));
            }
            _ => {
                let declined = json!({ "amount": 900, "currency": "usd", "confirm": true,
                    "payment_method": "pm_card_chargeDeclined", "return_url": "https://shop.example/" });
                assert!(self.stripe.ask("POST", "/payment_intents", &declined).is_err(), "the bank declines");
            }
        }
        let ended: Vec<String> =
            self.disputes.iter().filter(|(_, day)| day + 3 == self.day).map(|(id, _)| id.clone()).collect();
        for dispute in ended {
            let status = if self.any(2) == 0 { "won" } else { "lost" };
            let asked = json!({ "status": status, "livemode": true });
            self.stripe.admin("POST", &format!("/disputes/{dispute}"), &asked).unwrap();
        }
    }

    /// Gives the invoice, which is paid.
    pub(super) fn invoices(&mut self) -> String {
        let item =
            json!({ "customer": self.customer, "amount": 4_500, "currency": "usd", "description": "Setup" });
        self.ask("POST", "/invoiceitems", &item);
        let invoice = json!({ "customer": self.customer, "currency": "usd", "auto_advance": false });
        let invoice = id(&self.ask("POST", "/invoices", &invoice));
        let paid = self.ask("POST", &format!("/invoices/{invoice}/pay"), &json!({}));
        assert_eq!(paid["status"], "paid", "{paid}");
        invoice
    }

    /// By schedule all that is available, every fifth day a part by hand before it; some come back.
    fn is_paid_out(&mut self) {
        for currency in CURRENCIES {
            if self.day % 5 == 2 {
                // Where there is too little, Stripe refuses.
                drop(self.stripe.ask("POST", "/payouts", &json!({ "amount": 700, "currency": currency })));
            }
            self.stripe.passes(1);
            let paid =
                self.stripe.admin("POST", "/payouts", &json!({ "currency": currency, "livemode": true }));
            if let Ok(payout) = paid
                && self.day % 7 == 3
                && currency == "eur"
            {
                self.stripe.passes(60);
                let failed = json!({ "status": "failed", "livemode": true });
                self.stripe.admin("POST", &format!("/payouts/{}", id(&payout)), &failed).unwrap();
            }
        }
    }

    /// The events reach the ledger, and in the morning what is due is compared.
    async fn ends_the_day(&mut self) {
        self.day += 1;
        self.at(5, 50);
        self.stripe.passes(0);
        self.tells().await;
        self.at(6, 0);
        let now = Self::midnight(self.day) + TimeDelta::hours(6) + TimeDelta::minutes(1);
        let comparing = Comparing { ledger: self.ledger, api: &self.api, queue: None, account: "" };
        for day in days_due(self.ledger, "", true, now).await.unwrap() {
            let compared = tokio::time::timeout(Duration::from_mins(1), run(comparing, day, now)).await;
            let compared = compared.expect("a day is compared within a minute").unwrap();
            assert_eq!(compared.run.reason, None, "{day}");
            self.runs += 1;
        }
    }

    async fn tells(&mut self) {
        let mut bodies: Vec<Value> = Vec::new();
        let mut asked = json!({ "limit": 100 });
        'pages: loop {
            let listed = self.ask("GET", "/events", &asked);
            for event in listed["data"].as_array().unwrap() {
                if event["id"].as_str() == self.last_event.as_deref() {
                    break 'pages;
                }
                bodies.push(event.clone());
            }
            if listed["has_more"] != true {
                break;
            }
            asked["starting_after"] = bodies.last().unwrap()["id"].clone();
        }
        if let Some(newest) = bodies.first() {
            self.last_event = Some(id(newest));
        }
        let events: Vec<Envelope> = bodies.iter().rev().filter_map(|event| self.heard(event)).collect();
        for batch in events.chunks(EVENTS_A_BATCH) {
            together(self.ledger, &batch.iter().collect::<Vec<_>>()).await;
        }
    }

    /// As the ledger hears it, if it does.
    fn heard(&self, event: &Value) -> Option<Envelope> {
        let mut object = event["data"]["object"].clone();
        let (name, status) = (id(&object), object["status"].as_str());
        let is_hidden = |(hidden, shows): &(String, Option<&str>)| {
            *hidden == name && shows.is_none_or(|shows| Some(shows) == status)
        };
        if self.hidden.iter().any(is_hidden) {
            return None;
        }
        for (field, by) in self.altered.get(&name).into_iter().flatten() {
            let value = object[*field].as_i64().unwrap_or(0);
            object[*field] = json!(value + by);
        }
        let created = event["created"].as_i64().unwrap();
        let mut told = envelope(&id(event), event["type"].as_str().unwrap(), created - EPOCH, &object);
        told.header.api_version = event["api_version"].as_str().map(str::to_owned);
        Some(agreeing(told))
    }

    pub(super) fn transactions(&self) -> usize {
        self.stripe.all("", "balance_transaction").len()
    }

    pub(super) fn note(&mut self, kind: &str, subject: &str) {
        assert!(self.planted.insert((kind.to_owned(), subject.to_owned())), "{kind} {subject} twice");
    }
}

pub(super) fn id(object: &Value) -> String {
    object["id"].as_str().expect("an object has an id").to_owned()
}
