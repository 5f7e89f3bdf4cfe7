//! Random walks of one listing after another: put, put elsewhere, asked for, paid by whatever secret there is or by an
//! intent of the homepage's own, given back, and new prices. Whatever happens, no listing is active for less than its
//! category costs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ledger::Ledger;
use marketplace::State;
use marketplace::acts::pay::ToPay;
use marketplace::acts::put::{Put, put};
use marketplace::acts::set_term::{NewTerm, set_term};
use marketplace::terms::{LISTING_FEE, slug};
use serde_json::json;
use shared::clock;
use stripe_sim::Random;

use super::shop::{Shop, homepage, key, manager};
use crate::ledgers::each_ledger;

const WALKS: usize = 10;
const STEPS: usize = 45;
const CATEGORIES: [&str; 5] = ["Motorcycles", "Housing", "Jobs", "Lofts", "Free stuff"];
const CURRENCIES: [&str; 4] = ["usd", "usd", "usd", "eur"];
const PRICES: [i64; 4] = [0, 300, 500, 1_000];

/// What the test knows by itself.
struct Walk<'a> {
    shop: &'a Shop,
    prices: &'a mut Prices,
    random: &'a mut Random,
    listing: String,
    /// The category and currency that it has, and since when.
    place: Option<(&'static str, &'static str, DateTime<Utc>)>,
    secrets: Vec<ToPay>,
    counts: &'a mut BTreeMap<&'static str, usize>,
    passed: &'a mut i64,
}

/// Every price that ever was, the oldest first.
#[derive(Default)]
struct Prices(Vec<(DateTime<Utc>, String, String, i64)>);

impl Prices {
    fn usual() -> Self {
        let usual = [("Motorcycles", 300), ("Housing", 500), ("Jobs", 1_000)];
        let row = |(category, value)| (DateTime::UNIX_EPOCH, slug(category), "usd".to_owned(), value);
        Self(usual.map(row).into())
    }

    /// A category that costs nothing in any currency is free in each.
    fn at(&self, category: &str, currency: &str, at: DateTime<Utc>) -> i64 {
        let own = || self.0.iter().rev().filter(|row| row.0 <= at && row.1 == slug(category));
        let found = own().find(|row| row.2 == currency);
        assert!(found.is_some() || own().next().is_none(), "{category} is not sold in {currency}");
        found.map_or(0, |row| row.3)
    }

    /// The lowest from one moment to another.
    fn lowest(&self, category: &str, currency: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
        let moments = self.0.iter().map(|row| row.0).filter(|at| (from..=to).contains(at));
        moments.chain([from]).map(|at| self.at(category, currency, at)).min().unwrap()
    }
}

