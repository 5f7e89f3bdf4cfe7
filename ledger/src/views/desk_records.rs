//! What the desk keeps of a span of time, in pages: decisions about operations, and calls to Stripe.

use chrono::{DateTime, Utc};
use domain::{Key, readable};

use crate::engine::query::query;
use crate::tables::policies::PolicyRow;
use crate::tables::reconciliations::Reconciliation;
use crate::views::page::{POSITION, Page, Part};
use crate::views::search::{Order, Search, Whose, Window};
use crate::{LedgerError, Transaction};

readable! {
    /// One decision, with the operation that it is about.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DecisionRow {
        pub key: Key,
        pub kind: String,
        pub number: i64,
        pub decision: String,
        pub decided_by: String,
        pub known_by: String,
        pub requested_by: String,
        pub reason: Option<String>,
        pub parameters_hash: String,
        pub decided_at: DateTime<Utc>,
    }
}

readable! {
    /// One HTTP exchange, with the operation that it is about. Never a body.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct CallRow {
        pub key: Key,
        pub kind: String,
        pub attempt: i64,
        pub number: i64,
        pub method: String,
        pub path: String,
        pub class: String,
        pub http_status: Option<i64>,
        pub stripe_code: Option<String>,
        pub request_id: Option<String>,
        pub replayed: bool,
        pub duration_ms: i64,
        pub called_at: DateTime<Utc>,
    }
}

/// A row is told from others of its operation by its numbers, which stand as `kind` beside its key.
const DECISIONS: &str = "SELECT o.id, o.account, o.livemode, o.requested_by, d.number, d.decision, d.decided_by, \
    d.known_by, d.reason, d.parameters_hash, d.decided_at, 'n' || (1000000 + d.number) AS kind \
    FROM operation_decisions d JOIN operations o ON o.id = d.operation";
const CALLS: &str = "SELECT o.id, o.account, o.livemode, c.attempt, c.number, c.method, c.path, c.class, c.http_status, \
    c.stripe_code, c.request_id, c.replayed, c.duration_ms, c.called_at, \
    'n' || (1000000 + c.attempt) || '.' || (1000000 + c.number) AS kind \
    FROM operation_calls c JOIN operations o ON o.id = c.operation";

impl Transaction {
    /// The newest first.
    #[shared::built_once]
    pub async fn decisions(
        &mut self,
        window: &Window,
        whose: &Whose,
        part: &Part,
    ) -> Result<Page<DecisionRow>, LedgerError> {
        let rows =
            Search::of(format!("SELECT d.*, decided_at AS {POSITION} FROM ({DECISIONS}) d WHERE TRUE"))
                .within("decided_at", window)
                .whose(whose)
                .placed(self, ("decided_at", Order::NewestOfAnyKind), &part.and_one())
                .await?;
        Ok(Page::of(rows, part, |row: &DecisionRow| (row.key.clone(), row.kind.clone())))
    }

    /// The newest first.
    #[shared::built_once]
    pub async fn calls(
        &mut self,
        window: &Window,
        whose: &Whose,
        part: &Part,
    ) -> Result<Page<CallRow>, LedgerError> {
        let rows = Search::of(format!("SELECT c.*, called_at AS {POSITION} FROM ({CALLS}) c WHERE TRUE"))
            .within("called_at", window)
            .whose(whose)
            .placed(self, ("called_at", Order::NewestOfAnyKind), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |row: &CallRow| (row.key.clone(), row.kind.clone())))
    }

    /// The changes of policies of a span, oldest first: a few, as people make them.
    #[shared::built_once]
    pub async fn policies_set_within(
        &mut self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<PolicyRow>, LedgerError> {
        query("SELECT * FROM policies WHERE set_at >= $1 AND set_at < $2 ORDER BY set_at, key, currency, version")
            .bind(from)
            .bind(until)
            .all(self)
            .await
    }

    /// The compared days from one to another, both included, oldest first.
    #[shared::built_once]
    pub async fn reconciliations_of(
        &mut self,
        (first, last): (&str, &str),
        whose: &Whose,
    ) -> Result<Vec<Reconciliation>, LedgerError> {
        query(
            "SELECT * FROM reconciliations WHERE day >= $1 AND day <= $2 AND livemode = COALESCE($3, livemode) \
             AND account = COALESCE($4, account) ORDER BY day, account, livemode",
        )
        .bind(first)
        .bind(last)
        .bind(whose.livemode)
        .bind(whose.account.clone())
        .all(self)
        .await
    }
}
