//! The tables `evidence_drafts`, `evidence_files` and `evidence_stored`: the answer to a dispute before Stripe has it, its
//! files until Stripe has them, and hashes of what was stored there.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::evidence::{FileKind, Goods};
use domain::{Key, readable};
use serde::Serialize;

use crate::body_keys::{Kept, Row};
use crate::engine::query::query;
use crate::engine::rows::by_key;
use crate::tables::bodies::opened;
use crate::{LedgerError, Transaction};

readable! {
    /// What staff wrote so far.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DraftRow {
        pub goods: Goods,
        /// JSON: field to text, or to null.
        pub texts: String,
        pub changed_by: String,
        pub changed_at: DateTime<Utc>,
    }
}

readable! {
    /// A file of evidence, without its content.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct AttachedFile {
        pub id: String,
        pub field: String,
        pub name: String,
        pub file_kind: FileKind,
        pub size_bytes: i64,
        pub pages: Option<i64>,
        pub sha256: String,
        pub attached_by: String,
        pub attached_at: DateTime<Utc>,
        pub stripe_id: Option<String>,
        pub uploaded_at: Option<DateTime<Utc>>,
    }
}

readable! {
    /// A file on its way to Stripe: its id there, or its content.
    #[derive(Debug)]
    pub struct RestingFile {
        pub name: String,
        pub file_kind: FileKind,
        pub sha256: String,
        pub stripe_id: Option<String>,
        pub content: Option<Vec<u8>>,
        sealed_by: Option<String>,
        pub removed_at: Option<DateTime<Utc>>,
    }
}

readable! {
    /// One field as Stripe showed it when an operation had stored it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct StoredField {
        pub field: String,
        pub sha256: String,
        pub chars: i64,
    }
}

