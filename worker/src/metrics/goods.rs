//! Counters of what becomes of a merchant's own goods.

use prometheus::{IntCounter, IntCounterVec};
use shared::metrics::MetricsRegistry;

/// What a look at a checkout in Stripe may find.
const FOUND: [&str; 2] = ["settled", "unpaid"];

#[derive(Clone, Debug)]
pub struct Goods {
    pub kept: IntCounter,
    pub failed: IntCounter,
    pub removed: IntCounter,
    looked_at: IntCounterVec,
}

impl Goods {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        let goods = Self {
            kept: register.counter(
                "goods_kept_total",
                "Goods that were looked at, because a payment of them changed or their time was over.",
            ),
            failed: register.counter(
                "goods_failed_total",
                "Goods that could not be looked at; they are looked at again a minute later.",
            ),
            removed: register.counter(
                "goods_removed_total",
                "Goods that were removed, because their time as evidence is over.",
            ),
            looked_at: register.counters(
                "checkouts_looked_at_total",
                "Unpaid checkouts that were read from Stripe, by what was found. One that is settled was not told by a webhook.",
                &["found"],
            ),
        };
        for found in FOUND {
            goods.looked_at.with_label_values(&[found]);
        }
        goods
    }

    pub fn looked_at(&self, is_unpaid: bool) {
        self.looked_at.with_label_values(&[FOUND[usize::from(is_unpaid)]]).inc();
    }
}
