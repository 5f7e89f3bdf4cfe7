//! A real Prometheus scrapes a running stack under load, with the real rules; then every expression of every
//! rule and panel is asked of it. A name that nobody exports, or an answer that is empty where data must be,
//! fails. What each came to is written to `target/observability/expressions.md`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use harness::binaries::workspace;
use harness::client::{Client, get};
use harness::load::{SendLog, send_all};
use harness::process_guard::until;
use harness::prometheus::{Prometheus, promtool};
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use ledger::views::{event_time, gauges};
use serde_json::{Value, json};

use super::{RULES, dashboards, panels, path};

const PATIENCE: Duration = Duration::from_secs(90);
const ROUNDS: usize = 8;
const EVENTS_OF_A_ROUND: usize = 150;

/// What may be empty here, each with its reason.
const MAY_BE_EMPTY: &[(&str, &str)] = &[
    (
        "tidegate:events_usual:increase1h",
        "compares with the same hour of the days before, and there is no yesterday",
    ),
    ("offset 23h30m", "is that hour of the days before"),
    (
        "max(tidegate_ledger_complete_until_seconds{",
        "the stack has no key of Stripe's, so nothing is compared",
    ),
    ("tidegate_console_requests_in_flight", "no console runs in this stack"),
    ("tidegate_key_age_seconds", "the stack has no key of Stripe's"),
    ("tidegate_notices_attempts_total", "the stack has no target of notices"),
    ("tidegate_reconciliation_difference_minor_units", "no day was compared"),
    ("tidegate_reconciliation_compared_until_timestamp_seconds", "no day was compared"),
    ("tidegate_findings_unresolved", "no check turned anything up"),
    ("tidegate_payments_by_type", "no payment of a day says what it is for"),
];

/// What Grafana puts in the place of variables; of namespace and job as they are when nothing is chosen.
const FILLED_IN: &[(&str, &str)] = &[
    ("$__rate_interval", "1m"),
    ("$__range", "5m"),
    ("$mode", "live"),
    ("$namespace", ".*"),
    ("$job", "tidegate.*"),
];

struct Expression {
    place: String,
    text: String,
    /// An alert is a condition: it is empty while all is well, but what it speaks of must be there.
    is_alert: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_expression_of_rules_and_dashboards_has_an_answer_from_a_running_stack() {
    let mut stack = Stack::start(Combination::RabbitPostgres).await;
    let prometheus = Prometheus::start(&configuration(&mut stack)).await.unwrap();
    let all_seen = "sum(up) == 3";
    until(all_seen, PATIENCE, async || Ok(!prometheus.query(all_seen).await?.is_empty())).await.unwrap();
    load(&stack).await.unwrap();
    let applied = "sum(rate(tidegate_events_handled_total{outcome=\"applied\"}[1m])) > 0";
    let dead = "max(tidegate_events_unfinished{outcome=\"dead\"}) >= 1";
    let decided = "tidegate:disputes_won:ratio90d{mode=\"live\"} > 0";
    for condition in [applied, dead, decided] {
        until(condition, PATIENCE, async || Ok(!prometheus.query(condition).await?.is_empty()))
            .await
            .unwrap();
    }

    agrees_with_the_ledger(&stack, &prometheus).await.unwrap();
    lint(&mut stack).await.unwrap();
    indexed(&stack.ledger_url()).await.unwrap();
    let names = prometheus.api("/api/v1/label/__name__/values").await.unwrap();
    let names: BTreeSet<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let (mut told, mut faults) = (String::from(HEAD), Vec::new());
    let expressions = expressions(&prometheus).await.unwrap();
    assert!(expressions.len() > 120, "{}", expressions.len());
    for expression in &expressions {
        match ask(&prometheus, &names, expression).await {
            Ok(values) => {
                writeln!(told, "| {} | `{}` | {values} |", expression.place, one_line(&expression.text))
                    .unwrap();
            }
            Err(fault) => faults.push(format!("{}: {fault:#}", expression.place)),
        }
    }
    let folder = workspace().join("target/observability");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("expressions.md"), told).unwrap();
    prometheus.end();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), expressions.len(), faults.join("\n"));
    stack.end().await;
}

const HEAD: &str = "# Every expression, and what it came to under load\n\n| where | expression | series: the first of them |\n|---|---|---|\n";

