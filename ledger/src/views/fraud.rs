//! What the fraud desk looks at: the attempts of some charges and payments, those around them by the same user, customer
//! or card, and what stands about them. A fixed number of statements, each on an index; where one is bounded, it says
//! whether it was cut.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use domain::fraud::{Attempt, BannedPayment, Loss, PaidBefore, WarnedCharge};

use crate::engine::rows::{Rows, by_key, by_parent};
use crate::{LedgerError, Transaction};

/// A payment may be tried again so long after it was made.
const TRIED_FOR: TimeDelta = TimeDelta::days(30);

macro_rules! limit {
    () => {
        10_000
    };
}
/// So many rows a statement reads, the latest.
pub const ROWS_LIMIT: usize = limit!();

/// The latest of each whom a row of `input` asks for, then the next latest of each, and so on: where a statement is cut, one
/// who is busy leaves out none of the others.
macro_rules! in_turn {
    ($whose:literal, $at:literal, $id:literal) => {
        concat!(
            " ORDER BY ROW_NUMBER() OVER (PARTITION BY ",
            $whose,
            " ORDER BY ",
            $at,
            " DESC, ",
            $id,
            "), ",
            $id,
            " LIMIT ",
            limit!()
        )
    };
}

macro_rules! attempts {
    ($whose:literal, $from:literal) => {
        concat!(
            "SELECT c.id, c.account, c.livemode, c.payment, COALESCE(c.created_at, c.first_event_at) AS at, c.status, \
             c.amount, c.currency, COALESCE(p.customer, c.customer) AS customer, p.user_id, c.card_brand, c.card_last4, \
             c.card_exp_month, c.card_exp_year FROM ",
            $from,
            in_turn!($whose, "COALESCE(c.created_at, c.first_event_at)", "c.id")
        )
    };
}

const OF_CHARGES: &str = attempts!(
    "input.account, input.livemode",
    "input JOIN charges c ON c.id = input.id AND c.account = input.account AND c.livemode = input.livemode \
     LEFT JOIN payments p ON p.id = COALESCE(c.payment, c.id) AND p.account = c.account AND p.livemode = c.livemode"
);
const OF_PAYMENTS: &str = attempts!(
    "parent, parent_account, parent_livemode",
    "input JOIN charges c ON c.payment = parent AND c.account = parent_account AND c.livemode = parent_livemode \
     LEFT JOIN payments p ON p.id = COALESCE(c.payment, c.id) AND p.account = c.account AND p.livemode = c.livemode"
);
const OF_USERS: &str = attempts!(
    "who, of_account, of_livemode, from_at",
    "input JOIN payments p ON p.user_id = who AND p.account = of_account AND p.livemode = of_livemode \
     AND COALESCE(p.created_at, p.first_event_at) >= made_from AND COALESCE(p.created_at, p.first_event_at) < until_at \
     JOIN charges c ON c.payment = p.id AND c.account = p.account AND c.livemode = p.livemode \
     WHERE COALESCE(c.created_at, c.first_event_at) >= from_at AND COALESCE(c.created_at, c.first_event_at) < until_at"
);
const OF_CUSTOMERS: &str = attempts!(
    "who, of_account, of_livemode, from_at",
    "input JOIN payments p ON p.customer = who AND p.account = of_account AND p.livemode = of_livemode \
     AND COALESCE(p.created_at, p.first_event_at) >= made_from AND COALESCE(p.created_at, p.first_event_at) < until_at \
     JOIN charges c ON c.payment = p.id AND c.account = p.account AND c.livemode = p.livemode \
     WHERE COALESCE(c.created_at, c.first_event_at) >= from_at AND COALESCE(c.created_at, c.first_event_at) < until_at"
);
const ALONE_OF_CUSTOMERS: &str = attempts!(
    "who, of_account, of_livemode, from_at",
    "input JOIN charges c ON c.customer = who AND c.payment IS NULL AND c.account = of_account \
     AND c.livemode = of_livemode AND COALESCE(c.created_at, c.first_event_at) >= from_at \
     AND COALESCE(c.created_at, c.first_event_at) < until_at \
     LEFT JOIN payments p ON p.id = c.id AND p.account = c.account AND p.livemode = c.livemode"
);
const OF_CARDS: &str = attempts!(
    "who, of_account, of_livemode, brand, exp_month, exp_year, from_at",
    "input JOIN charges c ON c.card_last4 = who AND c.account = of_account AND c.livemode = of_livemode \
     AND c.card_brand IS NOT DISTINCT FROM brand AND c.card_exp_month IS NOT DISTINCT FROM exp_month \
     AND c.card_exp_year IS NOT DISTINCT FROM exp_year \
     AND COALESCE(c.created_at, c.first_event_at) >= from_at AND COALESCE(c.created_at, c.first_event_at) < until_at \
     LEFT JOIN payments p ON p.id = COALESCE(c.payment, c.id) AND p.account = c.account AND p.livemode = c.livemode"
);

