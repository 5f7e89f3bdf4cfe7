//! What staff do, one file per act. Each act is one transaction under the lock of its row, with one audit line
//! and the name of the person.

pub mod bans;
pub mod dead_letters;
pub mod dispute_notes;
pub mod erasure;
pub mod operations;
pub mod pause;

use domain::{AuditChange, Object, Transition};
use ledger::LedgerError;
use shared::env::{Env, Variable};
use thiserror::Error;

const STAFF: Variable = Variable {
    name: "TIDEGATE_STAFF",
    default: "",
    example: "jane",
    help: "Your name in the audit if a command is called without `--by`. If unset, your login name (`USER`).",
};
pub const VARIABLES: &[Variable] = &[STAFF];

const LOGIN: &str = "USER";
const NAME_LIMIT_CHARS: usize = 100;
const TEXT_LIMIT_CHARS: usize = 10_000;
/// The audit's words for what nobody did by hand.
const RESERVED: [&str; 2] = ["stripe", "tidegate"];

/// Somebody whom the audit can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person(String);

/// Why an act was not done; nothing was written.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("a decision needs a name: {fault}. Pass --by NAME, or set TIDEGATE_STAFF")]
    Nameless { fault: &'static str },
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
    #[error("there is no such dispute")]
    NoSuchDispute,
    #[error(
        "{id} waits to be handled again, and needs its body for that: erase it when it has another outcome"
    )]
    StillWaiting { id: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Person {
    /// As the command says, else as the environment does.
    pub fn of(by: Option<&str>, env: &Env) -> Result<Self, Refusal> {
        let named = by.or_else(|| env.given(STAFF.name)).or_else(|| env.given(LOGIN));
        Self::named(named.unwrap_or_default())
    }

    pub fn named(name: &str) -> Result<Self, Refusal> {
        let name = name.trim();
        let first = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let fault = match name {
            "" => "no name was given",
            _ if RESERVED.contains(&first.as_str()) => "this name is reserved for events and programs",
            _ if name.chars().any(char::is_control) => "this name has control characters",
            _ if name.chars().count() > NAME_LIMIT_CHARS => "this name is longer than 100 characters",
            _ => return Ok(Self(name.to_owned())),
        };
        Err(Refusal::Nameless { fault })
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The line of the audit for what no event did.
fn done<T: Object>(row: &T, revision: i64, change: AuditChange) -> Transition {
    Transition { kind: T::NAME, key: row.key().clone(), revision, event_id: None, change }
}

/// Why somebody does something, as it may be kept.
pub fn reason(given: &str) -> Result<String, Refusal> {
    text("reason", given)
}

fn text(what: &'static str, given: &str) -> Result<String, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_without_a_name() {
        let long = "x".repeat(101);
        for nameless in ["", "  ", "stripe", "Stripe", "tidegate rebuild", "a\nb", &long] {
            assert!(matches!(Person::named(nameless), Err(Refusal::Nameless { .. })), "{nameless:?}");
        }
        assert_eq!(Person::named(" jane ").unwrap().name(), "jane");
    }

    #[test]
    fn the_command_names_before_the_variable_and_the_variable_before_the_login() {
        let env = Env::of(&[("TIDEGATE_STAFF", "jane"), ("USER", "root")]);
        assert_eq!(Person::of(Some("joe"), &env).unwrap().name(), "joe");
        assert_eq!(Person::of(None, &env).unwrap().name(), "jane");
        assert_eq!(Person::of(None, &Env::of(&[("USER", "root")])).unwrap().name(), "root");
        assert!(Person::of(None, &Env::of(&[])).is_err());
        assert!(Person::of(Some(" "), &env).is_err(), "a blank name is refused, not replaced");
    }
}
