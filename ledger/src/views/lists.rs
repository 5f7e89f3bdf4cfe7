//! Lists of objects for staff: newest first, each with a limit, filtered by columns only. Derived values are
//! already in the rows.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::tables::resolutions::unresolved;
use crate::views::search::{Search, Whose, Window};
use crate::{LedgerError, Transaction};
use domain::bans::Ban;
use domain::disputes::{Dispute, Status};
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Kind, Object};

/// When an object came into being: as Stripe says, else by the first event about it. Indexed as it stands.
const CREATED: &str = "COALESCE(created_at, first_event_at)";
const OPENED: &str = "COALESCE(opened_at, first_event_at)";

/// Which invoices to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct InvoiceFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub window: Window,
    pub whose: Whose,
    pub limit: i64,
}

/// Which payments to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    /// In the currency's minor unit.
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub window: Window,
    /// Only those of which an attempt failed in this time, by when it failed; the latest failure first.
    pub failed: Window,
    pub whose: Whose,
    pub limit: i64,
}

/// Which refunds to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct RefundFilter {
    pub status: Option<String>,
    /// Of a payment, or of its charges.
    pub payment: Option<String>,
    /// By when Stripe made the refund.
    pub window: Window,
    pub whose: Whose,
    pub limit: i64,
}

/// Which disputes to list; what is `None` or false does not restrict.
#[derive(Clone, Debug, Default)]
pub struct DisputeFilter {
    pub status: Option<String>,
    pub open: bool,
    /// Still to be answered, by this moment.
    pub due_by: Option<DateTime<Utc>>,
    /// Of the open ones and those that are due, what staff have resolved as well.
    pub resolved_too: bool,
    pub among: Option<Vec<Key>>,
    pub window: Window,
    pub whose: Whose,
    pub limit: i64,
}

readable! {
    /// An object that somebody may have to look at.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Uncertain {
        pub kind: String,
        #[serde(flatten)]
        pub key: Key,
        pub last_event_at: Option<DateTime<Utc>>,
    }
}