impl Walk<'_> {
    fn now(&self) -> DateTime<Utc> {
        clock::now() + TimeDelta::seconds(*self.passed)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *self.random.pick(of)
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn passes(&mut self, secs: i64) {
        self.shop.stripe.passes(secs);
        *self.passed += secs;
    }

    async fn step(&mut self) {
        let seconds = self.pick(&[1, 2, 60, 3_600]);
        self.passes(seconds);
        match self.random.within(0..100) {
            0..30 => self.puts().await,
            30..50 => self.asks().await,
            50..68 => self.pays(),
            68..76 => self.pays_directly(),
            76..80 => self.gives_back().await,
            80..84 => self.sets_a_price().await,
            84..88 => {
                let days = self.pick(&[1, 29, 31]);
                self.passes(days * 86_400);
            }
            _ => self.settles().await,
        }
        self.holds().await;
    }

    async fn puts(&mut self) {
        let (category, currency) = (self.pick(&CATEGORIES), self.pick(&CURRENCIES));
        let now = self.now();
        let wanted = Put {
            key: key(&self.listing),
            user: "user_1".to_owned(),
            category: category.to_owned(),
            currency: currency.to_owned(),
        };
        match put(&self.shop.ledger, &wanted, &homepage(), now).await {
            Ok(_) if self.place.is_some_and(|place| (place.0, place.1) == (category, currency)) => {}
            Ok(_) => {
                self.count(if self.place.is_some() { "moved" } else { "put" });
                self.place = Some((category, currency, now));
            }
            Err(refused) => self.count(refused.code()),
        }
    }

    async fn asks(&mut self) {
        match self.shop.ask_at(&self.listing, LISTING_FEE, self.now()).await {
            Ok(to_pay) => self.secrets.push(to_pay),
            Err(refused) => self.count(refused.code()),
        }
    }

    /// By any secret that was ever handed out; some of them are canceled, or were paid.
    fn pays(&mut self) {
        if self.secrets.is_empty() {
            return;
        }
        let place = usize::try_from(self.random.within(0..self.secrets.len() as u64)).unwrap();
        let path = format!("/payment_intents/{}/confirm", self.secrets[place].payment_intent);
        let paid = self.shop.stripe.ask("POST", &path, &json!({ "payment_method": "pm_card_visa" }));
        self.count(if paid.is_ok() { "paid" } else { "secret is void" });
    }

    fn pays_directly(&mut self) {
        let (amount, currency) = (self.pick(&PRICES[1..]), self.pick(&CURRENCIES));
        let category = self.pick(&CATEGORIES);
        let made = self.shop.stripe.ask(
            "POST",
            "/payment_intents",
            &json!({ "amount": amount, "currency": currency, "metadata": { "listing_id": self.listing,
                "user_id": "user_1", "category_id": category, "payment_type": LISTING_FEE } }),
        );
        self.shop.pays_intent(made.unwrap()["id"].as_str().unwrap());
        self.count("paid directly");
    }

    fn paid(&self) -> Vec<serde_json::Value> {
        let mut intents = self.shop.stripe.all("", "payment_intent");
        intents.retain(|it| {
            it["metadata"]["listing_id"] == self.listing.as_str() && it["status"] == "succeeded"
        });
        intents
    }

    async fn gives_back(&mut self) {
        let paid = self.paid();
        if paid.is_empty() {
            return;
        }
        let place = usize::try_from(self.random.within(0..paid.len() as u64)).unwrap();
        let path = json!({ "payment_intent": paid[place]["id"] });
        if self.shop.stripe.ask("POST", "/refunds", &path).is_ok() {
            self.count("given back");
        }
        self.settles().await;
    }

    async fn sets_a_price(&mut self) {
        let term = NewTerm {
            name: format!("{LISTING_FEE}.{}", slug(self.pick(&CATEGORIES[..4]))),
            currency: self.pick(&CURRENCIES).to_owned(),
            value: self.pick(&PRICES),
            reason: "a walk".to_owned(),
        };
        let set = set_term(&self.shop.ledger, &term, &manager(), self.now()).await.unwrap();
        let category = term.name.split_once('.').unwrap().1.to_owned();
        self.prices.0.push((set.set_at.unwrap(), category, term.currency, term.value));
        self.count("price set");
    }

    async fn settles(&mut self) {
        let mut random = Random::of_seed(self.random.within(0..1_000));
        self.shop.arrive(self.shop.told(), &mut random).await;
        self.shop.kept_at(self.now()).await;
    }

    async fn holds(&mut self) {
        let (Some((category, currency, since)), now) = (self.place, self.now()) else { return };
        let view = self.shop.listing_at(&self.listing, now).await;
        if view.listing.status != State::Active {
            return;
        }
        if self.prices.at(category, currency, since) == 0 {
            self.count("active, free");
            return;
        }
        let returned = self.shop.stripe.all("", "refund");
        let pays = |intent: &serde_json::Value| {
            let moment =
                |secs: &serde_json::Value| DateTime::from_timestamp(secs.as_i64().unwrap(), 0).unwrap();
            let made_at = moment(&intent["created"]);
            let is_older = made_at < since - TimeDelta::seconds(1);
            let lowest = || self.prices.lowest(category, currency, since, now);
            let price = if is_older { self.prices.at(category, currency, since) } else { lowest() };
            let is_back = returned.iter().any(|refund| refund["payment_intent"] == intent["id"]);
            intent["currency"] == currency && intent["amount_received"].as_i64() >= Some(price) && !is_back
        };
        let paid = self.paid();
        let what = format!("{} is active in {category} ({currency}) since {since}: {paid:#?}", self.listing);
        assert!(paid.iter().any(pays), "{what}\n{view:#?}\n{:#?}", self.prices.0);
        self.count("active, paid");
    }
}

async fn walk(ledger: Ledger) -> BTreeMap<&'static str, usize> {
    let shop = Shop::open(ledger).await;
    let (mut prices, mut random, mut counts, mut passed) =
        (Prices::usual(), Random::of_seed(3), BTreeMap::new(), 0);
    for number in 0..WALKS {
        let mut walk = Walk {
            shop: &shop,
            prices: &mut prices,
            random: &mut random,
            listing: format!("lst_{number}"),
            place: None,
            secrets: Vec::new(),
            counts: &mut counts,
            passed: &mut passed,
        };
        for _ in 0..STEPS {
            walk.step().await;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn no_listing_is_ever_active_for_less_than_its_category_costs() {
    each_ledger("walks", async |ledger, _| {
        let counts = walk(ledger).await;
        for what in
            ["moved", "already_paid", "paid", "paid directly", "given back", "price set", "active, paid"]
        {
            assert!(counts.get(what).is_some_and(|count| *count >= 5), "{what}: {counts:?}");
        }
    })
    .await;
}
