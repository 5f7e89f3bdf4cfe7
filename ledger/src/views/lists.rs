//! Lists of objects for staff: newest first, each with a limit, filtered by columns only. Derived values are
//! already in the rows.

mod disputes;
mod doubtful;
mod findings;
mod goods;
mod notices;
mod operations;
mod payouts;
mod people;
mod sought;
mod standing;
mod tries;

pub use self::disputes::{DisputeFigures, DisputeFilter};
pub use self::doubtful::Doubtful;
pub use self::findings::FindingFilter;
pub use self::goods::GoodsFilter;
pub use self::notices::NoticeFilter;
pub use self::operations::OperationFilter;
pub use self::payouts::PayoutFilter;
pub use self::people::{BanFilter, CustomerFilter, SubscriptionFilter};
use self::sought::{Sought, are_few};
pub use self::tries::{ChargeFilter, FailureFilter};
use crate::views::page::{Page, Part};
use crate::views::search::{Order, Search, Whose, Window, select};
use crate::{LedgerError, Transaction};
use domain::invoices::Invoice;
use domain::money::{WITH_THREE_DECIMALS, WITHOUT_DECIMALS, decimals_of};
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
    /// Within one of these, by the decimals of the payment's currency.
    pub amounts: Option<Vec<AmountRange>>,
    pub currency: Option<String>,
    /// Of which an attempt failed with this code: Stripe's, or the bank's.
    pub code: Option<String>,
    /// Tried with a card that ends so.
    pub last4: Option<String>,
    pub window: Window,
    /// Only those of which an attempt failed in this time, by when it failed; the latest failure first.
    pub failed: Window,
    pub whose: Whose,
}

/// Amounts in minor units of all currencies with so many decimals, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountRange {
    pub decimals: usize,
    pub least: Option<i64>,
    pub most: Option<i64>,
}

/// Which refunds to list; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefundFilter {
    pub status: Option<String>,
    /// Why it was made, or why it failed.
    pub reason: Option<String>,
    /// Of a payment, or of its charges.
    pub payment: Option<String>,
    /// By when Stripe made the refund.
    pub window: Window,
    pub whose: Whose,
}

impl Transaction {
    #[shared::built_once]
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

    #[shared::built_once]
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
        let failed_with = FAILED_WITH.form(self, filter.code.as_ref()).await?;
        let paid_by_card = PAID_BY_CARD.form(self, filter.last4.as_ref()).await?;
        let amounts = filter.ranges();
        let are_few = match amounts.as_deref().map(outermost) {
            Some((least, most)) => {
                are_few(
                    self,
                    Search::of("SELECT id FROM payments WHERE TRUE")
                        .and("amount >= ?", least)
                        .and("amount <= ?", most),
                )
                .await?
            }
            None => true,
        };
        search
            .then(&format!(" WHERE {CREATED} IS NOT NULL"))
            .of_user(filter.user.as_ref(), &customers)
            .when(HAS_FAILED, has_failed)
            .and("status = ?", filter.status.as_ref().filter(|_| !has_failed))
            .and("customer = ?", filter.customer.as_ref())
            .and("amount = ?", filter.amount)
            .in_ranges(amounts.as_deref(), are_few)
            .and("currency = ?", filter.currency.as_ref())
            .and(failed_with, filter.code.as_ref())
            .and(paid_by_card, filter.last4.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (moment, Order::Newest), part)
            .await
    }

    #[shared::built_once]
    pub async fn refunds(&mut self, filter: &RefundFilter, part: &Part) -> Result<Page<Refund>, LedgerError> {
        let of_payment = "(payment = ? OR charge IN (SELECT id FROM charges WHERE payment = ?))";
        Search::of(format!("{} WHERE {CREATED} IS NOT NULL", select(Refund::TABLE, CREATED)))
            .and("status = ?", filter.status.as_ref())
            .and("(reason = ? OR failure_reason = ?)", filter.reason.as_ref())
            .and(of_payment, filter.payment.as_ref())
            .within(CREATED, &filter.window)
            .whose(&filter.whose)
            .page(self, (CREATED, Order::Newest), part)
            .await
    }

    /// How many payments a customer has made or tried.
    #[shared::built_once]
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
/// The same, for short.
pub const FAILED: &str = "failed";

/// The status that is meant by what was written.
pub fn payment_status(written: &str) -> &str {
    if written == FAILED { PAYMENT_FAILED } else { written }
}

/// As `Payment::has_failed` says.
const HAS_FAILED: &str = "((status = 'requires_payment_method' AND (failure_code IS NOT NULL OR failed_attempts > 0)) \
    OR (status = 'unknown' AND failed_attempts > 0))";
