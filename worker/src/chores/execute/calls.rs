//! Keeps the exchanges of the operation at hand until they are stored beside it, and counts them.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::operations::Call;
use shared::clock;
use stripe_api::{Exchange, Observer};

use crate::metrics::Metrics;

/// One operation is sent at a time, so what comes in belongs to it.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<Vec<Ended>>>);

/// An exchange, and when it was over.
type Ended = (Exchange, DateTime<Utc>);

impl Calls {
    pub(super) fn observer(&self, metrics: Metrics) -> Observer {
        let calls = self.clone();
        Box::new(move |exchange| {
            metrics.operations.count_call(&exchange);
            calls.0.lock().unwrap_or_else(PoisonError::into_inner).push((exchange, clock::now()));
        })
    }

    /// What came in since the last time, as it is stored.
    pub(super) fn take(&self, attempt: i64) -> Vec<Call> {
        let taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.into_iter().map(|(exchange, at)| call(exchange, attempt, at)).collect()
    }
}

fn call(exchange: Exchange, attempt: i64, called_at: DateTime<Utc>) -> Call {
    Call {
        attempt,
        number: 0, // given when it is stored
        method: exchange.method.to_owned(),
        path: exchange.path,
        class: exchange.class.to_string(),
        http_status: exchange.status.map(i64::from),
        stripe_code: exchange.code,
        request_id: exchange.request_id,
        replayed: exchange.is_replayed,
        duration_ms: i64::try_from(exchange.took.as_millis()).unwrap_or(i64::MAX),
        called_at,
    }
}
