//! What a merchant may configure: when a user is banned, and when failed payments are retried.

use std::collections::BTreeSet;

/// The same policy must be given to all workers: the ledger is derived with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// A user with so many chargebacks is banned.
    pub ban_threshold: usize,
    /// Whether a dispute that was won counts no more.
    pub lift_on_won: bool,
    /// Reasons of disputes that are returned direct debits: no chargebacks of the user's.
    pub returned_debits: BTreeSet<String>,
    /// The days from each failure of an invoice's payment to its next retry; after the last it is overdue.
    pub retry_days: Vec<u16>,
    /// Failure codes, and reasons of a charge's outcome, after which no retry is planned: it could not succeed, or only annoy.
    pub never_retried: BTreeSet<String>,
}

impl Policy {
    /// Whether a dispute for this reason is a direct debit that the bank returned.
    pub fn is_returned_debit(&self, reason: Option<&str>) -> bool {
        reason.is_some_and(|reason| self.returned_debits.contains(reason))
    }
}

impl Default for Policy {
    fn default() -> Self {
        let never_retried = [
            "authentication_required",
            "do_not_honor",
            "expired_card",
            "fraudulent",
            "highest_risk_level",
            "incorrect_cvc",
            "incorrect_number",
            "lost_card",
            "pickup_card",
            "revocation_of_all_authorizations",
            "revocation_of_authorization",
            "stolen_card",
            "transaction_not_allowed",
        ];
        let returned_debits = ["bank_cannot_process", "incorrect_account_details", "insufficient_funds"];
        Self {
            ban_threshold: 2,
            lift_on_won: true,
            returned_debits: returned_debits.map(str::to_owned).into(),
            retry_days: vec![3, 7, 14],
            never_retried: never_retried.map(str::to_owned).into(),
        }
    }
}

impl Policy {
    /// Whether after so many failures every planned retry has failed too.
    pub fn is_last(&self, failures: usize) -> bool {
        failures > self.retry_days.len()
    }
}
