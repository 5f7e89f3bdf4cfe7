//! The folder of a report. Its files are hashed while they are written; the manifest comes last, so a folder without
//! one holds an unfinished report.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use envelope::hex::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ReportError;
use super::manifest::{FileEntry, MANIFEST, Manifest, SIGNATURE};
use crate::audit_key::AuditKey;

pub(super) struct Folder {
    path: PathBuf,
    entries: Vec<FileEntry>,
}

/// A file that is being written.
pub(super) struct Opened {
    name: &'static str,
    path: PathBuf,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    rows: Option<u64>,
}

impl Folder {
    /// Makes the folder, or takes an empty one.
    pub(super) fn begin(path: &Path) -> Result<Self, ReportError> {
        let failed = |source| ReportError::File { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(ReportError::NotEmpty(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), entries: Vec::new() })
    }

    /// A file with rows.
    pub(super) fn begin_list(&self, name: &'static str) -> Result<Opened, ReportError> {
        Ok(Opened { rows: Some(0), ..self.begin_file(name)? })
    }

    fn begin_file(&self, name: &'static str) -> Result<Opened, ReportError> {
        let path = self.path.join(name);
        let file =
            File::create_new(&path).map_err(|source| ReportError::File { path: path.clone(), source })?;
        Ok(Opened { name, path, file: BufWriter::new(file), hash: Sha256::new(), bytes: 0, rows: None })
    }

    pub(super) fn json(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), ReportError> {
        let mut text = serde_json::to_string_pretty(value).expect("figures are plain data");
        text.push('\n');
        self.text(name, &text)
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) -> Result<(), ReportError> {
        let mut file = self.begin_file(name)?;
        file.write(text)?;
        let entry = file.end()?;
        self.add(entry);
        Ok(())
    }

    pub(super) fn add(&mut self, entry: FileEntry) {
        self.entries.push(entry);
    }

    pub(super) fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    pub(super) fn finish(&self, manifest: &Manifest, key: Option<&AuditKey>) -> Result<(), ReportError> {
        let mut text = serde_json::to_string_pretty(manifest).expect("a manifest is plain data");
        text.push('\n');
        let mut file = self.begin_file(MANIFEST)?;
        file.write(&text)?;
        file.end()?;
        let Some(key) = key else { return Ok(()) };
        let mut file = self.begin_file(SIGNATURE)?;
        file.write(&key.sign(text.as_bytes()).line())?;
        file.end().map(drop)
    }
}

impl Opened {
    pub(super) fn write(&mut self, text: &str) -> Result<(), ReportError> {
        self.hash.update(text);
        self.bytes += text.len() as u64;
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|source| ReportError::File { path: self.path.clone(), source })
    }

    /// One row of a list.
    pub(super) fn write_row(&mut self, line: &str) -> Result<(), ReportError> {
        self.rows = self.rows.map(|rows| rows + 1);
        self.write(line)
    }

    pub(super) fn end(self) -> Result<FileEntry, ReportError> {
        let Self { name, path, file, hash, bytes, rows } = self;
        let failed = |source| ReportError::File { path: path.clone(), source };
        file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
        Ok(FileEntry { name: name.to_owned(), sha256: hex(&hash.finalize()), bytes, rows })
    }
}
