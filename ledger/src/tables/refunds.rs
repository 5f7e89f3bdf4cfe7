//! The refunds of charges and of payments: some name the one, some the other, most name both.

use crate::engine::rows::by_parent;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::refunds::Refund;

impl Transaction {
    /// Read after charges and payments are locked: moving a refund touches both, so nothing is missed.
    /// One that names both of these comes twice.
    #[shared::built_once]
    pub async fn refunds_of(&mut self, parents: &[Key]) -> Result<Vec<Refund>, LedgerError> {
        by_parent(parents)
            .fetch(
                self,
                "SELECT refunds.* FROM refunds JOIN input ON refunds.charge = parent \
                 AND refunds.account = parent_account AND refunds.livemode = parent_livemode \
                 UNION ALL SELECT refunds.* FROM refunds JOIN input ON refunds.payment = parent \
                 AND refunds.account = parent_account AND refunds.livemode = parent_livemode",
            )
            .await
    }
}
