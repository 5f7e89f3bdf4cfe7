//! Evidence on its way to Stripe: its files are uploaded, data about a person is read, and all of it is stored in one
//! call. What Stripe then shows is kept as hashes, and submitted only as long as it shows the same.

use std::collections::BTreeMap;

use domain::evidence::EvidenceField;
use domain::evidence::sha256;
use domain::operations::parameters::{EvidenceFile, EvidenceStage, EvidenceSubmit};
use domain::operations::{AnswerClass, Fault, Operation, Parameters};
use ledger::tables::evidence::StoredField;
use serde_json::Value;
use shared::clock;
use stripe_api::{Answer, DisputeNow, EvidenceUpdate, FileNow, Metadata, Sending, StripeError};

use super::at_stripe::{Checked, Now, not, present};
use super::check::judge_dispute;
use super::personal::personal;
use super::send::OPERATION_ID;
use super::{Executor, Interrupted};
use crate::failpoint::Point;

/// How storing evidence went.
pub(super) enum Staged {
    Answered(Answer),
    /// The call that stores it failed.
    Failed(StripeError),
    /// What comes before that call failed: nothing was stored by this one.
    NotReady(StripeError),
    /// A person settled it meanwhile.
    Overtaken,
}

/// A file before it is named in the evidence.
enum Uploaded {
    As(String),
    NotReady(StripeError),
    Overtaken,
}

impl Executor {
    pub(super) async fn stage(
        &self,
        operation: &Operation,
        stage: &EvidenceStage,
        sending: Sending<'_>,
    ) -> Result<Staged, Interrupted> {
        let mut evidence = stage.evidence.clone();
        for (field, file) in &stage.files {
            match self.uploaded(operation, file, sending).await? {
                Uploaded::As(id) => evidence.insert(field.clone(), id),
                Uploaded::NotReady(error) => return Ok(Staged::NotReady(error)),
                Uploaded::Overtaken => return Ok(Staged::Overtaken),
            };
        }
        match self.personal(operation, stage).await {
            Ok(values) => evidence.extend(values),
            Err(error) => return Ok(Staged::NotReady(error)),
        }
        evidence.extend(stage.left_out.iter().map(|field| (field.clone(), String::new())));
        let metadata = Metadata::from([(OPERATION_ID.to_owned(), operation.id().to_owned())]);
        let update = EvidenceUpdate { evidence: &evidence, submit: false, metadata: &metadata };
        Ok(match self.api.update_dispute(&stage.dispute, &update, sending).await {
            Ok(answer) => Staged::Answered(answer),
            Err(error) => Staged::Failed(error),
        })
    }

    /// The id that Stripe gave a file: the first one that was stored stands, and nothing is uploaded twice under two keys.
    async fn uploaded(
        &self,
        operation: &Operation,
        file: &EvidenceFile,
        sending: Sending<'_>,
    ) -> Result<Uploaded, Interrupted> {
        let resting = self.lanes.ledger.read().await?.resting_file(&file.id).await?;
        let Some(resting) = resting.filter(|resting| resting.removed_at.is_none()) else {
            return Ok(Uploaded::NotReady(StripeError::Unsendable("a file of it was taken back")));
        };
        if resting.sha256 != file.sha256 {
            return Ok(Uploaded::NotReady(StripeError::Unsendable(
                "a file of it is not the one that was approved",
            )));
        }
        if let Some(id) = resting.stripe_id {
            return Ok(Uploaded::As(id));
        }
        let Some(content) = resting.content else {
            let why = "the content of a file rests here no longer: attach it again";
            return Ok(Uploaded::NotReady(StripeError::Unsendable(why)));
        };
        if sha256(&content) != file.sha256 {
            let why = "a file of it was altered after it was attached";
            return Ok(Uploaded::NotReady(StripeError::Unsendable(why)));
        }
        let key = format!("{}-{}", sending.key, file.id);
        let upload =
            stripe_api::EvidenceFile { name: &resting.name, kind: resting.file_kind, content: &content };
        let answer = self.api.upload_evidence(&upload, Sending { key: &key, ..sending }).await;
        let made = match answer.and_then(|answer| answer.read::<FileNow>()) {
            Ok(made) => made,
            Err(error) => return Ok(Uploaded::NotReady(error)),
        };
        if made.size != content.len() as u64 || made.purpose != "dispute_evidence" {
            return Ok(Uploaded::NotReady(StripeError::Malformed("it shows another file than was uploaded")));
        }
        self.failpoint.reached(Point::AfterUpload);
        let mut tx = self.lanes.ledger.begin().await?;
        let is_first = tx.file_uploaded(&file.id, &made.id, clock::now()).await?;
        let stands = tx.resting_file(&file.id).await?.and_then(|resting| resting.stripe_id);
        tx.commit().await?;
        if !is_first {
            tracing::warn!(operation = operation.id(), "a file was uploaded twice: the first upload stands");
        }
        self.go_on().await?;
        if !self.hold_on(operation).await? {
            return Ok(Uploaded::Overtaken);
        }
        Ok(Uploaded::As(stands.unwrap_or(made.id)))
    }

