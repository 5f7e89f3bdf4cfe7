//! Calls to Stripe's API: the only place with outgoing calls. Every call is paced, has a deadline, and is
//! retried with growing, jittered pauses if Stripe is overloaded or unreachable.

mod account;
mod config;
mod error;
mod events;
mod objects;
mod rate_limit;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use stripe_client_core::{
    AccountId, CustomizedStripeRequest, IdempotencyKey, RequestBuilder, StripeClient, StripeMethod,
};
use tokio_util::sync::CancellationToken;

pub use self::account::{Account, WebhookEndpoint};
pub use self::config::{ApiKey, StripeConfig, VARIABLES};
pub use self::error::StripeError;
pub use self::events::{EVENTS_LISTED, Listing, Page, TYPES_LIMIT};
pub use self::objects::Answered;
use self::rate_limit::RateLimit;
use self::transport::{Sender, StripeResponse, Transport};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An upper bound on what Stripe asks for: rather than wait longer, come back later.
const RETRY_AFTER_LIMIT: Duration = Duration::from_mins(2);
const RETRIES: usize = 6;
const SCREEN_DEADLINE: Duration = Duration::from_secs(5);

/// A handle; clones share one client and one pace.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    transport: Transport,
    rate_limit: RateLimit,
    livemode: bool,
    retries: usize,
    stop: CancellationToken,
}

impl Api {
    /// Nothing is asked yet. Calls end at once when `stop` is cancelled.
    pub fn open(config: &StripeConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        Self::with_retries(config, RETRIES, stop)
    }

    /// For somebody who waits at a screen: asks once only, and not for long.
    pub fn for_a_screen(config: &StripeConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        let deadline = config.deadline.min(SCREEN_DEADLINE);
        Self::with_retries(&StripeConfig { deadline, ..config.clone() }, 0, stop)
    }

    fn with_retries(
        config: &StripeConfig,
        retries: usize,
        stop: CancellationToken,
    ) -> Result<Self, StripeError> {
        Ok(Self(Arc::new(Inner {
            transport: Transport::open(config)?,
            rate_limit: RateLimit::per_sec(config.rate_per_sec),
            livemode: config.key.livemode(),
            retries,
            stop,
        })))
    }

    /// The mode of the key, and so of everything that is read with it.
    pub fn livemode(&self) -> bool {
        self.0.livemode
    }

    pub fn is_stopped(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Reads for an account, ours where it is `""`. An answer that cannot be read was cut off somewhere: it is
    /// asked for again.
    async fn read<T>(
        &self,
        request: RequestBuilder,
        account: &str,
        understand: impl Fn(&StripeResponse) -> Result<T, StripeError>,
    ) -> Result<T, StripeError> {
        self.ask(&request, Sender { account, idempotency_key: None }, understand).await
    }

    /// Asks until there is an answer or no hope of one. What may have an effect is asked once only, unless
    /// an idempotency key makes one thing of all attempts.
    async fn ask<T>(
        &self,
        request: &RequestBuilder,
        sender: Sender<'_>,
        understand: impl Fn(&StripeResponse) -> Result<T, StripeError>,
    ) -> Result<T, StripeError> {
        let is_repeatable = matches!(request.method, StripeMethod::Get) || sender.idempotency_key.is_some();
        let once = || async {
            self.0.rate_limit.turn().await;
            understand(&self.0.transport.ask(request, sender).await?)
        };
        let pauses = ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(self.0.retries)
            .with_jitter();
        let answer = once
            .retry(pauses)
            .when(|error| is_repeatable && error.is_transient())
            .adjust(|error, pause| {
                let wished = error.retry_after().unwrap_or_default().min(RETRY_AFTER_LIMIT);
                pause.map(|pause| pause.max(wished))
            })
            .notify(|error, pause| {
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(%error, pause_ms, "retrying a request to Stripe");
            });
        tokio::select! {
            biased;
            () = self.0.stop.cancelled() => Err(StripeError::Stopped),
            answer = answer => answer,
        }
    }
}

/// The way in for requests that async-stripe describes, such as those of its generated crates.
impl StripeClient for Api {
    type Err = StripeError;

    async fn execute(&self, request: CustomizedStripeRequest) -> Result<Bytes, StripeError> {
        let (request, custom) = request.into_pieces();
        let key = custom.request_strategy.and_then(|strategy| strategy.get_key());
        let sender = Sender {
            account: custom.account_id.as_ref().map_or("", AccountId::as_str),
            idempotency_key: key.as_ref().map(IdempotencyKey::as_str),
        };
        self.ask(&request, sender, |answer| Ok(answer.body.clone())).await
    }
}
