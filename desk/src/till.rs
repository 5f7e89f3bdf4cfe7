//! The till: makes the payment intent that a customer pays by himself, and hands on the secret by which he does. The row
//! with its key is committed before Stripe is asked, so after a crash the same key gives the same intent. The secret is
//! in no row, no log and no error: it is read from Stripe whenever it is wanted.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::bans::Ban;
use domain::checkouts::{Checkout, CheckoutState, NAME};
use domain::operations::AnswerClass;
use domain::{Key, Kind};
use ledger::{Ledger, LedgerError, Transaction};
use secrecy::SecretString;
use serde::Deserialize;
use shared::env::{Env, Problem};
use shared::queue::Queue;
use shared::trace::random_hex;
use stripe_api::{Answer, Api, CheckoutIntent, ResponseOf, Sending, StripeConfig, StripeError};
use tokio_util::sync::CancellationToken;

use crate::backfill::publish;
use crate::pace;

mod not_opened;

pub use self::not_opened::NotOpened;

/// How often and how long the same request is waited for, where another sends it at this moment.
const TWIN_WAITS: usize = 10;
const TWIN_PAUSE: Duration = Duration::from_millis(200);
const ATTEMPTS: usize = 3;
/// A customer waits: no longer than this before the next attempt.
const RETRY_PAUSE_LIMIT: Duration = Duration::from_secs(3);

/// What is to be paid, by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due<'a> {
    pub goods: &'a Key,
    pub what: &'a str,
    pub user: &'a str,
    pub label: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    /// Who asks, for the row.
    pub by: &'a str,
}

/// Whether money may be taken of this user now.
#[shared::built_once]
pub async fn may_pay(tx: &mut Transaction, user: &Key, now: DateTime<Utc>) -> Result<(), NotOpened> {
    if let Some(closing) = tx.checkout_closing().await? {
        return Err(NotOpened::Closed { reason: closing.reason });
    }
    let ban = tx.look_up::<Ban>(std::slice::from_ref(user)).await?.pop();
    if ban.is_some_and(|ban| ban.is_banned(now)) {
        return Err(NotOpened::Banned { user: user.id.clone() });
    }
    match tx.blocks_of(std::slice::from_ref(&user.id)).await?.pop() {
        Some(block) => Err(NotOpened::Blocked { user: user.id.clone(), reason: block.reason }),
        None => Ok(()),
    }
}

/// The checkout under which this is paid: the one that is live, where it is for the same; else a new one. Gives beside it
/// one that must be canceled at Stripe first: there is one live way to pay. The caller holds the lock of the goods.
#[shared::built_once]
pub async fn reserve(
    tx: &mut Transaction,
    due: &Due<'_>,
    now: DateTime<Utc>,
) -> Result<Reserved, LedgerError> {
    let mut all = tx.checkouts_of(due.goods).await?;
    all.retain(|checkout| checkout.what == due.what && checkout.state != CheckoutState::Closed);
    if let Some(mut live) = all.pop() {
        let is_same = (live.amount, live.currency.as_str()) == (due.amount, due.currency)
            && (live.user_id.as_str(), live.label.as_str()) == (due.user, due.label);
        match live.state {
            CheckoutState::Open if is_same => return Ok(Reserved::Same(live)),
            CheckoutState::Open => return Ok(Reserved::Other(live)),
            // Nobody has its secret, so nobody can pay it: where Stripe may have forgotten the key, a new one is safe.
            _ if is_same && live.key_is_known(now) => return Ok(Reserved::Same(live)),
            _ => {
                live.close("its secret was given to nobody", now);
                tx.write_checkout(&live).await?;
            }
        }
    }
    let id = format!("chk_{}", random_hex::<12>());
    let checkout = Checkout {
        key: due.goods.sibling(&id),
        goods: due.goods.id.clone(),
        what: due.what.to_owned(),
        user_id: due.user.to_owned(),
        label: due.label.to_owned(),
        amount: due.amount,
        currency: due.currency.to_owned(),
        idempotency_key: format!("tidegate-{NAME}-{id}"),
        requested_by: due.by.to_owned(),
        created_at: now,
        ..Checkout::default()
    };
    tx.write_checkout(&checkout).await?;
    Ok(Reserved::Same(checkout))
}

#[derive(Clone, Debug)]
pub enum Reserved {
    Same(Checkout),
    /// Live, and for another price, user or label.
    Other(Checkout),
}

/// What became of a checkout at Stripe.
#[derive(Debug)]
pub enum Opened {
    ToPay {
        payment_intent: String,
        secret: SecretString,
    },
    /// It was canceled there: it is closed, and another may be made.
    Canceled,
}

/// How a till reaches Stripe; nothing where there is no key.
#[derive(Clone, Debug)]
pub struct TillConfig(Option<StripeConfig>);

