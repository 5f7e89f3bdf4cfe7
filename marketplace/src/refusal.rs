//! Why an act on a listing was not done.

use desk::actor::Forbidden;
use desk::acts;
use desk::till::NotOpened;
use domain::goods::Unreadable;
use domain::money;
use ledger::LedgerError;

use crate::record::State;

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no listing {id}")]
    NoSuchListing { id: String },
    #[error("`{id}` is no id of a listing: letters, digits, `-`, `_`, `.` and `:`, at most 100 of them")]
    BadId { id: String },
    #[error("listing {id} was removed, as its time as evidence is over: put a new one under another id")]
    Removed { id: String },
    #[error("{id} is the id of other goods")]
    OtherGoods { id: String },
    #[error("listing {id} belongs to another user")]
    OtherUser { id: String },
    #[error("the listing is {}: only one that is {wanted} can be {done}", .state.as_str())]
    State { state: State, wanted: &'static str, done: &'static str },
    #[error("the category cannot change: {} was paid for the one that it has", money::shown(*.paid, .currency))]
    Paid { paid: i64, currency: String },
    #[error("{what} is not sold in {}", .currency.to_ascii_uppercase())]
    NotSold { what: String, currency: String },
    #[error("category {category} is free: there is nothing to pay")]
    Free { category: String },
    #[error("it was bumped less than a day ago: again from {again_at} on")]
    TooSoon { again_at: String },
    #[error("the listing has {limit} payments: no more are taken")]
    TooManyPayments { limit: usize },
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{name}: {fault}")]
    Term { name: String, fault: &'static str },
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    #[error(transparent)]
    Text(#[from] acts::Refusal),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Refusal {
    /// For programs: never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchListing { .. } => "listing_not_found",
            Self::BadId { .. } => "invalid_id",
            Self::Removed { .. } => "listing_removed",
            Self::OtherGoods { .. } => "id_taken",
            Self::OtherUser { .. } => "not_the_owner",
            Self::State { .. } => "wrong_state",
            Self::Paid { .. } => "already_paid",
            Self::NotSold { .. } => "not_sold",
            Self::Free { .. } => "nothing_to_pay",
            Self::TooSoon { .. } => "bumped_too_soon",
            Self::TooManyPayments { .. } => "too_many_payments",
            Self::Unreadable(_) => "listing_unreadable",
            Self::Term { .. } => "invalid_term",
            Self::Forbidden(_) => "forbidden",
            Self::NotOpened(refused) => refused.code(),
            Self::Text(_) => "invalid_text",
            Self::Ledger(_) => "ledger_unavailable",
        }
    }
}
