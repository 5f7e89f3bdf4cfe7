//! What staff do with the answer to a dispute before it is stored at Stripe: write, leave out, attach and take back. Each
//! act is one transaction under the lock of the dispute, with a line of the audit that holds no text of the answer.

use chrono::{DateTime, Utc};
use domain::disputes::Dispute;
use domain::evidence::{
    EvidenceField, FieldFault, FileFault, Form, Goods, check_file, check_text, check_together, sha256,
};
use domain::operations::{Operation, OperationKind};
use domain::permissions::Permission;
use domain::{AuditChange, Key, Object, Severity, audit_chain};
use ledger::tables::evidence::{AttachedFile, DraftRow};
use ledger::{Ledger, LedgerError, Transaction};
use shared::trace::random_hex;

use super::done;
use crate::actor::{Actor, Forbidden};
use crate::audit_line::{Subject, note_refusal};
use crate::evidence::{Draft, write_texts};

/// Those about one dispute that are looked at.
const ABOUT_LIMIT: i64 = 1_000;

/// A change of the draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Goods(Goods),
    /// In place of what the ledger fills in.
    Text {
        field: String,
        text: String,
    },
    /// The field stays empty; a file of it is taken back.
    LeaveOut {
        field: String,
    },
    /// What the ledger fills in, or Stripe has, counts again.
    Restore {
        field: String,
    },
}

/// A file that somebody attaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub field: String,
    pub name: String,
    pub content: Vec<u8>,
    /// Whether it takes the place of the file that the field has.
    pub replaces: bool,
}