impl TillConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        StripeConfig::from_env(env).map(Self)
    }
}

/// The till of a process: without a key it only says so.
#[derive(Clone)]
pub struct Till(Option<Api>);

#[derive(Deserialize)]
struct Intent {
    id: String,
    status: String,
    client_secret: Option<String>,
}

impl Till {
    pub fn open(config: &TillConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        let observer = |_: stripe_api::Exchange| {};
        let api = config
            .0
            .as_ref()
            .map(|config| Api::for_operations(config, stop, Box::new(observer)))
            .transpose()?;
        Ok(Self(api))
    }

    /// The till of whoever has a key at hand.
    pub fn of(config: &StripeConfig, stop: CancellationToken) -> Result<Self, StripeError> {
        Self::open(&TillConfig(Some(config.clone())), stop)
    }

    /// Its calls take their turns among those of other processes.
    #[must_use]
    pub fn paced(
        self,
        ledger: &Ledger,
        fatal: impl Fn(&LedgerError) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.map(|api| pace::shared(api, ledger, fatal)))
    }

    /// The mode of its key, where it has one.
    pub fn livemode(&self) -> Option<bool> {
        self.0.as_ref().map(Api::livemode)
    }

    pub(crate) fn api(&self, wanted: bool) -> Result<&Api, NotOpened> {
        let api = self.0.as_ref().ok_or(NotOpened::NoKey)?;
        let livemode = api.livemode();
        if livemode == wanted { Ok(api) } else { Err(NotOpened::OtherMode { livemode }) }
    }

    /// Makes the intent of a checkout, or finds the one that was made, and gives its secret.
    #[shared::built_once]
    pub async fn open_checkout(
        &self,
        ledger: &Ledger,
        queue: &Queue,
        checkout: &Checkout,
        now: DateTime<Utc>,
    ) -> Result<Opened, NotOpened> {
        let api = self.api(checkout.key.livemode)?;
        let answer = match &checkout.payment_intent {
            Some(intent) => {
                api.payment_intent(intent, &checkout.key.account).await.map_err(NotOpened::Unavailable)?
            }
            None => self.make(api, ledger, checkout, now).await?,
        };
        let intent: Intent = answer.read().map_err(NotOpened::Unavailable)?;
        match (intent.status.as_str(), intent.client_secret) {
            ("requires_payment_method" | "requires_confirmation" | "requires_action", Some(secret)) => {
                Ok(Opened::ToPay { payment_intent: intent.id, secret: secret.into() })
            }
            ("canceled", _) => {
                conclude(ledger, checkout, |checkout| checkout.close("canceled", now)).await?;
                Ok(Opened::Canceled)
            }
            _ => {
                tell(queue, checkout, &answer, "asked").await;
                Err(NotOpened::Paid)
            }
        }
    }

    /// Cancels the intent of a checkout that must not be paid any more. Where it was paid meanwhile, it stands.
    #[shared::built_once]
    pub async fn cancel(
        &self,
        ledger: &Ledger,
        queue: &Queue,
        checkout: &Checkout,
        now: DateTime<Utc>,
    ) -> Result<(), NotOpened> {
        let api = self.api(checkout.key.livemode)?;
        let intent = checkout.payment_intent.as_deref().unwrap_or_default();
        // To cancel twice does no harm, and an answer that Stripe keeps under a key would stand for a day.
        let key = format!("{}-cancel-{}", checkout.idempotency_key, random_hex::<6>());
        let sending = Sending { account: &checkout.key.account, key: &key };
        let canceled = api.cancel_payment_intent(intent, Some("abandoned"), sending).await;
        if let Err(error) = canceled {
            if error.class() != AnswerClass::Refused {
                return Err(NotOpened::Unavailable(error));
            }
            let answer = api.payment_intent(intent, &checkout.key.account).await;
            let answer = answer.map_err(NotOpened::Unavailable)?;
            let read: Intent = answer.read().map_err(NotOpened::Unavailable)?;
            match read.status.as_str() {
                "canceled" => {}
                "succeeded" | "processing" | "requires_capture" => {
                    tell(queue, checkout, &answer, "asked").await;
                    return Err(NotOpened::Paid);
                }
                _ => return Err(NotOpened::Unavailable(error)),
            }
        }
        conclude(ledger, checkout, |checkout| checkout.close("replaced", now)).await?;
        Ok(())
    }

    /// Sends under the stored key, as often as it takes to know the answer, and keeps which intent it is.
    async fn make(
        &self,
        api: &Api,
        ledger: &Ledger,
        checkout: &Checkout,
        now: DateTime<Utc>,
    ) -> Result<Answer, NotOpened> {
        let metadata = checkout.metadata();
        let intent = CheckoutIntent::of(checkout.amount, &checkout.currency, &metadata);
        let sending = Sending { account: &checkout.key.account, key: &checkout.idempotency_key };
        let (mut twins, mut attempts) = (0, 0);
        let answer = loop {
            let error = match api.create_checkout_intent(&intent, sending).await {
                Ok(answer) => break answer,
                Err(error) => error,
            };
            match error.class() {
                AnswerClass::TwinRuns if twins < TWIN_WAITS => {
                    twins += 1;
                    tokio::time::sleep(TWIN_PAUSE).await;
                }
                // The key gives this failure for as long as Stripe keeps it. Nobody has the secret: a new key is safe.
                AnswerClass::Unknown if error.answer().is_some_and(|answer| answer.is_replayed) => {
                    conclude(ledger, checkout, |checkout| checkout.close("Stripe keeps failing", now))
                        .await?;
                    return Err(NotOpened::Unavailable(error));
                }
                AnswerClass::Unknown | AnswerClass::NotDone if attempts + 1 < ATTEMPTS => {
                    attempts += 1;
                    let wished = error.retry_after().unwrap_or_default();
                    tokio::time::sleep(wished.min(RETRY_PAUSE_LIMIT)).await;
                }
                AnswerClass::Refused | AnswerClass::KeyReused => {
                    let why = format!("refused by Stripe: {}", word(&error));
                    conclude(ledger, checkout, |checkout| checkout.close(&why, now)).await?;
                    return Err(refused(&error));
                }
                _ => return Err(NotOpened::Unavailable(error)),
            }
        };
        let made: Intent = answer.read().map_err(NotOpened::Unavailable)?;
        let kept = conclude(ledger, checkout, |checkout| checkout.made(&made.id, now)).await?;
        // Another has taken its place meanwhile: its secret is given to nobody.
        if kept.state == CheckoutState::Closed && kept.closed_why.as_deref() != Some("paid") {
            return Err(NotOpened::Moved);
        }
        Ok(answer)
    }

    /// Asks Stripe about an unpaid checkout; what it says takes the path of every event. Gives whether it is still
    /// unpaid.
    #[shared::built_once]
    pub async fn look(
        &self,
        ledger: &Ledger,
        queue: &Queue,
        checkout: &Checkout,
        now: DateTime<Utc>,
    ) -> Result<bool, NotOpened> {
        let api = self.api(checkout.key.livemode)?;
        let intent = checkout.payment_intent.as_deref().unwrap_or_default();
        let answer = match api.payment_intent(intent, &checkout.key.account).await {
            Ok(answer) => answer,
            // Of this one Stripe says nothing: it is put off like one that is unpaid.
            Err(error) if error.class() == AnswerClass::Refused && !error.is_forbidden() => {
                conclude(ledger, checkout, |checkout| checkout.looked(now)).await?;
                return Err(refused(&error));
            }
            Err(error) => return Err(NotOpened::Unavailable(error)),
        };
        let read: Intent = answer.read().map_err(NotOpened::Unavailable)?;
        let is_unpaid = !matches!(read.status.as_str(), "succeeded" | "canceled");
        if !is_unpaid {
            tell(queue, checkout, &answer, &format!("look{}", checkout.looks)).await;
        }
        conclude(ledger, checkout, |checkout| checkout.looked(now)).await?;
        Ok(is_unpaid)
    }
}

