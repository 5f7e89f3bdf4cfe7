//! Asks for what is to be paid: the posting fee, or a promotion. As long as it is unpaid the same intent is given, however
//! often and from wherever it is asked for.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::till::{self, Due, NotOpened, Opened, Reserved, Till};
use domain::Key;
use domain::permissions::Permission;
use ledger::{Ledger, Transaction};
use secrecy::SecretString;
use shared::queue::Queue;

use super::{lock, owned_by};
use crate::Refusal;
use crate::held::Held;
use crate::record::{Record, State};
use crate::terms::{BUMP, LISTING_FEE, ListingTerms};

/// A listing with more payments than this takes no more of them.
const PAYMENTS_LIMIT: usize = 500;
/// An intent that was canceled at Stripe, or had another price, is replaced so often.
const REPLACED_LIMIT: usize = 3;

/// What is to be paid, and the secret by which the customer does.
#[derive(Debug)]
pub struct ToPay {
    pub checkout: String,
    pub payment_intent: String,
    pub secret: SecretString,
    pub what: String,
    pub amount: i64,
    pub currency: String,
}

/// What asking needs besides the ledger.
#[derive(Clone, Copy)]
pub struct Shop<'a> {
    pub ledger: &'a Ledger,
    pub queue: &'a Queue,
    pub till: &'a Till,
}

/// `what` is a posting fee or a promotion; `user` for whom the caller asks.
#[shared::built_once]
pub async fn ask(
    shop: Shop<'_>,
    key: &Key,
    what: &str,
    user: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<ToPay, Refusal> {
    actor.may(Permission::Request)?;
    for _ in 0..REPLACED_LIMIT {
        let mut tx = shop.ledger.begin().await?;
        let reserved = reserve(&mut tx, key, what, user, actor, now).await?;
        tx.commit().await?;
        match reserved {
            Reserved::Same(checkout) => {
                let opened = shop.till.open_checkout(shop.ledger, shop.queue, &checkout, now).await?;
                if let Opened::ToPay { payment_intent, secret } = opened {
                    let (amount, currency) = (checkout.amount, checkout.currency);
                    let (checkout, what) = (checkout.key.id, checkout.what);
                    return Ok(ToPay { checkout, payment_intent, secret, what, amount, currency });
                }
            }
            Reserved::Other(old) => shop.till.cancel(shop.ledger, shop.queue, &old, now).await?,
        }
    }
    Err(NotOpened::Moved.into())
}

/// Decides whether it may be paid, and stores the row under which it is.
async fn reserve(
    tx: &mut Transaction,
    key: &Key,
    what: &str,
    user: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Reserved, Refusal> {
    let goods = lock(tx, key).await?;
    owned_by(&goods, user)?;
    till::may_pay(tx, &key.sibling(user), now).await?;
    let record = Record::of(&goods)?;
    let held = Held::read(tx, goods, record).await?;
    if held.payments.len() >= PAYMENTS_LIMIT {
        return Err(Refusal::TooManyPayments { limit: PAYMENTS_LIMIT });
    }
    let terms = ListingTerms::read(tx).await?;
    let amount = price(&held, what, &terms, now)?;
    let by = actor.name();
    let due = Due {
        goods: key,
        what,
        user,
        label: &held.record.category,
        amount,
        currency: &held.record.currency,
        by: &by,
    };
    Ok(till::reserve(tx, &due, now).await?)
}

fn price(held: &Held, what: &str, terms: &ListingTerms, now: DateTime<Utc>) -> Result<i64, Refusal> {
    let (record, state) = (&held.record, held.state(now));
    let not_sold = || Refusal::NotSold { what: what.to_owned(), currency: record.currency.clone() };
    if what == LISTING_FEE {
        // What is over may be paid for anew, at today's fee.
        let at = if state == State::Expired { now } else { record.categorised_at };
        let fee = terms.fee(&record.category, &record.currency, at).ok_or_else(not_sold)?;
        return match state {
            _ if fee == 0 => Err(Refusal::Free { category: record.category.clone() }),
            State::PendingPayment | State::Expired => Ok(fee),
            state => Err(Refusal::State { state, wanted: "pending_payment or expired", done: "paid for" }),
        };
    }
    if state != State::Active {
        return Err(Refusal::State { state, wanted: "active", done: "promoted" });
    }
    if let (BUMP, Some(again_at)) = (what, held.derived.bump_again_at.filter(|at| *at > now)) {
        return Err(Refusal::TooSoon { again_at: again_at.to_rfc3339() });
    }
    terms.promotion(what, &record.currency, now).filter(|price| *price > 0).ok_or_else(not_sold)
}
