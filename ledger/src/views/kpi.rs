//! What happened to money within stretches of time, by event time, summed in the database: a fixed number of
//! statements, however many stretches there are. `desk` makes rates of it.

use chrono::{DateTime, Utc};
use domain::readable;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::releases::was_released;
use crate::{LedgerError, Transaction};

/// So many of the newest events tell how long it takes until an event is applied.
pub const LATENCY_SAMPLE: i64 = 2_000;
/// The number of all stretches together, for what cannot be added up: a payment that was refunded in two of them.
pub const ALL_STRETCHES: i64 = -1;

/// From a moment on, and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Whose figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub livemode: bool,
    /// Of all accounts where it is `None`.
    pub account: Option<String>,
}

/// Payments that succeeded, of one stretch and one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earned {
    /// Which stretch.
    pub number: i64,
    pub currency: String,
    pub payments: i64,
    pub amount: i64,
}

readable! {
    struct EarnedRow {
        number: i64,
        currency: String = "word",
        payments_and_amount: String = "figure",
    }
}

readable! {
    /// Refunds or disputes of one stretch and one currency.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Summed {
        /// Which stretch.
        pub number: i64,
        pub currency: String,
        pub objects: i64,
        /// How many payments they are about.
        pub payments: i64,
        pub amount: i64,
    }
}

readable! {
    /// Failed attempts of one stretch and one code: the bank's where it gave one, else Stripe's.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FailedByCode {
        pub number: i64,
        pub code: String = "word",
        pub attempts: i64 = "figure",
    }
}

readable! {
    /// How many disputes were won, or lost.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Decisions {
        pub number: i64,
        pub status: String,
        pub disputes: i64,
    }
}

readable! {
    /// A dispute that was won or lost.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Decided {
        pub number: i64,
        pub opened_at: Option<DateTime<Utc>>,
        pub closed_at: DateTime<Utc>,
    }
}

readable! {
    /// When an event came and when it was recorded, with its effects.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Applied {
        pub received_at: DateTime<Utc>,
        pub recorded_at: DateTime<Utc>,
    }
}

readable! {
    /// Events that were accepted and are not applied.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Unprocessed {
        pub waiting: i64,
        pub dead: i64,
    }
}

/// All that happened, but for the payments that succeeded.
#[derive(Debug)]
pub struct Figures {
    pub failed: Vec<FailedByCode>,
    /// Of each stretch, and of all together.
    pub refunded: Vec<Summed>,
    pub disputed: Vec<Summed>,
    pub decisions: Vec<Decisions>,
    /// The 10,000 that were decided last.
    pub decided: Vec<Decided>,
    pub applied: Vec<Applied>,
    pub unprocessed: Unprocessed,
}

impl Scope {
    /// The condition that a row is of the scope, by the moment within the stretch. The mode stands in the text, and the
    /// account only where one is asked for: a mode that is compared with a column of the input reads the whole table.
    fn within(&self, moment: &str) -> String {
        let livemode = literal(self.livemode);
        let whose = if self.account.is_some() { " AND account = of_account" } else { "" };
        format!("livemode = {livemode}{whose} AND {moment} >= from_at AND {moment} < until_at")
    }
}

/// Payments that succeeded, by currency. Stripe takes no success back: what has the moment has succeeded.
const SUCCEEDED: ByWord = ByWord {
    table: "payments",
    word: "currency",
    moment: "succeeded_at",
    of: "succeeded_at IS NOT NULL",
    // Two numbers in one text, because a subquery has one column, and two of them read everything twice.
    figure: "CAST(COUNT(*) AS TEXT) || ' ' || CAST(CAST(COALESCE(SUM(amount_received), 0) AS BIGINT) AS TEXT)",
};
/// Failed attempts, by code. What an invoice reports of the same failure names no payment.
const FAILED: ByWord = ByWord {
    table: "payment_failures",
    word: "COALESCE(decline_code, code, 'unknown')",
    moment: "failed_at",
    of: "failed_at IS NOT NULL AND payment IS NOT NULL",
    figure: "COUNT(*)",
};

