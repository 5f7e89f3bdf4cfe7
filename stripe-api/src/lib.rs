//! Calls to Stripe's API: the only place with outgoing calls. Every call is paced and has a deadline. Reads are
//! retried with growing, jittered pauses if Stripe is overloaded or unreachable; what has an effect is sent once,
//! under an idempotency key, and its caller decides what follows from the answer's class.

mod account;
mod answer;
mod balance;
mod balance_transactions;
mod breaker;
mod charges;
mod class;
mod config;
mod customers;
mod disputes;
mod endpoint;
mod error;
mod events;
mod files;
mod invoices;
mod lists;
mod object_lists;
mod objects;
mod payment_intents;
mod payouts;
mod plain_text;
mod rate_limit;
mod refunds;
mod sending;
mod subscriptions;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use stripe_client_core::{AccountId, CustomizedStripeRequest, IdempotencyKey, RequestBuilder, StripeClient};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::account::{Account, WebhookEndpoint};
pub use self::answer::{Answer, ErrorAnswer, PaymentIntentInside};
pub use self::balance_transactions::TransactionFilter;
use self::breaker::Breaker;
pub use self::charges::ChargeNow;
pub use self::class::AnswerClass;
pub use self::config::{ApiKey, StripeConfig, VARIABLES};
pub use self::customers::{BalanceChange, CustomerNow, PaymentMethodNow};
pub use self::disputes::{DisputeNow, EvidenceDetails, EvidenceUpdate, MovementNow};
pub use self::endpoint::Endpoint;
pub use self::error::StripeError;
pub use self::events::{EVENTS_LISTED, Listing, Page, TYPES_LIMIT};
pub use self::files::{EvidenceFile, FileNow};
pub use self::invoices::{InvoiceNow, InvoicePay};
pub use self::lists::{CreatedBetween, ListPage, Listed};
pub use self::object_lists::{ObjectListing, ObjectPage};
pub use self::objects::{Answered, ListedObject, ResponseOf};
pub use self::payment_intents::{CheckoutIntent, NewPaymentIntent, PaymentIntentNow};
pub use self::payouts::PayoutFilter;
use self::rate_limit::RateLimit;
pub use self::rate_limit::SharedTurns;
pub use self::refunds::{NewRefund, RefundNow, RefundTarget};
pub use self::sending::{Metadata, Sending};
pub use self::subscriptions::{NewSubscription, SubscriptionNow};
use self::transport::{Outgoing, Sender, Transport};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An upper bound on what Stripe asks for: rather than wait longer, come back later.
const RETRY_AFTER_LIMIT: Duration = Duration::from_mins(2);
const RETRIES: usize = 6;
const SCREEN_DEADLINE: Duration = Duration::from_secs(5);
/// The longest that a call waits whose answer decides what happens to money.
const OPERATION_DEADLINE: Duration = Duration::from_secs(30);
const OPERATION_RETRIES: usize = 2;

/// A handle; clones share one client, one pace and one breaker.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

/// One request that was sent, for those who count and keep calls. Never a body.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub endpoint: Endpoint,
    pub method: &'static str,
    pub path: String,
    /// Of a success `Done`.
    pub class: AnswerClass,
    /// `None` where no answer came.
    pub status: Option<u16>,
    pub code: Option<String>,
    pub request_id: Option<String>,
    pub is_replayed: bool,
    pub took: Duration,
}

/// Whoever is told of exchanges.
pub type Observer = Box<dyn Fn(Exchange) + Send + Sync>;

struct Inner {
    transport: Transport,
    rate_limit: RateLimit,
    breaker: Breaker,
    livemode: bool,
    retries: usize,
    stop: CancellationToken,
    observer: Option<Observer>,
}

impl Api {
    /// Nothing is asked yet. Calls end at once when `stop` is cancelled.
    pub fn open(config: &StripeConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        Self::with_retries(config, RETRIES, stop, None)
    }

    /// For somebody who waits at a screen: asks once only, and not for long.
    pub fn for_a_screen(config: &StripeConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        let deadline = config.deadline.min(SCREEN_DEADLINE);
        Self::with_retries(&StripeConfig { deadline, ..config.clone() }, 0, stop, None)
    }

    /// For operations, each of whose exchanges is told to the observer.
    pub fn for_operations(
        config: &StripeConfig,
        stop: CancellationToken,
        observer: Observer,
    ) -> Result<Self, StripeError> {
        let deadline = config.deadline.min(OPERATION_DEADLINE);
        let config = StripeConfig { deadline, ..config.clone() };
        Self::with_retries(&config, OPERATION_RETRIES, stop, Some(observer))
    }

