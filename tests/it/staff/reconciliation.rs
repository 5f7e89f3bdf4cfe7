//! `tidegate reconcile` against a Stripe whose balance adds up by itself: a day of sales, refunds and a dispute agrees to
//! the cent; what the ledger missed, and what Stripe did not answer, is said.

use std::process::Output;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use envelope::Envelope;
use fake_stripe::{FakeStripe, Fault};
use serde_json::{Value, json};
use shared::clock;

use super::desk::{Desk, each_desk, text};
use crate::ledgers::{envelope, together};

const START: i64 = 1_780_000_000;

struct Shop<'a> {
    desk: &'a Desk,
    stripe: FakeStripe,
    day: String,
}

impl<'a> Shop<'a> {
    /// Whose day is five days ago, at noon.
    async fn open(desk: &'a Desk) -> Self {
        let noon: DateTime<Utc> =
            (clock::now() - Days::new(5)).date_naive().and_time(NaiveTime::MIN).and_utc()
                + TimeDelta::hours(12);
        let stripe = FakeStripe::start(true).await.unwrap();
        stripe.admin("POST", "/clock", &json!({ "now": noon.timestamp() })).unwrap();
        Self { desk, stripe, day: noon.format("%Y-%m-%d").to_string() }
    }

    /// Gives the charge.
    fn sells(&self, amount: i64) -> String {
        let asked = json!({
            "amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": true,
            "return_url": "https://shop.example/",
        });
        let payment = self.stripe.ask("POST", "/payment_intents", &asked).unwrap();
        payment["latest_charge"].as_str().expect("it is paid").to_owned()
    }

    fn refunds(&self, charge: &str, amount: i64) {
        self.stripe.ask("POST", "/refunds", &json!({ "charge": charge, "amount": amount })).unwrap();
    }

