//! What is shown of a listing: how it stands at a moment, what was paid for it, and what became of that.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use desk::goods::{GivenBack, asked_back};
use domain::checkouts::CheckoutState;
use domain::fulfilments::Money;
use domain::goods::Goods;
use domain::{Key, money};
use ledger::views::lists::GoodsFilter;
use ledger::views::page::{Page, Part};
use ledger::views::search::Whose;
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use crate::KIND;
use crate::held::Held;
use crate::record::{Record, State, Word};
use crate::rules::{Derived, Judged, Verdict};
use crate::terms::slug;

const UNREADABLE: &str = "Its row in the ledger cannot be read: this is how it stood before, and nothing of it changes \
                          until somebody mends it (docs/runbook.md, \"TidegateGoodsNotKept\").";

/// A listing at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    #[serde(flatten)]
    pub key: Key,
    pub user_id: String,
    pub category_id: String,
    pub status: State,
    pub fee: i64,
    pub currency: String,
    pub created_at: DateTime<Utc>,
    pub active_from: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub is_featured: bool,
    pub featured_until: Option<DateTime<Utc>>,
    pub bumped_at: Option<DateTime<Utc>>,
    pub bump_again_at: Option<DateTime<Utc>>,
    pub rejected: Option<Word>,
    pub deleted: Option<Word>,
    /// Until when it is kept as evidence, where it was taken away.
    pub kept_until: Option<DateTime<Utc>>,
    /// For people: what it is and what it waits for.
    pub says: String,
}

/// One of its payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    #[serde(flatten)]
    pub judged: Judged,
    /// The operation that gives it back, and how that stands.
    pub refund_operation: Option<String>,
    pub refund_state: Option<&'static str>,
    pub says: String,
}

/// A listing with its payments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingView {
    pub listing: Listing,
    pub payments: Vec<PaymentView>,
    /// What may be paid at this moment, by what it is for.
    pub open_checkouts: Vec<String>,
}

/// Which listings to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingFilter {
    pub state: Option<State>,
    pub category: Option<String>,
    pub user: Option<String>,
    pub whose: Whose,
}

impl Listing {
    fn of(goods: &Goods, record: Record, derived: &Derived, now: DateTime<Utc>) -> Self {
        let status = derived.state_at(&record, now);
        let is_featured = derived.is_featured(&record, now);
        let mut says = says(&record, derived, status, is_featured);
        // Of one that stays longer the clock makes something later.
        let kept_until = goods.turns_at.filter(|_| record.closed_at().is_some());
        if let Some(until) = kept_until {
            let until = until.format("%F %H:%M UTC");
            write!(says, " It is kept as evidence until {until}, and longer while money of it is owed or disputed, or a hold is on it.")
                .expect("a String takes every write");
        }
        Self {
            key: goods.key.clone(),
            user_id: goods.user_id.clone(),
            category_id: record.category,
            status,
            fee: derived.fee,
            currency: record.currency,
            created_at: goods.created_at,
            active_from: derived.active_from,
            expires_at: derived.active_until,
            is_featured,
            featured_until: derived.featured_until,
            bumped_at: derived.bumped_at,
            bump_again_at: derived.bump_again_at.filter(|at| *at > now),
            kept_until,
            rejected: record.rejected,
            deleted: record.deleted,
            says,
        }
    }

    /// From what is stored of it.
    fn stored(goods: &Goods, now: DateTime<Utc>) -> Self {
        match (Record::of(goods), serde_json::from_str(&goods.derived)) {
            (Ok(record), Ok(derived)) => Self::of(goods, record, &derived, now),
            _ => Self::unreadable(goods, now),
        }
    }

    /// How it stood before its row became unreadable.
    fn unreadable(goods: &Goods, now: DateTime<Utc>) -> Self {
        let record = Record { category: goods.label.clone(), ..Record::default() };
        let is_over = goods.shown_until.is_some_and(|until| until <= now);
        let state = State::ALL.into_iter().find(|state| state.as_str() == goods.state);
        Self {
            status: state.filter(|_| !is_over).unwrap_or(State::Expired),
            expires_at: goods.shown_until,
            says: UNREADABLE.to_owned(),
            ..Self::of(goods, record, &Derived::default(), now)
        }
    }
}

