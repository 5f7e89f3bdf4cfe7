//! Traces as a collector sees them: gateway, queue and worker in one, and a collector that is away, hangs or
//! fails as nobody's trouble but its own.

use std::time::{Duration, Instant};

use harness::client::Client;
use harness::collector::{Collector, Manner, Span};
use harness::load::{SendLog, send_all};
use harness::ports::free_port;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);
/// Two roles flush for 2 s each; the rest is for the stop itself, beside other work on the same cores.
const STOP_BOUND: Duration = Duration::from_secs(12);
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";

fn one<'s>(spans: &'s [Span], trace: &str, name: &str) -> &'s Span {
    let found: Vec<&Span> = spans.iter().filter(|span| span.trace == trace && span.name == name).collect();
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_leads_from_the_sender_over_the_gateway_and_the_queue_to_the_worker() {
    let collector = Collector::start(Manner::Takes).await.unwrap();
    let url = collector.url();
    let mut stack = Stack::start_with(Combination::RabbitPostgres, &[("OTLP_URL", url.as_str())]).await;
    let (mut stories, mut client) = (Stories::of_seed(21), stack.client());
    let (traced, unsampled, plain) =
        (stories.succeeded_payment(), stories.succeeded_payment(), stories.unruled());
    let sent = client.send_traced(&traced.body, &format!("00-{TRACE}-{SENDER}-01")).await;
    assert!(sent.accepted());
    let unwanted = TRACE.replace('4', "5");
    assert!(client.send_traced(&unsampled.body, &format!("00-{unwanted}-{SENDER}-00")).await.accepted());
    assert!(client.send(&plain.body).await.accepted());
    let mut stranger = Client::new(stack.gateway(), "whsec_00000000000000000000");
    assert!(!stranger.send(&plain.body).await.accepted());
    stack.ledger().has_handled(3, PATIENCE).await.unwrap();
    // What is left goes out when the processes stop.
    stack.halt().await;

    let spans = collector.spans().unwrap();
    assert_eq!(spans.iter().filter(|span| span.trace == TRACE).count(), 3);
    let (webhook, publish) = (one(&spans, TRACE, "webhook"), one(&spans, TRACE, "publish"));
    let handle = one(&spans, TRACE, "handle");
    assert_eq!(webhook.parent.as_deref(), Some(SENDER));
    assert_eq!(publish.parent.as_ref(), Some(&webhook.id));
    assert_eq!(handle.parent.as_ref(), Some(&publish.id));
    assert_eq!([webhook.kind, publish.kind, handle.kind], [2, 4, 5]);
    assert!(webhook.start <= publish.start && publish.end <= webhook.end);
    assert_eq!((webhook.service.as_str(), handle.service.as_str()), ("tidegate-gateway", "tidegate-worker"));
    assert_eq!(webhook.attributes["http.response.status_code"], "200");
    for span in [publish, handle] {
        assert_eq!(span.attributes["tidegate.event.id"], traced.id);
        assert_eq!(span.attributes["tidegate.event.type"], traced.kind);
    }
    assert_eq!(handle.attributes["tidegate.outcome"], "applied");
    assert_eq!(handle.attributes["tidegate.attempts"], "1");
    let (batch_trace, batch_id) = &handle.links[0];
    let batch = one(&spans, batch_trace, "batch");
    assert_eq!((&batch.id, batch.parent.as_ref()), (batch_id, None));
    assert!(batch.attributes.contains_key("tidegate.batch.events") && !batch.failed);

    assert!(spans.iter().all(|span| span.trace != unwanted), "who does not want a trace gets none");
    let refused =
        spans.iter().find(|span| span.attributes.get("tidegate.outcome").is_some_and(|it| it == "refused"));
    assert_eq!(
        refused.expect("what is refused has a span, too").attributes["http.response.status_code"],
        "400"
    );
    let told = stack.ledger().event(&traced.id).await.unwrap();
    assert_eq!(told.id, traced.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_has_a_span_in_the_trace_of_its_delivery_and_a_replay_a_trace_of_its_own() {
    let collector = Collector::start(Manner::Takes).await.unwrap();
    let url = collector.url();
    let settings = [("OTLP_URL", url.as_str()), ("WORKER_RETRY_SECS", "1"), ("TIDEGATE_STAFF", "jane")];
    let mut stack = Stack::start_with(Combination::SqliteSqlite, &settings).await;
    let bad = Stories::of_seed(24).event_of("tidegate.failpoint.panic", "dead", &json!({ "id": "x_1" }));
    assert!(stack.client().send(&bad.body).await.accepted());
    let dead = "SELECT count(*) FROM events WHERE outcome = 'dead'";
    until("a dead letter", PATIENCE, async || Ok(stack.ledger().count(dead).await? == 1)).await.unwrap();
    let planned = stack.tidegate(&["replay", "plan", "--json"]).await.unwrap();
    let planned: Value = serde_json::from_str(&planned).unwrap();
    stack.tidegate(&["replay", "run", planned["plan"].as_str().unwrap()]).await.unwrap();
    let handles = |spans: &[Span]| -> Vec<Span> {
        let mut handles: Vec<Span> = spans.iter().filter(|span| span.name == "handle").cloned().collect();
        handles.sort_by_key(|span| span.start);
        handles
    };
    until("a span of the replay", PATIENCE, async || Ok(handles(&collector.spans()?).len() >= 3))
        .await
        .unwrap();
    stack.retire("tidegate").await.unwrap();
    stack.abandon(); // the panics are in its log

    let spans = collector.spans().unwrap();
    let publish = spans.iter().find(|span| span.name == "publish").unwrap();
    let handles = handles(&spans);
    let told = |span: &Span| {
        let attribute = |name: &str| span.attributes[name].clone();
        ["tidegate.source", "tidegate.outcome", "tidegate.attempts"].map(attribute)
    };
    let expected = [["stripe", "waiting", "1"], ["stripe", "dead", "2"], ["replay", "dead", "3"]];
    assert_eq!(handles.iter().map(told).collect::<Vec<_>>(), expected, "{handles:#?}");
    assert!(handles.iter().all(|span| span.failed && span.links.is_empty()));
    for attempt in &handles[..2] {
        assert_eq!((&attempt.trace, attempt.parent.as_ref()), (&publish.trace, Some(&publish.id)));
    }
    assert!(handles[2].trace != publish.trace && handles[2].parent.is_none());
    let batches: Vec<&Span> = spans.iter().filter(|span| span.name == "batch").collect();
    assert!(batches.iter().all(|batch| batch.failed && batch.attributes["tidegate.outcome"] == "fell_back"));
    assert_eq!(batches.len(), 2, "the delivery's and the replay's; a retry begins alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_hangs_or_fails_harms_nothing_and_what_it_misses_is_counted() {
    for manner in [None, Some(Manner::Hangs), Some(Manner::Answers(500)), Some(Manner::Answers(503))] {
        eprintln!("a collector that {manner:?}");
        let collector = match manner {
            Some(manner) => Some(Collector::start(manner).await.unwrap()),
            None => None,
        };
        let url =
            collector.as_ref().map_or_else(|| format!("http://127.0.0.1:{}", free_port()), Collector::url);
        let mut stack = Stack::start_with(Combination::SqliteSqlite, &[("OTLP_URL", url.as_str())]).await;
        let (events, _) = Stories::of_seed(22).history(100);
        let (count, log) = (events.len(), SendLog::default());
        let answers = send_all(&log, events, 4, || stack.client()).await;
        assert!(answers.iter().all(|answer| answer.accepted()));
        stack.ledger().has_handled(count, PATIENCE).await.unwrap();
        until("spans to be counted as dropped", PATIENCE, async || {
            let page = stack.metrics("tidegate").await?;
            assert_eq!(sum(&page, "tidegate_spans_exported_total"), 0);
            Ok(sum(&page, "tidegate_spans_dropped_total") >= 3 * count as u64)
        })
        .await
        .unwrap();
        assert!(collector.as_ref().is_none_or(|collector| collector.requests() > 0));
        let last = Stories::of_seed(23).succeeded_payment();
        assert!(stack.client().send(&last.body).await.accepted());
        let begun = Instant::now();
        stack.halt().await;
        eprintln!("it took {:?} to stop", begun.elapsed());
        assert!(begun.elapsed() < STOP_BOUND, "{manner:?}: it took {:?} to stop", begun.elapsed());
        assert!(stack.logs().contains("spans cannot be exported"), "it is said once");
    }
}

/// Of all listeners of a process.
fn sum(page: &str, name: &str) -> u64 {
    let values = page.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    values.sum()
}
