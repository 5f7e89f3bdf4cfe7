//! What staff do with a finding: note, assign, acknowledge, put it off, say what fixed it, accept it, reopen it. Each act
//! is one transaction under the lock of the finding, with a line of its history and one of the audit.

use chrono::{DateTime, Utc};
use domain::findings::{Finding, NAME, OutOfPlace, Step};
use domain::permissions::Permission;
use domain::{AuditChange, Severity, Transition, audit_chain};
use ledger::tables::findings::Told;
use ledger::{Ledger, LedgerError, Transaction};

use super::{Refusal, text};
use crate::actor::{Actor, Forbidden};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Note {
        note: String,
    },
    /// To somebody, or to nobody.
    Assign {
        to: Option<String>,
    },
    Acknowledge {
        note: String,
    },
    Snooze {
        until: DateTime<Utc>,
        note: String,
    },
    /// Something was done about it: the reference says what.
    Fix {
        reference: String,
        note: Option<String>,
    },
    /// It stays as it is.
    Accept {
        note: String,
    },
    Reopen {
        note: String,
    },
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    #[error("there is no finding {id}: `tidegate findings list` shows those that there are")]
    NoSuchFinding { id: String },
    #[error("there is no member of staff {name} who can act")]
    NoSuchMember { name: String },
    #[error(transparent)]
    OutOfPlace(#[from] OutOfPlace),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Text(#[from] Refusal),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Act {
    /// What it takes: whoever holds the ledger's address may do it by their own word.
    pub fn needs(&self) -> Permission {
        match self {
            Self::Note { .. } | Self::Assign { .. } | Self::Acknowledge { .. } | Self::Snooze { .. } => {
                Permission::Request
            }
            Self::Fix { .. } | Self::Accept { .. } | Self::Reopen { .. } => Permission::Manage,
        }
    }

    fn take(self, finding: &mut Finding, by: &str, now: DateTime<Utc>) -> Result<Step, NotDone> {
        Ok(match self {
            Self::Note { note } => finding.noted(text("note", &note)?),
            Self::Assign { to } => finding.assign(to),
            Self::Acknowledge { note } => finding.acknowledge(text("note", &note)?)?,
            Self::Snooze { until, note } => finding.snooze(until, text("note", &note)?, now)?,
            Self::Fix { reference, note } => {
                let note = note.map(|note| text("note", &note)).transpose()?;
                finding.fix(text("reference", &reference)?, note, by, now)?
            }
            Self::Accept { note } => finding.accept(text("note", &note)?, by, now)?,
            Self::Reopen { note } => finding.reopen(text("note", &note)?)?,
        })
    }
}

#[shared::built_once]
pub async fn act(
    ledger: &Ledger,
    id: &str,
    act: Act,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Finding, NotDone> {
    if !actor.is_declared() {
        actor.may(act.needs())?;
    }
    let mut tx = ledger.begin().await?;
    if let Act::Assign { to: Some(name) } = &act {
        is_member(&mut tx, name).await?;
    }
    let found = tx.lock_finding(id).await?;
    let mut finding = found.ok_or_else(|| NotDone::NoSuchFinding { id: id.to_owned() })?;
    let step = act.take(&mut finding, &actor.name(), now)?;
    let change = AuditChange {
        what: step.kind.as_str(),
        before: Some(step.before.as_str().to_owned()),
        // The text itself stands in the history alone.
        after: Some(step.after.as_str().to_owned()),
        severity: Severity::Warning,
    };
    finding.revision += 1;
    let (revision, key) = (finding.revision, finding.key.clone());
    let moved = Transition { kind: NAME, key, revision, event_id: None, change };
    let who = actor.in_audit();
    let mut hash = std::mem::take(&mut finding.audit_hash);
    let line = audit_chain::extend(&mut hash, &moved, &who, now);
    finding.audit_hash = hash;
    tx.write_findings(&[&finding]).await?;
    tx.append_finding_history(&[Told::of(&finding, step)], &who, now).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(finding)
}

/// Where there are members of staff, only they are given something to do.
async fn is_member(tx: &mut Transaction, name: &str) -> Result<(), NotDone> {
    let members = tx.members().await?;
    let is_active = members.iter().any(|member| member.name == name && member.disabled_at.is_none());
    if members.is_empty() || is_active {
        return Ok(());
    }
    Err(NotDone::NoSuchMember { name: name.to_owned() })
}
