//! `tidegate kpi`: by the time at which things happened, whatever came late; live and test mode, currencies and hours
//! apart.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::clock;

use super::desk::each_desk;
use super::sales::{Sale, sale};

/// When the stories begin, in seconds since 1970.
const START: i64 = 1_780_000_000;

/// A sale that began so many minutes ago.
fn ago(name: &'static str, amount: i64, minutes: i64, now: DateTime<Utc>) -> Sale {
    sale(name, "user_1", amount, (now - TimeDelta::minutes(minutes)).timestamp() - START)
}

fn rate<'a>(kpis: &'a Value, name: &str) -> &'a Value {
    let rates = kpis["rates"].as_array().expect("a list of rates");
    rates.iter().find(|rate| rate["name"] == name).expect("the rate is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn key_figures_go_by_the_time_of_what_happened() {
    each_desk("kpi", async |desk| {
        let now = clock::now();
        let (new, old) = (ago("new", 10_000, 30, now), ago("old", 5_000, 300, now));
        let mut euro = ago("euro", 101, 20, now);
        euro.currency = "eur";
        let mut test = ago("test", 7_777, 10, now);
        test.livemode = false;
        let declined = ago("declined", 4_000, 10, now);
        for told in [new.paid(), old.lost(), euro.paid(), test.paid()] {
            desk.hears(&told).await;
        }
        desk.hears(&[declined.declined(0, "insufficient_funds"), declined.declined(60, "insufficient_funds")])
            .await;
        // Of an old sale now, and of a new one: once done, once failed.
        desk.hears(&[old.refund("late", 290 * 60, "succeeded", 1_000), new.refund("no", 60, "failed", 500)]).await;

        let hour = desk.document(&["kpi", "--hours", "1"]);
        assert_eq!(hour["payments_succeeded"], 2, "{hour}");
        assert_eq!((&hour["attempts_failed"], &hour["success_rate"]), (&json!(2), &json!(0.5)));
        assert_eq!(hour["failures_by_code"], json!({"insufficient_funds": 2}));
        assert_eq!((&hour["payments_refunded"], &hour["refund_rate"]), (&json!(1), &json!(0.5)));
        assert_eq!((&hour["disputes"], &hour["dispute_win_rate"]), (&json!(0), &Value::Null));
        let usd = json!({"currency": "usd", "payments": 1, "volume": 10_000, "average": 10_000, "refunded": 1_000, "disputed": 0});
        assert_eq!(hour["currencies"][1], usd);
        assert_eq!(hour["currencies"][0]["volume"], 101, "currencies stay apart");
        assert_eq!(rate(&hour, "success_rate")["verdict"], "missed");
        assert_eq!(rate(&hour, "dispute_win_rate")["verdict"], "unknown");
        assert!(hour["latency"]["events"].as_u64() > Some(0));

        let day = desk.document(&["kpi", "--hours", "24", "--by", "hour"]);
        assert_eq!((&day["payments_succeeded"], &day["disputes"]), (&json!(3), &json!(1)));
        assert_eq!((&day["disputes_lost"], &day["disputes_resolved_after_mean_secs"]), (&json!(1), &json!(100)));
        let series = day["series"].as_array().unwrap();
        let sum = |name: &str| series.iter().filter_map(|part| part[name].as_i64()).sum::<i64>();
        assert!((24..=25).contains(&series.len()));
        assert_eq!((sum("payments_succeeded"), sum("attempts_failed"), sum("disputes")), (3, 2, 1));

        assert_eq!(desk.document(&["kpi", "--test-mode"])["currencies"][0]["volume"], 7_777);
        assert_eq!(desk.document(&["kpi", "--account", "acct_other"])["payments_succeeded"], 0);
        desk.refusal(&["kpi", "--hours", "0"], 2);
        desk.refusal(&["kpi", "--hours", "8784", "--by", "hour"], 2);
        let page = desk.said(&["kpi", "--hours", "24", "--by", "day"]);
        for words in ["success rate", "60.00 %", "> 98 %", "insufficient_funds", "150.00 USD", "missed"] {
            assert!(page.contains(words), "{words} is missing from\n{page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_captured_was_never_refunded() {
    each_desk("kpi_released", async |desk| {
        let now = clock::now();
        // A void, and what a capture left: Stripe makes a refund of each, and gives no reason.
        for (name, captured) in [("void", 0), ("part", 600)] {
            let bought = ago(name, 1_000, 15, now);
            let rest = 1_000 - captured;
            let hold = json!({"amount_captured": 0, "captured": false});
            let given_back = json!({"amount_captured": captured, "captured": captured > 0,
                "amount_refunded": rest, "refunded": captured == 0});
            let what = if captured > 0 { "captured" } else { "refunded" };
            desk.hears(&[
                bought.charge("succeeded", 1, "succeeded", &hold),
                bought.refund(name, 60, "succeeded", rest),
                bought.charge(what, 60, "succeeded", &given_back),
            ])
            .await;
        }
        let sold = ago("sold", 2_000, 20, now);
        desk.hears(&sold.paid()).await;
        desk.hears(&[sold.refund("real", 60, "succeeded", 500)]).await;
        let hour = desk.document(&["kpi", "--hours", "1"]);
        assert_eq!(
            (&hour["payments_succeeded"], &hour["payments_refunded"]),
            (&json!(2), &json!(1)),
            "{hour}"
        );
        let usd = &hour["currencies"][0];
        assert_eq!((&usd["volume"], &usd["refunded"]), (&json!(2_600), &json!(500)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_was_refunded_once_however_the_span_is_cut() {
    each_desk("kpi_cut", async |desk| {
        let sold = ago("twice", 10_000, 180, clock::now());
        desk.hears(&sold.paid()).await;
        let refunds =
            [sold.refund("one", 60, "succeeded", 1_000), sold.refund("two", 150 * 60, "succeeded", 500)];
        desk.hears(&refunds).await;
        let (whole, cut) = (
            desk.document(&["kpi", "--hours", "24"]),
            desk.document(&["kpi", "--hours", "24", "--by", "hour"]),
        );
        for kpis in [&whole, &cut] {
            assert_eq!(
                (&kpis["payments_refunded"], &kpis["refund_rate"]),
                (&json!(1), &json!(1.0)),
                "{kpis}"
            );
            assert_eq!(kpis["currencies"][0]["refunded"], 1_500);
        }
        let series = cut["series"].as_array().unwrap();
        let parts = series.iter().filter(|part| part["payments_refunded"] == 1);
        assert_eq!(parts.count(), 2, "in each of its hours: {cut}");
    })
    .await;
}
