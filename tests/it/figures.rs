//! Figures about money go by the time of the event, on both databases, and rest on indexes.

use chrono::{DateTime, TimeDelta, Utc};
use domain::figures::payments_refunded;
use envelope::Envelope;
use harness::histories::agreeing;
use ledger::views::event_time::{self, Attempts};
use ledger::views::gauges;
use ledger::views::kpi::{ALL_STRETCHES, Scope, Stretch};
use serde_json::json;
use shared::clock;
use sqlx::{AssertSqlSafe, Connection, Row};

use crate::ledgers::{each_ledger, envelope, together};

/// The second of the story that is so long before `now`.
fn ago(now: DateTime<Utc>, minutes: i64) -> i64 {
    (now - TimeDelta::minutes(minutes)).timestamp() - 1_780_000_000
}

fn payment(id: &str, second: i64, status: &str) -> Envelope {
    let what = if status == "succeeded" { "succeeded" } else { "payment_failed" };
    let object = json!({"id": id, "status": status, "amount": 500, "currency": "usd", "invoice": format!("in_{id}"),
        "amount_received": if status == "succeeded" { 500 } else { 0 }, "created": 1_780_000_000,
        "last_payment_error": {"code": "card_declined"}});
    envelope(&format!("evt_{id}_{what}_{second}"), &format!("payment_intent.{what}"), second, &object)
}

fn within(attempts: &[Attempts], now: DateTime<Utc>) -> [i64; 3] {
    let live = attempts.iter().find(|attempts| attempts.livemode).unwrap();
    live.within(now).map(|(_, count)| count)
}

/// Stripe tells of some refunds one by one, and of the rest of the same charge in sum.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_counts_once_among_those_that_went_back() {
    each_ledger("went_back", async |ledger, _| {
        let now = clock::now();
        let made = 1_780_000_000 + ago(now, 20);
        let refund = json!({"id": "re_1", "status": "succeeded", "amount": 100, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "created": made});
        let charge = |number: i64, refunded: i64| {
            json!({"id": format!("ch_{number}"), "status": "succeeded", "amount": 900, "amount_captured": 900,
                "amount_refunded": refunded, "currency": "usd", "payment_intent": format!("pi_{number}"), "created": made})
        };
        let told = [
            envelope("evt_1", "refund.created", ago(now, 20), &refund),
            envelope("evt_2", "charge.refunded", ago(now, 15), &charge(1, 250)),
            envelope("evt_3", "charge.refunded", ago(now, 10), &charge(2, 500)),
        ];
        together(&ledger, &told.iter().collect::<Vec<_>>()).await;
        let stretches = [(60, 30), (30, 0)].map(|(from, until)| Stretch {
            from: now - TimeDelta::minutes(from),
            until: now - TimeDelta::minutes(until),
        });
        for account in [None, Some(String::new()), Some("acct_other".to_owned())] {
            let scope = Scope { livemode: true, account };
            let mut tx = ledger.read().await.unwrap();
            let refunded = tx.kpi_figures(&scope, &stretches).await.unwrap().refunded;
            if scope.account.as_deref() == Some("acct_other") {
                assert_eq!(refunded, []);
                continue;
            }
            assert_eq!(refunded.len(), 2, "of the half of an hour, and of all: {refunded:?}");
            for sum in refunded {
                assert!([1, ALL_STRETCHES].contains(&sum.number), "{sum:?}");
                assert_eq!((sum.objects, sum.payments, sum.amount), (3, 2, 750));
            }
        }
    })
    .await;
}

