//! Objects of every kind that need a look: their figures contradict each other, or only Stripe can tell their state.

use chrono::{DateTime, Utc};
use domain::{Key, Kind, readable};
use serde::Serialize;

use crate::views::page::{POSITION, Page, Part};
use crate::views::search::{Order, Search, Whose};
use crate::{LedgerError, Transaction};

const LAST_EVENT: &str = "last_event_at";
const CONTRADICTS_ITSELF: &str = "anomaly IS NOT NULL";
const WITH_ANOMALIES: [Kind; 3] = [Kind::Charge, Kind::Payment, Kind::Invoice];
const IS_UNCERTAIN: &str = "needs_refetch";

readable! {
    /// An object in a list that has several kinds.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Doubtful {
        pub kind: String,
        #[serde(flatten)]
        pub key: Key,
        pub last_event_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    /// Objects whose figures contradict each other. Those that changed last come first.
    #[shared::built_once]
    pub async fn contradictory(&mut self, whose: &Whose, part: &Part) -> Result<Page<Doubtful>, LedgerError> {
        self.doubtful(&WITH_ANOMALIES, CONTRADICTS_ITSELF, whose, part).await
    }

    /// Objects whose state only Stripe can tell. Those that changed last come first.
    #[shared::built_once]
    pub async fn uncertain(&mut self, whose: &Whose, part: &Part) -> Result<Page<Doubtful>, LedgerError> {
        let kinds: Vec<Kind> = uncertain_kinds().collect();
        self.doubtful(&kinds, IS_UNCERTAIN, whose, part).await
    }

    async fn doubtful(
        &mut self,
        kinds: &[Kind],
        condition: &str,
        whose: &Whose,
        part: &Part,
    ) -> Result<Page<Doubtful>, LedgerError> {
        let of_kind = |kind: &Kind| {
            let table = kind.table();
            format!(
                "SELECT '{kind}' AS kind, id, account, livemode, {LAST_EVENT} FROM {table} WHERE {condition}"
            )
        };
        let of_all = kinds.iter().map(of_kind).collect::<Vec<_>>().join(" UNION ALL ");
        let rows = Search::of(format!("SELECT d.*, {LAST_EVENT} AS {POSITION} FROM ({of_all}) d WHERE TRUE"))
            .whose(whose)
            .placed(self, (LAST_EVENT, Order::NewestOfAnyKind), &part.and_one())
            .await?;
        Ok(Page::of(rows, part, |object: &Doubtful| (object.key.clone(), object.kind.clone())))
    }

    /// How many of each kind are uncertain; kinds without any are left out.
    #[shared::built_once]
    pub async fn count_uncertain(&mut self, whose: &Whose) -> Result<Vec<(&'static str, i64)>, LedgerError> {
        let mut counts = Vec::new();
        for kind in uncertain_kinds() {
            let select = format!("SELECT COUNT(*) FROM {} WHERE {IS_UNCERTAIN}", kind.table());
            let rows: Vec<(i64,)> = Search::of(select).whose(whose).fetch(self, "1", 1).await?;
            counts.extend(rows.first().filter(|(count,)| *count > 0).map(|(count,)| (kind.as_str(), *count)));
        }
        Ok(counts)
    }
}

fn uncertain_kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.iter().copied().filter(|kind| kind.can_be_uncertain())
}
