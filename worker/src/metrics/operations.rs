//! What was sent to Stripe, and what came of it.

use envelope::event_types::mode;
use ledger::views::gauges::OpenOperations;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use shared::metrics::MetricsRegistry;

use domain::operations::{AnswerClass, OperationKind, OperationState};
use stripe_api::{Endpoint, Exchange};

/// Stripe answers within a second, and waits for banks.
const CALL_BUCKETS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0];
/// What an attempt ends in, or rests as.
const CONCLUDED: [OperationState; 4] =
    [OperationState::Succeeded, OperationState::Failed, OperationState::Unknown, OperationState::Executing];

#[derive(Clone)]
pub struct Operations {
    concluded: IntCounterVec,
    calls: IntCounterVec,
    call_seconds: HistogramVec,
    /// Operations that were approved and not sent, because Stripe said something else.
    pub stopped_at_third: IntCounter,
    pub key_refused: IntGauge,
}

impl Operations {
    pub(super) fn new(new: &MetricsRegistry) -> Self {
        let operations = Self {
            concluded: new.counters(
                "operations_sent_total",
                "Attempts at operations by kind and by the state that they ended or rest in; executing is one that waits to be sent again.",
                &["kind", "state"],
            ),
            calls: new.counters(
                "stripe_calls_total",
                "Requests to Stripe for operations, by the class of their answer.",
                &["class"],
            ),
            call_seconds: new.histograms(
                "stripe_call_seconds",
                "Time until Stripe answered a request for an operation, by endpoint.",
                &CALL_BUCKETS,
                &["endpoint"],
            ),
            stopped_at_third: new.counter(
                "operations_stopped_total",
                "Approved operations that were refused or sent back for approval right before they were sent.",
            ),
            key_refused: new.gauge(
                "stripe_key_refused",
                "1 once Stripe refused the API key while operations were sent; they are not sent until the worker restarts.",
            ),
        };
        for class in AnswerClass::ALL {
            operations.calls.with_label_values(&[class.as_str()]);
        }
        for kind in OperationKind::ALL {
            for state in CONCLUDED {
                operations.concluded.with_label_values(&[kind.as_str(), state.as_str()]);
            }
        }
        for endpoint in Endpoint::ALL {
            operations.call_seconds.with_label_values(&[endpoint.as_str()]);
        }
        operations
    }

    pub fn count_call(&self, exchange: &Exchange) {
        self.calls.with_label_values(&[exchange.class.as_str()]).inc();
        let seconds = self.call_seconds.with_label_values(&[exchange.endpoint.as_str()]);
        seconds.observe(exchange.took.as_secs_f64());
    }

    pub fn count_concluded(&self, kind: OperationKind, state: OperationState) {
        self.concluded.with_label_values(&[kind.as_str(), state.as_str()]).inc();
    }
}

/// Operations that have not ended, as the ledger has them.
#[derive(Debug)]
pub(super) struct OpenGauges {
    open: IntGaugeVec,
    since: IntGaugeVec,
}

impl OpenGauges {
    pub(super) fn new(new: &MetricsRegistry) -> Self {
        Self {
            open: new.gauges(
                "operations_open",
                "Operations that wait for people, wait to be sent, or whose outcome nobody knows. Counts up to 10,000.",
                &["kind", "mode", "state"],
            ),
            since: new.gauges(
                "operations_open_since_timestamp_seconds",
                "Time at which the oldest of them was asked for, in seconds since 1970; 0 if there is none.",
                &["mode", "state"],
            ),
        }
    }

    pub(super) fn show(&self, operations: &[OpenOperations]) {
        for livemode in [true, false] {
            for state in OperationState::ALL.iter().filter(|state| state.is_open()) {
                let of_state: Vec<&OpenOperations> = operations
                    .iter()
                    .filter(|open| open.livemode == livemode && open.state == state.as_str())
                    .collect();
                for kind in OperationKind::ALL {
                    let of_kind = of_state.iter().filter(|open| open.kind == kind.as_str());
                    self.open
                        .with_label_values(&[kind.as_str(), mode(livemode), state.as_str()])
                        .set(of_kind.map(|open| open.operations).sum());
                }
                let oldest = of_state.iter().filter_map(|open| open.since).min();
                self.since
                    .with_label_values(&[mode(livemode), state.as_str()])
                    .set(oldest.map_or(0, |since| since.timestamp()));
            }
        }
    }
}
