//! What a user's ban hangs on: the disputed payments whose user this may be. Which of them it is, the rules say.

use super::{LedgerError, Transaction};
use crate::rules::Key;
use crate::rules::customers::Customer;
use crate::rules::payments::Payment;

impl Transaction {
    /// The disputed payments that name one of these users.
    pub async fn disputed_payments_of_users(&mut self, users: &[Key]) -> Result<Vec<Payment>, LedgerError> {
        self.children_where("user_id", users, "payments.dispute_count > 0").await
    }

    /// The disputed payments of these customers.
    pub async fn disputed_payments_of_customers(
        &mut self,
        customers: &[Key],
    ) -> Result<Vec<Payment>, LedgerError> {
        self.children_where("customer", customers, "payments.dispute_count > 0").await
    }

    /// The customers who are one of these users.
    pub async fn customers_of_users(&mut self, users: &[Key]) -> Result<Vec<Customer>, LedgerError> {
        self.children("user_id", users).await
    }
}