/// Why the answer was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceRefusal {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("the ledger knows no dispute {id}")]
    NoSuchDispute { id: String },
    #[error("{operation} ({kind}) is under way for this dispute: wait until it has ended, or cancel it")]
    Busy { operation: String, kind: OperationKind },
    #[error("this dispute can no longer be answered: {why}")]
    Unanswerable { why: &'static str },
    #[error(transparent)]
    Field(#[from] FieldFault),
    #[error(transparent)]
    File(#[from] FileFault),
    #[error(
        "{field} has a file already ({name}), and Stripe takes one for each field: put both into one PDF and attach that \
         in its place, or use another field"
    )]
    Taken { field: EvidenceField, name: String },
    #[error("{field} has neither a text of yours nor a file")]
    Nothing { field: EvidenceField },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Changes what staff say in the answer. What is refused is in the audit, too.
#[shared::built_once]
pub async fn change(
    ledger: &Ledger,
    dispute: &Key,
    change: &Change,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), EvidenceRefusal> {
    match changed(ledger, dispute, change, actor, now).await {
        Ok(()) => Ok(()),
        Err(refused) => Err(deny(ledger, dispute, "change the answer", refused, actor, now).await),
    }
}

async fn changed(
    ledger: &Ledger,
    dispute: &Key,
    change: &Change,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), EvidenceRefusal> {
    let mut tx = ledger.begin().await?;
    let (row, mut draft) = begin(&mut tx, dispute, actor, now).await?;
    let told = match change {
        Change::Goods(goods) => {
            draft.goods = *goods;
            format!("goods: {goods}")
        }
        Change::Text { field, text } => {
            let text = text.trim();
            let field = check_text(field, text)?;
            draft.texts.insert(field, Some(text.to_owned()));
            domain::evidence::check_sum(EvidenceField::ALL.iter().filter_map(|field| draft.text(*field)))?;
            format!("{field}: {} characters", text.chars().count())
        }
        Change::LeaveOut { field } => {
            let field = named(field)?;
            if field.form() == Form::File {
                let own = draft.files.iter().find(|file| file.field == field.as_str());
                let own = own.ok_or(EvidenceRefusal::Nothing { field })?;
                tx.remove_evidence_file(&own.id, now).await?;
                let told = format!("{field}: {} taken back", own.id);
                draft.texts.insert(field, None);
                told
            } else {
                draft.texts.insert(field, None);
                format!("{field}: left out")
            }
        }
        Change::Restore { field } => {
            let field = named(field)?;
            draft.texts.remove(&field).ok_or(EvidenceRefusal::Nothing { field })?;
            format!("{field}: as it is filled in")
        }
    };
    let written = DraftRow {
        goods: draft.goods,
        texts: write_texts(&draft.texts),
        changed_by: actor.name(),
        changed_at: now,
    };
    tx.write_evidence_draft(dispute, &written).await?;
    end(tx, row, told, actor, now).await
}

/// Keeps a file until Stripe has it. What is refused is in the audit, too.
#[shared::built_once]
pub async fn attach(
    ledger: &Ledger,
    dispute: &Key,
    upload: Upload,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<AttachedFile, EvidenceRefusal> {
    match attached(ledger, dispute, upload, actor, now).await {
        Ok(file) => Ok(file),
        Err(refused) => Err(deny(ledger, dispute, "attach a file", refused, actor, now).await),
    }
}

async fn attached(
    ledger: &Ledger,
    dispute: &Key,
    upload: Upload,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<AttachedFile, EvidenceRefusal> {
    let field = named(&upload.field)?;
    if field.form() != Form::File {
        return Err(FieldFault::TakesText { field }.into());
    }
    let checked = check_file(&upload.name, &upload.content)?;
    let mut tx = ledger.begin().await?;
    let (row, draft) = begin(&mut tx, dispute, actor, now).await?;
    let before = draft.files.iter().find(|file| file.field == field.as_str());
    if let Some(before) = before {
        if !upload.replaces {
            return Err(EvidenceRefusal::Taken { field, name: before.name.clone() });
        }
        tx.remove_evidence_file(&before.id, now).await?;
    }
    let file = AttachedFile {
        id: format!("evf_{}", random_hex::<12>()),
        field: field.to_string(),
        name: upload.name,
        file_kind: checked.kind,
        size_bytes: i64::try_from(upload.content.len()).unwrap_or(i64::MAX),
        pages: checked.pages,
        sha256: sha256(&upload.content),
        attached_by: actor.name(),
        attached_at: now,
        stripe_id: None,
        uploaded_at: None,
    };
    let others = draft.files.iter().filter(|other| other.field != file.field);
    let all = others.chain([&file]).map(|file| (file.size_bytes, file.pages));
    let brand = draft.known.charge.as_ref().and_then(|charge| charge.card.card_brand.as_deref());
    check_together(all, brand)?;
    tx.attach_evidence_file(dispute, &file, upload.content).await?;
    // Its name may be a customer's, and what the audit says stays for ever.
    let told = format!("{field}: {}, {} bytes, SHA-256 {}", file.id, file.size_bytes, file.sha256);
    end(tx, row, told, actor, now).await?;
    Ok(file)
}

fn named(name: &str) -> Result<EvidenceField, FieldFault> {
    EvidenceField::named(name).ok_or_else(|| FieldFault::Unknown { name: name.to_owned() })
}

/// Locks the dispute and reads its draft, where this person may change it and Stripe still waits for an answer.
async fn begin(
    tx: &mut Transaction,
    dispute: &Key,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(Dispute, Draft), EvidenceRefusal> {
    actor.may(Permission::Request)?;
    let missing = || EvidenceRefusal::NoSuchDispute { id: dispute.id.clone() };
    let row = tx.lock_object::<Dispute>(dispute).await?.ok_or_else(missing)?;
    // An inquiry that was answered, and became a dispute, waits for another answer.
    if row.status != domain::disputes::Status::Opened {
        let why = if row.state.evidence_submissions > 0 {
            "evidence was submitted, and Stripe takes it once"
        } else {
            "Stripe does not wait for an answer"
        };
        return Err(EvidenceRefusal::Unanswerable { why });
    }
    if row.state.respond_by.is_none_or(|respond_by| respond_by <= now) {
        return Err(EvidenceRefusal::Unanswerable { why: "the time to answer has passed" });
    }
    let about = tx.operations_about(Dispute::NAME, dispute, ABOUT_LIMIT).await?;
    if let Some(Operation { key, kind, .. }) = about.into_iter().find(|other| other.state.is_open()) {
        return Err(EvidenceRefusal::Busy { operation: key.id, kind });
    }
    let draft = Draft::read(tx, dispute).await?.ok_or_else(missing)?;
    Ok((row, draft))
}

async fn end(
    mut tx: Transaction,
    mut row: Dispute,
    told: String,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), EvidenceRefusal> {
    row.revision += 1;
    let change = AuditChange { what: "evidence", before: None, after: Some(told), severity: Severity::Info };
    let (done, by) = (done(&row, row.revision, change), actor.in_audit());
    let line = audit_chain::extend(&mut row.audit_hash, &done, &by, now);
    tx.write(&[&row]).await?;
    tx.append_audit(&[line]).await?;
    Ok(tx.commit().await?)
}

/// Keeps in the audit that an act was refused, and gives the refusal on. One about a dispute that nobody knows stands with
/// whoever tried.
async fn deny(
    ledger: &Ledger,
    dispute: &Key,
    act: &'static str,
    refused: EvidenceRefusal,
    actor: &Actor,
    now: DateTime<Utc>,
) -> EvidenceRefusal {
    let Some(why) = refused.in_audit() else { return refused };
    let kept = async {
        let mut tx = ledger.begin().await?;
        let Some(mut row) = tx.lock_object::<Dispute>(dispute).await? else {
            drop(tx);
            let name = actor.name();
            let subject = Subject { kind: "staff", id: &name };
            return note_refusal(ledger, subject, act, &why, &actor.in_audit(), now).await;
        };
        row.revision += 1;
        let change = AuditChange {
            what: "denied",
            before: Some(act.to_owned()),
            after: Some(why),
            severity: Severity::Warning,
        };
        let (done, by) = (done(&row, row.revision, change), actor.in_audit());
        let line = audit_chain::extend(&mut row.audit_hash, &done, &by, now);
        tx.write(&[&row]).await?;
        tx.append_audit(&[line]).await?;
        tx.commit().await
    };
    match kept.await {
        Ok(()) => refused,
        Err(error) => error.into(),
    }
}

impl EvidenceRefusal {
    /// What the audit says of it: nothing that somebody typed or named, for it stays for ever. `None`: nothing was
    /// refused, the ledger is away.
    fn in_audit(&self) -> Option<String> {
        Some(match self {
            Self::Ledger(_) => return None,
            Self::Field(FieldFault::Unknown { .. }) => "there is no such field".to_owned(),
            Self::Field(_) => "the field does not take what was given".to_owned(),
            Self::File(_) => "the file is none that Stripe takes".to_owned(),
            Self::Taken { field, .. } => format!("{field} has a file already"),
            Self::NoSuchDispute { .. } => "the ledger knows no such dispute".to_owned(),
            Self::Forbidden(_) | Self::Busy { .. } | Self::Unanswerable { .. } | Self::Nothing { .. } => {
                self.to_string()
            }
        })
    }
}
