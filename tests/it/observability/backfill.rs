//! A backfill of last month calls nobody today: real workers, the real rules.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use harness::load::{SendLog, send_all};
use harness::process_guard::until;
use harness::prometheus::promtool;
use harness::stack::{Combination, Stack};
use harness::stories::{SampleEvent, Stories};
use serde_json::json;
use shared::clock;

use super::{RULES, alerts, path};

const PATIENCE: Duration = Duration::from_mins(1);
const MONTH_SECS: i64 = 30 * 86_400;
/// What alerts on money look at.
const FIGURES: [&str; 8] = [
    "tidegate_payments_succeeded{",
    "tidegate_payment_attempts_failed{",
    "tidegate_payments_refunded{",
    "tidegate_disputes_opened{",
    "tidegate_disputes_overdue{",
    "tidegate_disputes_recent{",
    "tidegate_disputes_evidence_due{",
    "tidegate_invoices_failed_thrice{",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_of_last_months_failures_disputes_and_refunds_fires_no_alert() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let mut stack = Stack::start(combination).await;
        let (mut told, now) = (Sender::new(), clock::now().timestamp());
        let (mut today, mut last_month) = (Vec::new(), Vec::new());
        for number in 0..60 {
            today.push(told.payment(now - number, true));
            last_month.extend(told.failing_invoice(now - MONTH_SECS - number));
            last_month.extend(told.lost_dispute(now - MONTH_SECS - number));
        }
        today.push(told.payment(now - 30, false));
        send(&stack, today).await;
        send(&stack, last_month).await;
        let live = |name: &str, window: &str| format!("tidegate_{name}{{mode=\"live\",window=\"{window}\"}}");
        let mut seen = figures(&mut stack, (&live("payments_succeeded", "1h"), 60)).await;
        for (name, window, expected) in [
            ("payments_succeeded", "5m", 60),
            ("payment_attempts_failed", "5m", 1),
            ("payment_attempts_failed", "15m", 1),
            ("payment_attempts_failed", "1h", 1),
            ("payments_refunded", "1h", 0),
            ("disputes_opened", "15m", 0),
            ("disputes_opened", "7d", 0),
            ("invoices_failed_thrice", "15m", 0),
            ("invoices_failed_thrice", "3d", 0),
        ] {
            assert_eq!(seen.get(&live(name, window)), Some(&expected), "{combination:?}: {name} {window}");
        }
        assert_eq!(seen.get("tidegate_disputes_recent{mode=\"live\",status=\"lost\"}"), Some(&60));
        // The win rate of 90 days is that bad; it is no news of today.
        seen.retain(|series, _| !series.starts_with("tidegate_disputes_recent"));
        calls_nobody(&seen).unwrap_or_else(|fault| panic!("{combination:?}: {fault:#}"));

        // The same today is another matter.
        let mut failures: Vec<SampleEvent> = (0..20).map(|_| told.payment(now, false)).collect();
        failures.extend(told.failing_invoice(now));
        failures.extend(told.lost_dispute(now));
        send(&stack, failures).await;
        let seen = figures(&mut stack, (&live("payment_attempts_failed", "15m"), 24)).await;
        let fault = calls_nobody(&seen).unwrap_err().to_string();
        for alert in ["PaymentSuccessLow", "PaymentFailuresHigh", "NewDispute", "InvoiceFailedThrice"] {
            assert!(
                fault.contains(&format!("alertname: Tidegate{alert}")),
                "{combination:?}: {alert}\n{fault}"
            );
        }
        stack.end().await;
    }
}

/// Events with their own objects.
struct Sender {
    stories: Stories,
    number: u32,
}

impl Sender {
    fn new() -> Self {
        Self { stories: Stories::of_seed(3).in_mode(true), number: 0 }
    }

    fn event(&mut self, kind: &'static str, at: i64, object: &serde_json::Value) -> SampleEvent {
        self.stories.event_of(kind, "applied", object).stamped(at)
    }

    fn payment(&mut self, at: i64, succeeded: bool) -> SampleEvent {
        self.number += 1;
        self.attempt(&format!("pi_{}", self.number), None, at, succeeded)
    }

