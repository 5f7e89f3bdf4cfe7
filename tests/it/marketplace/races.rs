//! Many buy at once while processes are killed: no listing is active without money, no money is here without what it
//! bought or its refund, and nobody bumps twice in a day. `scripts/marketplace` buys as many as one likes.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::operations::OperationState;
use domain::permissions::Role;
use fake_stripe::{Delivering, Fault};
use futures_util::future::join_all;
use harness::api::Api;
use harness::process_guard::until;
use harness::stack::Combination;
use hyper::Method;
use ledger::views::search::Whose;
use marketplace::State;
use marketplace::rules::Verdict;
use marketplace::terms::{BUMP, LISTING_FEE};
use marketplace::view::ListingView;
use serde_json::{Value, json};
use shared::clock;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::executor::scene::Scene;

const LISTINGS: Variable = Variable {
    name: "MARKETPLACE_LISTINGS",
    default: "24",
    example: "2500",
    help: "How many listings are bought on each combination, each by four requests at once and as many promotions.",
};
const SEED: Variable = Variable {
    name: "MARKETPLACE_SEED",
    default: "",
    example: "42",
    help: "Repeats the random choices of a run.",
};
const WAVE: Variable = Variable {
    name: "MARKETPLACE_WAVE",
    default: "8",
    example: "100",
    help: "How many listings are bought at once; processes are killed four times in each wave.",
};
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_killed_money_buys_what_it_was_paid_for_or_goes_back() {
    let env = Env::of_process();
    let listings = env.number::<usize>(&LISTINGS, 1..=100_000).unwrap();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    let wave = env.number::<usize>(&WAVE, 1..=1_000).unwrap();
    println!("MARKETPLACE_SEED={seed}");
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        run(combination, listings, wave, seed).await;
    }
}

struct Market {
    scene: Scene,
    homepage: Api,
    random: Random,
    deaths: usize,
}