    /// Data about a person, as Stripe has it now.
    async fn personal(
        &self,
        operation: &Operation,
        stage: &EvidenceStage,
    ) -> Result<BTreeMap<String, String>, StripeError> {
        if stage.from_stripe.is_empty() {
            return Ok(BTreeMap::new());
        }
        let account = operation.key.account.as_str();
        let dispute: Value = self.api.dispute(&stage.dispute, account).await?.read()?;
        let charge = match id_of(&dispute["charge"]) {
            Some(charge) => there(self.api.charge(charge, account).await)?,
            None => Value::Null,
        };
        let customer = match id_of(&charge["customer"]) {
            Some(customer) => there(self.api.customer(customer, account).await)?,
            None => Value::Null,
        };
        Ok(personal(&stage.from_stripe, &dispute, &charge, &customer))
    }

    /// Keeps hashes of what Stripe shows, and says where that is not what was sent.
    pub(super) async fn keep_stored(
        &self,
        operation: &Operation,
        stage: &EvidenceStage,
        answer: &Answer,
    ) -> Result<Option<Fault>, Interrupted> {
        let Ok(now) = answer.read::<DisputeNow>() else { return Ok(None) };
        let mut tx = self.lanes.ledger.begin().await?;
        let mut odd = Vec::new();
        for (field, file) in &stage.files {
            let sent = tx.resting_file(&file.id).await?.and_then(|resting| resting.stripe_id);
            if sent.as_deref() != now.evidence_of(field) {
                odd.push(field.as_str());
            }
        }
        odd.extend(
            stage.evidence.keys().filter(|field| now.evidence_of(field).is_none()).map(String::as_str),
        );
        odd.extend(
            stage.left_out.iter().filter(|field| now.evidence_of(field).is_some()).map(String::as_str),
        );
        // All that Stripe has, also what it filled in: any other field later is somebody's change.
        let fields = EvidenceField::ALL.iter().map(|field| field.as_str());
        let stored: Vec<StoredField> =
            fields.filter_map(|field| Some(stored(field, now.evidence_of(field)?))).collect();
        tx.keep_stored_fields(operation.id(), &stored).await?;
        tx.commit().await?;
        Ok((!odd.is_empty()).then(|| Fault {
            class: AnswerClass::Done.to_string(),
            code: Some("other_evidence".to_owned()),
            text: format!("Stripe shows other evidence than was sent ({}): store it again", odd.join(", ")),
            stripe_id: Some(now.id.clone()),
            request_id: answer.request_id.clone(),
        }))
    }

    /// Right before evidence is submitted: Stripe still waits for it, and shows what was stored.
    pub(super) async fn check_submission(
        &self,
        operation: &Operation,
        submit: &EvidenceSubmit,
    ) -> Result<Result<Checked, StripeError>, Interrupted> {
        let answer = self.api.dispute(&submit.dispute, &operation.key.account).await;
        let now = match present::<DisputeNow>(answer, "dispute") {
            Ok(Ok(now)) => now,
            Ok(Err(gone)) => return Ok(Ok(Checked::Facts(gone))),
            Err(error) => return Ok(Err(error)),
        };
        let staged = submit.staged.as_deref().unwrap_or_default();
        let stored = self.lanes.ledger.read().await?.stored_fields(staged).await?;
        let is_same = |kept: &StoredField| {
            now.evidence_of(&kept.field).is_some_and(|text| Parameters::hash_of(text) == kept.sha256)
        };
        let mut changed: Vec<&str> =
            stored.iter().filter(|kept| !is_same(kept)).map(|kept| kept.field.as_str()).collect();
        let is_new =
            |field: &&str| now.evidence_of(field).is_some() && stored.iter().all(|kept| kept.field != *field);
        changed.extend(EvidenceField::ALL.iter().map(|field| field.as_str()).filter(is_new));
        Ok(Ok(Checked::Facts(if stored.is_empty() {
            not("nobody knows what evidence is stored at Stripe: store it again")
        } else if !changed.is_empty() {
            not(&format!(
                "Stripe no longer shows what was stored ({}): look at it, and store the evidence again",
                changed.join(", ")
            ))
        } else {
            judge_dispute(&now, true)
        })))
    }

    /// Why evidence is not submitted a second time, where Stripe shows other evidence by now.
    pub(super) async fn changed(
        &self,
        operation: &Operation,
        parameters: &Parameters,
    ) -> Result<Option<String>, Interrupted> {
        let Parameters::EvidenceSubmit(submit) = parameters else { return Ok(None) };
        Ok(match self.check_submission(operation, submit).await? {
            Ok(Checked::Facts(Now::Not(why))) => Some(why.to_string()),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        })
    }
}

/// What came before the call itself failed: it says nothing of an earlier call that is in doubt.
pub(super) fn not_ready(class: AnswerClass, in_doubt: bool) -> AnswerClass {
    match class {
        AnswerClass::Refused | AnswerClass::KeyReused if in_doubt => AnswerClass::Unknown,
        AnswerClass::Unknown if !in_doubt => AnswerClass::NotDone,
        class => class,
    }
}

/// An object, or nothing where Stripe has it no more.
fn there(answer: Result<Answer, StripeError>) -> Result<Value, StripeError> {
    match answer {
        Err(error) if error.is_missing() => Ok(Value::Null),
        answer => answer?.read(),
    }
}

fn id_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str())
}

fn stored(field: &str, text: &str) -> StoredField {
    let chars = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    StoredField { field: field.to_owned(), sha256: Parameters::hash_of(text), chars }
}
