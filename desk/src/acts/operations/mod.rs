//! What people and programs do with operations: ask, confirm, approve, reject, cancel. Each act is one transaction
//! under the locks of the payment and of the operation; the row, the decision and the audit line are one.

pub mod record;
