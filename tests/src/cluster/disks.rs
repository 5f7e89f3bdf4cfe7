//! Small disks that can be full: a file system in memory for each node, mounted in a namespace of its own, which
//! ends with the process that holds it, so no mount is ever left behind. This needs root.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::getuid;

use crate::process_guard::{ProcessGuard, Server, until};

/// RabbitMQ's files before anything is in a queue, its log of 32 MB twice, and room for the load of minutes.
const DISK: &str = "size=160m";
const PATIENCE: Duration = Duration::from_secs(20);
const BALLAST: &str = "ballast";
const PIECE_BYTES: usize = 1024 * 1024;

pub struct Disks {
    folders: Vec<PathBuf>,
    holder: Server,
}

impl Disks {
    pub(super) async fn mount(guard: &ProcessGuard, folders: Vec<PathBuf>) -> anyhow::Result<Self> {
        ensure!(getuid().is_root(), "small disks are mounted, which needs root");
        for folder in &folders {
            std::fs::create_dir_all(folder)?;
        }
        let mount =
            r#"for disk; do mount -t tmpfs -o "$0" tidegate "$disk" || exit 1; done; exec sleep infinity"#;
        let mut command = guard.command("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", mount, DISK]).args(&folders);
        let mut holder = guard.spawn(&mut command)?;
        let mounts = format!("/proc/{}/mountinfo", holder.id());
        until("the disks to be mounted", PATIENCE, async || {
            ensure!(!holder.has_exited(), "a small disk cannot be mounted here");
            let mounts = std::fs::read_to_string(&mounts)?;
            Ok(folders.iter().all(|folder| mounts.contains(&folder.display().to_string())))
        })
        .await?;
        Ok(Self { folders, holder })
    }

    /// What a program is started under, so that it sees the disks.
    pub(super) fn entrance(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--mount=/proc/{}/ns/mnt", self.holder.id())]
    }

    /// Not a byte is left.
    pub fn fill(&self, number: usize) -> anyhow::Result<()> {
        let mut ballast = File::create(self.ballast(number)).context("no ballast")?;
        let piece = vec![0; PIECE_BYTES];
        while ballast.write_all(&piece).is_ok() {}
        Ok(())
    }

    /// There is room again.
    pub fn empty(&self, number: usize) {
        std::fs::remove_file(self.ballast(number)).ok(); // it need not have been full
    }

    fn ballast(&self, number: usize) -> PathBuf {
        let inside = self.folders[number].strip_prefix("/").unwrap_or(Path::new(""));
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside).join(BALLAST)
    }
}
