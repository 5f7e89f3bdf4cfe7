//! The answer to a dispute: what it would say and where each value comes from, what the reason calls for, and what is
//! stored at Stripe already.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::disputes::{Dispute, Status};
use domain::evidence::{EvidenceField, Form, Goods, Need, needs};
use domain::operations::Parameters;
use domain::operations::parameters::EvidenceStage;
use ledger::tables::evidence::{AttachedFile, StoredField};
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use crate::evidence::{Draft, stored};

#[derive(Debug, Serialize)]
pub struct EvidenceView {
    #[serde(flatten)]
    pub key: Key,
    pub reason: Option<String>,
    pub respond_by: Option<DateTime<Utc>>,
    pub standing: Standing,
    /// How it stands, and what comes next.
    pub says: String,
    pub next: Option<String>,
    pub goods: Goods,
    /// Whether somebody chose the goods; else they are assumed.
    pub goods_chosen: bool,
    pub changed_by: Option<String>,
    pub changed_at: Option<DateTime<Utc>>,
    pub needs: Vec<NeedView>,
    /// What is required and missing.
    pub missing: Vec<String>,
    /// The fields that would be sent, and those that staff left out.
    pub fields: Vec<FieldView>,
    pub files: Vec<AttachedFile>,
    pub staged: Option<StagedView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is stored at Stripe.
    Draft,
    /// Stored and not submitted: no answer.
    Staged,
    Submitted,
    /// It cannot be answered.
    Closed,
}

#[derive(Debug, Serialize)]
pub struct NeedView {
    #[serde(flatten)]
    pub need: Need,
    pub is_met: bool,
}

#[derive(Debug, Serialize)]
pub struct FieldView {
    pub field: EvidenceField,
    pub text: Option<String>,
    pub source: Source,
    /// The rows that the ledger filled it in from.
    pub from: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Ledger,
    Staff,
    /// Staff want it to stay empty.
    LeftOut,
    /// Read from Stripe when it is sent, and not kept.
    Stripe,
}

/// What an operation stored at Stripe.
#[derive(Debug, Serialize)]
pub struct StagedView {
    pub operation: String,
    pub at: Option<DateTime<Utc>>,
    pub parameters: EvidenceStage,
    /// As Stripe showed it then, by hash.
    pub stored: Vec<StoredField>,
    /// Whether the draft says the same still.
    pub is_current: bool,
}

impl EvidenceView {
    /// The answer to a dispute; `None` where nobody has heard of it.
    #[shared::built_once]
    pub async fn read(
        tx: &mut Transaction,
        dispute: &Key,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(draft) = Draft::read(tx, dispute).await? else { return Ok(None) };
        let staged = staged(tx, dispute, &draft).await?;
        let row = &draft.known.dispute;
        let standing = standing(row, staged.is_some(), now);
        let present = match &staged {
            Some(staged) if staged.is_current => stored(&staged.stored),
            _ => draft.present(),
        };
        let needs: Vec<NeedView> = needs(draft.reason(), draft.goods)
            .into_iter()
            .map(|need| NeedView { is_met: need.is_met(&present), need })
            .collect();
        let missing = needs.iter().filter(|it| it.need.required && !it.is_met).map(|it| it.need.named());
        let (changed_by, changed_at) = draft.changed.clone().unzip();
        Ok(Some(Self {
            key: row.key.clone(),
            reason: row.state.reason.clone(),
            respond_by: row.state.respond_by,
            standing,
            says: says(standing, staged.as_ref()),
            next: next(standing, staged.as_ref(), &row.key.id),
            goods: draft.goods,
            goods_chosen: draft.goods_chosen,
            changed_by,
            changed_at,
            missing: missing.collect(),
            needs,
            fields: fields(&draft),
            files: draft.files,
            staged,
        }))
    }

    /// Whether it may still be changed.
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Draft | Standing::Staged)
    }
}

