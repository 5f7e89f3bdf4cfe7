//! The tables `operation_decisions` and `operation_calls`: what people and rules decided about an operation, and every
//! exchange with Stripe. Append-only; numbered under the lock of the operation's row.

use domain::operations::{Call, Decided};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

readable! {
    /// A call, with the operation that it was made for.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct OperationCall {
        pub operation: String,
        #[serde(flatten)]
        pub call: Call,
    }
}

impl Transaction {
    /// Every decision about an operation, oldest first.
    #[shared::built_once]
    pub async fn decisions_of(&mut self, operation: &str) -> Result<Vec<Decided>, LedgerError> {
        query(
            "SELECT number, decision, decided_by, known_by, reason, parameters_hash, decided_at \
             FROM operation_decisions WHERE operation = $1 ORDER BY number",
        )
        .bind(operation)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn append_decision(&mut self, operation: &str, decided: &Decided) -> Result<(), LedgerError> {
        query(
            "INSERT INTO operation_decisions (operation, number, decision, decided_by, known_by, reason, \
             parameters_hash, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(operation)
        .bind(decided.number)
        .bind(decided.decision.as_str())
        .bind(&decided.decided_by)
        .bind(&decided.known_by)
        .bind(decided.reason.clone())
        .bind(&decided.parameters_hash)
        .bind(decided.decided_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// Every call of an operation, in the order of their attempts.
    #[shared::built_once]
    pub async fn calls_of(&mut self, operation: &str) -> Result<Vec<Call>, LedgerError> {
        query(
            "SELECT attempt, number, method, path, class, http_status, stripe_code, request_id, replayed, \
             duration_ms, called_at FROM operation_calls WHERE operation = $1 ORDER BY attempt, number",
        )
        .bind(operation)
        .all(self)
        .await
    }

    /// The calls of several operations, the latest ones, at most so many.
    #[shared::built_once]
    pub async fn calls_of_operations(
        &mut self,
        operations: &[&str],
        limit: i64,
    ) -> Result<Vec<OperationCall>, LedgerError> {
        let text = format!(
            "SELECT operation, attempt, number, method, path, class, http_status, stripe_code, request_id, replayed, \
             duration_ms, called_at FROM operation_calls JOIN input ON operation = wanted \
             ORDER BY called_at DESC, operation, number DESC LIMIT {limit}"
        );
        Rows::of(operations).text("wanted", |operation| operation).fetch(self, &text).await
    }

    /// Appends a call; its number is the next of its attempt.
    #[shared::built_once]
    pub async fn append_call(&mut self, operation: &str, call: &Call) -> Result<(), LedgerError> {
        query(
            "INSERT INTO operation_calls (operation, attempt, number, method, path, class, http_status, stripe_code, \
             request_id, replayed, duration_ms, called_at) SELECT $1, $2, (SELECT COALESCE(MAX(number), 0) + 1 \
             FROM operation_calls WHERE operation = $1 AND attempt = $2), $3, $4, $5, $6, $7, $8, $9, $10, $11",
        )
        .bind(operation)
        .bind(call.attempt)
        .bind(&call.method)
        .bind(&call.path)
        .bind(&call.class)
        .bind(call.http_status)
        .bind(call.stripe_code.clone())
        .bind(call.request_id.clone())
        .bind(call.replayed)
        .bind(call.duration_ms)
        .bind(call.called_at)
        .run(self)
        .await?;
        Ok(())
    }
}
