//! Lists of objects for staff: newest first, each with a limit, filtered by columns only. Derived values are
//! already in the rows.

mod disputes;
mod doubtful;
mod findings;
mod notices;
mod operations;
mod people;
mod tries;

pub use self::disputes::{DisputeFigures, DisputeFilter};
pub use self::doubtful::Doubtful;
pub use self::findings::FindingFilter;
pub use self::notices::NoticeFilter;
pub use self::operations::OperationFilter;
pub use self::people::{BanFilter, CustomerFilter, SubscriptionFilter};
pub use self::tries::{ChargeFilter, FailureFilter};
use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Object};

/// When an object came into being: as Stripe says, else by the first event about it. Indexed as it stands.
const CREATED: &str = "COALESCE(created_at, first_event_at)";

/// Which invoices to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvoiceFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub window: Window,
    pub whose: Whose,
}

/// Which payments to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    pub status: Option<String>,
    pub customer: Option<String>,
    /// The payer according to the rules: the payment's own metadata, else the customer's.
    pub user: Option<String>,
    /// In the currency's minor unit.
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub window: Window,
    /// Only those of which an attempt failed in this time, by when it failed; the latest failure first.
    pub failed: Window,
    pub whose: Whose,
}

/// Which refunds to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundFilter {
    pub status: Option<String>,
    /// Of a payment, or of its charges.
    pub payment: Option<String>,
    /// By when Stripe made the refund.
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    pub async fn invoices(
        &mut self,
        filter: &InvoiceFilter,
        part: &Part,
    ) -> Result<Page<Invoice>, LedgerError> {
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Invoice::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("customer = ?", filter.customer.as_ref())
            .and("subscription = ?", filter.subscription.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }

    pub async fn payments(
        &mut self,
        filter: &PaymentFilter,
        part: &Part,
    ) -> Result<Page<Payment>, LedgerError> {
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
            .page(self, (moment, Order::Newest), part)
            .await
    }

    pub async fn refunds(&mut self, filter: &RefundFilter, part: &Part) -> Result<Page<Refund>, LedgerError> {
        let of_payment = "(payment = ? OR charge IN (SELECT id FROM charges WHERE payment = ?))";
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Refund::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and(of_payment, filter.payment.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
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
