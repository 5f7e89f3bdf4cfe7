//! Spans for a trace collector beside the process. Nothing waits for them: spans that do not fit are dropped
//! and counted, and without a collector an open span costs nothing.

mod exporter;
mod otlp;
mod target;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use prometheus::IntCounter;
use tokio::sync::mpsc;

use crate::clock;
use crate::env::{Env, Problem, Variable};
use crate::metrics::MetricsRegistry;
use crate::trace::{self, Context};

pub use self::exporter::Exporter;
pub use self::otlp::Kind;
use self::otlp::{Span, Value};
use self::target::Target;

const URL: Variable = Variable {
    name: "OTLP_URL",
    default: "",
    example: "http://127.0.0.1:4318",
    help: "Address of the trace collector beside the process, for OTLP over HTTP; `http://` only. If unset, no traces are exported.",
};
const ENDPOINT: Variable = Variable {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    default: "",
    example: "http://127.0.0.1:4318",
    help: "OpenTelemetry's name for OTLP_URL, which takes precedence.",
};
const SERVICE: Variable = Variable {
    name: "OTEL_SERVICE_NAME",
    default: "",
    example: "tidegate-eu",
    help: "Service name in traces, instead of `tidegate-gateway` and `tidegate-worker`.",
};
const SAMPLE: Variable = Variable {
    name: "OTLP_SAMPLE_PERCENT",
    default: "100",
    example: "5",
    help: "Percentage of webhooks whose trace is exported. If a sender passes a `traceparent`, its flag decides.",
};
pub const VARIABLES: &[Variable] = &[URL, ENDPOINT, SERVICE, SAMPLE];

const SERVICE_LIMIT_BYTES: usize = 255;

/// Spans that wait for the exporter: some MB, and more than a second of what a process can do.
const ROOM_SPANS: usize = 4_096;

/// Where spans go, and of how many traces.
#[derive(Clone, Debug)]
pub struct SpansConfig {
    target: Option<Target>,
    /// Instead of the role's own name.
    service: Option<String>,
    sample_percent: u64,
}

impl SpansConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        let named = [&URL, &ENDPOINT].into_iter().find_map(|it| Some((it, env.given(it.name)?)));
        let read =
            |(variable, url): (&Variable, &str)| Target::read(url).map_err(|fault| variable.problem(fault));
        let service = env.parse(&SERVICE, read_service)?;
        Ok(Self {
            target: named.map(read).transpose()?,
            service,
            sample_percent: env.number(&SAMPLE, 0..=100)?,
        })
    }
}

fn read_service(text: &str) -> Result<Option<String>, String> {
    if text.len() > SERVICE_LIMIT_BYTES || text.contains(char::is_control) {
        return Err(format!("not a name of at most {SERVICE_LIMIT_BYTES} bytes on one line"));
    }
    Ok(Some(text.to_owned()).filter(|name| !name.is_empty()))
}

/// What became of spans.
#[derive(Clone)]
pub struct SpanCounts {
    exported: IntCounter,
    dropped: IntCounter,
}

impl SpanCounts {
    pub fn new(register: &MetricsRegistry) -> Self {
        Self {
            exported: register.counter("spans_exported_total", "Spans that the collector accepted."),
            dropped: register.counter(
                "spans_dropped_total",
                "Spans that the collector did not accept in time. Events are not affected.",
            ),
        }
    }
}

/// Where a process offers its spans. Off by default.
#[derive(Clone, Default)]
pub struct Spans(Option<Arc<Sink>>);

struct Sink {
    room: mpsc::Sender<Span>,
    counts: SpanCounts,
    sample_percent: u64,
}

/// A span that is under way. It ends when it is dropped, so it is told also of what was cancelled.
pub struct Open<'s>(Option<Live<'s>>);

struct Live<'s> {
    sink: &'s Sink,
    trace_parent: String,
    since: Instant,
    /// `None` where the trace is not sampled.
    span: Option<Box<Span>>,
}

/// When something began, for the spans that are told of it at its end.
#[derive(Clone, Copy)]
pub struct Began {
    at: DateTime<Utc>,
    since: Instant,
}

impl Spans {
    /// Sends what is offered from now on, under the name of the role or the configured one; without a collector
    /// nothing.
    pub fn start(config: &SpansConfig, role: &'static str, counts: SpanCounts) -> (Self, Exporter) {
        let Some(target) = config.target.clone() else { return (Self(None), Exporter::none()) };
        let service = config.service.clone().unwrap_or_else(|| role.to_owned());
        let (room, waiting) = mpsc::channel(ROOM_SPANS);
        let exporter = Exporter::start(target, service, counts.clone(), waiting);
        (Self(Some(Arc::new(Sink { room, counts, sample_percent: config.sample_percent }))), exporter)
    }