const PAID_BEFORE: &str = concat!(
    "SELECT p.id, p.user_id, p.account, p.livemode, p.currency, p.amount, p.succeeded_at AS at FROM input \
     JOIN payments p ON p.user_id = who AND p.account = of_account AND p.livemode = of_livemode \
     AND COALESCE(p.created_at, p.first_event_at) >= from_at \
     AND COALESCE(p.created_at, p.first_event_at) < until_at \
     WHERE p.succeeded_at IS NOT NULL",
    in_turn!("who, of_account, of_livemode", "p.succeeded_at", "p.id")
);
const OF_BANNED: &str = concat!(
    "SELECT p.id, p.account, p.livemode, p.succeeded_at AS at, p.user_id, p.amount, p.currency FROM input \
     JOIN bans b ON b.id = input.id AND b.account = input.account AND b.livemode = input.livemode \
     JOIN payments p ON p.user_id = b.id AND p.account = b.account AND p.livemode = b.livemode \
     AND COALESCE(p.created_at, p.first_event_at) > since_at \
     WHERE (b.override_act = 'ban' OR (b.status = 'banned' AND b.override_act = 'none')) \
     AND p.succeeded_at > CASE WHEN b.override_act = 'ban' THEN b.override_at ELSE b.since END",
    in_turn!("b.id, b.account, b.livemode", "p.succeeded_at", "p.id")
);

/// Whose attempts are wanted, and around when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Around {
    pub who: String,
    pub account: String,
    pub livemode: bool,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// A card, as far as Stripe tells, by its last four digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CardAround {
    pub around: Around,
    pub brand: Option<String>,
    pub exp_month: Option<i64>,
    pub exp_year: Option<i64>,
}

/// What a bounded statement read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounded<T> {
    pub rows: Vec<T>,
    /// There may be more, and older ones.
    pub is_cut: bool,
}

impl<T> Bounded<T> {
    fn of(rows: Vec<T>) -> Self {
        Self { is_cut: rows.len() >= ROWS_LIMIT, rows }
    }
}

impl Bounded<Attempt> {
    fn add(&mut self, more: Self) {
        self.is_cut |= more.is_cut;
        self.rows.extend(more.rows);
    }

    /// In order of their keys.
    fn each_once(self) -> Self {
        let keyed = self.rows.into_iter().map(|it| ((it.id.clone(), it.account.clone(), it.livemode), it));
        Self { rows: keyed.collect::<BTreeMap<_, _>>().into_values().collect(), ..self }
    }
}

impl Transaction {
    /// The attempts that these charges are, and those of these payments.
    #[shared::built_once]
    pub async fn fraud_attempts(
        &mut self,
        charges: &[Key],
        payments: &[Key],
    ) -> Result<Bounded<Attempt>, LedgerError> {
        let mut found = Bounded::of(by_key(charges).fetch(self, OF_CHARGES).await?);
        found.add(Bounded::of(by_parent(payments).fetch(self, OF_PAYMENTS).await?));
        Ok(found.each_once())
    }

    /// What these users, customers and cards tried around their moments.
    #[shared::built_once]
    pub async fn fraud_attempts_around(
        &mut self,
        users: &BTreeSet<Around>,
        customers: &BTreeSet<Around>,
        cards: &BTreeSet<CardAround>,
    ) -> Result<Bounded<Attempt>, LedgerError> {
        let mut found = Bounded::of(Vec::new());
        for (wanted, text) in [(users, OF_USERS), (customers, OF_CUSTOMERS), (customers, ALONE_OF_CUSTOMERS)]
        {
            let wanted: Vec<&Around> = wanted.iter().collect();
            found.add(Bounded::of(within(&wanted, |it| it).fetch(self, text).await?));
        }
        let cards: Vec<&CardAround> = cards.iter().collect();
        let attempts = within(&cards, |it| &it.around)
            .maybe_text("brand", |it| it.brand.as_deref())
            .maybe_int("exp_month", |it| it.exp_month)
            .maybe_int("exp_year", |it| it.exp_year);
        found.add(Bounded::of(attempts.fetch(self, OF_CARDS).await?));
        Ok(found.each_once())
    }

