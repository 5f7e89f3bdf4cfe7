//! Decides what counts in the monitored figures, from the ledger's plain data.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::Key;
use super::refunds::{FAILED, RELEASES};

/// So many failed attempts at one invoice's payment are for a person to look at.
pub const MANY_FAILURES: i64 = 3;

crate::readable! {
    /// A refund, in what counts for its figure.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct RefundSeen {
        pub key: Key,
        pub charge: Option<String>,
        pub payment: Option<String>,
        pub status: String,
        pub reason: Option<String>,
        pub released: bool,
    }
}

/// Of how many payments of a mode something is refunded by these: each counts once, and releases do not.
pub fn payments_refunded(refunds: &[RefundSeen], livemode: bool) -> i64 {
    let counts = |refund: &&RefundSeen| {
        let is_called_release = refund.reason.as_deref().is_some_and(|reason| RELEASES.contains(&reason));
        let is_release = refund.released || is_called_release;
        refund.key.livemode == livemode && !is_release && !FAILED.contains(&refund.status.as_str())
    };
    let paid_by = refunds.iter().filter(counts).map(|refund| {
        let id = refund.payment.as_ref().or(refund.charge.as_ref()).unwrap_or(&refund.key.id);
        (id.as_str(), refund.key.account.as_str())
    });
    i64::try_from(paid_by.collect::<BTreeSet<_>>().len()).unwrap_or(i64::MAX)
}

/// How many there are within a span: those that were counted, or, where counting ended at the newest and they reach
/// back only so far, as many as there are if it went on like that.
pub fn projected(counted: i64, reach: Option<TimeDelta>, span: TimeDelta) -> i64 {
    let Some(reach) = reach.filter(|reach| *reach < span) else { return counted };
    let (reach, span) = (reach.num_milliseconds().max(1), span.num_milliseconds());
    i64::try_from(i128::from(counted) * i128::from(span) / i128::from(reach)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refund(id: &str, payment: Option<&str>, charge: Option<&str>, status: &str) -> RefundSeen {
        RefundSeen {
            key: Key { id: id.to_owned(), account: String::new(), livemode: true },
            charge: charge.map(str::to_owned),
            payment: payment.map(str::to_owned),
            status: status.to_owned(),
            reason: None,
            released: false,
        }
    }

    #[test]
    fn a_payment_is_refunded_once_and_a_release_is_no_refund() {
        let mut refunds = vec![
            refund("re_1", Some("pi_1"), Some("ch_1"), "succeeded"),
            refund("re_2", Some("pi_1"), Some("ch_1"), "pending"),
            refund("re_3", None, Some("ch_2"), "pending"),
            refund("re_4", Some("pi_3"), None, "failed"),
            refund("re_5", Some("pi_4"), None, "canceled"),
        ];
        for release in RELEASES {
            let mut released = refund("re_6", Some("pi_5"), None, "succeeded");
            released.reason = Some((*release).to_owned());
            refunds.push(released);
        }
        assert_eq!((payments_refunded(&refunds, true), payments_refunded(&refunds, false)), (2, 0));
        let unnamed =
            RefundSeen { released: true, ..refund("re_7", Some("pi_7"), Some("ch_7"), "succeeded") };
        refunds.push(unnamed);
        assert_eq!(payments_refunded(&refunds, true), 2, "its charge captured nothing");
        refunds[0].key.livemode = false;
        assert_eq!((payments_refunded(&refunds, true), payments_refunded(&refunds, false)), (2, 1));
    }

    #[test]
    fn what_was_not_counted_is_projected_from_what_was() {
        let hour = TimeDelta::hours(1);
        assert_eq!(projected(17, None, hour), 17, "all were counted");
        assert_eq!(projected(10_000, Some(TimeDelta::minutes(30)), hour), 20_000);
        assert_eq!(projected(10_000, Some(hour), hour), 10_000);
        assert_eq!(
            projected(10_000, Some(TimeDelta::seconds(-3)), hour),
            36_000_000_000,
            "all of this moment"
        );
    }
}
