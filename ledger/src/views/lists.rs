//! Lists of objects for staff: newest first, each with a limit, filtered by columns only. Derived values are
//! already in the rows.

mod disputes;
mod people;
mod tries;

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

pub use self::disputes::{DisputeFigures, DisputeFilter};
pub use self::people::{BanFilter, CustomerFilter};
pub use self::tries::{ChargeFilter, FailureFilter};
use crate::views::page::{Page, Place};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Kind, Object};

/// When an object came into being: as Stripe says, else by the first event about it. Indexed as it stands.
const CREATED: &str = "COALESCE(created_at, first_event_at)";

/// Which invoices to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct InvoiceFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub window: Window,
    pub whose: Whose,
    pub after: Option<Place>,
    pub limit: i64,
}

/// Which payments to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    /// Whoever the rules say that the payer is: by the payment's own word, else by the customer's.
    pub user: Option<String>,
    /// In the currency's minor unit.
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub window: Window,
    /// Only those of which an attempt failed in this time, by when it failed; the latest failure first.
    pub failed: Window,
    pub whose: Whose,
    pub after: Option<Place>,
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
    pub after: Option<Place>,
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

impl Transaction {
    pub async fn invoices(&mut self, filter: &InvoiceFilter) -> Result<Page<Invoice>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Invoice::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("customer = ?", filter.customer.as_ref())
            .and("subscription = ?", filter.subscription.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), filter.after.as_ref(), filter.limit)
            .await
    }

    pub async fn payments(&mut self, filter: &PaymentFilter) -> Result<Page<Payment>, LedgerError> {
        let (search, moment) = match filter.failed {
            Window { since: None, until: None } => (Search::of(select(Payment::TABLE, CREATED)), CREATED),
            failed => (with_failures(&failed, filter.whose.livemode), LAST_FAILURE),
        };
        let customers = match &filter.user {
            Some(user) => self.customers_who_are(user).await?,
            None => Vec::new(),
        };
        let has_failed = filter.status.as_deref() == Some(PAYMENT_FAILED);
        search
            .then(&format!(" WHERE {CREATED} IS NOT NULL"))
            .of_user(filter.user.as_ref(), &customers)
            .when(HAS_FAILED, has_failed)
            .and("status = ?", filter.status.as_ref().filter(|_| !has_failed))
            .and("customer = ?", filter.customer.as_ref())
            .and("amount = ?", filter.amount)
            .and("currency = ?", filter.currency.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (moment, Order::Newest), filter.after.as_ref(), filter.limit)
            .await
    }

    pub async fn refunds(&mut self, filter: &RefundFilter) -> Result<Page<Refund>, LedgerError> {
        let of_payment = "(payment = ? OR charge IN (SELECT id FROM charges WHERE payment = ?))";
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Refund::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and(of_payment, filter.payment.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), filter.after.as_ref(), filter.limit)
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
const LAST_FAILURE: &str = "last_failure";

/// Payments beside their latest failure in a window. The index begins with the mode.
fn with_failures(failed: &Window, livemode: Option<bool>) -> Search {
    Search::of(select(Payment::TABLE, LAST_FAILURE))
        .then(
            " JOIN (SELECT payment AS failed_payment, account AS of_account, \
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
