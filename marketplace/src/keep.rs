//! Keeps listings: derives one anew whenever a payment of it changed or its time is over, tells what moved, and asks for
//! money back that entitles to nothing. Every step may be repeated.

use chrono::{DateTime, TimeDelta, Utc};
use desk::acts::operations::NotDone;
use desk::goods::{self, GivenBack};
use domain::Key;
use domain::findings::Found;
use domain::fulfilments::Fulfilment;
use domain::operations::Reason;
use ledger::Ledger;
use shared::Pending;

use crate::KIND;
use crate::evidence_time::remove_if_over;
use crate::held::{BY, Held};
use crate::record::Record;
use crate::rules::{Fault, Judged, Verdict, Why};

/// How long a promotion may wait for the fee that was paid before it, and whose event comes later.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);

/// Looks at a listing; nothing where the key is of no listing.
pub(crate) fn keep<'a>(
    ledger: &'a Ledger,
    key: &'a Key,
    now: DateTime<Utc>,
) -> Pending<'a, Result<Option<DateTime<Utc>>, NotDone>> {
    Box::pin(async move {
        let mut tx = ledger.begin().await?;
        let goods = tx.lock_goods(key).await?.filter(|goods| goods.kind == KIND && !goods.is_removed());
        let Some(goods) = goods else { return Ok(None) };
        let record = Record::of(&goods)?;
        let mut held = Held::read(&mut tx, goods, record).await?;
        held.store(&mut tx, BY, now).await?;
        let mut checkouts = tx.checkouts_of(key).await?;
        goods::close_settled(&mut tx, &mut checkouts, &held.payments, now).await?;
        tx.commit().await?;

        let paid = held.paid();
        let mut found: Vec<Found> =
            held.derived.payments.iter().filter_map(|it| wrong(&held, paid.get(&*it.payment)?, it)).collect();
        let asked = goods::asked_back(&mut ledger.read().await?, &held.owed()).await?;
        let mut again_at = None;
        for judged in &held.derived.payments {
            let (Verdict::Owed(why), Some(paid)) = (judged.verdict, paid.get(&*judged.payment)) else {
                continue;
            };
            let early =
                paid.paid_at.map(|at| at + PATIENCE).filter(|end| why == Why::NotActive && *end > now);
            if early.is_some() {
                again_at = [again_at, early].into_iter().flatten().min();
                continue;
            }
            let note = format!("listing {}: {}", key.id, why.words());
            let rejected = held.record.rejected.as_ref().filter(|_| why == Why::Rejected);
            let (word, caused_by) = ((why.reason(), &*note), rejected.map(|word| word.by.as_str()));
            let given = match asked.get(&paid.payment) {
                Some(given) => given.clone(),
                None => goods::give_back_because_of(ledger, &paid.payment, word, caused_by, now).await?,
            };
            if let GivenBack::Stuck(operation) = given {
                let summary = format!(
                    "{} of listing {} is owed back ({}), and {} is {}",
                    judged.what,
                    key.id,
                    why.words(),
                    operation.key.id,
                    operation.state
                );
                found.push(goods::finding("owed_and_not_given_back", &held.goods, paid, summary));
            }
        }
        let mut tx = ledger.begin().await?;
        goods::keep_findings(&mut tx, key, found, now).await?;
        tx.commit().await?;
        if held.kept_until(now).is_some_and(|until| until <= now) {
            remove_if_over(ledger, key, now).await?;
        }
        Ok(again_at)
    })
}

/// What a person must decide about.
fn wrong(held: &Held, paid: &Fulfilment, judged: &Judged) -> Option<Found> {
    let Verdict::Wrong(fault) = judged.verdict else { return None };
    let (kind, words) = match fault {
        Fault::Amount => ("paid_wrong_amount", "its amount is not the price"),
        Fault::Currency => ("paid_wrong_currency", "its currency is not the listing's"),
        Fault::User => ("paid_by_another_user", "it names another user"),
        Fault::Unknown => ("paid_for_nothing", "nothing of this name is sold"),
    };
    let summary = format!("{} of listing {} grants nothing: {words}", judged.what, held.goods.key.id);
    Some(goods::finding(kind, &held.goods, paid, summary))
}

impl Why {
    pub fn words(self) -> &'static str {
        match self {
            Self::PaidTwice => "the fee was paid twice",
            Self::TooSoon => "it was bumped less than a day before",
            Self::NotActive => "the listing was not active",
            Self::Rejected => "the listing was rejected",
            Self::Deleted => "the listing was deleted",
        }
    }

    /// For the rules of refunds: what a program may give back on their word.
    fn reason(self) -> Reason {
        match self {
            Self::Rejected => Reason::ModerationRejection,
            Self::PaidTwice | Self::TooSoon | Self::NotActive | Self::Deleted => Reason::TechnicalFailure,
        }
    }
}