    /// The ledger hears of everything but what is left out.
    async fn tells(&self, is_told: impl Fn(&Value) -> bool) {
        let listed = self.stripe.ask("GET", "/events", &json!({ "limit": 100 })).unwrap();
        for event in listed["data"].as_array().unwrap().iter().rev().filter(|event| is_told(event)) {
            let told: Envelope = envelope(
                event["id"].as_str().unwrap(),
                event["type"].as_str().unwrap(),
                event["created"].as_i64().unwrap() - START,
                &event["data"]["object"],
            );
            let mut told = told;
            told.header.api_version = event["api_version"].as_str().map(str::to_owned);
            together(&self.desk.ledger, &[&harness::histories::agreeing(told)]).await;
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.desk.run_with(&self.stripe.settings(), arguments)
    }

    fn reconciles(&self, code: i32) -> Value {
        let output = self.run(&["reconcile", "--day", &self.day, "--no-refetch", "--json"]);
        assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn line<'a>(compared: &'a Value, category: &str) -> &'a Value {
    let lines = compared["lines"].as_array().unwrap();
    lines.iter().find(|line| line["category"] == category).unwrap_or_else(|| panic!("{category}: {compared}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_sales_refunds_and_a_dispute_agrees_to_the_cent() {
    each_desk("reconciled", async |desk| {
        let shop = Shop::open(&desk).await;
        let charges = [1_999, 10_000, 4_242].map(|amount| shop.sells(amount));
        shop.refunds(&charges[0], 999);
        shop.stripe
            .admin(
                "POST",
                "/disputes",
                &json!({ "charge": charges[1], "reason": "fraudulent", "livemode": true }),
            )
            .unwrap();
        shop.stripe.passes(3_600);
        shop.tells(|_| true).await;

        let compared = shop.reconciles(0);
        assert_eq!(
            (&compared["verdict"], &compared["awaited"]),
            (&json!("reconciled"), &json!(0)),
            "{compared}"
        );
        assert_eq!(line(&compared, "charge")["stripe_amount"], 16_241);
        assert_eq!(line(&compared, "charge")["ledger_amount"], 16_241);
        assert_eq!(line(&compared, "refund")["ledger_amount"], -999);
        assert_eq!(line(&compared, "dispute")["ledger_amount"], -10_000);
        let net: i64 =
            compared["lines"].as_array().unwrap().iter().map(|line| line["net"].as_i64().unwrap()).sum();
        assert_eq!(
            Some(&net),
            shop.stripe.balance("").get("usd"),
            "the nets are Stripe's balance: {compared}"
        );
        assert_eq!(
            compared["balances"],
            json!([{"currency": "usd", "opening": 0, "movements": net, "closing": net, "is_stated": true}])
        );
        assert_eq!(compared["is_final"], false, "its money is not available yet");
        shop.stripe.passes(3 * 86_400);
        assert_eq!(shop.reconciles(0)["is_final"], true);
        assert_eq!(shop.reconciles(0)["lines"], compared["lines"], "again is the same");
        let page = text(&shop.run(&["reconcile", "--day", &shop.day, "--no-refetch"]).stdout);
        assert!(page.contains("(UTC), live: RECONCILED, final"), "{page}");
        assert_eq!(desk.said(&["reconcile", "show", &shop.day]), page, "and so it was kept");
        desk.refusal(&["reconcile", "show", "2020-01-01"], 1);
        assert_eq!(desk.json(&["reconcile", "list"])[0]["verdict"], "reconciled");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_missed_is_found_until_it_is_there() {
    each_desk("differences", async |desk| {
        let shop = Shop::open(&desk).await;
        let (known, missed) = (shop.sells(1_999), shop.sells(5_000));
        shop.refunds(&known, 500);
        shop.stripe.passes(3_600);
        let payment = |event: &Value| event["data"]["object"]["amount"] == 5_000;
        shop.tells(|event| !payment(event) && event["data"]["object"]["object"] != "refund").await;

        let compared = shop.reconciles(1);
        assert_eq!(compared["verdict"], "differences", "{compared}");
        let subjects: Vec<&str> = compared["differing"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["subject"].as_str().unwrap())
            .collect();
        assert!(subjects.contains(&missed.as_str()) && !subjects.contains(&known.as_str()), "{compared}");
        assert_eq!(subjects.len(), 2, "the charge and the refund: {compared}");

        let found = &desk.json(&["findings", "list", "--subject", &missed])[0];
        assert_eq!((&found["kind"], &found["severity"]), (&json!("missing_object"), &json!("critical")));
        let id = found["id"].as_str().unwrap().to_owned();
        let act = |act: &[&str]| desk.document(&[&["findings"], act].concat());
        act(&["assign", &id, "--to", "ed"]);
        act(&["snooze", &id, "--until", "3d", "--reason", "the bank answers on Monday"]);
        let page = act(&["acknowledge", &id, "--note", "its webhook was lost"]);
        assert_eq!(
            (&page["finding"]["state"], &page["finding"]["assignee"]),
            (&json!("acknowledged"), &json!("ed"))
        );
        let steps: Vec<_> =
            page["history"].as_array().unwrap().iter().map(|past| past["step"].clone()).collect();
        assert_eq!(steps, ["found", "assigned", "snoozed", "acknowledged"]);
        assert!(page["history"][3]["done_by"] == "cli:jane", "{page}");
        assert_eq!(shop.reconciles(1)["findings"]["persisting"], 2, "the same two");

        // Accepted as it is, the day is settled with it; it is not while the other one stands.
        let page = act(&["accept", &id, "--reason", "written off"]);
        assert_eq!(
            (&page["finding"]["resolution"], &page["finding"]["resolved_by"]),
            (&json!("accepted"), &json!("cli:jane"))
        );
        assert_eq!(
            page["history"][4]["evidence"]["stripe_amount"], 5_000,
            "what was accepted is kept: {page}"
        );
        let compared = shop.reconciles(1);
        assert_eq!((&compared["accepted"], &compared["differences"]), (&json!(1), &json!(2)), "{compared}");
        desk.refusal(&["findings", "accept", &id, "--reason", "again"], 2);
        act(&["reopen", &id, "--reason", "it is too much after all"]);

        shop.tells(|_| true).await;
        let compared = shop.reconciles(0);
        assert_eq!((&compared["verdict"], &compared["findings"]["gone"]), (&json!("reconciled"), &json!(2)));
        assert!(desk.json(&["findings", "list"]).as_array().unwrap().is_empty());
        assert_eq!(desk.json(&["findings", "list", "--all"]).as_array().unwrap().len(), 2);
        desk.refusal(&["findings", "acknowledge", &id, "--reason", "too late"], 2);
        desk.refusal(&["findings", "show", "fnd_0"], 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_was_cut_off_is_never_green() {
    each_desk("incomplete", async |desk| {
        let shop = Shop::open(&desk).await;
        shop.sells(1_999);
        shop.stripe.passes(3_600);
        shop.tells(|_| true).await;
        shop.stripe.denies(["/balance_transactions"]);
        let unread = shop.reconciles(1);
        assert_eq!(
            (&unread["verdict"], &unread["differences"]),
            (&json!("incomplete"), &json!(0)),
            "{unread}"
        );
        assert!(desk.json(&["findings", "list"]).as_array().unwrap().is_empty(), "nothing was compared");
        shop.stripe.denies(["/payouts"]);
        let compared = shop.reconciles(1);
        assert_eq!(compared["verdict"], "incomplete", "{compared}");
        assert!(compared["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
        shop.stripe.denies([]);
        shop.stripe.fails_at("GET /v1/balance_transactions", [Fault::Trouble(500)]);
        assert_eq!(shop.reconciles(0)["verdict"], "reconciled", "trouble is asked again");
        let today = clock::now().format("%Y-%m-%d").to_string();
        assert_eq!(shop.run(&["reconcile", "--day", &today, "--no-refetch"]).status.code(), Some(2));
        assert!(desk.refusal(&["reconcile"], 2).contains("STRIPE_SECRET_KEY"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_not_understood_raises_no_alarm() {
    each_desk("not_understood", async |desk| {
        let shop = Shop::open(&desk).await;
        let noon = format!("{}T12:00:00Z", shop.day).parse::<DateTime<Utc>>().unwrap().timestamp();
        let moved = |id: &str, kind: &str, amount: i64| {
            let transaction = json!({
                "id": id, "object": "balance_transaction", "amount": amount, "fee": 0, "net": amount,
                "currency": "usd", "type": kind, "reporting_category": kind, "source": format!("{kind}_1"),
                "status": "available", "balance_type": "payments", "created": noon, "available_on": noon,
                "exchange_rate": null,
            });
            shop.stripe.put("", &transaction);
        };
        moved("txn_transfer", "transfer", -90_000);
        assert_eq!(shop.reconciles(1)["verdict"], "differences");
        assert_eq!(desk.json(&["findings", "list"])[0]["kind"], "unclassified", "it is in sight");
        let figures = async || desk.ledger.finding_figures(clock::now()).await.unwrap();
        let quiet = figures().await;
        assert_eq!((quiet.at_stake.len(), quiet.differing(true)), (0, 0), "{quiet:?}");
        moved("txn_missing", "charge", 90_000);
        shop.reconciles(1);
        let loud = figures().await;
        assert_eq!((loud.above_tolerance(true).count(), loud.differing(true)), (1, 2), "{loud:?}");
    })
    .await;
}
