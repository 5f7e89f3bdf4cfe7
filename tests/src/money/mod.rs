//! How money really moves at Stripe: a second double, made from Stripe's documents, its SDKs' comments and
//! recorded bodies, which knows nothing of the rules that it judges. It plays random histories, tells them in
//! the shapes of seven API versions, and says what an endpoint that hears only some families can know.

mod account;
mod facts;
mod known;
mod objects;
mod render;
mod shrink;
mod steps;
mod verdict;

use stripe_sim::{ApiVersion, Random};

pub use self::account::{Account, Setting, Telling};
pub use self::facts::Family;
pub use self::known::Known;
pub use self::shrink::shrink;
pub use self::steps::{Step, What};
pub use self::verdict::{Difference, judge};

/// One history: a seed, and the steps that are left of those that it made.
#[derive(Clone, Debug)]
pub struct Tale {
    pub seed: u64,
    /// Empty: the merchant's own.
    pub account: String,
    pub setting: Setting,
    pub steps: Vec<Step>,
}

impl Tale {
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::of_seed(seed);
        let version = *random.pick(&ApiVersion::ALL);
        let is_usual = random.percent(85);
        let setting = Setting {
            version,
            refunds_releases: version.refunds_releases() == is_usual,
            lists_payments: random.percent(25),
            release_reason: random.percent(50).then_some("partial_capture"),
            references_orders: random.percent(50),
        };
        let count = random.within(1..15);
        Self { seed, account: String::new(), setting, steps: Step::some(count, &mut random) }
    }

    /// In its own account, so that many have place in one ledger.
    #[must_use]
    pub fn in_account(self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self }
    }

    pub fn play(&self) -> Account {
        let mut account = Account::new(&self.account, self.setting, self.seed);
        for (number, step) in self.steps.iter().enumerate() {
            account.take(number, *step);
        }
        account
    }
}
