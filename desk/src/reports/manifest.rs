//! What a report consists of, and whether it still does.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::seal::Seal;
use envelope::hex::hex;
use ledger::views::kpi::Scope;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ReportError;
use super::period::{Period, ReportKind};
use crate::audit_key::{AuditKey, Signature};

pub(super) const MANIFEST: &str = "manifest.json";
/// Beside it where a key of the audit is configured: the algorithm, the public key, and the signature of its bytes.
pub(super) const SIGNATURE: &str = "manifest.sig";
const FORMAT_VERSION: u32 = 1;

#[derive(Debug, Serialize)]
pub struct Manifest {
    pub format_version: u32,
    pub kind: ReportKind,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub livemode: bool,
    /// `null` for all accounts.
    pub account: Option<String>,
    /// The newest block of the audit when the report was made; `null` where nothing is sealed yet.
    pub audit: Option<AuditHead>,
    pub files: Vec<FileEntry>,
}

#[derive(Debug, Serialize)]
pub struct AuditHead {
    pub block: i64,
    pub hash: String,
    /// Over `block:hash`, where a key of the audit is configured.
    pub signed: Option<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
    /// Of a list, without its head.
    pub rows: Option<u64>,
}

/// What is no longer as the manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub name: String,
    pub fault: &'static str,
}

/// What is read back of a manifest.
#[derive(Deserialize)]
struct Listed {
    files: Vec<FileEntry>,
}

/// What came of comparing a report with its manifest.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub files: Vec<FileEntry>,
    pub differences: Vec<Difference>,
    /// The key that signed the manifest as it is; `null` for one that is not signed.
    pub signed_by: Option<String>,
}

impl Manifest {
    pub(super) fn of(
        kind: ReportKind,
        period: Period,
        scope: &Scope,
        head: Option<&Seal>,
        files: &[FileEntry],
        key: Option<&AuditKey>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            kind,
            from: period.from(),
            until: period.until(),
            livemode: scope.livemode,
            account: scope.account.clone(),
            audit: head.map(|seal| AuditHead {
                block: seal.number,
                hash: hex(&seal.hash),
                signed: key.map(|key| key.sign_head(&seal.head())),
            }),
            files: files.to_vec(),
        }
    }
}

/// Compares every file of a report with its manifest, and the manifest with its signature; `key` is the public key that
/// must have signed it.
pub fn verify(folder: &Path, key: Option<&str>) -> Result<Compared, ReportError> {
    let path = folder.join(MANIFEST);
    let text = std::fs::read(&path).map_err(|source| ReportError::File { path: path.clone(), source })?;
    let listed: Listed = serde_json::from_slice(&text)
        .map_err(|error| ReportError::Manifest { path: folder.to_owned(), fault: error.to_string() })?;
    let (signed_by, fault) = match signer(folder, &text) {
        Ok(None) => (None, key.map(|_| "is not signed")),
        Ok(Some(by)) if key.is_none_or(|key| key.eq_ignore_ascii_case(&by)) => (Some(by), None),
        Ok(Some(by)) => (Some(by), Some("is signed by another key")),
        Err(fault) => (None, Some(fault)),
    };
    let mut differences: Vec<Difference> =
        fault.map(|fault| Difference { name: MANIFEST.to_owned(), fault }).into_iter().collect();
    for entry in &listed.files {
        let fault = if entry.name.contains(['/', '\\']) || entry.name.starts_with('.') {
            Some("is not a name of a file in this folder")
        } else {
            match sha256_of(&folder.join(&entry.name)) {
                Ok(hash) if hash == entry.sha256 => None,
                Ok(_) => Some("has other content"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some("is missing"),
                Err(_) => Some("cannot be read"),
            }
        };
        differences.extend(fault.map(|fault| Difference { name: entry.name.clone(), fault }));
    }
    Ok(Compared { files: listed.files, differences, signed_by })
}

/// Whose signature beside the manifest is right.
fn signer(folder: &Path, manifest: &[u8]) -> Result<Option<String>, &'static str> {
    let line = match std::fs::read_to_string(folder.join(SIGNATURE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err("has a signature that cannot be read"),
        Ok(line) => line,
    };
    match Signature::of_line(&line) {
        Some(signature) if signature.is_of(manifest) => Ok(Some(signature.key)),
        _ => Err("does not match its signature"),
    }
}

pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut part) = (File::open(path)?, Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&part[..length]),
        }
    }
}