    /// What these users paid within their spans, the latest payments.
    #[shared::built_once]
    pub async fn paid_before(
        &mut self,
        users: &BTreeSet<Around>,
    ) -> Result<Bounded<PaidBefore>, LedgerError> {
        let users: Vec<&Around> = users.iter().collect();
        Ok(Bounded::of(within(&users, |it| it).fetch(self, PAID_BEFORE).await?))
    }

    /// Those of these charges that banks warned of and that nobody disputes.
    #[shared::built_once]
    pub async fn warned_charges(&mut self, charges: &[Key]) -> Result<Vec<WarnedCharge>, LedgerError> {
        by_key(charges)
            .fetch(
                self,
                // What is still held may be lost whole; once something was captured, no more than that.
                "SELECT c.id, c.account, c.livemode, MIN(w.created_at) AS at, CASE WHEN c.amount_captured > 0 \
                 OR c.amount_released > 0 THEN c.amount_captured ELSE c.amount END AS amount, c.amount_refunded, c.currency \
                 FROM input JOIN charges c ON c.id = input.id AND c.account = input.account \
                 AND c.livemode = input.livemode JOIN fraud_warnings w ON w.charge = c.id AND w.account = c.account \
                 AND w.livemode = c.livemode WHERE w.actionable AND c.dispute_count = 0 AND w.created_at IS NOT NULL \
                 GROUP BY c.id, c.account, c.livemode, c.amount, c.amount_captured, c.amount_released, c.amount_refunded, c.currency",
            )
            .await
    }

    /// Those of these charges with refunds and lost disputes.
    #[shared::built_once]
    pub async fn double_losses(&mut self, charges: &[Key]) -> Result<Vec<Loss>, LedgerError> {
        by_key(charges)
            .fetch(
                self,
                "SELECT c.id, c.account, c.livemode, MAX(d.lost_at) AS lost_at, \
                 (SELECT MAX(COALESCE(r.succeeded_at, r.created_at)) FROM refunds r WHERE r.charge = c.id \
                 AND r.account = c.account AND r.livemode = c.livemode AND r.status = 'succeeded') AS refunded_at, \
                 c.amount_captured AS amount, c.amount_refunded, c.amount_charged_back, c.currency FROM input JOIN charges c ON c.id = input.id \
                 AND c.account = input.account AND c.livemode = input.livemode JOIN disputes d ON d.charge = c.id \
                 AND d.account = c.account AND d.livemode = c.livemode WHERE d.lost_at IS NOT NULL \
                 AND c.amount_refunded > 0 AND c.amount_charged_back > 0 GROUP BY c.id, c.account, c.livemode, \
                 c.amount_captured, c.amount_refunded, c.amount_charged_back, c.currency",
            )
            .await
    }

    /// What these users paid since a moment while they were banned.
    #[shared::built_once]
    pub async fn payments_of_banned(
        &mut self,
        users: &[Key],
        since: DateTime<Utc>,
    ) -> Result<Bounded<BannedPayment>, LedgerError> {
        let rows = Rows::of(users).fields(|key| key).time("since_at", |_| Some(since));
        Ok(Bounded::of(rows.fetch(self, OF_BANNED).await?))
    }
}

/// Whose, and within which span.
fn within<'a, T>(wanted: &'a [T], get: impl Fn(&'a T) -> &'a Around + Copy) -> Rows<'a, T> {
    Rows::of(wanted)
        .text("who", move |it| &get(it).who)
        .text("of_account", move |it| &get(it).account)
        .flag("of_livemode", move |it| get(it).livemode)
        .time("made_from", move |it| Some(get(it).from - TRIED_FOR))
        .time("from_at", move |it| Some(get(it).from))
        .time("until_at", move |it| Some(get(it).until))
}