readable! {
    /// What a sum over disputes needs of each.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DisputeFigures {
        pub status: Status,
        pub inquiry: bool,
        pub amount: i64,
        pub currency: String,
        pub livemode: bool,
        pub opened_at: Option<DateTime<Utc>>,
        pub closed_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    pub async fn invoices(&mut self, filter: &InvoiceFilter) -> Result<Vec<Invoice>, LedgerError> {
        Search::of(format!("SELECT * FROM invoices WHERE {CREATED} IS NOT NULL"))
            .and("status = ?", filter.status.as_ref())
            .and("customer = ?", filter.customer.as_ref())
            .and("subscription = ?", filter.subscription.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .fetch(self, &newest(CREATED), filter.limit)
            .await
    }

    pub async fn payments(&mut self, filter: &PaymentFilter) -> Result<Vec<Payment>, LedgerError> {
        let (search, order) = match filter.failed {
            Window { since: None, until: None } => {
                (Search::of("SELECT payments.* FROM payments"), newest(CREATED))
            }
            failed => (with_failures(&failed, filter.whose.livemode), newest("last_failure")),
        };
        let has_failed = filter.status.as_deref() == Some(PAYMENT_FAILED);
        search
            .then(&format!(" WHERE {CREATED} IS NOT NULL"))
            .when(HAS_FAILED, has_failed)
            .and("status = ?", filter.status.as_ref().filter(|_| !has_failed))
            .and("customer = ?", filter.customer.as_ref())
            .and("amount = ?", filter.amount)
            .and("currency = ?", filter.currency.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .fetch(self, &order, filter.limit)
            .await
    }

    pub async fn refunds(&mut self, filter: &RefundFilter) -> Result<Vec<Refund>, LedgerError> {
        let of_payment = "(payment = ? OR charge IN (SELECT id FROM charges WHERE payment = ?))";
        Search::of(format!("SELECT * FROM refunds WHERE {CREATED} IS NOT NULL"))
            .and("status = ?", filter.status.as_ref())
            .and(of_payment, filter.payment.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .fetch(self, &newest(CREATED), filter.limit)
            .await
    }

    /// The most urgent first where only open ones are wanted; else what is overdue at this moment, then the newest.
    pub async fn disputes(
        &mut self,
        filter: &DisputeFilter,
        now: DateTime<Utc>,
    ) -> Result<Vec<Dispute>, LedgerError> {
        const URGENT: &str = "respond_by IS NULL, respond_by, id, account, livemode";
        let is_urgent = filter.open || filter.due_by.is_some();
        let of = |filter: &DisputeFilter| {
            Search::of(format!("SELECT * FROM disputes WHERE {OPENED} IS NOT NULL"))
                .and("status = ?", filter.status.as_ref())
                .when("status IN ('opened', 'under_review')", filter.open)
                .and("status = 'opened' AND respond_by <= ?", filter.due_by)
                .when(unresolved!(), is_urgent && !filter.resolved_too)
                .within(OPENED, &filter.window)
                .whose(&filter.whose)
                .among(filter.among.as_deref())
        };
        if is_urgent {
            return of(filter).fetch(self, URGENT, filter.limit).await;
        }
        let mut found: Vec<Dispute> =
            of(filter).and(OVERDUE, Some(now)).fetch(self, URGENT, filter.limit).await?;
        let left = filter.limit - i64::try_from(found.len()).unwrap_or(filter.limit);
        let others = of(filter).and(&format!("NOT ({OVERDUE})"), Some(now));
        found.extend(others.fetch::<Dispute>(self, &newest(OPENED), left).await?);
        Ok(found)
    }

    /// The figures of all disputes that were opened in a window.
    pub async fn dispute_figures(
        &mut self,
        window: &Window,
        whose: &Whose,
        limit: i64,
    ) -> Result<Vec<DisputeFigures>, LedgerError> {
        let columns = "status, inquiry, amount, currency, livemode, opened_at, closed_at";
        Search::of(format!("SELECT {columns} FROM disputes WHERE {OPENED} IS NOT NULL"))
            .within(OPENED, window)
            .whose(whose)
            .fetch(self, OPENED, limit)
            .await
    }

    /// Users whom the disputes or staff have banned, or had; whether they are now, the clock decides. With
    /// `all`, every user whom a dispute or staff ever concerned.
    pub async fn bans(&mut self, all: bool, whose: &Whose, limit: i64) -> Result<Vec<Ban>, LedgerError> {
        const DECIDED: &str = "COALESCE(override_at, since)";
        Search::of("SELECT * FROM bans WHERE TRUE")
            .when("(status = 'banned' OR override_act <> 'none')", !all)
            .whose(whose)
            .fetch(self, &format!("{DECIDED} IS NULL, {DECIDED} DESC, id, account, livemode"), limit)
            .await
    }

    /// Objects whose figures contradict each other.
    pub async fn with_anomaly<T: Object>(
        &mut self,
        whose: &Whose,
        limit: i64,
    ) -> Result<Vec<T>, LedgerError> {
        Search::of(format!("SELECT * FROM {} WHERE anomaly IS NOT NULL", T::TABLE))
            .whose(whose)
            .fetch(self, "id, account, livemode", limit)
            .await
    }

    /// Objects of which only Stripe can tell the state: those that changed last come first.
    pub async fn uncertain(&mut self, whose: &Whose, limit: i64) -> Result<Vec<Uncertain>, LedgerError> {
        let mut found = Vec::new();
        for kind in uncertain_kinds() {
            let table = kind.table();
            let select = format!(
                "SELECT '{kind}' AS kind, id, account, livemode, last_event_at FROM {table} WHERE needs_refetch"
            );
            let rows: Vec<Uncertain> =
                Search::of(select).whose(whose).fetch(self, "last_event_at DESC, id", limit).await?;
            found.extend(rows);
        }
        found.sort_by_key(|object| std::cmp::Reverse(object.last_event_at));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// How many of each kind are uncertain; kinds without any are left out.
    pub async fn count_uncertain(&mut self, whose: &Whose) -> Result<Vec<(&'static str, i64)>, LedgerError> {
        let mut counts = Vec::new();
        for kind in uncertain_kinds() {
            let table = kind.table();
            let select = format!("SELECT COUNT(*) FROM {table} WHERE needs_refetch");
            let rows: Vec<(i64,)> = Search::of(select).whose(whose).fetch(self, "1", 1).await?;
            counts.extend(rows.first().filter(|(count,)| *count > 0).map(|(count,)| (kind.as_str(), *count)));
        }
        Ok(counts)
    }

    /// How many payments a customer has made or tried.
    pub async fn count_payments_of(&mut self, customer: &Key) -> Result<i64, LedgerError> {
        let whose = Whose { account: Some(customer.account.clone()), livemode: Some(customer.livemode) };
        let rows: Vec<(i64,)> = Search::of("SELECT COUNT(*) FROM payments WHERE TRUE")
            .and("customer = ?", Some(&customer.id))
            .whose(&whose)
            .fetch(self, "1", 1)
            .await?;
        Ok(rows.first().map_or(0, |(count,)| *count))
    }
}

/// Every kind whose rows tell that they are contested.
fn uncertain_kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.can_be_uncertain())
}

/// What staff ask for as a status of payments beside Stripe's own.
pub const PAYMENT_FAILED: &str = "payment_failed";
/// As `Payment::has_failed` says.
const HAS_FAILED: &str = "((status = 'requires_payment_method' AND (failure_code IS NOT NULL OR failed_attempts > 0)) \
    OR (status = 'unknown' AND failed_attempts > 0))";
/// Not answered in time, and not resolved. The index is of all open disputes; hence both comparisons.
const OVERDUE: &str = concat!(
    "status IN ('opened', 'under_review') AND status = 'opened' AND respond_by IS NOT NULL AND respond_by <= ? AND ",
    unresolved!()
);

/// Payments beside their latest failure in a window. The index begins with the mode.
fn with_failures(failed: &Window, livemode: Option<bool>) -> Search {
    Search::of(
        "SELECT payments.* FROM payments JOIN (SELECT payment AS failed_payment, account AS of_account, \
         livemode AS of_mode, MAX(failed_at) AS last_failure FROM payment_failures \
         WHERE failed_at IS NOT NULL AND payment IS NOT NULL",
    )
    .when("livemode IN (TRUE, FALSE)", livemode.is_none())
    .and("livemode = ?", livemode)
    .within("failed_at", failed)
    .then(
        " GROUP BY payment, account, livemode) f ON failed_payment = payments.id \
         AND of_account = payments.account AND of_mode = payments.livemode",
    )
}

fn newest(moment: &str) -> String {
    format!("{moment} DESC, id")
}
