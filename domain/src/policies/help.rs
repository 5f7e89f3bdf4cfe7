//! What each policy means, for people.

use super::PolicyKey;

impl PolicyKey {
    /// What the policy means, for people.
    pub fn help(self) -> &'static str {
        match self {
            Self::ConfirmAbove => {
                "A refund, credit or charge above this must be confirmed by whoever asks for it."
            }
            Self::ApproveAbove => {
                "A refund, credit or charge above this needs a second person with billing:manage."
            }
            Self::ProgramOperationLimit => {
                "The largest refund that is approved for a program without a person."
            }
            Self::ProgramDayLimit => "The sum of such refunds within 24 hours.",
            Self::AgeRule => "Whether a refund of an older payment needs an approver, whatever the amount.",
            Self::YoungHours => "How old a payment may be for a program's refund without a person.",
            Self::ApprovalDays => "How long an operation waits for people.",
            Self::ChargeLimit => "The largest charge, in minor units.",
            Self::ScheduledRetries => {
                "Whether invoices are tried again by their plan, without a person asking for each retry."
            }
            Self::TotpRequired => "Whether billing:manage and admin need a second factor to log in.",
            Self::IdleMinutes => "A session ends after so long without a request.",
            Self::SessionHours => "A session ends after so long in any case.",
            Self::StripeKeyDays => "How long a key of Stripe's API may be in use.",
            Self::Dunning => {
                "Who writes to a customer whose payment failed: Stripe about its own invoices, Tidegate about those that it collects, or nobody."
            }
            Self::ReconciliationTolerance => {
                "Differences to Stripe's balance that come to more than this are critical, and raise an alert."
            }
            Self::ReconciliationHour => "When the day before is compared with Stripe's balance.",
            Self::AwaitedDays => "How long a transaction is awaited before it is missing.",
            Self::FraudWindow => "Within how many minutes payments and declines count together.",
            Self::FraudPayments => {
                "This many payments of one user, customer or card within the window raise a finding."
            }
            Self::FraudDeclines => {
                "This many declines of one user, customer or card within the window raise a finding."
            }
            Self::FraudCards => "This many cards of one user within a day raise a finding.",
            Self::FraudTimesUsual => {
                "A payment of so many times what its user usually pays is a finding: the median of 90 days."
            }
            Self::FraudLargeAbove => {
                "A payment above this is a finding; 5,000.00 in a currency without a value."
            }
        }
    }
}
