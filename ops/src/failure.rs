//! How a failed command ends: with one sentence and an exit code.

use std::process::ExitCode;

use desk::actor::NotAuthenticated;
use desk::acts::Refusal;
use shared::env::{Misspelt, Problem};

use crate::table::clean;

const FAILED: u8 = 1;
const WRONGLY_CALLED: u8 = 2;

/// The caller asked for something that cannot be, however often it is tried.
#[derive(Debug)]
pub struct WronglyCalled(pub String);

impl std::fmt::Display for WronglyCalled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WronglyCalled {}

pub fn wrongly_called(why: impl Into<String>) -> anyhow::Error {
    WronglyCalled(why.into()).into()
}

/// An act of staff that was not done; what the ledger is not to blame for, the caller is.
pub fn refused(refusal: impl Into<Refusal>) -> anyhow::Error {
    match refusal.into() {
        Refusal::Ledger(error) => error.into(),
        refused @ (Refusal::NoSuchObject { .. } | Refusal::StillWaiting { .. }) => anyhow::anyhow!(refused),
        other => wrongly_called(other.to_string()),
    }
}

/// A token that does not prove who acts.
pub fn not_authenticated(refused: NotAuthenticated) -> anyhow::Error {
    match refused {
        NotAuthenticated::Ledger(error) => error.into(),
        NotAuthenticated::Setting(problem) => problem.into(),
        other => wrongly_called(other.to_string()),
    }
}

/// Tells why, and gives the exit code.
pub fn explain(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    shared::telemetry::last_words(&told(error));
    let is_callers = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<WronglyCalled>() || cause.is::<Problem>() || cause.is::<Misspelt>()
    };
    let wrongly_called = error.chain().any(is_callers);
    ExitCode::from(if wrongly_called { WRONGLY_CALLED } else { FAILED })
}

fn told(error: &anyhow::Error) -> String {
    let text = format!("error: {}", shared::telemetry::told(error.as_ref()));
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error = Err::<(), _>(anyhow::anyhow!("no such file")).context("the ledger: no such file");
        assert_eq!(told(&error.unwrap_err()), "error: the ledger: no such file");
    }

    #[test]
    fn a_closed_pipe_is_success() {
        let error = std::io::Error::from(std::io::ErrorKind::BrokenPipe).into();
        assert_eq!(explain(&error), ExitCode::SUCCESS);
    }
}
