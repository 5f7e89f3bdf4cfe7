//! What acts write about a listing. Nothing in it is derived from a payment.

use chrono::{DateTime, SubsecRound, Utc};
use domain::goods::{Goods, Unreadable};
use serde::{Deserialize, Serialize};

/// What people and programs said about a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub category: String,
    pub currency: String,
    /// When it came into its category: the fee of that moment is its fee.
    pub categorised_at: DateTime<Utc>,
    /// When it was free before that: what was promoted then stays promoted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was_free: Vec<Span>,
    pub rejected: Option<Word>,
    pub deleted: Option<Word>,
}

/// Who said so, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub at: DateTime<Utc>,
    pub by: String,
    pub reason: String,
}

/// A stretch of time for which something was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Span {
    /// Stripe tells whole seconds, acts tell less: what was paid within the second in which the stretch began is in it.
    pub fn holds(&self, moment: DateTime<Utc>) -> bool {
        self.from.trunc_subsecs(0) <= moment && moment < self.until
    }
}

/// How a listing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    PendingPayment,
    Active,
    Expired,
    Rejected,
    Deleted,
}

impl State {
    pub const ALL: [Self; 5] =
        [Self::PendingPayment, Self::Active, Self::Expired, Self::Rejected, Self::Deleted];
    pub const WORDS: [&'static str; 5] = ["pending_payment", "active", "expired", "rejected", "deleted"];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Deleted => "deleted",
        }
    }
}

impl Record {
    /// As a row of goods keeps it.
    pub fn stored(&self) -> String {
        serde_json::to_string(self).expect("names and plain values")
    }

    /// From a row; one that cannot be read is an error of this program or of whoever changed it.
    pub fn of(goods: &Goods) -> Result<Self, Unreadable> {
        let (kind, id) = (&goods.kind, &goods.key.id);
        serde_json::from_str(&goods.record).map_err(|error| Unreadable {
            kind: kind.clone(),
            id: id.clone(),
            why: error.to_string(),
        })
    }

    /// When it was taken away, by moderation or by whoever owns it.
    pub fn closed_at(&self) -> Option<DateTime<Utc>> {
        [&self.rejected, &self.deleted].into_iter().flatten().map(|word| word.at).min()
    }
}