    fn with_retries(
        config: &StripeConfig,
        retries: usize,
        stop: CancellationToken,
        observer: Option<Observer>,
    ) -> Result<Self, StripeError> {
        Ok(Self(Arc::new(Inner {
            transport: Transport::open(config)?,
            rate_limit: RateLimit::per_sec(config.rate_per_sec),
            breaker: Breaker::default(),
            livemode: config.key.livemode(),
            retries,
            stop,
            observer,
        })))
    }

    /// Its requests take their turns among those of other processes.
    #[must_use]
    pub fn sharing(self, turns: SharedTurns) -> Self {
        self.0.rate_limit.share(turns);
        self
    }

    /// The mode of the key, and so of everything that is read and sent with it.
    pub fn livemode(&self) -> bool {
        self.0.livemode
    }

    /// How long one call may take.
    pub fn deadline(&self) -> Duration {
        self.0.transport.deadline()
    }

    /// How long a call that has an effect waits for its turn before.
    pub fn turn_limit(&self) -> Duration {
        self.0.rate_limit.limit()
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
        understand: impl Fn(&Answer) -> Result<T, StripeError>,
    ) -> Result<T, StripeError> {
        self.ask(&Outgoing::from(request), Sender { account, idempotency_key: None }, understand).await
    }

    /// Asks until there is an answer or no hope of one. What may have an effect is asked once only, unless
    /// an idempotency key makes one thing of all attempts.
    async fn ask<T>(
        &self,
        request: &Outgoing,
        sender: Sender<'_>,
        understand: impl Fn(&Answer) -> Result<T, StripeError>,
    ) -> Result<T, StripeError> {
        let is_repeatable = request.has_no_effect() || sender.idempotency_key.is_some();
        let once = || async { understand(&self.exchange(request, sender).await?) };
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
        self.unless_stopped(answer).await
    }

    /// One request and its answer, in its turn. Only what has an effect is kept from an endpoint that fails: reads
    /// find out whether it works again.
    async fn exchange(&self, request: &Outgoing, sender: Sender<'_>) -> Result<Answer, StripeError> {
        let Inner { breaker, observer, .. } = &*self.0;
        let endpoint = request.endpoint();
        let limit = (!request.has_no_effect()).then(|| self.turn_limit());
        self.0.rate_limit.turn(limit).await.map_err(StripeError::Crowded)?;
        if !request.has_no_effect()
            && let Err(wait) = breaker.admit(endpoint, Instant::now())
        {
            return Err(StripeError::Resting { endpoint: endpoint.as_str(), wait });
        }
        let begun = Instant::now();
        let answer = self.0.transport.ask(request, sender).await;
        let exchange = exchanged(request, &answer, begun.elapsed());
        if !request.has_no_effect() {
            breaker.note(endpoint, exchange.class, Instant::now());
        }
        if let Some(observer) = observer {
            observer(exchange);
        }
        answer
    }

    async fn unless_stopped<T>(
        &self,
        answer: impl Future<Output = Result<T, StripeError>>,
    ) -> Result<T, StripeError> {
        tokio::select! {
            biased;
            () = self.0.stop.cancelled() => Err(StripeError::Stopped),
            answer = answer => answer,
        }
    }
}

fn exchanged(request: &Outgoing, answer: &Result<Answer, StripeError>, took: Duration) -> Exchange {
    let refusal = answer.as_ref().err().and_then(StripeError::answer);
    let success = answer.as_ref().ok();
    Exchange {
        endpoint: request.endpoint(),
        method: request.method(),
        path: format!("/v1{}", request.path),
        class: answer.as_ref().map_or_else(StripeError::class, |_| AnswerClass::Done),
        status: success.map(|answer| answer.status).or(refusal.map(|answer| answer.status)),
        code: refusal.map(|answer| answer.word().to_owned()),
        request_id: success.map_or_else(
            || refusal.and_then(|answer| answer.request_id.clone()),
            |answer| answer.request_id.clone(),
        ),
        is_replayed: success
            .map_or(refusal.is_some_and(|answer| answer.is_replayed), |answer| answer.is_replayed),
        took,
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
        self.ask(&Outgoing::from(request), sender, |answer| Ok(answer.body.clone())).await
    }
}
