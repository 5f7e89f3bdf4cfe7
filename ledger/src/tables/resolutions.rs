//! Resolved disputes: the note in `notes`, as long as it holds. It holds until staff reopen the
//! dispute, or until Stripe asks for an answer that it did not ask for when the note was written.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::by_key;
use crate::{Ledger, LedgerError, Transaction};
use domain::Key;

/// A note that resolves, and stands. Asked of rows of `disputes`, so that lists can leave them out before their limit.
macro_rules! standing {
    () => {
        "n.kind = 'dispute' AND n.id = disputes.id AND n.account = disputes.account AND n.livemode = disputes.livemode AND n.resolves \
         AND NOT EXISTS (SELECT 1 FROM notes r WHERE r.kind = n.kind AND r.id = n.id AND r.account = n.account \
         AND r.livemode = n.livemode AND r.reopens AND r.number > n.number) \
         AND NOT (disputes.stripe_status LIKE '%needs_response' \
         AND (disputes.stripe_status <> COALESCE(n.stripe_status, disputes.stripe_status) \
         OR COALESCE(disputes.respond_by > n.respond_by, FALSE)))"
    };
}

/// The condition on a row of `disputes` that staff are not done with it.
macro_rules! unresolved {
    () => {
        concat!("NOT EXISTS (SELECT 1 FROM notes n WHERE ", crate::tables::resolutions::standing!(), ")")
    };
}

/// The condition that Stripe waits for an answer. The index is of all open disputes; hence both comparisons.
macro_rules! unanswered {
    () => {
        "status IN ('opened', 'under_review') AND status = 'opened'"
    };
}
pub(crate) use {standing, unanswered, unresolved};

pub(crate) const PAST_DUE: &str = concat!(
    "SELECT livemode, COUNT(*) AS count, MIN(respond_by) AS oldest FROM \
     (SELECT livemode, respond_by FROM disputes WHERE ",
    unanswered!(),
    " AND respond_by <= $1 AND ",
    unresolved!(),
    " ORDER BY respond_by LIMIT 10000) d GROUP BY livemode ORDER BY livemode DESC"
);

readable! {
    /// Disputes and inquiries of one mode whose time to answer has passed, that were not answered and that staff have
    /// not resolved: how many, at most `gauges::COUNT_LIMIT`, and by when the longest waiting should have been answered.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct PastDue {
        pub livemode: bool,
        pub count: i64,
        pub oldest: DateTime<Utc>,
    }
}

readable! {
    /// Who is done with a dispute, since when, and why.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Resolution {
        #[serde(skip)]
        pub dispute: Key,
        pub by: String = "written_by",
        pub at: DateTime<Utc> = "written_at",
        pub reason: String = "note",
        #[serde(skip)]
        pub number: i64,
    }
}

impl Ledger {
    /// What should have been answered by now; modes without any are left out.
    #[shared::built_once]
    pub async fn disputes_past_due(&self, now: DateTime<Utc>) -> Result<Vec<PastDue>, LedgerError> {
        let mut tx = self.read().await?;
        query(PAST_DUE).bind(now).all(&mut tx).await
    }
}

impl Transaction {
    /// The resolutions of disputes, the last one of each where one stands.
    #[shared::built_once]
    pub async fn resolutions_of(&mut self, disputes: &[Key]) -> Result<Vec<Resolution>, LedgerError> {
        let statement = concat!(
            "SELECT id, account, livemode, n.written_by, n.written_at, n.note, n.number \
             FROM disputes JOIN input USING (id, account, livemode) JOIN notes n USING (id, account, livemode) WHERE ",
            standing!()
        );
        let mut found: Vec<Resolution> = by_key(disputes).fetch(self, statement).await?;
        found.sort_by(|a, b| (&a.dispute, b.number).cmp(&(&b.dispute, a.number)));
        found.dedup_by(|later, kept| later.dispute == kept.dispute);
        Ok(found)
    }
}
