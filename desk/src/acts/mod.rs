//! What staff do, one file per act. Each act is one transaction under the lock of its row, with one audit line
//! and the name of the person.

pub mod bans;
pub mod blocks;
pub mod bodies;
pub mod body_keys;
pub mod checkout;
pub mod dead_letters;
pub mod erasure;
pub mod evidence;
pub mod findings;
pub mod holds;
pub mod invitations;
pub mod login;
pub mod notes;
pub mod notices;
pub mod operations;
pub mod password;
pub mod pause;
pub mod pending;
pub mod policies;
pub mod saved_views;
pub mod second_administrator;
pub mod sessions;
pub mod staff;
pub mod terms;
pub mod tokens;

mod administrators;

use domain::{AuditChange, Object, Transition};
use ledger::LedgerError;
use shared::env::Variable;
use thiserror::Error;

pub use self::administrators::StaffRefusal;
use crate::actor::{Forbidden, SETUP, TOKEN, TOKEN_FILE};
use crate::audit_key;
use crate::person::STAFF;
pub use crate::person::{Nameless, Person};
use crate::staff_key::{KEY, KEY_FILE};

pub const VARIABLES: &[Variable] =
    &[STAFF, TOKEN, TOKEN_FILE, SETUP, KEY, KEY_FILE, audit_key::KEY, audit_key::KEY_FILE];

const TEXT_LIMIT_CHARS: usize = 10_000;

/// Why an act was not done; nothing was written.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error(transparent)]
    Nameless(#[from] Nameless),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Staff(#[from] StaffRefusal),
    #[error(transparent)]
    Notice(#[from] notices::NoticeRefusal),
    #[error("the {what} is {fault}")]
    Text { what: &'static str, fault: String },
    #[error("the end is not in the future, so the decision would change nothing")]
    EndHasPassed,
    #[error("there is no staff decision about this user to remove")]
    NothingToClear,
    #[error(
        "this dispute is already open: staff have not resolved it, or Stripe has asked for an answer since"
    )]
    NotResolved,
    #[error("the ledger knows no {kind} {id}")]
    NoSuchObject { kind: &'static str, id: String },
    #[error(
        "{id} waits to be handled again, and needs its body for that: erase it when it has another outcome"
    )]
    StillWaiting { id: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The line of the audit for what no event did.
fn done<T: Object>(row: &T, revision: i64, change: AuditChange) -> Transition {
    Transition { kind: T::NAME, key: row.key().clone(), revision, event_id: None, change }
}

/// Why somebody does something, as it may be kept.
pub fn reason(given: &str) -> Result<String, Refusal> {
    text("reason", given)
}

pub fn text(what: &'static str, given: &str) -> Result<String, Refusal> {
    let given = given.trim();
    let fault = match given.chars().count() {
        0 => "empty".to_owned(),
        chars if chars > TEXT_LIMIT_CHARS => format!("longer than {TEXT_LIMIT_CHARS} characters"),
        // Postgres keeps no text with it.
        _ if given.contains('\0') => "not text".to_owned(),
        _ => return Ok(given.to_owned()),
    };
    Err(Refusal::Text { what, fault })
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
