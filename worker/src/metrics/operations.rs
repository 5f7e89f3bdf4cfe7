//! What was sent to Stripe, and what came of it.

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge};
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
