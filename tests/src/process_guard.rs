//! Private servers of the tests and their end. A process guard owns a temporary folder and the processes that
//! were started through it, and it outlives the test process: however that one dies, by panic or SIGKILL, no
//! server and no folder stays behind.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

/// Waits on a pipe whose other end only the test process holds. Once that is closed no process can register any
/// more (`closed`), and those that have are ended: by the given signal, after two seconds by SIGKILL.
const WATCH: &str = r#"
trap '' HUP INT TERM QUIT
groups() { ls "$1/groups" 2>/dev/null | grep -E '^[1-9][0-9]*$'; }
alive() { for g in $(groups "$1"); do kill -0 -- "-$g" 2>/dev/null && return 0; done; return 1; }
cat >/dev/null
: >"$1/groups/closed"
for g in $(groups "$1"); do kill -s "$2" -- "-$g" 2>/dev/null; done
n=0; while alive "$1" && [ $n -lt 40 ]; do sleep 0.05; n=$((n+1)); done
for g in $(groups "$1"); do kill -s KILL -- "-$g" 2>/dev/null; done
n=0; while alive "$1" && [ $n -lt 40 ]; do sleep 0.05; n=$((n+1)); done
n=0; while ! rm -rf "$1" 2>/dev/null && [ $n -lt 40 ]; do sleep 0.05; n=$((n+1)); done
"#;

/// Registers itself before it becomes the server. Register, then look for `closed`; the guard closes, then
/// looks for the registered: whatever the timing, one of the two sees the other.
const REGISTER: &str = r#": >"$0/groups/$$" && [ ! -e "$0/groups/closed" ] && exec "$@""#;

pub struct ProcessGuard {
    folder: PathBuf,
    watcher: Child,
}

/// A server that runs in its own process group.
pub struct Server {
    child: Child,
    record: PathBuf,
}

impl ProcessGuard {
    /// `ending` is the signal that servers get first: SIGKILL where a server leaves nothing behind, else the
    /// one that lets it tidy up quickly (Postgres: SIGQUIT, for its shared memory).
    pub fn new(name: &str, ending: Signal) -> anyhow::Result<Self> {
        let random = shared::trace::random_hex::<6>();
        let folder = std::env::temp_dir().join(format!("tidegate-{name}-{random}"));
        let mut private = DirBuilder::new();
        private.mode(0o700);
        private.create(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        private.create(folder.join("groups"))?;
        let ending = if ending == Signal::QUIT { "QUIT" } else { "KILL" };
        let watcher = Command::new("sh")
            .args(["-c", WATCH, "guardian"])
            .arg(&folder)
            .arg(ending)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0) // Ctrl-C in the terminal of the tests is not for it
            .spawn()
            .context("cannot start sh")?;
        Ok(Self { folder, watcher })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes another user the owner of the folder, for servers that refuse to run as root.
    pub fn give_to(&self, uid: u32, gid: u32) -> anyhow::Result<()> {
        for path in [self.folder.join("groups"), self.folder.clone()] {
            chown(&path, Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// A command for a server: the caller adds arguments, environment, output and, where needed, the user.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", REGISTER]).arg(&self.folder).arg(program);
        command.stdin(Stdio::null()).current_dir(&self.folder).process_group(0);
        command
    }

    pub fn spawn(&self, command: &mut Command) -> anyhow::Result<Server> {
        let child = command.spawn().context("cannot start a server")?;
        let record = self.folder.join("groups").join(child.id().to_string());
        Ok(Server { child, record })
    }
}

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        drop(self.watcher.wait());
    }
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Signals the server and whatever it started in its group.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process_group(group, signal).ok(); // it may have ended by itself
        }
    }

    /// SIGKILL, as a power cut would: nothing is flushed, nothing is said goodbye to.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.record)); // its number may be another's from now on
    }

    pub fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Of one that has ended, and not by a signal.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.child.try_wait().ok().flatten().and_then(|status| status.code())
    }

    pub fn succeeded(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(status)) if status.success())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks until the answer is yes, at short intervals; an error names what was waited for.
pub async fn until(
    what: &str,
    patience: Duration,
    mut question: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !question().await? {
        ensure!(begun.elapsed() < patience, "waited {patience:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