fn word(error: &StripeError) -> &str {
    error.answer().map_or("unsendable", |answer| answer.word())
}

fn refused(error: &StripeError) -> NotOpened {
    NotOpened::Refused { code: word(error).to_owned() }
}

/// What Stripe answers is an event of ours: the ledger learns it on the usual way. Where the queue does not take it, the
/// webhook or the next look tells it.
async fn tell(queue: &Queue, checkout: &Checkout, answer: &Answer, what: &str) {
    let id = checkout.payment_intent.as_deref().unwrap_or_default();
    let name = format!("{}_{what}", checkout.key.id);
    let of = ResponseOf { operation: &name, attempt: checkout.looks };
    if let Ok(event) = of.event(Kind::Payment, &checkout.key.sibling(id), answer) {
        let _ = publish(queue, &event).await;
    }
}

/// Writes what became of a checkout, under the lock of its goods, and gives it as it stands then.
async fn conclude(
    ledger: &Ledger,
    checkout: &Checkout,
    change: impl FnOnce(&mut Checkout),
) -> Result<Checkout, LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.lock_goods(&checkout.key.sibling(&checkout.goods)).await?;
    let mut standing = tx.checkout(&checkout.key.id).await?.unwrap_or_else(|| checkout.clone());
    if standing.state != CheckoutState::Closed {
        change(&mut standing);
        tx.write_checkout(&standing).await?;
        tx.commit().await?;
    }
    Ok(standing)
}
