//! Ids as Stripe makes them.

use stripe_sim::Random;

/// The prefix, `_`, and 24 letters and digits.
pub(crate) fn new_id(prefix: &str) -> String {
    Random::of_seed(Random::new_seed()).id(prefix)
}