/// A figure of each stretch and each word, from an index of mode, word and moment that has all that is summed: no row is
/// read, and nothing is sorted.
struct ByWord {
    table: &'static str,
    word: &'static str,
    moment: &'static str,
    /// The condition of the index.
    of: &'static str,
    figure: &'static str,
}

impl ByWord {
    /// The words are found by leaps, from each to the next.
    fn statement(&self, scope: &Scope) -> String {
        let Self { table, word, moment, of, figure } = self;
        let (livemode, within) = (literal(scope.livemode), scope.within(moment));
        let next = format!("SELECT MIN({word}) FROM {table} WHERE livemode = {livemode} AND {of}");
        let words = format!(
            "WITH RECURSIVE words (word) AS ({next} UNION ALL SELECT ({next} AND {word} > word) FROM words \
             WHERE word IS NOT NULL) SELECT word FROM words WHERE word IS NOT NULL"
        );
        format!(
            "SELECT number, word, (SELECT {figure} FROM {table} WHERE {within} AND {word} = word AND {of}) AS figure \
             FROM input CROSS JOIN ({words}) w"
        )
    }
}

/// A mode as the conditions of indexes have it: SQLite compares letter by letter.
fn literal(livemode: bool) -> &'static str {
    if livemode { "TRUE" } else { "FALSE" }
}

/// What was authorised only, and refunds that failed, gave nothing back.
fn gave_back(is_file: bool) -> String {
    // SQLite looks up the charge of each refund unless the few with a release are read before. Postgres joins them by itself.
    let may_be = if is_file {
        "refunds.charge IN (SELECT id FROM charges WHERE released_refund IS NOT NULL) AND "
    } else {
        ""
    };
    format!(
        "status NOT IN ('failed', 'canceled') AND COALESCE(reason, '') NOT IN ('expired_uncaptured_charge', 'partial_capture') \
         AND NOT ({may_be}{})",
        was_released!()
    )
}

/// Where Stripe tells only a sum, the charge does. Each part is grouped by itself: together they would be sorted twice, whole.
fn refunded(scope: &Scope, is_file: bool) -> String {
    let gave_back = gave_back(is_file);
    let (made, told) =
        (scope.within("COALESCE(created_at, first_event_at)"), scope.within("refund_reported_at"));
    format!(
        "SELECT number, currency, CAST(SUM(objects) AS BIGINT) AS objects, CAST(SUM(payments) AS BIGINT) AS payments, \
         CAST(SUM(amount) AS BIGINT) AS amount FROM (SELECT number, currency, COUNT(*) AS objects, SUM(amount) AS amount, \
         COUNT(DISTINCT COALESCE(payment, charge, id)) AS payments FROM input JOIN refunds ON {made} WHERE {gave_back} \
         GROUP BY number, currency \
         UNION ALL SELECT number, c.currency, COUNT(*), SUM(c.amount_unitemised), COUNT(DISTINCT CASE WHEN EXISTS (\
         SELECT 1 FROM refunds WHERE (charge = c.id OR payment = c.payment) AND account = c.account AND livemode = c.livemode \
         AND COALESCE(created_at, first_event_at) >= from_at AND COALESCE(created_at, first_event_at) < until_at \
         AND {gave_back}) THEN NULL ELSE COALESCE(c.payment, c.id) END) FROM input JOIN charges c ON {told} \
         WHERE amount_unitemised > 0 GROUP BY number, c.currency) r GROUP BY number, currency"
    )
}

fn disputed(scope: &Scope) -> String {
    format!(
        "SELECT number, currency, COUNT(*) AS objects, COUNT(DISTINCT charge) AS payments, CAST(SUM(amount) AS BIGINT) AS amount \
         FROM input JOIN disputes ON {} GROUP BY number, currency",
        scope.within("disputed_at")
    )
}

/// Disputes that were won or lost; `what` of them.
fn decisions(scope: &Scope, what: &str, then: &str) -> String {
    format!(
        "SELECT number, {what} FROM input JOIN disputes ON {} WHERE status IN ('won', 'lost') {then}",
        scope.within("closed_at")
    )
}