fn says(record: &Record, derived: &Derived, status: State, is_featured: bool) -> String {
    let until =
        |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| at.format("%F %H:%M UTC").to_string());
    let word = |word: &Option<Word>| word.as_ref().map(|word| word.reason.clone()).unwrap_or_default();
    match status {
        State::PendingPayment => {
            let held = derived.payments.iter().any(|judged| judged.verdict == Verdict::Held);
            let fee = money::shown(derived.fee, &record.currency);
            let more = if held { "; a payment of it is disputed" } else { "" };
            format!("It waits for its fee of {fee}{more}.")
        }
        State::Active if is_featured => {
            let (featured, active) = (until(derived.featured_until), until(derived.active_until));
            format!("It is shown until {active}, and featured until {featured}.")
        }
        State::Active => format!("It is shown until {}.", until(derived.active_until)),
        State::Expired => format!("Its time was over at {}.", until(derived.active_until)),
        State::Rejected => {
            format!("Moderation rejected it: {}.", word(&record.rejected).trim_end_matches('.'))
        }
        State::Deleted => "It was deleted.".to_owned(),
    }
}

impl ListingView {
    /// In the transaction that holds or reads it.
    pub(crate) async fn of(
        tx: &mut Transaction,
        held: &Held,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let listing = Listing::of(&held.goods, held.record.clone(), &held.derived, now);
        let back = |judged: &&Judged| matches!(judged.verdict, Verdict::Owed(_) | Verdict::Gone);
        let key = |judged: &Judged| held.goods.key.sibling(&judged.payment);
        let asked = asked_back(tx, &held.derived.payments.iter().filter(back).map(key).collect()).await?;
        let paid = held.paid();
        let payments = held.derived.payments.iter().map(|judged| {
            let operation = asked.get(&key(judged)).map(GivenBack::operation);
            PaymentView {
                refund_operation: operation.map(|operation| operation.key.id.clone()),
                refund_state: operation.map(|operation| operation.state.as_str()),
                says: judged.says(paid.get(&*judged.payment).map(|paid| paid.money)),
                judged: judged.clone(),
            }
        });
        let payments = payments.collect();
        let is_closed = matches!(listing.status, State::Rejected | State::Deleted);
        let checkouts = if is_closed { Vec::new() } else { tx.checkouts_of(&held.goods.key).await? };
        let open = checkouts.into_iter().filter(|checkout| checkout.state == CheckoutState::Open);
        Ok(Self { listing, payments, open_checkouts: open.map(|checkout| checkout.what).collect() })
    }

    /// The listings of an id: one an account and mode. Derived at this moment from the payments as they are.
    #[shared::built_once]
    pub async fn read(
        tx: &mut Transaction,
        id: &str,
        whose: &Whose,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>, LedgerError> {
        let mut views = Vec::new();
        for goods in tx.goods_of_id(id).await? {
            if goods.kind == KIND && whose.admits(&goods.key) {
                let Ok(record) = Record::of(&goods) else {
                    let listing = Listing::unreadable(&goods, now);
                    views.push(Self { listing, payments: Vec::new(), open_checkouts: Vec::new() });
                    continue;
                };
                let held = Held::read(tx, goods, record).await?;
                views.push(Self::of(tx, &held, now).await?);
            }
        }
        Ok(views)
    }
}

impl Judged {
    /// `money` is where the ledger knows it to be.
    fn says(&self, money: Option<Money>) -> String {
        let amount = money::shown(self.amount, &self.currency);
        match self.verdict {
            Verdict::Awaited => format!("{amount} is not paid yet."),
            Verdict::Granted => format!("{amount} was paid, and granted."),
            Verdict::Held => format!("{amount} is disputed: it grants nothing until that is decided."),
            Verdict::Gone => match money {
                Some(Money::Returned) => format!("{amount} was paid, and went back."),
                Some(Money::Lost) => format!("{amount} was paid, and is lost to a chargeback."),
                Some(Money::Canceled) => format!("{amount} was never paid and no longer can be."),
                _ => format!("{amount} is not here."),
            },
            Verdict::Owed(why) => format!("{amount} is owed back: {}.", why.words()),
            Verdict::Wrong(_) => format!("{amount} grants nothing: a person decides (see the findings)."),
        }
    }
}

/// Listings: active ones bumped first, then the newest; others the newest first.
#[shared::built_once]
pub async fn list(
    tx: &mut Transaction,
    filter: &ListingFilter,
    part: &Part,
    now: DateTime<Utc>,
) -> Result<Page<Listing>, LedgerError> {
    let stored = filter.state.map(|state| match state {
        State::Expired => State::Active,
        state => state,
    });
    let filter = GoodsFilter {
        kind: KIND.to_owned(),
        state: stored.map(|state| state.as_str().to_owned()),
        shown_at: (filter.state == Some(State::Active)).then_some(now),
        over_at: (filter.state == Some(State::Expired)).then_some(now),
        label: filter.category.as_deref().map(slug),
        user: filter.user.clone(),
        whose: filter.whose.clone(),
    };
    let page = tx.list_goods(&filter, part).await?;
    Ok(page.map(|goods| Listing::stored(&goods, now)))
}
