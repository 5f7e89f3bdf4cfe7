//! How long a key has been in use, and when another is due. A key is known by a fingerprint, from which it cannot be
//! made again.

use chrono::{DateTime, TimeDelta, Utc};
use envelope::hex::hex;
use sha2::{Digest, Sha256};

use super::readable;
use super::row::words;

/// So long before its time a key is called due.
const NOTICE: TimeDelta = TimeDelta::days(14);
/// A key that nobody used for so long is in use no more: a rolling deployment uses two for a while.
pub const IN_USE: TimeDelta = TimeDelta::hours(24);
const FINGERPRINT_BYTES: usize = 8;

words! {
    pub enum KeyName {
        StripeApiKey = "stripe_api_key",
    }
}

readable! {
    /// A key that is in use.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct KeySighting {
        pub name: KeyName,
        pub fingerprint: String,
        pub first_seen_at: DateTime<Utc>,
        pub last_seen_at: DateTime<Utc>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAge {
    Fresh,
    /// Its time ends within two weeks.
    Due,
    Overdue,
}

impl KeySighting {
    pub fn age(&self, now: DateTime<Utc>) -> TimeDelta {
        now - self.first_seen_at
    }

    pub fn judge(&self, limit: TimeDelta, now: DateTime<Utc>) -> KeyAge {
        match self.age(now) {
            age if age > limit => KeyAge::Overdue,
            age if age > limit - NOTICE => KeyAge::Due,
            _ => KeyAge::Fresh,
        }
    }
}

/// The same for the same key, on every machine. Keys are long and random: nobody finds one by trying.
pub fn fingerprint(name: KeyName, secret: &str) -> String {
    let hash = Sha256::new().chain_update(b"tidegate key ").chain_update(name.as_str()).chain_update([0]);
    hex(&hash.chain_update(secret).finalize()[..FINGERPRINT_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_due_before_it_is_overdue() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let judged = |days: i64| {
            let first_seen_at = now - TimeDelta::days(days);
            let fingerprint = fingerprint(KeyName::StripeApiKey, "rk_test_1");
            let key =
                KeySighting { name: KeyName::StripeApiKey, fingerprint, first_seen_at, last_seen_at: now };
            key.judge(TimeDelta::days(90), now)
        };
        for (days, age) in [
            (0, KeyAge::Fresh),
            (76, KeyAge::Fresh),
            (77, KeyAge::Due),
            (90, KeyAge::Due),
            (91, KeyAge::Overdue),
        ] {
            assert_eq!(judged(days), age, "{days}");
        }
    }

    #[test]
    fn a_fingerprint_tells_keys_apart_and_holds_none() {
        let of = |secret| fingerprint(KeyName::StripeApiKey, secret);
        assert_ne!(of("rk_test_1"), of("rk_test_2"));
        assert_eq!((of("rk_test_1").len(), of("rk_test_1")), (16, of("rk_test_1")));
    }
}
