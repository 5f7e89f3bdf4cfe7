//! One request as an endpoint sees it: who asks, what the path names, and the fields that were read.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts::Person;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};

use crate::Console;
use crate::fields::Fields;
use crate::problem::{Code, Problem};

pub struct Call {
    pub console: Arc<Console>,
    /// `None` only where anybody may ask.
    pub actor: Option<Actor>,
    /// What stands for `{…}` in the path, in its order.
    pub path: Vec<String>,
    pub query: Fields,
    pub body: Fields,
    /// The content of the file that the body has.
    pub file: Option<Bytes>,
    pub now: DateTime<Utc>,
}

impl Call {
    pub fn ledger(&self) -> &Ledger {
        &self.console.ledger
    }

    /// One state of the ledger.
    pub async fn read(&self) -> Result<Transaction, LedgerError> {
        self.console.ledger.read().await
    }

    /// The first name in the path.
    pub fn id(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }

    pub fn actor(&self) -> Result<&Actor, Problem> {
        self.actor.as_ref().ok_or_else(|| Problem::new(Code::Unauthenticated, "this needs a token"))
    }

    /// Whom the audit names, with how they are known.
    pub fn person(&self) -> Result<Person, Problem> {
        Ok(self.actor()?.person())
    }

    pub fn whose(&self) -> Whose {
        self.query.whose()
    }
}

/// That nothing is found under an id.
pub(crate) fn nothing(kind: &str, id: &str) -> Problem {
    Problem::new(Code::NotFound, format!("the ledger knows no {kind} {id}"))
}

/// The one of several that an id stands for.
pub(crate) fn the_one<T>(kind: &str, id: &str, mut found: Vec<T>) -> Result<T, Problem> {
    if found.len() > 1 {
        let detail = format!("{kind} {id} exists {} times: choose one by account and livemode", found.len());
        return Err(Problem::new(Code::Ambiguous, detail));
    }
    found.pop().ok_or_else(|| nothing(kind, id))
}