/// Followed by the mode: there is an index of the test mode alone.
const APPLIED: &str = "SELECT received_at, recorded_at FROM events WHERE recorded_at >= $1 AND recorded_at < $2 \
    AND source = 'stripe' AND outcome = 'applied' AND livemode =";
const UNPROCESSED: &str = "SELECT (SELECT COUNT(*) FROM events WHERE outcome = 'waiting' AND livemode = $1) AS waiting, \
    (SELECT COUNT(*) FROM events WHERE outcome = 'dead' AND livemode = $1) AS dead";

impl EarnedRow {
    fn read(self) -> Earned {
        let Self { number, currency, payments_and_amount } = self;
        let numbers = payments_and_amount.split_once(' ');
        let parsed =
            numbers.and_then(|(payments, amount)| Some((payments.parse().ok()?, amount.parse().ok()?)));
        let (payments, amount) = parsed.expect("the statement writes two whole numbers");
        Earned { number, currency, payments, amount }
    }
}

/// Each stretch is a row of the input.
fn input<'a>(scope: &'a Scope, numbered: &'a [(i64, &'a Stretch)]) -> Rows<'a, (i64, &'a Stretch)> {
    Rows::of(numbered)
        .int("number", |(number, _)| *number)
        .time("from_at", |(_, stretch)| Some(stretch.from))
        .time("until_at", |(_, stretch)| Some(stretch.until))
        .maybe_text("of_account", |_| scope.account.as_deref())
}

impl Transaction {
    /// Which payments succeeded within each of these stretches: half of the time that all figures take.
    #[shared::built_once]
    pub async fn kpi_succeeded(
        &mut self,
        scope: &Scope,
        stretches: &[Stretch],
    ) -> Result<Vec<Earned>, LedgerError> {
        let numbered: Vec<(i64, &Stretch)> = (0..).zip(stretches).collect();
        let rows: Vec<EarnedRow> = input(scope, &numbered).fetch(self, &SUCCEEDED.statement(scope)).await?;
        // Of a currency in which no payment succeeded there is nothing to tell.
        Ok(rows.into_iter().map(EarnedRow::read).filter(|row| row.payments > 0).collect())
    }

    /// What else happened within each of these stretches, which are in order; nothing outside them is looked at.
    #[shared::built_once]
    pub async fn kpi_figures(
        &mut self,
        scope: &Scope,
        stretches: &[Stretch],
    ) -> Result<Figures, LedgerError> {
        let numbered: Vec<(i64, &Stretch)> = (0..).zip(stretches).collect();
        let each = || input(scope, &numbered);
        let (first, last) = (stretches.first(), stretches.last());
        let (from, until) =
            first.zip(last).map_or_else(Default::default, |(first, last)| (first.from, last.until));
        let all = Stretch { from, until };
        let with_all = [&numbered[..], &[(ALL_STRETCHES, &all)]].concat();
        let is_file = matches!(self, Self::Sqlite(..));
        let mut failed: Vec<FailedByCode> = each().fetch(self, &FAILED.statement(scope)).await?;
        failed.retain(|row| row.attempts > 0);
        let applied = format!("{APPLIED} {} ORDER BY recorded_at DESC LIMIT $3", literal(scope.livemode));
        Ok(Figures {
            failed,
            refunded: input(scope, &with_all).fetch(self, &refunded(scope, is_file)).await?,
            disputed: each().fetch(self, &disputed(scope)).await?,
            decisions: each()
                .fetch(self, &decisions(scope, "status, COUNT(*) AS disputes", "GROUP BY number, status"))
                .await?,
            decided: each()
                .fetch(self, &decisions(scope, "opened_at, closed_at", "ORDER BY closed_at DESC LIMIT 10000"))
                .await?,
            applied: query(AssertSqlSafe(applied))
                .bind(from)
                .bind(until)
                .bind(LATENCY_SAMPLE)
                .all(self)
                .await?,
            unprocessed: query(UNPROCESSED).bind(scope.livemode).one(self).await?,
        })
    }
}
