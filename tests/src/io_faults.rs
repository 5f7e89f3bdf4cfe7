//! The n-th input or output of a process fails: a small library (`io_faults.c`), preloaded into it, counts its system
//! calls on the files below one folder, and lets one of them go wrong. Linux only, as the product's own tests are.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, ensure};

use crate::binaries::workspace;

/// How the process ends where a fault kills it.
pub const DIED: i32 = 99;

/// What goes wrong at the call with the number `at`, among those that it may befall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing: every call is reported.
    Count,
    /// This call fails, once.
    Eio,
    /// This call and every later one fail.
    EioOn,
    /// From this call on there is no room for anything that needs some.
    NoSpace,
    /// Half of this write is written; after that there is no room.
    Short,
    /// Half of this write is written, and the process dies.
    Torn,
    /// The process dies before this call.
    Die,
    /// The process dies after it.
    DieAfter,
    /// The power goes before this call: of what was not synced, the disk has all, nothing, or some sectors.
    Power,
    /// This sync fails, and what it was to make durable is lost, as a kernel may lose it.
    SyncLost,
    /// All files together may grow by `at` bytes; then the disk is full, in the middle of a write.
    Full,
}

impl Fault {
    /// Those that go wrong at a call; `Full` counts bytes instead.
    pub const AT_CALLS: [Self; 9] = [
        Self::Eio,
        Self::EioOn,
        Self::NoSpace,
        Self::Short,
        Self::Torn,
        Self::Die,
        Self::DieAfter,
        Self::Power,
        Self::SyncLost,
    ];

    /// As `io_faults.c` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Eio => "eio",
            Self::EioOn => "eio-on",
            Self::NoSpace => "no-space",
            Self::Short => "short",
            Self::Torn => "torn",
            Self::Die => "die",
            Self::DieAfter => "die-after",
            Self::Power => "power",
            Self::SyncLost => "sync-lost",
            Self::Full => "full",
        }
    }

    /// For people who read a table.
    pub fn words(self) -> &'static str {
        match self {
            Self::Count => "none",
            Self::Eio => "one call fails (EIO)",
            Self::EioOn => "all calls fail from then on (EIO)",
            Self::NoSpace => "no space from then on (ENOSPC)",
            Self::Short => "half a write, then no space",
            Self::Torn => "half a write, then death",
            Self::Die => "death before a call",
            Self::DieAfter => "death after a call",
            Self::Power => "power cut: unsynced sectors lost",
            Self::SyncLost => "fsync fails and loses what it had",
            Self::Full => "disk full at a byte",
        }
    }

    /// Whether it may befall a call of this class, as a report names it.
    pub fn befalls(self, class: &str) -> bool {
        match self {
            Self::Count => false,
            Self::Eio | Self::EioOn | Self::Die | Self::DieAfter | Self::Power => true,
            Self::NoSpace => matches!(class, "create" | "write" | "truncate" | "name"),
            Self::Short | Self::Torn | Self::Full => class == "write",
            Self::SyncLost => class == "sync",
        }
    }

    /// The process is killed by it.
    pub fn kills(self) -> bool {
        matches!(self, Self::Torn | Self::Die | Self::DieAfter | Self::Power)
    }

    /// It passes when there is room again.
    pub fn is_for_want_of_room(self) -> bool {
        matches!(self, Self::NoSpace | Self::Short | Self::Full)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub fault: Fault,
    pub at: u64,
    pub seed: u64,
    /// Only at files whose names begin so.
    pub only: &'static str,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.fault.name(), self.at, self.seed)
    }
}

impl Plan {
    /// Lets it go wrong in this process: on the files below `folder`, while the file `while_there` exists.
    pub fn arm(
        &self,
        command: &mut Command,
        folder: &Path,
        report: &Path,
        while_there: &Path,
    ) -> anyhow::Result<()> {
        command.env("LD_PRELOAD", library()?).env("IO_FAULTS", self.to_string());
        command.env("IO_FAULTS_FOLDER", folder).env("IO_FAULTS_REPORT", report);
        command.env("IO_FAULTS_WHILE", while_there);
        if !self.only.is_empty() {
            command.env("IO_FAULTS_ONLY", self.only);
        }
        Ok(())
    }
}

/// The library, compiled once by the compiler that SQLite was compiled by.
fn library() -> anyhow::Result<&'static Path> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(built) = BUILT.get() {
        return Ok(built);
    }
    let source = workspace().join("tests/src/io_faults.c");
    let executable = std::env::current_exe()?;
    let folder = executable.parent().context("an executable stands in a folder")?;
    let new = folder.join(format!("libio_faults-{}.so", std::process::id()));
    let output = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-pthread", "-o"])
        .arg(&new)
        .arg(&source)
        .output()
        .context("cc is not installed: `apt-get install build-essential`")?;
    ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    let built = folder.join("libio_faults.so");
    std::fs::rename(&new, &built)?;
    Ok(BUILT.get_or_init(|| built))
}