/// As in `observability/prometheus.yml`, on the ports of this stack, and at a pace for tests.
fn configuration(stack: &mut Stack) -> String {
    let listeners = stack.listeners();
    let (gateway, workers) = listeners.split_first().expect("a stack has a gateway");
    let workers: Vec<String> = workers.iter().map(|at| format!("\"{at}\"")).collect();
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [\"{}\"]\n\
         scrape_configs:\n\
         - {{job_name: tidegate-gateway, static_configs: [{{targets: [\"{gateway}\"]}}]}}\n\
         - {{job_name: tidegate-worker, static_configs: [{{targets: [{}]}}]}}\n",
        path(RULES).display(),
        workers.join(", ")
    )
}

/// Stories of the live mode in waves, each event now and then twice; a dispute of today; dead letters; a forger.
async fn load(stack: &Stack) -> anyhow::Result<()> {
    let (mut stories, log) = (Stories::of_seed(5).in_mode(true), SendLog::default());
    let now = shared::clock::now().timestamp();
    let dispute = json!({ "id": "dp_today", "object": "dispute", "amount": 900, "currency": "usd", "status": "won",
        "created": now, "charge": "ch_today", "reason": "fraudulent", "balance_transactions": [],
        "evidence_details": { "due_by": null, "submission_count": 0 } });
    let refund = json!({ "id": "re_today", "object": "refund", "amount": 5, "currency": "usd", "status": "succeeded",
        "created": now, "charge": "ch_today" });
    let spoiled =
        json!({ "id": "pi_spoiled", "object": "payment_intent", "amount": 4_200, "currency": "usd" });
    let (mut stranger, forged) =
        (Client::new(stack.gateway(), "whsec_00000000000000000000"), Bytes::from_static(b"{}"));
    for round in 0..ROUNDS {
        let (mut events, _) = stories.history(EVENTS_OF_A_ROUND);
        // What happened now counts in the figures of now.
        events = events.iter().map(|event| event.stamped(now)).collect();
        events.extend(events.first().cloned());
        if round == ROUNDS / 2 {
            events.push(stories.event_of("charge.dispute.closed", "applied", &dispute).stamped(now));
            events.push(stories.event_of("refund.created", "applied", &refund).stamped(now));
            events.push(stories.event_of("payment_intent.succeeded", "dead", &spoiled));
        }
        let answers = send_all(&log, events, 8, || stack.client()).await;
        ensure!(answers.iter().all(|answer| answer.accepted()), "the stack accepts everything");
        ensure!(!stranger.send(&forged).await.accepted());
        // The waves make rates: between two of them Prometheus looks.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    Ok(())
}

/// The figures about money are what the tables say of the last hour, though events came twice, and every worker says so.
async fn agrees_with_the_ledger(stack: &Stack, prometheus: &Prometheus) -> anyhow::Result<()> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&stack.ledger_url()).await?;
    for (figure, window, counted) in [
        ("payments_succeeded", "1h", "payments WHERE succeeded_at > now() - interval '1 hour'"),
        (
            "payment_attempts_failed",
            "1h",
            "payment_failures WHERE payment IS NOT NULL AND failed_at > now() - interval '1 hour'",
        ),
        ("payments_refunded", "1h", "refunds WHERE created_at > now() - interval '1 hour'"),
        ("disputes_opened", "7d", "disputes WHERE disputed_at > now() - interval '7 days'"),
    ] {
        let gauge = format!("tidegate_{figure}{{mode=\"live\",window=\"{window}\"}}");
        let agree = until(&gauge, PATIENCE, async || {
            let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {counted} AND livemode"));
            let rows: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
            let samples = prometheus.query(&gauge).await?;
            let mut values = samples.iter().map(|sample| sample["value"][1].as_str().unwrap_or("none"));
            ensure!(rows > 0, "the tables have none");
            Ok(samples.len() == 2 && values.all(|value| value == rows.to_string()))
        });
        agree.await.with_context(|| format!("{gauge} is not what the tables say"))?;
    }
    Ok(())
}

/// What promtool thinks of names, types and help texts.
async fn lint(stack: &mut Stack) -> anyhow::Result<()> {
    for listener in stack.listeners() {
        let (_, page) = get(listener, "/metrics").await?;
        promtool(&["check", "metrics"], &page)?;
    }
    Ok(())
}