async fn run(combination: Combination, listings: usize, wave: usize, seed: u64) {
    let many = [
        ("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "1000000"),
        ("CONSOLE_ADDRESS_REQUESTS_PER_MINUTE", "1000000"),
        ("CONSOLE_USER_CHECKOUTS_PER_MINUTE", "1000000"),
    ];
    let mut scene = Scene::begin_with(combination, &many).await;
    if combination == Combination::RabbitPostgres {
        scene.stack.add("console");
        scene.stack.spawn("console").unwrap();
        scene.stack.wait_until_ready("console").await.unwrap();
    }
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    scene.stripe.delivers(Delivering {
        twice_percent: 20,
        lost_percent: 0,
        retry_after: Duration::from_millis(200),
        ..Delivering::default()
    });
    let token = program(&scene).await;
    let homepage = Api { address: scene.stack.console(), token: Some(token) };
    let mut market = Market { scene, homepage, random: Random::of_seed(seed), deaths: 0 };
    let ids: Vec<String> = (0..listings).map(|number| format!("lst_{number}")).collect();
    for wave in ids.chunks(wave) {
        market.buys(wave).await;
    }
    market.settles(&ids).await;
    let table = market.judge(&ids).await;
    println!("{combination:?}: {listings} listings, {} kills: {table:?}", market.deaths);
    market.scene.end().await;
}

/// The homepage's token. Policies leave room for as many refunds as there are.
async fn program(scene: &Scene) -> String {
    let tidegate = async |arguments: &[&str]| scene.stack.tidegate(arguments).await.unwrap();
    tidegate(&["staff", "add", "root", "--role", "super_user"]).await;
    tidegate(&["staff", "add", "homepage", "--role", "support"]).await;
    let mut tx = scene.ledger.begin().await.unwrap();
    for key in ["refunds.program_day_limit", "refunds.approve_above", "refunds.confirm_above"] {
        let row = ledger::tables::policies::PolicyRow {
            key: key.to_owned(),
            currency: "usd".to_owned(),
            version: 1,
            value: "99999999".to_owned(),
            reason: "a race".to_owned(),
            set_by: "root".to_owned(),
            set_at: clock::now(),
        };
        tx.append_policy(&row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let wanted = desk::acts::tokens::NewToken {
        staff: "homepage",
        roles: &Role::Support.into(),
        is_program: true,
        expires_at: None,
    };
    let root = crate::marketplace::shop::manager();
    let made = desk::acts::tokens::create(&scene.ledger, &wanted, &root, clock::now()).await.unwrap();
    secrecy::ExposeSecret::expose_secret(&made.secret).to_owned()
}

/// A request that may meet a process that is dead: as a client does, it is sent again.
async fn sends(homepage: &Api, method: Method, path: &str, body: &Value) -> Value {
    let (json, body) = ([("content-type", "application/json")], body.to_string());
    for _ in 0..600 {
        match homepage.try_send(method.clone(), path, &json, &body).await {
            Ok(reply) if reply.status != 503 => return reply.json(),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("{path} is not answered");
}

impl Market {
    async fn buys(&mut self, wave: &[String]) {
        for id in wave {
            let own = json!({"user_id": "user_1", "category_id": "Housing"});
            sends(&self.homepage, Method::PUT, &format!("/api/marketplace/listings/{id}"), &own).await;
        }
        let faults =
            [Fault::CutAfter, Fault::CutBefore, Fault::Malformed, Fault::TroubleAfter(500), Fault::Busy(0)];
        let faults: Vec<Fault> = (0..3).map(|_| *self.random.pick(&faults)).collect();
        self.scene.stripe.fails_at("POST /v1/payment_intents", faults);
        let user = json!({"user_id": "user_1"});
        let fees = self.asks(wave, "checkout", &user).await;
        for intent in fees.values() {
            self.pays(intent);
        }
        // Some pay a second time, by an intent that the homepage made by itself.
        for id in wave {
            if self.random.within(0..3) == 0 {
                let made = self.scene.stripe.ask(
                    "POST",
                    "/payment_intents",
                    &json!({ "amount": 500, "currency": "usd", "metadata": { "listing_id": id,
                        "user_id": "user_1", "payment_type": LISTING_FEE } }),
                );
                self.pays(made.unwrap()["id"].as_str().unwrap());
            }
        }
        self.deaths += self.kills().await;
        self.are_active(wave).await;
        let bumps = self.asks(wave, "promote", &json!({"user_id": "user_1", "type": "bump"})).await;
        for intent in bumps.values() {
            self.pays(intent);
        }
        // By a race another bump slips through.
        for id in wave {
            let made = self.scene.stripe.ask(
                "POST",
                "/payment_intents",
                &json!({ "amount": 200, "currency": "usd", "metadata": { "listing_id": id, "user_id": "user_1",
                    "payment_type": BUMP } }),
            );
            let made = made.unwrap()["id"].as_str().unwrap().to_owned();
            if self.random.within(0..2) == 0 {
                self.pays(&made);
            }
        }
        self.deaths += self.kills().await;
        for id in wave {
            if self.random.within(0..4) == 0 {
                let path = format!("/api/marketplace/listings/{id}/reject");
                sends(&self.homepage, Method::POST, &path, &json!({"reason": "spam"})).await;
            }
        }
    }

    /// Several ask at once for the same, and processes die meanwhile; all who are answered are given one intent.
    async fn asks(&mut self, wave: &[String], act: &str, body: &Value) -> BTreeMap<String, String> {
        let homepage = &self.homepage.clone();
        let all = wave.iter().flat_map(|id| (0..AT_ONCE).map(move |_| id));
        let asked = all.map(|id| async move {
            let path = format!("/api/marketplace/listings/{id}/{act}");
            (id.clone(), sends(homepage, Method::POST, &path, body).await)
        });
        let (answers, kills) = tokio::join!(join_all(asked), self.kills());
        self.deaths += kills;
        let mut intents: BTreeMap<String, String> = BTreeMap::new();
        for (id, answer) in answers {
            let Some(intent) = answer["payment_intent"].as_str() else {
                assert_eq!(answer["reason"], "price_changed", "{answer}");
                continue;
            };
            let given = intents.entry(id).or_insert_with(|| intent.to_owned());
            assert_eq!(given, intent, "one live way to pay");
        }
        assert_eq!(intents.len(), wave.len());
        intents
    }

    fn pays(&self, intent: &str) {
        let path = format!("/payment_intents/{intent}/confirm");
        self.scene.stripe.ask("POST", &path, &json!({ "payment_method": "pm_card_visa" })).unwrap();
    }

    /// SIGKILL to whoever handles events and requests, at some moment.
    async fn kills(&mut self) -> usize {
        let millis = self.random.within(0..400);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let is_one = self.scene.stack.combination == Combination::SqliteSqlite;
        let names: &[&str] = if is_one { &["tidegate"] } else { &["worker-1", "worker-2", "console"] };
        for name in names {
            self.scene.stack.kill(name);
        }
        for name in names {
            self.scene.stack.spawn(name).unwrap();
        }
        for name in names {
            self.scene.stack.wait_until_ready(name).await.unwrap();
        }
        names.len()
    }

    async fn view(&self, id: &str) -> ListingView {
        let mut tx = self.scene.ledger.read().await.unwrap();
        ListingView::read(&mut tx, id, &Whose::default(), clock::now()).await.unwrap().pop().unwrap()
    }

    async fn are_active(&self, ids: &[String]) {
        for id in ids {
            let active = until("a listing to be active", PATIENCE, async || {
                Ok(self.view(id).await.listing.status == State::Active)
            });
            assert!(active.await.is_ok(), "{:?}\n{}", self.view(id).await, self.scene.stack.logs());
        }
    }

    /// Until nothing is owed any more.
    async fn settles(&self, ids: &[String]) {
        let patience = PATIENCE + Duration::from_secs(ids.len() as u64);
        for id in ids {
            let settled = until("everything owed to go back", patience, async || {
                let view = self.view(id).await;
                Ok(!view.payments.iter().any(|it| matches!(it.judged.verdict, Verdict::Owed(_))))
            });
            assert!(settled.await.is_ok(), "{:?}\n{}", self.view(id).await, self.scene.stack.logs());
        }
    }

    /// By what Stripe has.
    async fn judge(&self, ids: &[String]) -> BTreeMap<&'static str, usize> {
        let intents = self.scene.stripe.all("", "payment_intent");
        let refunds = self.scene.stripe.all("", "refund");
        let mut returned: BTreeMap<&str, i64> = BTreeMap::new();
        for refund in &refunds {
            *returned.entry(refund["payment_intent"].as_str().unwrap()).or_default() +=
                refund["amount"].as_i64().unwrap();
        }
        let mut table: BTreeMap<&'static str, usize> = BTreeMap::new();
        for id in ids {
            let view = self.view(id).await;
            let (mut fees, mut bumps) = (0, 0);
            let own = intents.iter().filter(|it| it["metadata"]["listing_id"] == id.as_str());
            for intent in own.filter(|it| it["status"] == "succeeded") {
                let (payment, amount) =
                    (intent["id"].as_str().unwrap(), intent["amount_received"].as_i64().unwrap());
                let back = returned.get(payment).copied().unwrap_or_default();
                let judged = view.payments.iter().find(|it| it.judged.payment == payment);
                let verdict = judged.unwrap_or_else(|| panic!("{payment} is not known")).judged.verdict;
                match back {
                    0 => assert_eq!(verdict, Verdict::Granted, "money without listing or refund: {payment}"),
                    _ => assert_eq!(
                        (back, verdict),
                        (amount, Verdict::Gone),
                        "{payment} went back once, and whole"
                    ),
                }
                let is_fee = intent["metadata"]["payment_type"] == LISTING_FEE;
                *(if is_fee { &mut fees } else { &mut bumps }) += i32::from(back == 0);
                *table.entry(if back == 0 { "granted" } else { "given back" }).or_default() += 1;
            }
            assert!(bumps <= 1, "{id} was bumped twice in a day");
            match view.listing.status {
                State::Active => assert_eq!(fees, 1, "{id} is active"),
                State::Rejected => assert_eq!((fees, bumps), (0, 0), "{id} is rejected"),
                other => panic!("{id} is {other:?}"),
            }
            *table.entry(view.listing.status.as_str()).or_default() += 1;
        }
        let stuck = "SELECT count(*) FROM operations WHERE state NOT IN ('succeeded', 'refused')";
        assert_eq!(self.scene.stack.ledger().count(stuck).await.unwrap(), 0, "{:?}", OperationState::WORDS);
        table
    }
}
