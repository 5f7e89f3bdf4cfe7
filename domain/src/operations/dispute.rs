//! Whether a dispute may be answered or accepted. Stripe takes one answer: evidence is stored first, looked at, and
//! submitted by an act of its own.

use chrono::{DateTime, Utc};

use super::decision::Judged;
use super::refund::busy;
use super::refused::Refused;
use super::{Operation, parameters};
use crate::UNKNOWN;
use crate::disputes::Dispute;
use crate::evidence::{EvidenceField, FieldFault, Form, check_texts};

/// What is known of a dispute: from the ledger's row, or from what Stripe answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisputeFacts {
    pub stripe_status: String,
    /// Until when evidence counts; `None` where no answer is allowed.
    pub respond_by: Option<DateTime<Utc>>,
    /// The operation of ours whose evidence is stored at Stripe.
    pub staged: Option<String>,
    /// What the reason of the dispute requires and that evidence lacks.
    pub missing: Vec<String>,
}

impl DisputeFacts {
    pub fn of_row(dispute: &Dispute, staged: Option<String>, missing: Vec<String>) -> Self {
        Self {
            stripe_status: dispute.state.stripe_status.clone(),
            respond_by: dispute.state.respond_by,
            staged,
            missing,
        }
    }

    fn waits_for_an_answer(&self) -> Result<(), Refused> {
        match self.stripe_status.as_str() {
            UNKNOWN | "" => Err(Refused::NotReported { what: "dispute" }),
            "needs_response" | "warning_needs_response" => Ok(()),
            "appeal_needs_response" => {
                Err(Refused::Unanswerable { why: "an appeal is answered in Stripe's dashboard" })
            }
            _ => Err(Refused::Unanswerable { why: "Stripe does not wait for an answer" }),
        }
    }

    /// As of a moment.
    fn answerable(&self, now: DateTime<Utc>) -> Result<(), Refused> {
        self.waits_for_an_answer()?;
        match self.respond_by {
            Some(respond_by) if respond_by.timestamp() > 0 && respond_by > now => Ok(()),
            Some(respond_by) if respond_by.timestamp() > 0 => {
                Err(Refused::Unanswerable { why: "the time to answer has passed" })
            }
            _ => Err(Refused::Unanswerable { why: "Stripe allows no answer" }),
        }
    }
}

pub(super) fn judge_accept(facts: &DisputeFacts, others: &[Operation]) -> Result<Judged, Refused> {
    facts.waits_for_an_answer()?;
    alone(others)?;
    let warning = "The dispute is lost with that, for good.".to_owned();
    Ok(Judged { paid_at: None, warnings: vec![warning] })
}

pub(super) fn judge_stage(
    stage: &parameters::EvidenceStage,
    facts: &DisputeFacts,
    others: &[Operation],
    now: DateTime<Utc>,
) -> Result<Judged, Refused> {
    facts.answerable(now)?;
    check(stage).map_err(|fault| Refused::Evidence(fault.to_string()))?;
    alone(others)?;
    let mut warnings = vec!["Stored evidence is no answer: it counts once it is submitted.".to_owned()];
    warnings.extend(lacks(facts));
    Ok(Judged { paid_at: None, warnings })
}

/// Whether every field is what it may be.
fn check(stage: &parameters::EvidenceStage) -> Result<(), FieldFault> {
    check_texts(&stage.evidence)?;
    let named =
        |name: &String| EvidenceField::named(name).ok_or_else(|| FieldFault::Unknown { name: name.clone() });
    for name in &stage.from_stripe {
        let field = named(name)?;
        if field.form() != Form::Personal {
            return Err(FieldFault::Empty { field });
        }
    }
    for name in stage.files.keys() {
        let field = named(name)?;
        if field.form() != Form::File {
            return Err(FieldFault::TakesText { field });
        }
    }
    Ok(())
}

fn lacks(facts: &DisputeFacts) -> Option<String> {
    let missing = facts.missing.join("; ");
    (!missing.is_empty()).then(|| format!("A dispute of this reason is seldom won without: {missing}."))
}

