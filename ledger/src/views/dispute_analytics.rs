//! What disputes have in common: reason, brand, evidence and time, one row a dispute; and the evidence that was stored
//! for them here.

use chrono::{DateTime, Utc};
use domain::disputes::Status;
use domain::{Key, readable};

use crate::engine::rows::by_key;
use crate::views::search::{Search, Whose, Window};
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AnalysedDispute {
        pub key: Key,
        pub status: Status,
        pub currency: String,
        pub amount: i64,
        pub reason: Option<String>,
        pub card_brand: Option<String>,
        pub evidence_submissions: i64,
        pub opened_at: DateTime<Utc>,
        pub evidence_submitted_at: Option<DateTime<Utc>>,
        pub closed_at: Option<DateTime<Utc>>,
    }
}

readable! {
    /// What an operation that succeeded sent as evidence.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SentEvidence {
        pub dispute: Key,
        pub parameters: String,
    }
}

/// Inquiries are no disputes.
const DISPUTES: &str = "SELECT * FROM (SELECT disputes.id, disputes.account, disputes.livemode, disputes.status, \
    disputes.currency, disputes.amount, disputes.reason, charges.card_brand, evidence_submissions, \
    COALESCE(disputes.opened_at, disputes.first_event_at) AS opened_at, evidence_submitted_at, closed_at \
    FROM disputes LEFT JOIN charges ON charges.id = disputes.charge AND charges.account = disputes.account \
    AND charges.livemode = disputes.livemode WHERE NOT inquiry \
    AND COALESCE(disputes.opened_at, disputes.first_event_at) IS NOT NULL) d WHERE TRUE";

impl Transaction {
    /// Those that were opened within a window, the newest first.
    #[shared::built_once]
    pub async fn analysed_disputes(
        &mut self,
        window: &Window,
        whose: &Whose,
        limit: i64,
    ) -> Result<Vec<AnalysedDispute>, LedgerError> {
        Search::of(DISPUTES)
            .within("opened_at", window)
            .whose(whose)
            .fetch(self, "opened_at DESC, id", limit)
            .await
    }

    /// The evidence that was stored or submitted from here. Each dispute may be named once.
    #[shared::built_once]
    pub async fn sent_evidence(&mut self, disputes: &[Key]) -> Result<Vec<SentEvidence>, LedgerError> {
        by_key(disputes)
            .fetch(
                self,
                "SELECT input.id, input.account, input.livemode, o.parameters FROM operations o JOIN input \
                 ON o.subject_id = input.id AND o.account = input.account AND o.livemode = input.livemode \
                 WHERE o.kind IN ('evidence_stage', 'evidence_submit') AND o.state = 'succeeded'",
            )
            .await
    }
}
