//! The limits of the fraud desk: what there is too much of hides nothing else, and what was not read resolves nothing.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use desk::acts::findings::{Act, act};
use desk::fraud::{BATCHES, Looked, look, resolve_old_bursts};
use domain::Key;
use domain::findings::{Check, FindingState, Resolution};
use domain::fraud::{Attempt, CardNames, FraudLimits, FraudRule, PaidBefore, bursts, large_payments};
use envelope::Envelope;
use envelope::hex::hex;
use harness::process_guard::until;
use ledger::Transaction;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::{ada, attempt, findings, look_through, minute, one, story, story_of};
use crate::ledgers::{each_ledger, envelope, together};

/// Above the limit of every statement.
const MANY: usize = 10_001;

pub(super) async fn run(url: &str, statement: &str) {
    let statement = AssertSqlSafe(statement.to_owned());
    if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

async fn columns(url: &str, table: &str) -> Vec<String> {
    if url.starts_with("postgres") {
        let text = format!(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}' \
             AND table_schema = current_schema()"
        );
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap()
    } else {
        let text = format!("SELECT name FROM pragma_table_info('{table}')");
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::query_scalar(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap()
    }
}

/// So many rows like one that is there, each with an id of its own, and with what else is given.
async fn copy(url: &str, table: &str, id: &str, count: usize, others: &[(&str, &str)]) {
    let columns = columns(url, table).await;
    let values: Vec<String> = columns
        .iter()
        .map(|column| match others.iter().find(|(name, _)| name == column) {
            Some((_, value)) => (*value).to_owned(),
            None if column == "id" => format!("'copy_{count}_' || i"),
            None => format!("t.{column}"),
        })
        .collect();
    let statement = format!(
        "INSERT INTO {table} ({}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         SELECT {} FROM {table} t CROSS JOIN n WHERE t.id = '{id}'",
        columns.join(", "),
        values.join(", ")
    );
    run(url, &statement).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_findings_of_one_check_hide_none_of_another() {
    let now = minute(3_000);
    each_ledger("fraud_masses", async |ledger, url| {
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        let large = one(&ledger, "large_payment", now).await.key.id;
        copy(&url, "findings", &large, MANY, &[]).await;
        copy(&url, "findings", &large, 1, &[("found_by", "'reconciliation'"), ("severity", "'critical'")])
            .await;
        copy(&url, "findings", &large, 2, &[("livemode", "FALSE")]).await;
        let figures = ledger.finding_figures(now).await.unwrap();
        let counted = |livemode, check, severity: &str| {
            let is_it = |of: (bool, Check, &str)| of == (livemode, check, severity);
            let unresolved =
                figures.unresolved.iter().filter(|it| is_it((it.livemode, it.found_by, &it.severity)));
            let open = figures.open.iter().filter(|it| is_it((it.livemode, it.found_by, &it.severity)));
            (unresolved.map(|it| it.findings).sum::<i64>(), open.map(|it| it.findings).sum::<i64>())
        };
        assert_eq!(counted(true, Check::Reconciliation, "critical"), (1, 1));
        assert_eq!(counted(true, Check::FraudDesk, "critical"), (1, 1), "the bank's warning");
        assert_eq!(counted(true, Check::FraudDesk, "warning"), (9_999, 9_999), "counts end at 10,000");
        assert_eq!(counted(false, Check::FraudDesk, "warning"), (2, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_that_nobody_has_resolved_for_a_month_resolves_itself() {
    let now = minute(3_000);
    each_ledger("fraud_old", async |ledger, _| {
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        let many = one(&ledger, "many_cards", now).await;
        let later = now + TimeDelta::days(31);
        let put_off = Act::Snooze { until: later + TimeDelta::days(1), note: "asked them".to_owned() };
        act(&ledger, &many.key.id, put_off, &ada(), now).await.unwrap();
        assert_eq!(resolve_old_bursts(&ledger, now + TimeDelta::days(29)).await.unwrap(), 0);
        assert_eq!(resolve_old_bursts(&ledger, later).await.unwrap(), 2);
        assert_eq!(resolve_old_bursts(&ledger, later).await.unwrap(), 0, "that was all");
        for finding in findings(&ledger, later).await {
            let is_gone = finding.kind == FraudRule::DeclineVelocity.as_str();
            assert_eq!(finding.resolution == Resolution::Gone, is_gone, "{finding:?}");
        }
        assert_eq!(
            resolve_old_bursts(&ledger, later + TimeDelta::days(2)).await.unwrap(),
            1,
            "the pause is over"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_resolves_nothing_and_is_named() {
    let now = minute(3_000);
    each_ledger("fraud_cut", async |ledger, url| {
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        assert_eq!(one(&ledger, "unusual_payment", now).await.state, FindingState::Open);
        // Later the user pays so often that what was usual before is not read any more.
        copy(&url, "payments", "pi_30", MANY, &[("user_id", "'usual'"), ("amount", "1")]).await;
        let charge: serde_json::Value =
            serde_json::from_slice(&attempt(10, 2_000, "succeeded", "usual", "1111", 6_000)[1].body).unwrap();
        let again = envelope("evt_again", "charge.updated", 2_500 * 60, &charge["data"]["object"]);
        let declines = story_of("others", 2_600);
        together(&ledger, &[&again]).await;
        together(&ledger, &declines.iter().collect::<Vec<_>>()).await;

        let looked = look(&ledger, BATCHES, now).await.unwrap();
        assert_eq!((looked.batches, looked.cut), (1, vec!["earlier payments"]), "a batch at a time");
        assert_eq!(one(&ledger, "unusual_payment", now).await.state, FindingState::Open);
        let looked = look(&ledger, BATCHES, now).await.unwrap();
        assert_eq!((looked.batches, looked.cut.len()), (1, 0));
        assert!(findings(&ledger, now).await.iter().any(|it| it.subject_id == "others"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_busy_user_crowds_nobody_out_of_a_batch() {
    let now = minute(3_000);
    each_ledger("fraud_busy", async |ledger, url| {
        let mut quiet: Vec<Envelope> = Vec::new();
        for number in 500..504 {
            quiet.extend(attempt(number, (number - 500) * 100, "succeeded", "quiet", "7777", 1_000));
        }
        together(&ledger, &story().iter().chain(&quiet).collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        // Newer than all that the quiet one paid before, and as many as a statement reads.
        copy(&url, "payments", "pi_30", MANY, &[("user_id", "'usual'"), ("amount", "1")]).await;
        let busy = attempt(510, 2_500, "succeeded", "usual", "1111", 6_000);
        let unusual = attempt(511, 2_500, "succeeded", "quiet", "7777", 6_000);
        together(&ledger, &busy.iter().chain(&unusual).collect::<Vec<_>>()).await;
        let looked = look(&ledger, BATCHES, now).await.unwrap();
        assert_eq!((looked.batches, looked.cut), (1, vec!["earlier payments"]));
        let found = findings(&ledger, now).await;
        let of =
            |payment: &str| found.iter().any(|it| it.kind == "unusual_payment" && it.subject_id == payment);
        assert!(of("pi_511"), "what the quiet one paid before was read: {found:#?}");
        assert!(!of("pi_510"), "of the busy one nobody knows what was usual");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_worker_looks_at_is_left_to_it() {
    let now = minute(3_000);
    each_ledger("fraud_twice", async |ledger, url| {
        if url.starts_with("sqlite") {
            return; // there, whoever writes is alone
        }
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        let mut first = ledger.begin().await.unwrap();
        let batches = first.fraud_due(BATCHES).await.unwrap();
        assert!(!batches.is_empty() && first.take_fraud_due(&batches).await.unwrap());
        let second = tokio::spawn({
            let ledger = ledger.clone();
            async move { look(&ledger, BATCHES, now).await.unwrap() }
        });
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let outside = harness::ledger::Ledger::at(&url);
        until("the second to wait for the first", Duration::from_secs(20), async || Ok(outside.count(waiting).await? == 1))
            .await
            .unwrap();
        first.commit().await.unwrap();
        assert_eq!(second.await.unwrap(), Looked::default());
        assert!(findings(&ledger, now).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_nobody_can_read_is_named_and_holds_up_no_other() {
    let now = minute(3_000);
    each_ledger("fraud_notes", async |ledger, url| {
        run(&url, "INSERT INTO fraud_due (id, objects, noted_at) VALUES ('0', 'nothing of ours', '2026-05-28T20:26:40+00:00')").await;
        assert_eq!(ledger.finding_figures(now).await.unwrap().fraud_due_since, Some(minute(0)));
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        let looked = look(&ledger, BATCHES, now).await.unwrap();
        assert_eq!((looked.batches, looked.unreadable), (2, vec!["0".to_owned()]));
        assert!(looked.findings.new > 0);
        assert_eq!(ledger.finding_figures(now).await.unwrap().fraud_due_since, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_that_stand_alone_are_found_by_their_ids_whatever_else_there_is() {
    let now = minute(3_000);
    each_ledger("fraud_locks", async |ledger, url| {
        together(&ledger, &story().iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        let ids: Vec<String> = findings(&ledger, now).await.into_iter().map(|it| it.key.id).collect();
        copy(&url, "findings", &ids[0], MANY, &[]).await;
        run(&url, "ANALYZE findings").await;
        let mut tx = ledger.begin().await.unwrap();
        let before = sequential_scans(&mut tx).await;
        let locked = tx.lock_findings(Check::FraudDesk, &Key::default(), &ids).await.unwrap();
        assert_eq!(locked.len(), ids.len());
        assert_eq!(sequential_scans(&mut tx).await, before);
        assert!(tx.lock_findings(Check::FraudDesk, &Key::default(), &[]).await.unwrap().is_empty());
    })
    .await;
}

/// Of all findings, by this connection; on Postgres, which counts them.
async fn sequential_scans(tx: &mut Transaction) -> i64 {
    let Transaction::Postgres(tx, ..) = tx else { return 0 };
    let counted = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'findings'";
    sqlx::query_scalar(counted).fetch_one(&mut **tx).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cards_name_cannot_be_worked_out_from_the_card() {
    let now = minute(3_000);
    let mut names = Vec::new();
    for _ in 0..2 {
        let found = std::sync::Mutex::new(Vec::new());
        each_ledger("fraud_names", async |ledger, url| {
            // Two at a time, by handles of their own.
            for (from, ledger) in [(0, ledger), (3, crate::ledgers::open(&url).await)] {
                let declined = (from..from + 3).flat_map(|number| {
                    attempt(number, 2_000 + 20 * from, "failed", &format!("u{number}"), "4242", 500)
                });
                together(&ledger, &declined.collect::<Vec<_>>().iter().collect::<Vec<_>>()).await;
                look_through(&ledger, now).await;
            }
            let burst = one(&crate::ledgers::open(&url).await, "decline_velocity", now).await;
            assert_eq!(burst.subject_kind, "card", "the same card has the same name, whoever looks");
            found.lock().unwrap().push(burst.subject_id);
        })
        .await;
        names.extend(found.into_inner().unwrap());
    }
    let plain = format!("card_{}", hex(&Sha256::digest("visa 4242 04/2031")[..8]));
    names.push(plain);
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "each ledger has its own names, and none is a plain hash: {names:?}");
}

/// Somebody who tries cards all day long is looked at again with each of them.
#[test]
fn twenty_thousand_attempts_of_one_user_are_judged_at_once() {
    let (limits, names) = (FraudLimits::default(), CardNames::under("drawn once"));
    let attempts: Vec<Attempt> = (0..20_000)
        .map(|number| Attempt {
            id: format!("ch_{number}"),
            at: Some(minute(number / 20)),
            status: "succeeded".to_owned(),
            amount: 2_000,
            currency: "usd".to_owned(),
            user_id: Some("u1".to_owned()),
            card_last4: Some(number.to_string()),
            ..Attempt::default()
        })
        .collect();
    let before: Vec<PaidBefore> = (0..20_000)
        .map(|number| PaidBefore {
            id: format!("pi_{number}"),
            user_id: "u1".to_owned(),
            currency: "usd".to_owned(),
            amount: 100 + number,
            at: Some(minute(-number)),
            ..PaidBefore::default()
        })
        .collect();
    let begun = Instant::now();
    let found = bursts(&attempts, &attempts, &limits, &names);
    assert!(found.iter().any(|it| it.summary == "20000 cards within a day"), "{}", found.len());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "bursts: {took:?}");
    let begun = Instant::now();
    assert!(large_payments(&attempts, &before, &limits).is_empty());
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "payments: {took:?}");
}