const LAST_FAILURE: &str = "last_failure";
const FAILED_WITH: Sought = Sought {
    few: "payments.id IN (SELECT payment FROM payment_failures WHERE code = ? AND payment IS NOT NULL \
        UNION ALL SELECT payment FROM payment_failures WHERE decline_code = ? AND payment IS NOT NULL)",
    // The count spares most payments the question.
    many: "payments.failed_attempts > 0 AND (SELECT 1 FROM payment_failures f WHERE f.payment = payments.id AND f.account = payments.account \
        AND f.livemode = payments.livemode AND (f.code = ? OR f.decline_code = ?) LIMIT 1) IS NOT NULL",
    rows: "SELECT id FROM payment_failures WHERE code = ? UNION ALL \
        SELECT id FROM payment_failures WHERE decline_code = ?",
};
const PAID_BY_CARD: Sought = Sought {
    few: "payments.id IN (SELECT payment FROM charges WHERE card_last4 = ? AND payment IS NOT NULL)",
    many: "(SELECT 1 FROM charges c WHERE c.payment = payments.id AND c.account = payments.account \
        AND c.livemode = payments.livemode AND c.card_last4 = ? LIMIT 1) IS NOT NULL",
    rows: "SELECT id FROM charges WHERE card_last4 = ?",
};

impl PaymentFilter {
    /// The ranges of amounts that count: of a currency that is asked for only its own.
    fn ranges(&self) -> Option<Vec<AmountRange>> {
        let decimals = self.currency.as_ref().map(|currency| decimals_of(&currency.to_ascii_uppercase()));
        let ranges = self.amounts.as_ref()?.iter().copied();
        Some(ranges.filter(|range| decimals.is_none_or(|decimals| range.decimals == decimals)).collect())
    }
}

impl AmountRange {
    /// Whether any amount lies in it.
    pub fn holds_any(&self) -> bool {
        self.least.zip(self.most).is_none_or(|(least, most)| least <= most)
    }
}

impl Search {
    /// Amounts within one of the ranges. Where few are, the outermost ends stand once more by themselves, for the index of
    /// amounts; a sign before a column keeps both databases from any.
    fn in_ranges(self, ranges: Option<&[AmountRange]>, are_few: bool) -> Self {
        let Some(ranges) = ranges else { return self };
        let (least, most) = if are_few { outermost(ranges) } else { (None, None) };
        let (above, below) =
            if are_few { ("amount >= ?", "amount <= ?") } else { ("+amount >= ?", "+amount <= ?") };
        let search = self.and(above, least).and(below, most).then(" AND (FALSE");
        let search = ranges.iter().fold(search, |search, range| {
            let search = search.then(&format!(" OR ({}", of_decimals(range.decimals)));
            search.and(above, range.least).and(below, range.most).then(")")
        });
        search.then(")")
    }
}

/// The ends between which all of the ranges lie.
fn outermost(ranges: &[AmountRange]) -> (Option<i64>, Option<i64>) {
    let ends = |of: fn(&AmountRange) -> Option<i64>| ranges.iter().map(of).collect::<Option<Vec<i64>>>();
    let least = ends(|range| range.least).and_then(|ends| ends.into_iter().min());
    (least, ends(|range| range.most).and_then(|ends| ends.into_iter().max()))
}

/// The currencies with so many decimals.
fn of_decimals(decimals: usize) -> String {
    let listed = |codes: &[&str]| {
        codes.iter().map(|code| format!("'{}'", code.to_ascii_lowercase())).collect::<Vec<_>>().join(", ")
    };
    match decimals {
        0 => format!("currency IN ({})", listed(&WITHOUT_DECIMALS)),
        3 => format!("currency IN ({})", listed(&WITH_THREE_DECIMALS)),
        _ => format!("currency NOT IN ({}, {})", listed(&WITHOUT_DECIMALS), listed(&WITH_THREE_DECIMALS)),
    }
}

/// Payments beside their latest failure in a window: failures are read from the newest on, and of each payment counts the
/// one that has none later. The index begins with the mode; a plain equality leads to the failures of the payment alone.
fn with_failures(failed: &Window, livemode: Option<bool>) -> Search {
    let later = Window { since: None, until: failed.until };
    Search::of(select(Payment::TABLE, LAST_FAILURE))
        .then(
            " JOIN (SELECT payment AS failed_payment, account AS of_account, livemode AS of_mode, \
         failed_at AS last_failure FROM payment_failures f WHERE failed_at IS NOT NULL AND payment IS NOT NULL",
        )
        .when("livemode IN (TRUE, FALSE)", livemode.is_none())
        .when("livemode = TRUE", livemode == Some(true))
        .when("livemode = FALSE", livemode == Some(false))
        .within("failed_at", failed)
        .then(
            " AND NOT EXISTS (SELECT 1 FROM payment_failures l WHERE l.payment = f.payment AND l.account = f.account \
         AND l.livemode = f.livemode AND l.failed_at IS NOT NULL \
         AND (COALESCE(l.failed_at, f.failed_at), l.id) > (f.failed_at, f.id)",
        )
        .within("COALESCE(l.failed_at, f.failed_at)", &later)
        .then(")) f ON failed_payment = payments.id AND of_account = payments.account AND of_mode = payments.livemode")
}