pub(super) fn judge_submit(
    submit: &parameters::EvidenceSubmit,
    facts: &DisputeFacts,
    others: &[Operation],
    now: DateTime<Utc>,
) -> Result<Judged, Refused> {
    facts.answerable(now)?;
    match (&submit.staged, &facts.staged) {
        (None, _) | (_, None) => return Err(Refused::Unanswerable { why: "no evidence is stored yet" }),
        (Some(asked), Some(staged)) if asked != staged => {
            return Err(Refused::Unanswerable {
                why: "other evidence was stored since: look at it, and ask again",
            });
        }
        _ => {}
    }
    if !facts.missing.is_empty() && !submit.incomplete {
        return Err(Refused::Incomplete { missing: facts.missing.join("; ") });
    }
    alone(others)?;
    let mut warnings = vec!["Stripe takes one submission: nothing can be added later.".to_owned()];
    warnings.extend(lacks(facts));
    Ok(Judged { paid_at: None, warnings })
}

/// Nothing else about the dispute, or its payment, may be under way.
fn alone(others: &[Operation]) -> Result<(), Refused> {
    match others.iter().find(|other| other.state.is_open()) {
        Some(other) => Err(busy(other, "dispute")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::OperationState;
    use crate::operations::testing::{at, in_state};

    fn open() -> DisputeFacts {
        DisputeFacts {
            stripe_status: "needs_response".to_owned(),
            respond_by: Some(at(10)),
            staged: Some("op_1".to_owned()),
            missing: Vec::new(),
        }
    }

    fn stage(name: &str, text: &str) -> parameters::EvidenceStage {
        parameters::EvidenceStage {
            dispute: "du_1".to_owned(),
            evidence: [(name.to_owned(), text.to_owned())].into(),
            ..parameters::EvidenceStage::default()
        }
    }

    fn submit(staged: &str) -> parameters::EvidenceSubmit {
        parameters::EvidenceSubmit {
            dispute: "du_1".to_owned(),
            staged: Some(staged.to_owned()),
            incomplete: false,
        }
    }

    fn code(judged: &Result<Judged, Refused>) -> &'static str {
        judged.as_ref().err().map_or("may", Refused::code)
    }

    #[test]
    fn evidence_is_for_a_dispute_that_waits_for_an_answer() {
        type Change = fn(&mut DisputeFacts);
        let now = at(9);
        let cases: [(&str, Change); 7] = [
            ("may", |_| ()),
            ("may", |facts| facts.stripe_status = "warning_needs_response".to_owned()),
            ("dispute_not_answerable", |facts| facts.stripe_status = "under_review".to_owned()),
            ("dispute_not_answerable", |facts| facts.stripe_status = "appeal_needs_response".to_owned()),
            ("dispute_not_answerable", |facts| facts.respond_by = Some(at(9))),
            ("dispute_not_answerable", |facts| facts.respond_by = DateTime::from_timestamp(0, 0)),
            ("dispute_not_answerable", |facts| facts.respond_by = None),
        ];
        for (expected, change) in cases {
            let mut facts = open();
            change(&mut facts);
            let staged = judge_stage(&stage("uncategorized_text", "x"), &facts, &[], now);
            assert_eq!(code(&staged), expected, "{facts:?}");
            assert_eq!(code(&judge_submit(&submit("op_1"), &facts, &[], now)), expected, "{facts:?}");
        }
        let none = DisputeFacts { staged: None, ..open() };
        assert_eq!(code(&judge_submit(&submit("op_1"), &none, &[], now)), "dispute_not_answerable");
        let others = [in_state("op_2", 0, OperationState::Executing)];
        assert_eq!(code(&judge_submit(&submit("op_1"), &open(), &others, now)), "operation_under_way");
        let later = judge_submit(&submit("op_0"), &open(), &[], now).unwrap_err().to_string();
        assert!(later.contains("other evidence was stored since"), "{later}");
        let lacking = DisputeFacts { missing: vec!["product_description".to_owned()], ..open() };
        assert_eq!(code(&judge_submit(&submit("op_1"), &lacking, &[], now)), "evidence_incomplete");
        let knowing = parameters::EvidenceSubmit { incomplete: true, ..submit("op_1") };
        let warnings = judge_submit(&knowing, &lacking, &[], now).unwrap().warnings;
        assert!(warnings[1].ends_with("without: product_description."), "{warnings:?}");
        assert_eq!(code(&judge_stage(&stage("made_up", "x"), &open(), &[], now)), "evidence_invalid");
    }

    #[test]
    fn only_what_waits_for_an_answer_is_accepted_however_late() {
        let late = DisputeFacts { respond_by: None, ..open() };
        assert_eq!(code(&judge_accept(&late, &[])), "may");
        for (status, expected) in [("lost", "dispute_not_answerable"), ("unknown", "not_reported")] {
            let facts = DisputeFacts { stripe_status: status.to_owned(), ..open() };
            assert_eq!(code(&judge_accept(&facts, &[])), expected);
        }
    }
}
