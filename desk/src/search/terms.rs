//! Terms that payments are looked for by, as an address or a search box writes them, and the filter that they mean.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use ledger::views::lists::{PAYMENT_FAILED, PaymentFilter, payment_status};
use ledger::views::search::{Whose, Window};

use super::{day, ranges};

/// A term that means nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongTerm(pub String);

/// What a payment must be; what is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentTerms {
    pub status: Option<String>,
    /// One or several comparisons, as in `>=100 <200`.
    pub amount: Option<String>,
    pub currency: Option<String>,
    pub user: Option<String>,
    pub customer: Option<String>,
    /// Why an attempt failed: Stripe's code, or the bank's.
    pub code: Option<String>,
    /// The last digits of a card.
    pub last4: Option<String>,
    /// Days in UTC as people name them, both included. Of those that failed, they are the days of the failure.
    pub since: Option<String>,
    pub until: Option<String>,
}

impl PaymentTerms {
    /// The terms by the names that they have in an address.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let terms = [
            ("status", self.status.clone()),
            ("amount", self.amount.clone()),
            ("currency", self.currency.clone()),
            ("user", self.user.clone()),
            ("customer", self.customer.clone()),
            ("code", self.code.clone()),
            ("last4", self.last4.clone()),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
        ];
        terms.into_iter().filter_map(|(name, term)| Some((name, term?))).collect()
    }

    /// `today` is what `yesterday` counts from.
    pub fn filter(&self, whose: Whose, today: NaiveDate) -> Result<PaymentFilter, WrongTerm> {
        let status = self.status.as_deref().map(|status| payment_status(status).to_owned());
        let window = window(self.since.as_deref(), self.until.as_deref(), today)?;
        // Who looks for failures means when they failed, not when the payment was made.
        let by_failure = status.as_deref() == Some(PAYMENT_FAILED) && window != Window::default();
        let (window, failed) =
            if by_failure { (Window::default(), window) } else { (window, Window::default()) };
        Ok(PaymentFilter {
            status,
            customer: self.customer.clone(),
            user: self.user.clone(),
            amounts: self.amount.as_deref().map(ranges).transpose().map_err(WrongTerm)?,
            currency: self.currency.as_deref().map(str::to_ascii_lowercase),
            code: self.code.clone(),
            last4: self.last4.clone(),
            window,
            failed,
            whose,
            ..PaymentFilter::default()
        })
    }
}

/// From the beginning of a day to the end of another.
pub fn window(since: Option<&str>, until: Option<&str>, today: NaiveDate) -> Result<Window, WrongTerm> {
    let midnight = |text| day(text, today).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let (since, until) = (since.map(midnight).transpose()?, until.map(midnight).transpose()?);
    let window = Window { since, until: until.map(|last| last + TimeDelta::days(1)) };
    if window.since.zip(window.until).is_some_and(|(since, until)| since >= until) {
        return Err(WrongTerm("The first day is after the last one: nothing lies between".to_owned()));
    }
    Ok(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_looked_for_by_when_they_failed() {
        let today = "2026-11-28".parse().unwrap();
        let of = |status: &str, since: &str, until: &str| {
            let (status, since, until) =
                (Some(status.to_owned()), Some(since.to_owned()), Some(until.to_owned()));
            PaymentTerms { status, since, until, ..PaymentTerms::default() }.filter(Whose::default(), today)
        };
        let failed = of(PAYMENT_FAILED, "yesterday", "yesterday").unwrap();
        assert_eq!(failed.status.as_deref(), Some(PAYMENT_FAILED));
        assert!(failed.failed.since.is_some() && failed.window.since.is_none());
        let made = of("succeeded", "2026-11-01", "2026-11-01").unwrap().window;
        assert_eq!(made.until.unwrap() - made.since.unwrap(), TimeDelta::days(1), "the whole day");
        assert!(of("succeeded", "2026-11-02", "2026-11-01").is_err());
    }
}
