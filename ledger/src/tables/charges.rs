//! The charges of payments: those that name them, and those that are payments themselves.

use crate::engine::rows::by_parent;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::charges::Charge;

impl Transaction {
    /// Read after the payments are locked: moving a charge touches its payment, so nothing is missed.
    #[shared::built_once]
    pub async fn charges_of_payments(&mut self, payments: &[Key]) -> Result<Vec<Charge>, LedgerError> {
        by_parent(payments)
            .fetch(
                self,
                "SELECT charges.* FROM charges JOIN input ON charges.payment = parent \
                 AND charges.account = parent_account AND charges.livemode = parent_livemode \
                 UNION ALL SELECT charges.* FROM charges JOIN input ON charges.id = parent \
                 AND charges.account = parent_account AND charges.livemode = parent_livemode \
                 WHERE charges.payment IS NULL",
            )
            .await
    }
}