async fn staged(
    tx: &mut Transaction,
    dispute: &Key,
    draft: &Draft,
) -> Result<Option<StagedView>, LedgerError> {
    let Some(staged) = tx.staged_evidence(std::slice::from_ref(dispute)).await?.pop() else {
        return Ok(None);
    };
    let operation = tx.operation(&staged.operation).await?;
    let Some(Ok(Parameters::EvidenceStage(parameters))) = operation.map(|operation| operation.parameters())
    else {
        return Ok(None);
    };
    Ok(Some(StagedView {
        at: staged.ended_at,
        is_current: parameters == draft.stage(),
        parameters,
        stored: tx.stored_fields(&staged.operation).await?,
        operation: staged.operation,
    }))
}

fn standing(dispute: &Dispute, is_staged: bool, now: DateTime<Utc>) -> Standing {
    let is_in_time = dispute.state.respond_by.is_some_and(|respond_by| respond_by > now);
    match dispute.status {
        Status::Opened if !is_in_time => Standing::Closed,
        Status::Opened if is_staged => Standing::Staged,
        Status::Opened => Standing::Draft,
        _ if dispute.state.evidence_submissions > 0 => Standing::Submitted,
        _ => Standing::Closed,
    }
}

fn says(standing: Standing, staged: Option<&StagedView>) -> String {
    let changed = staged.is_some_and(|staged| !staged.is_current);
    match standing {
        Standing::Draft => "Nothing is stored at Stripe: the dispute is unanswered.",
        Standing::Staged if changed => {
            "Evidence is stored at Stripe and NOT submitted: the dispute is unanswered. The draft was changed since."
        }
        Standing::Staged => "Evidence is stored at Stripe and NOT submitted: the dispute is unanswered.",
        Standing::Submitted => "Evidence was submitted: Stripe takes no more.",
        Standing::Closed => "The time to answer is over, or disputes of this kind take no answer.",
    }
    .to_owned()
}

fn next(standing: Standing, staged: Option<&StagedView>, id: &str) -> Option<String> {
    match (standing, staged) {
        (Standing::Draft, _) => Some(format!("To store it at Stripe: tidegate disputes evidence stage {id}")),
        (Standing::Staged, Some(staged)) if !staged.is_current => {
            Some(format!("To store the draft as it is now: tidegate disputes evidence stage {id}"))
        }
        (Standing::Staged, _) => Some(format!("To submit it: tidegate disputes evidence submit {id}")),
        _ => None,
    }
}

fn fields(draft: &Draft) -> Vec<FieldView> {
    let from_stripe: Vec<EvidenceField> = draft.from_stripe().collect();
    let view = |field: EvidenceField| {
        let (text, source, from) = match (draft.texts.get(&field), draft.filled.get(&field)) {
            (Some(Some(text)), _) => (Some(text.clone()), Source::Staff, Vec::new()),
            (Some(None), _) => (None, Source::LeftOut, Vec::new()),
            (None, Some(filled)) => (Some(filled.text.clone()), Source::Ledger, filled.sources.clone()),
            (None, None) if from_stripe.contains(&field) => (None, Source::Stripe, Vec::new()),
            (None, None) => return None,
        };
        Some(FieldView { field, text, source, from })
    };
    EvidenceField::ALL.iter().copied().filter(|field| field.form() != Form::File).filter_map(view).collect()
}

#[cfg(test)]
mod tests {
    use domain::Object;

    use super::*;

    #[test]
    fn stored_evidence_is_no_answer() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let dispute = |status, submissions, due_in_secs: i64| {
            let mut dispute = Dispute { status, ..Dispute::placeholder(Key::default()) };
            dispute.state.evidence_submissions = submissions;
            dispute.state.respond_by = DateTime::from_timestamp(now.timestamp() + due_in_secs, 0);
            dispute
        };
        for (dispute, is_staged, expected) in [
            (dispute(Status::Opened, 0, 60), false, Standing::Draft),
            (dispute(Status::Opened, 0, 60), true, Standing::Staged),
            (dispute(Status::Opened, 0, -60), true, Standing::Closed),
            (dispute(Status::UnderReview, 1, 60), true, Standing::Submitted),
            // An inquiry that was answered has become a dispute.
            (dispute(Status::Opened, 1, 60), false, Standing::Draft),
            (dispute(Status::Lost, 0, 60), true, Standing::Closed),
        ] {
            assert_eq!(standing(&dispute, is_staged, now), expected, "{:?}", dispute.status);
        }
        assert!(says(Standing::Staged, None).contains("NOT submitted"));
    }
}
