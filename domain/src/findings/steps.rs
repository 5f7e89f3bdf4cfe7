//! The steps of a finding, each by its name:
//!
//! ```text
//! found ─► open ⇄ acknowledged, snoozed ─► resolved (gone | fixed | accepted) ─► open, if it is found again
//! ```

use chrono::{DateTime, Utc};

use super::{Check, Finding, FindingState, Found, Resolution};
use crate::row::words;

words! {
    pub enum StepKind {
        Found = "found",
        Reopened = "reopened",
        Gone = "gone",
        Noted = "noted",
        Assigned = "assigned",
        Acknowledged = "acknowledged",
        Snoozed = "snoozed",
        Fixed = "fixed",
        Accepted = "accepted",
    }
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    pub before: FindingState,
    pub after: FindingState,
    pub note: Option<String>,
}

/// A step that the state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutOfPlace {
    #[error(
        "it is resolved already: it opens again by itself if it is found again, or reopen it with a reason"
    )]
    Resolved,
    #[error("it is not resolved, so there is nothing to reopen")]
    NotResolved,
    #[error("the end of the pause is not in the future")]
    PauseIsOver,
}

impl Finding {
    /// The line of a new one.
    pub fn found(&self) -> Step {
        Step { kind: StepKind::Found, before: FindingState::Open, after: self.state, note: None }
    }

    /// It is still there, perhaps with other figures. One that was fixed or gone is open again; an accepted one only
    /// where it is no longer what was accepted. What the fraud desk found has happened, and no fix undoes that: once
    /// resolved by staff, only news of it opens it again.
    pub fn found_again(&mut self, found: &Found, now: DateTime<Utc>) -> Option<Step> {
        let before = (self.stripe_amount, self.ledger_amount, self.amount);
        let is_same = before == (found.stripe_amount, found.ledger_amount, found.amount);
        // The one about a whole run has no amounts: how many it stands for is what it is about.
        let is_same = is_same && (self.kind != super::TOO_MANY || self.details == found.details());
        let is_told_alike = self.details == found.details();
        self.severity = found.severity;
        self.currency.clone_from(&found.currency);
        (self.amount, self.stripe_amount, self.ledger_amount) =
            (found.amount, found.stripe_amount, found.ledger_amount);
        self.summary.clone_from(&found.summary);
        self.details = found.details();
        self.last_found_at = now;
        let is_settled = match self.found_by {
            Check::Reconciliation | Check::Goods => self.resolution == Resolution::Accepted && is_same,
            Check::FraudDesk => self.resolution != Resolution::Gone && is_same && is_told_alike,
        };
        if self.state != FindingState::Resolved || is_settled {
            return None;
        }
        Some(self.open_again(None))
    }

    /// The check looked at all of its scope, and this is no longer there.
    pub fn gone(&mut self, now: DateTime<Utc>) -> Option<Step> {
        if self.state == FindingState::Resolved {
            return None;
        }
        Some(self.resolve(StepKind::Gone, Resolution::Gone, None, None, now))
    }

    pub fn noted(&mut self, note: String) -> Step {
        self.go(StepKind::Noted, self.state, Some(note))
    }

    /// To somebody, or to nobody.
    pub fn assign(&mut self, assignee: Option<String>) -> Step {
        let note = assignee.clone().unwrap_or_else(|| "nobody".to_owned());
        self.assignee = assignee;
        let last = self.note.take();
        let step = self.go(StepKind::Assigned, self.state, Some(note));
        self.note = last; // a name is no note
        step
    }

    /// It is known, and stays in sight.
    pub fn acknowledge(&mut self, note: String) -> Result<Step, OutOfPlace> {
        self.unresolved()?;
        self.snoozed_until = None;
        Ok(self.go(StepKind::Acknowledged, FindingState::Acknowledged, Some(note)))
    }

    /// Nobody is reminded of it until then.
    pub fn snooze(
        &mut self,
        until: DateTime<Utc>,
        note: String,
        now: DateTime<Utc>,
    ) -> Result<Step, OutOfPlace> {
        self.unresolved()?;
        if until <= now {
            return Err(OutOfPlace::PauseIsOver);
        }
        self.snoozed_until = Some(until);
        Ok(self.go(StepKind::Snoozed, FindingState::Snoozed, Some(note)))
    }

    /// Something was done about it: a refund, a ticket, a change.
    pub fn fix(
        &mut self,
        reference: String,
        note: Option<String>,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Step, OutOfPlace> {
        self.unresolved()?;
        self.reference = Some(reference);
        Ok(self.resolve(StepKind::Fixed, Resolution::Fixed, note, Some(by), now))
    }

    /// It stays as it is, for this reason, and with these figures.
    pub fn accept(&mut self, note: String, by: &str, now: DateTime<Utc>) -> Result<Step, OutOfPlace> {
        self.unresolved()?;
        Ok(self.resolve(StepKind::Accepted, Resolution::Accepted, Some(note), Some(by), now))
    }

    /// Staff take a resolution back.
    pub fn reopen(&mut self, note: String) -> Result<Step, OutOfPlace> {
        if self.state != FindingState::Resolved {
            return Err(OutOfPlace::NotResolved);
        }
        Ok(self.open_again(Some(note)))
    }

    fn unresolved(&self) -> Result<(), OutOfPlace> {
        if self.state == FindingState::Resolved { Err(OutOfPlace::Resolved) } else { Ok(()) }
    }

    fn open_again(&mut self, note: Option<String>) -> Step {
        self.resolution = Resolution::None;
        (self.resolved_at, self.resolved_by, self.reference) = (None, None, None);
        self.reopened += 1;
        let before = std::mem::replace(&mut self.state, FindingState::Open);
        Step { kind: StepKind::Reopened, before, after: FindingState::Open, note }
    }

    fn resolve(
        &mut self,
        kind: StepKind,
        resolution: Resolution,
        note: Option<String>,
        by: Option<&str>,
        now: DateTime<Utc>,
    ) -> Step {
        self.resolution = resolution;
        (self.resolved_at, self.resolved_by) = (Some(now), by.map(str::to_owned));
        self.snoozed_until = None;
        self.go(kind, FindingState::Resolved, note)
    }

    fn go(&mut self, kind: StepKind, after: FindingState, note: Option<String>) -> Step {
        if note.is_some() {
            self.note.clone_from(&note);
        }
        let before = std::mem::replace(&mut self.state, after);
        Step { kind, before, after, note }
    }
}