/// Whatever the ledger is asked at a scrape rests on an index.
async fn indexed(url: &str) -> anyhow::Result<()> {
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
    sqlx::query("SET enable_seqscan = off").execute(&mut connection).await?;
    for statement in gauges::statements().iter().chain(&event_time::STATEMENTS) {
        let statement = statement.replace("payment_retry_count >= $4", "payment_retry_count >= 3");
        let statement = (1..=4).fold(statement, |text, place| text.replace(&format!("${place}"), "now()"));
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN {statement}"));
        let plan: Vec<String> = sqlx::query_scalar(explain).fetch_all(&mut connection).await?;
        ensure!(!plan.iter().any(|line| line.contains("Seq Scan")), "no index:\n{}", plan.join("\n"));
    }
    Ok(())
}

/// Those of the rules as Prometheus has loaded them, and those of the dashboards with their variables filled in.
async fn expressions(prometheus: &Prometheus) -> anyhow::Result<Vec<Expression>> {
    let mut found = Vec::new();
    let loaded = prometheus.api("/api/v1/rules").await?;
    for group in loaded["groups"].as_array().context("there are groups")? {
        for rule in group["rules"].as_array().context("a group has rules")? {
            ensure!(rule["health"] == "ok", "{} is not evaluated: {}", rule["name"], rule["lastError"]);
            let (kind, name) =
                (rule["type"].as_str().unwrap_or_default(), rule["name"].as_str().unwrap_or_default());
            let text = rule["query"].as_str().context("a rule has a query")?.to_owned();
            found.push(Expression { place: format!("{kind} {name}"), text, is_alert: kind == "alerting" });
        }
    }
    for (name, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            for target in panel["targets"].as_array().context("a panel has targets")? {
                let text = target["expr"].as_str().context("a target has an expression")?;
                let text =
                    FILLED_IN.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
                ensure!(!text.contains('$'), "{name}: an unknown variable in {text}");
                let place = format!("{name}: {}", panel["title"].as_str().unwrap_or_default());
                found.push(Expression { place, text, is_alert: false });
            }
        }
    }
    Ok(found)
}

/// The number of series and the first of their values.
async fn ask(
    prometheus: &Prometheus,
    names: &BTreeSet<&str>,
    expression: &Expression,
) -> anyhow::Result<String> {
    let Expression { text, is_alert, .. } = expression;
    let excuse = MAY_BE_EMPTY.iter().find(|(part, _)| text.contains(part));
    for selector in selectors(text) {
        let name = selector.split('{').next().unwrap_or_default();
        ensure!(
            names.contains(name) || excuse.is_some_and(|(part, _)| *part == name),
            "nobody exports {name}"
        );
        if *is_alert && excuse.is_none() {
            ensure!(!prometheus.query(selector).await?.is_empty(), "nothing is {selector}");
        }
    }
    let samples = prometheus.query(text).await?;
    if samples.is_empty() {
        return match excuse {
            Some((_, reason)) => Ok(format!("empty: {reason}")),
            None if *is_alert => Ok("does not fire; all that it speaks of is there".to_owned()),
            None => anyhow::bail!("empty: {text}"),
        };
    }
    let shown = samples.iter().take(3).map(|sample| {
        let labels =
            sample["metric"].as_object().into_iter().flatten().filter(|(name, _)| *name != "__name__");
        let labels: Vec<String> =
            labels.map(|(_, value)| value.as_str().unwrap_or_default().to_owned()).collect();
        format!("{} {}", labels.join("/"), sample["value"][1].as_str().unwrap_or_default()).trim().to_owned()
    });
    Ok(format!("{}: {}", samples.len(), shown.collect::<Vec<_>>().join(", ")))
}

/// The series that an expression names, each with its labels as they stand there.
pub(super) fn selectors(text: &str) -> Vec<&str> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for prefix in ["tidegate_", "tidegate:", "process_", "ALERTS{"] {
        for (at, _) in text.match_indices(prefix).filter(|(at, _)| *at == 0 || !is_name(bytes[at - 1])) {
            let mut end = at + bytes[at..].iter().take_while(|byte| is_name(**byte)).count();
            if bytes.get(end) == Some(&b'{') {
                end += text[end..].find('}').map_or(0, |length| length + 1);
            }
            found.push(&text[at..end]);
        }
    }
    found
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[test]
fn selectors_are_found_with_their_labels() {
    let text = "max by (a) (tidegate_x{b=\"c\"}) > sum(rate(tidegate_y[5m])) and on (m) tidegate:z:ratio5m";
    assert_eq!(selectors(text), ["tidegate_x{b=\"c\"}", "tidegate_y", "tidegate:z:ratio5m"]);
}
