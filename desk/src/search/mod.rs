//! What the words in a search box ask for: one thing by its name, or payments that several terms hold for. Reading the
//! words asks nothing; `find` then looks into the ledger. Console and command line search by the same words.

mod amounts;
pub mod emails;
mod terms;
mod words;

use chrono::{Datelike, Days, NaiveDate};
use ledger::views::reasons::KnownReason;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError};

pub use self::amounts::ranges;
pub use self::terms::{PaymentTerms, WrongTerm, window};
pub use self::words::{OPERATORS, Wanted, read};

use crate::finder::{self, Found};

/// What the words lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The one thing that goes by the name.
    One(Found),
    /// Payments, as a list.
    Payments(Box<PaymentTerms>),
    /// Why payments failed, refunds were made or disputes opened.
    Reason(KnownReason),
    Nothing,
}

/// Looks for one name: an id, a number or a user first, then the last digits of a card, then a reason.
#[shared::built_once]
pub async fn find(ledger: &Ledger, name: &str, whose: &Whose) -> Result<Hit, LedgerError> {
    if let Some(found) = finder::find(ledger, name).await? {
        return Ok(Hit::One(found));
    }
    if is_last4(name) {
        let last4 = Some(name.to_owned());
        return Ok(Hit::Payments(Box::new(PaymentTerms { last4, ..PaymentTerms::default() })));
    }
    let word = name.to_ascii_lowercase().replace([' ', '-'], "_");
    let known = ledger.read().await?.known_reason(&word, whose).await?;
    Ok(known.map_or(Hit::Nothing, Hit::Reason))
}

/// A day in UTC as people name it: `2026-11-28`, `today`, `yesterday`, or so many days ago, as in `7d`.
pub fn day(text: &str, today: NaiveDate) -> Result<NaiveDate, WrongTerm> {
    let named = match text {
        "today" => Some(today),
        "yesterday" => today.pred_opt(),
        other => other.parse().ok().or_else(|| {
            let days = other.strip_suffix('d')?.parse().ok()?;
            today.checked_sub_days(Days::new(days))
        }),
    };
    named.filter(|day| YEARS.contains(&day.year())).ok_or_else(|| {
        WrongTerm(format!(
            "“{text}” is not a day: write 2026-11-28, today, yesterday, or 7d for seven days ago"
        ))
    })
}

/// What both databases can compare.
const YEARS: std::ops::Range<i32> = 1970..9999;

fn is_last4(name: &str) -> bool {
    name.len() == 4 && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_or_counted_back() {
        let today = "2026-11-28".parse().unwrap();
        let shown = |text| day(text, today).map(|day| day.to_string());
        for (text, named) in [
            ("today", "2026-11-28"),
            ("yesterday", "2026-11-27"),
            ("7d", "2026-11-21"),
            ("2026-01-31", "2026-01-31"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(named));
        }
        for text in ["soon", "", "d", "-1d", "2026-02-30", "+262142-12-31", "99999999999d", "0001-01-01"] {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