    /// The first span of this process in a trace that somebody else began, or in a new one.
    pub fn enter<'a>(
        &self,
        name: &'static str,
        kind: Kind,
        parent: impl FnOnce() -> Option<&'a str>,
    ) -> Open<'_> {
        let Some(sink) = self.0.as_deref() else { return Open(None) };
        let parent = parent().filter(|text| Context::read(text).is_some());
        let mut trace_parent = trace::child_of(parent);
        if parent.is_none() && !is_chosen(&trace_parent, sink.sample_percent) {
            trace_parent.replace_range(trace_parent.len() - 2.., "00");
        }
        Open::at(sink, name, kind, trace_parent, parent)
    }

    /// A span that has its name already, below one of this process.
    pub fn open(&self, name: &'static str, kind: Kind, trace_parent: &str, parent: Option<&str>) -> Open<'_> {
        let Some(sink) = self.0.as_deref() else { return Open(None) };
        Open::at(sink, name, kind, trace_parent.to_owned(), parent)
    }

    /// `None` where nobody will ask.
    pub fn begin(&self) -> Option<Began> {
        self.0.as_ref().map(|_| Began { at: clock::now(), since: Instant::now() })
    }

    /// A span that is told of at its end.
    pub fn ended(
        &self,
        began: Began,
        name: &'static str,
        kind: Kind,
        trace_parent: &str,
        parent: Option<&str>,
    ) -> Open<'_> {
        let mut open = self.open(name, kind, trace_parent, parent);
        if let Some(live) = &mut open.0 {
            live.since = began.since;
            if let Some(span) = &mut live.span {
                span.start = began.at;
            }
        }
        open
    }
}

impl<'s> Open<'s> {
    fn at(
        sink: &'s Sink,
        name: &'static str,
        kind: Kind,
        trace_parent: String,
        parent: Option<&str>,
    ) -> Self {
        let span = Context::read(&trace_parent)
            .filter(|context| context.sampled)
            .map(|context| Box::new(Span::new(name, kind, context, parent, clock::now())));
        Self(Some(Live { sink, trace_parent, since: Instant::now(), span }))
    }

    /// What its children name as their parent; `None` without an exporter.
    pub fn trace_parent(&self) -> Option<&str> {
        self.0.as_ref().map(|live| live.trace_parent.as_str())
    }

    pub fn set(&mut self, name: &'static str, text: &str) {
        self.change(|span| span.attributes.push((name, Value::Text(text.to_owned()))));
    }

    pub fn set_number(&mut self, name: &'static str, number: i64) {
        self.change(|span| span.attributes.push((name, Value::Number(number))));
    }

    /// Points to a span of another trace.
    pub fn link(&mut self, trace_parent: &str) {
        self.change(|span| span.link = Some(trace_parent.to_owned()));
    }

    /// What the span tells of has failed.
    pub fn fail(&mut self) {
        self.change(|span| span.failed = true);
    }

    /// Anybody can make us write this one: it takes no more than half of the room.
    pub fn yields(&mut self) {
        self.change(|span| span.yields = true);
    }

