//! How this Stripe behaves where the real one differs from account to account.

use stripe_sim::ApiVersion;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// In which events are written, and answers to whoever names no version.
    pub(crate) api_version: ApiVersion,
    pub(crate) country: &'static str,
    pub(crate) display_name: &'static str,
    pub(crate) default_currency: &'static str,
    /// Of a charge: in ten thousandths, and a fixed part in minor units.
    pub(crate) fee_per_10_000: i64,
    pub(crate) fee_fixed: i64,
    pub(crate) dispute_fee: i64,
    /// Until a charge that was captured has its balance transaction.
    pub(crate) settles_after_secs: i64,
    /// Until what it brought can be paid out.
    pub(crate) available_after_secs: i64,
    /// Until a refund of the test card that begins pending has succeeded, and one of the failing card has failed.
    pub(crate) refunds_move_after_secs: i64,
    /// Until a bank decides about a dispute that was answered with `winning_evidence` or `losing_evidence`.
    pub(crate) disputes_end_after_secs: i64,
    pub(crate) payouts_arrive_after_secs: i64,
    /// A refund for which the balance is too low stays pending.
    pub(crate) refunds_need_balance: bool,
}

const DAY_SECS: i64 = 86_400;

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_version: ApiVersion::Endive,
            country: "DE",
            display_name: "Tide",
            default_currency: "eur",
            fee_per_10_000: 290,
            fee_fixed: 30,
            dispute_fee: 1_500,
            settles_after_secs: 2,
            available_after_secs: 2 * DAY_SECS,
            refunds_move_after_secs: 2,
            disputes_end_after_secs: 2,
            payouts_arrive_after_secs: 2 * DAY_SECS,
            refunds_need_balance: false,
        }
    }
}