/// Its invoice tells of it, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_declined_subscription_is_one_failed_attempt() {
    each_ledger("declined_once", async |ledger, _| {
        let now = clock::now();
        let invoice = json!({"id": "in_pi_1", "status": "open", "amount_due": 500, "amount_paid": 0, "amount_remaining": 500,
            "attempt_count": 1, "currency": "usd", "created": 1_780_000_000 + ago(now, 20)});
        let told = [
            payment("pi_1", ago(now, 10), "requires_payment_method"),
            envelope("evt_in_1", "invoice.payment_failed", ago(now, 10), &invoice),
        ];
        assert_eq!(together(&ledger, &told.iter().collect::<Vec<_>>()).await.applied, 2);
        let trouble = ledger.read().await.unwrap().trouble(now - TimeDelta::hours(1)).await.unwrap();
        assert_eq!((trouble.failed, trouble.succeeded), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_counts_in_the_spans_that_hold_its_own_time() {
    each_ledger("figures", async |ledger, _| {
        let now = clock::now();
        let mut events = Vec::new();
        for (place, minutes) in [2, 10, 50, 120, 43_200, -10].into_iter().enumerate() {
            events.push(payment(&format!("pi_ok{place}"), ago(now, minutes), "succeeded"));
            events.push(payment(&format!("pi_no{place}"), ago(now, minutes), "requires_payment_method"));
        }
        // A second report of one success, from before, and one of the other mode.
        events.push(payment("pi_ok2", ago(now, 70), "succeeded"));
        let mut test = payment("pi_test", ago(now, 1), "succeeded");
        test.header.livemode = false;
        events.push(agreeing(test));
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        let happened = ledger.happened(now).await.unwrap();
        // Of five minutes, of fifteen, of an hour. What is stamped ten minutes ahead has not happened yet.
        assert_eq!(within(&happened.succeeded, now), [1, 2, 2], "{:?}", happened.succeeded);
        assert_eq!(within(&happened.failed, now), [1, 2, 3], "{:?}", happened.failed);

        let refund = |id: &str, minutes: i64, reason: &str| {
            let object = json!({"id": id, "status": "succeeded", "amount": 5, "currency": "usd", "reason": reason,
                "charge": "ch_1", "payment_intent": "pi_ok4", "created": 1_780_000_000 + ago(now, minutes)});
            // The report comes now, whenever the refund was made.
            envelope(&format!("evt_{id}"), "refund.updated", ago(now, 1), &object)
        };
        let refunds = [
            refund("re_1", 5, "fraudulent"),
            refund("re_2", 30, "duplicate"),
            refund("re_3", 90, "duplicate"),
        ];
        together(&ledger, &refunds.iter().collect::<Vec<_>>()).await;
        let seen = ledger.happened(now).await.unwrap().refunds;
        assert_eq!((seen.len(), payments_refunded(&seen, true)), (2, 1), "one payment, however often");
        // Refunds that are told of only in sum: of now, of last month, and what was given back without being captured.
        for (id, minutes, captured) in [("ch_2", 2, 500), ("ch_3", 43_200, 500), ("ch_4", 2, 0)] {
            let object = json!({"id": id, "status": "succeeded", "amount": 500, "amount_captured": captured,
                "amount_refunded": 500, "currency": "usd", "payment_intent": format!("pi_{id}"),
                "created": 1_780_000_000 + ago(now, minutes)});
            let told = envelope(&format!("evt_{id}"), "charge.refunded", ago(now, minutes), &object);
            assert_eq!(together(&ledger, &[&told]).await.applied, 1);
        }
        let seen = ledger.happened(now).await.unwrap().refunds;
        assert_eq!((seen.len(), payments_refunded(&seen, true)), (3, 2));

        // An inquiry of last month becomes a dispute today; a dispute of last month is one since then.
        let dispute = |id: &str, minutes: i64, status: &str| {
            let object = json!({"id": id, "status": status, "amount": 5, "currency": "usd", "charge": "ch_1",
                "created": 1_780_000_000 + ago(now, 43_200)});
            envelope(&format!("evt_{id}_{status}"), "charge.dispute.updated", ago(now, minutes), &object)
        };
        let disputes = [
            dispute("dp_asked", 43_200, "warning_needs_response"),
            dispute("dp_asked", 4, "needs_response"),
            dispute("dp_old", 43_200, "needs_response"),
            dispute("dp_old", 3, "lost"),
            dispute("dp_question", 3, "warning_under_review"),
            dispute("dp_late", 2 * 1_440, "needs_response"),
        ];
        together(&ledger, &disputes.iter().collect::<Vec<_>>()).await;
        let happened = ledger.happened(now).await.unwrap();
        let [live] = &happened.disputed[..] else { panic!("{happened:?}") };
        assert_eq!((live.last_15m, live.last_3d, live.last_7d), (1, 2, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_of_a_day_are_counted_by_what_they_are_for_and_what_became_of_them() {
    each_ledger("purposes", async |ledger, _| {
        let now = clock::now();
        let paid = |id: &str, kind: Option<&str>, minutes: i64, status: &str| {
            let mut event = payment(id, ago(now, minutes), status);
            let object = json!({"id": id, "status": status, "amount": 500, "currency": "usd",
                "amount_received": if status == "succeeded" { 500 } else { 0 },
                "created": 1_780_000_000 + ago(now, minutes), "metadata": {"payment_type": kind},
                "last_payment_error": {"code": "card_declined"}});
            let what = event.header.kind.clone();
            event = envelope(&format!("evt_{id}_{status}"), &what, ago(now, minutes), &object);
            event
        };
        let no = "requires_payment_method";
        let refund = json!({"id": "re_1", "status": "succeeded", "amount": 5, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "created": 1_780_000_000 + ago(now, 4)});
        let events = [
            paid("pi_1", Some("listing_fee"), 5, "succeeded"),
            paid("pi_2", Some("listing_fee"), 5, no),
            paid("pi_2", Some("listing_fee"), 4, "succeeded"),
            paid("pi_3", Some("listing_fee"), 5, no),
            paid("pi_4", Some("bump"), 5, "succeeded"),
            paid("pi_5", None, 5, "succeeded"),
            paid("pi_6", Some("bump"), 1_500, "succeeded"), // of the day before
            envelope("evt_re", "refund.created", ago(now, 4), &refund),
        ];
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        let found = ledger.happened(now).await.unwrap().by_purpose;
        let counts: Vec<(&str, [i64; 4])> = found
            .iter()
            .map(|row| (row.payment_type.as_str(), [row.created, row.succeeded, row.failed, row.refunded]))
            .collect();
        assert_eq!(counts, [("listing_fee", [3, 2, 1, 1]), ("bump", [1, 1, 0, 0])]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_counts_from_its_third_failure_by_the_latest_and_no_more_once_it_is_paid() {
    each_ledger("thrice", async |ledger, _| {
        let now = clock::now();
        let attempt = |invoice: &str, minutes: i64| {
            let object = json!({"id": format!("pi_{invoice}"), "status": "requires_payment_method", "amount": 500,
                "currency": "usd", "invoice": invoice, "last_payment_error": {"code": "insufficient_funds"}});
            let id = format!("evt_{invoice}_{minutes}");
            envelope(&id, "payment_intent.payment_failed", ago(now, minutes), &object)
        };
        let open = |invoice: &str| {
            let object = json!({"id": invoice, "status": "open", "amount_due": 500, "amount_paid": 0,
                "amount_remaining": 500, "currency": "usd", "created": 1_780_000_000});
            envelope(&format!("evt_{invoice}"), "invoice.finalized", ago(now, 50_000), &object)
        };
        let mut events = vec![open("in_1"), open("in_2"), open("in_3")];
        for minutes in [5_000, 4_000, 3] {
            events.push(attempt("in_1", minutes));
        }
        for minutes in [43_000, 42_000, 41_000] {
            events.push(attempt("in_2", minutes));
        }
        events.extend([attempt("in_3", 9), attempt("in_3", 3)]);
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        let counted = async || {
            let found = ledger.happened(now).await.unwrap().failed_thrice;
            found.first().map_or((0, 0), |live| (live.last_15m, live.last_3d))
        };
        assert_eq!(counted().await, (1, 1));
        let paid = json!({"id": "in_1", "status": "paid", "amount_due": 500, "amount_paid": 500,
            "amount_remaining": 0, "currency": "usd", "created": 1_780_000_000});
        together(&ledger, &[&envelope("evt_paid", "invoice.paid", ago(now, 1), &paid)]).await;
        assert_eq!(counted().await, (0, 0));
    })
    .await;
}

/// Postgres is asked by `observability::live`, on a ledger under load.
#[tokio::test]
async fn whatever_a_scrape_asks_of_a_file_rests_on_an_index() {
    const TABLES: [&str; 9] = [
        "events",
        "payments",
        "payment_failures",
        "invoices",
        "refunds",
        "disputes",
        "notes",
        "charges",
        "subscriptions",
    ];
    each_ledger("plans", async |_, url| {
        let Some(path) = url.strip_prefix("sqlite:") else { return };
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{path}")).await.unwrap();
        for statement in gauges::statements().iter().chain(&event_time::STATEMENTS) {
            let plan = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let mut query = sqlx::query(plan);
            let parameters = (1..=4).filter(|place| statement.contains(&format!("${place}"))).count();
            for _ in 0..parameters {
                query = query.bind("2026-11-28T00:00:00+00:00");
            }
            for row in query.fetch_all(&mut connection).await.unwrap() {
                let step: String = row.get("detail");
                let whole = TABLES.iter().any(|table| step == format!("SCAN {table}"));
                assert!(!whole, "{step}: no index under\n{statement}");
            }
        }
        connection.close().await.unwrap();
    })
    .await;
}

/// In its order, so that a page costs the same however long the list is.
#[tokio::test]
async fn the_first_page_of_a_list_rests_on_an_index() {
    let created = |table: &'static str| (table, "COALESCE(created_at, first_event_at)", "DESC", "id");
    let lists = [
        ["payments", "charges", "refunds", "invoices", "customers", "subscriptions", "payouts"]
            .map(created)
            .to_vec(),
        vec![("blocks", "placed_at", "ASC", "id"), ("holds", "placed_at", "ASC", "object_id")],
    ]
    .concat();
    each_ledger("listed", async |_, url| {
        let Some(path) = url.strip_prefix("sqlite:") else { return };
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{path}")).await.unwrap();
        for (table, moment, way, id) in &lists {
            let plan = AssertSqlSafe(format!(
                "EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {moment} IS NOT NULL ORDER BY {moment} {way}, {id} {way} LIMIT 50"
            ));
            let steps: Vec<String> =
                sqlx::query(plan).fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get("detail")).collect();
            assert!(steps[0].contains(&format!("INDEX {table}_by_time")), "{table}: {steps:?}");
        }
        connection.close().await.unwrap();
    })
    .await;
}