    fn attempt(&mut self, id: &str, invoice: Option<&str>, at: i64, succeeded: bool) -> SampleEvent {
        let status = if succeeded { "succeeded" } else { "requires_payment_method" };
        let kind = if succeeded { "payment_intent.succeeded" } else { "payment_intent.payment_failed" };
        let error = (!succeeded).then(|| json!({"code": "card_declined"}));
        let object = json!({"id": id, "object": "payment_intent", "amount": 1_000, "currency": "usd", "created": at,
            "status": status, "amount_received": if succeeded { 1_000 } else { 0 }, "metadata": invoice.map_or_else(|| json!({}), |id| json!({"invoice_id": id})),
            "last_payment_error": error});
        self.event(kind, at, &object)
    }

    /// Three failures in a row, and a refund of another payment.
    fn failing_invoice(&mut self, at: i64) -> Vec<SampleEvent> {
        self.number += 1;
        let (payment, invoice) = (format!("pi_{}", self.number), format!("own_{}", self.number));
        let mut events: Vec<SampleEvent> =
            (0..3).map(|try_| self.attempt(&payment, Some(&invoice), at - 3 * try_, false)).collect();
        let refund = json!({"id": format!("re_{}", self.number), "object": "refund", "status": "succeeded", "amount": 5,
            "currency": "usd", "charge": format!("ch_{}", self.number), "created": at});
        events.push(self.event("refund.created", at, &refund));
        events
    }

    fn lost_dispute(&mut self, at: i64) -> Vec<SampleEvent> {
        self.number += 1;
        let dispute = |status: &str| {
            json!({"id": format!("dp_{}", self.number), "object": "dispute", "amount": 900, "currency": "usd",
                "status": status, "created": at, "charge": format!("ch_{}", self.number), "reason": "fraudulent",
                "balance_transactions": [], "evidence_details": {"due_by": at + 86_400, "submission_count": 0}})
        };
        let (opened, lost) = (dispute("needs_response"), dispute("lost"));
        vec![
            self.event("charge.dispute.created", at, &opened),
            self.event("charge.dispute.closed", at, &lost),
        ]
    }
}

async fn send(stack: &Stack, events: Vec<SampleEvent>) {
    let (sent, log) = (events.len(), SendLog::default());
    let before = handled(stack).await;
    let answers = send_all(&log, events, 8, || stack.client()).await;
    assert!(answers.iter().all(|answer| answer.accepted()));
    stack.ledger().has_handled(before + sent, PATIENCE).await.unwrap();
}

async fn handled(stack: &Stack) -> usize {
    usize::try_from(stack.ledger().count("SELECT count(*) FROM events").await.unwrap()).unwrap()
}

/// What the workers tell, once one figure is as expected: they ask the ledger once in some seconds. All tell the same.
async fn figures(stack: &mut Stack, expected: (&str, i64)) -> BTreeMap<String, i64> {
    let workers = stack.names().into_iter().filter(|name| *name != "gateway").collect::<Vec<_>>();
    let mut told = BTreeMap::new();
    for worker in workers {
        let mut page = BTreeMap::new();
        let what = format!("{} of {} at {worker}", expected.1, expected.0);
        until(&what, PATIENCE, async || {
            page = read(&stack.metrics(worker).await?);
            Ok(page.get(expected.0) == Some(&expected.1))
        })
        .await
        .unwrap();
        assert!(told.is_empty() || told == page, "two workers, one ledger: {told:?}\n{page:?}");
        told = page;
    }
    told
}

fn read(page: &str) -> BTreeMap<String, i64> {
    let lines = page.lines().filter(|line| FIGURES.iter().any(|name| line.starts_with(name)));
    let samples = lines.filter_map(|line| line.rsplit_once(' '));
    samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// The rules see these figures for two hours, and no alert on money fires in the end.
fn calls_nobody(figures: &BTreeMap<String, i64>) -> anyhow::Result<()> {
    let mut test = format!(
        "rule_files: [\"{}\"]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n",
        path(RULES).display()
    );
    for (series, value) in figures {
        writeln!(test, "      - {{series: '{series}', values: '{value}x120'}}")?;
    }
    test.push_str("    alert_rule_test:\n");
    let money = alerts().into_iter().skip_while(|alert| alert != "TidegatePaymentSuccessLow");
    for alert in money {
        writeln!(test, "      - {{eval_time: 100m, alertname: {alert}, exp_alerts: []}}")?;
    }
    let file =
        std::env::temp_dir().join(format!("tidegate-backfill-{}.yaml", shared::trace::random_hex::<8>()));
    std::fs::write(&file, test)?;
    let said = promtool(&["test", "rules", &file.to_string_lossy()], "");
    std::fs::remove_file(&file)?;
    said.map(|_| ())
}