readable! {
    /// An operation that stored evidence for a dispute, or submitted it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Staged {
        pub dispute: Key,
        pub operation: String,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn evidence_draft(&mut self, dispute: &Key) -> Result<Option<DraftRow>, LedgerError> {
        query(
            "SELECT goods, texts, changed_by, changed_at FROM evidence_drafts \
             WHERE id = $1 AND account = $2 AND livemode = $3",
        )
        .bind(&dispute.id)
        .bind(&dispute.account)
        .bind(dispute.livemode)
        .optional(self)
        .await
    }

    /// The caller has locked the dispute.
    #[shared::built_once]
    pub async fn write_evidence_draft(&mut self, dispute: &Key, draft: &DraftRow) -> Result<(), LedgerError> {
        query(
            "INSERT INTO evidence_drafts (id, account, livemode, goods, texts, changed_by, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id, account, livemode) DO UPDATE SET \
             goods = EXCLUDED.goods, texts = EXCLUDED.texts, changed_by = EXCLUDED.changed_by, \
             changed_at = EXCLUDED.changed_at",
        )
        .bind(&dispute.id)
        .bind(&dispute.account)
        .bind(dispute.livemode)
        .bind(draft.goods.as_str())
        .bind(&draft.texts)
        .bind(&draft.changed_by)
        .bind(draft.changed_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// The files that the answer to a dispute has now.
    #[shared::built_once]
    pub async fn evidence_files(&mut self, dispute: &Key) -> Result<Vec<AttachedFile>, LedgerError> {
        query(
            "SELECT id, field, name, file_kind, size_bytes, pages, sha256, attached_by, attached_at, stripe_id, \
             uploaded_at FROM evidence_files WHERE dispute = $1 AND account = $2 AND livemode = $3 \
             AND removed_at IS NULL ORDER BY field",
        )
        .bind(&dispute.id)
        .bind(&dispute.account)
        .bind(dispute.livemode)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn attach_evidence_file(
        &mut self,
        dispute: &Key,
        file: &AttachedFile,
        content: Vec<u8>,
    ) -> Result<(), LedgerError> {
        self.check_body_keys().await?;
        let Kept { content, sealed_by } = self.body_keys().seal(content, Row::EvidenceFile(&file.id));
        query(
            "INSERT INTO evidence_files (id, dispute, account, livemode, field, name, file_kind, size_bytes, pages, \
             sha256, content, sealed_by, attached_by, attached_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(&file.id)
        .bind(&dispute.id)
        .bind(&dispute.account)
        .bind(dispute.livemode)
        .bind(&file.field)
        .bind(&file.name)
        .bind(file.file_kind.as_str())
        .bind(file.size_bytes)
        .bind(file.pages)
        .bind(&file.sha256)
        .bind(content)
        .bind(sealed_by)
        .bind(&file.attached_by)
        .bind(file.attached_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// Takes a file out of the answer; its content is gone.
    #[shared::built_once]
    pub async fn remove_evidence_file(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
        query("UPDATE evidence_files SET removed_at = $2, content = NULL, sealed_by = NULL WHERE id = $1")
            .bind(id)
            .bind(now)
            .run(self)
            .await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn resting_file(&mut self, id: &str) -> Result<Option<RestingFile>, LedgerError> {
        let found: Option<RestingFile> = query(
            "SELECT name, file_kind, sha256, stripe_id, content, sealed_by, removed_at FROM evidence_files \
             WHERE id = $1",
        )
        .bind(id)
        .optional(self)
        .await?;
        let Some(mut file) = found else { return Ok(None) };
        if let Some(content) = &file.content {
            let plain = self
                .body_keys()
                .open(content, file.sealed_by.as_deref(), Row::EvidenceFile(id))
                .map(Cow::into_owned);
            let plain = opened(plain)?;
            file.content = Some(plain.map_err(|fault| LedgerError::unopened("the file", id, fault))?);
        }
        Ok(Some(file))
    }

    /// Stripe has it, so it rests here no longer. The first id stands.
    #[shared::built_once]
    pub async fn file_uploaded(
        &mut self,
        id: &str,
        stripe_id: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let taken = query(
            "UPDATE evidence_files SET stripe_id = $2, uploaded_at = $3, content = NULL, \
             sealed_by = NULL WHERE id = $1 AND stripe_id IS NULL",
        )
        .bind(id)
        .bind(stripe_id)
        .bind(now)
        .run(self)
        .await?;
        Ok(taken > 0)
    }

    /// Erases the content of files that nobody sent in time; gives how many.
    #[shared::built_once]
    pub async fn forget_evidence_files(&mut self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        query(
            "UPDATE evidence_files SET content = NULL, sealed_by = NULL \
             WHERE content IS NOT NULL AND attached_at < $1",
        )
        .bind(before)
        .run(self)
        .await
    }

    #[shared::built_once]
    pub async fn keep_stored_fields(
        &mut self,
        operation: &str,
        fields: &[StoredField],
    ) -> Result<(), LedgerError> {
        for field in fields {
            query(
                "INSERT INTO evidence_stored (operation, field, sha256, chars) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (operation, field) DO UPDATE SET sha256 = EXCLUDED.sha256, chars = EXCLUDED.chars",
            )
            .bind(operation)
            .bind(&field.field)
            .bind(&field.sha256)
            .bind(field.chars)
            .run(self)
            .await?;
        }
        Ok(())
    }

    #[shared::built_once]
    pub async fn stored_fields(&mut self, operation: &str) -> Result<Vec<StoredField>, LedgerError> {
        query("SELECT field, sha256, chars FROM evidence_stored WHERE operation = $1 ORDER BY field")
            .bind(operation)
            .all(self)
            .await
    }

    /// Which operations stored evidence for these disputes, the last one of each.
    #[shared::built_once]
    pub async fn staged_evidence(&mut self, disputes: &[Key]) -> Result<Vec<Staged>, LedgerError> {
        let statement = "SELECT o.subject_id AS id, o.account AS account, o.livemode AS livemode, o.id AS operation, \
            o.ended_at AS ended_at FROM operations o JOIN input ON o.subject_id = input.id \
            AND o.account = input.account AND o.livemode = input.livemode \
            WHERE o.kind = 'evidence_stage' AND o.state = 'succeeded' AND o.subject_kind = 'dispute'";
        let mut found: Vec<Staged> = by_key(disputes).fetch(self, statement).await?;
        found.sort_by(|a, b| {
            (&a.dispute, b.ended_at, &b.operation).cmp(&(&b.dispute, a.ended_at, &a.operation))
        });
        found.dedup_by(|later, kept| later.dispute == kept.dispute);
        Ok(found)
    }
}