    fn change(&mut self, change: impl FnOnce(&mut Span)) {
        if let Some(span) = self.0.as_mut().and_then(|live| live.span.as_deref_mut()) {
            change(span);
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let Some(Live { sink, since, span: Some(mut span), .. }) = self.0.take() else { return };
        span.lasted = since.elapsed();
        sink.offer(*span);
    }
}

impl Sink {
    fn offer(&self, span: Span) {
        let has_room = !span.yields || self.room.capacity() > ROOM_SPANS / 2;
        if !has_room || self.room.try_send(span).is_err() {
            self.counts.dropped.inc();
        }
    }
}

/// By the random trace id, which all who look at the same trace see.
fn is_chosen(trace_parent: &str, percent: u64) -> bool {
    let id = trace::trace_id_of(trace_parent);
    let end = id.get(id.len().saturating_sub(8)..).and_then(|end| u64::from_str_radix(end, 16).ok());
    end.is_some_and(|end| end * 100 < percent << 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(sample_percent: u64) -> (Spans, mpsc::Receiver<Span>, SpanCounts) {
        let (room, waiting) = mpsc::channel(ROOM_SPANS);
        let counts = SpanCounts::new(&MetricsRegistry::new());
        let sink = Sink { room, counts: counts.clone(), sample_percent };
        (Spans(Some(Arc::new(sink))), waiting, counts)
    }

    #[test]
    fn without_a_collector_nothing_is_made() {
        let spans = Spans::default();
        let open = spans.enter("webhook", Kind::Server, || unreachable!("nobody looks for a parent"));
        assert!(open.trace_parent().is_none() && spans.begin().is_none());
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_strangers_leave_half_of_the_room() {
        let (spans, mut waiting, counts) = sink(100);
        for _ in 0..ROOM_SPANS {
            spans.enter("webhook", Kind::Server, || None).yields();
        }
        assert_eq!(counts.dropped.get(), ROOM_SPANS as u64 / 2);
        for _ in 0..ROOM_SPANS {
            drop(spans.enter("webhook", Kind::Server, || None));
        }
        assert_eq!(counts.dropped.get(), ROOM_SPANS as u64);
        assert_eq!(std::iter::from_fn(|| waiting.try_recv().ok()).count(), ROOM_SPANS);
    }

    #[test]
    fn the_flag_of_the_sender_counts_and_else_the_percentage() {
        let flagged = |flags| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let (none, mut waiting, _) = sink(0);
        let open = none.enter("webhook", Kind::Server, || None);
        assert!(open.trace_parent().unwrap().ends_with("-00"), "those behind us know of it");
        drop(open);
        assert!(waiting.try_recv().is_err());
        let sampled = flagged("01");
        drop(none.enter("webhook", Kind::Server, || Some(&sampled)));
        assert_eq!(waiting.try_recv().unwrap().parent.as_deref(), Some("00f067aa0ba902b7"));
        let (all, mut waiting, _) = sink(100);
        let unsampled = flagged("00");
        drop(all.enter("webhook", Kind::Server, || Some(&unsampled)));
        assert!(waiting.try_recv().is_err());
        let (some, mut waiting, _) = sink(25);
        (0..1_000).for_each(|_| drop(some.enter("webhook", Kind::Server, || Some("malformed"))));
        let chosen = std::iter::from_fn(|| waiting.try_recv().ok()).count();
        assert!((150..350).contains(&chosen), "{chosen}");
    }

    #[test]
    fn only_plain_http_to_a_place_without_secrets_is_taken() {
        let read = |url| SpansConfig::from_env(&Env::of(&[("OTLP_URL", url)]));
        assert!(read("").unwrap().target.is_none());
        assert!(read("http://127.0.0.1:4318").unwrap().target.is_some());
        for (bad, word) in [
            ("https://collector.example", "TLS"),
            ("127.0.0.1:4318", "http://"),
            ("http://user:hunter2@collector", "password"),
            ("http://", "http://"),
            ("grpc://127.0.0.1:4317", "http://"),
        ] {
            let problem = read(bad).expect_err(bad).to_string();
            assert!(problem.contains(word) && !problem.contains("hunter2"), "{problem}");
        }
        assert!(SpansConfig::from_env(&Env::of(&[("OTLP_SAMPLE_PERCENT", "101")])).is_err());
    }

    #[test]
    fn opentelemetrys_own_names_are_taken_and_ours_counts_where_both_are_set() {
        let ours = ("OTLP_URL", "http://ours:4318");
        let theirs = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://theirs:4318/base");
        let shown = |pairs: &[(&str, &str)]| {
            SpansConfig::from_env(&Env::of(pairs)).unwrap().target.map(|target| target.shown())
        };
        assert_eq!(shown(&[theirs]).as_deref(), Some("http://theirs:4318/base/v1/traces"));
        assert_eq!(shown(&[ours, theirs]).as_deref(), Some("http://ours:4318/v1/traces"));
        assert_eq!(shown(&[("OTLP_URL", " "), theirs]).as_deref(), Some("http://theirs:4318/base/v1/traces"));
        let refused =
            SpansConfig::from_env(&Env::of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector")]));
        assert!(refused.unwrap_err().to_string().starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: TLS"));
        let service =
            |name| SpansConfig::from_env(&Env::of(&[("OTEL_SERVICE_NAME", name)])).map(|it| it.service);
        assert_eq!(service("tidegate-eu").unwrap().as_deref(), Some("tidegate-eu"));
        assert_eq!(service(" ").unwrap(), None);
        assert!(service("two\nlines").is_err() && service(&"x".repeat(SERVICE_LIMIT_BYTES + 1)).is_err());
    }
}
