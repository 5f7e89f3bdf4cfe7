//! One finding as people read it: what it says, how it stands, what comes next, and what happened to it.

use chrono::{DateTime, Utc};
use domain::findings::{Finding, FindingState, NAME, Past, Resolution};
use ledger::tables::audit::Line;
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use super::timeline::timeline;

/// One finding with all that is kept of it.
#[derive(Debug, Serialize)]
pub struct FindingView {
    pub finding: Finding,
    /// How it stands, in a sentence.
    pub says: String,
    /// What people can do about it.
    pub next: Option<String>,
    pub history: Vec<Past>,
    pub timeline: Vec<Line>,
}

impl FindingView {
    /// The finding of this id; `None` where there is none.
    #[shared::built_once]
    pub async fn read(
        tx: &mut Transaction,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(finding) = tx.finding(id).await? else { return Ok(None) };
        let finding = finding.as_of(now);
        Ok(Some(Self {
            says: says(&finding),
            next: next(&finding),
            history: tx.finding_history(id).await?,
            timeline: timeline(tx, [(NAME, finding.key.clone())]).await?,
            finding,
        }))
    }
}

fn says(finding: &Finding) -> String {
    let by = finding.resolved_by.as_deref().unwrap_or("nobody");
    match (finding.state, finding.resolution) {
        (FindingState::Open, _) if finding.reopened > 0 => {
            "It is open again: it was resolved, and found once more.".to_owned()
        }
        (FindingState::Open, _) => "It is open.".to_owned(),
        (FindingState::Acknowledged, _) => "It is known, and stays in sight until it is resolved.".to_owned(),
        (FindingState::Snoozed, _) => {
            let until = finding.snoozed_until.map(crate::when::whole).unwrap_or_default();
            format!("It is put off until {until}.")
        }
        (FindingState::Resolved, Resolution::Fixed) => {
            format!("{by} fixed it: {}.", finding.reference.as_deref().unwrap_or("no reference is kept"))
        }
        (FindingState::Resolved, Resolution::Accepted) => {
            format!("{by} accepted it as it is: the figures of that moment stand in its history.")
        }
        (FindingState::Resolved, _) => "It is gone: the check no longer finds it.".to_owned(),
    }
}

fn next(finding: &Finding) -> Option<String> {
    let id = &finding.key.id;
    (finding.state != FindingState::Resolved).then(|| {
        format!("To end it: tidegate findings resolve {id} --reference …, or tidegate findings accept {id} --reason …")
    })
}
