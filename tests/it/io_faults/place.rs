//! One installation on its two files, started again and again: with a fault in its system calls, and without.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use fake_stripe::FakeStripe;
use harness::binaries::binary;
use harness::client::{Client, get};
use harness::io_faults::Plan;
use harness::ledger::Ledger;
use harness::ports::loopback;
use harness::process_guard::{ProcessGuard, Server};
use harness::queue::Queue;
use rustix::process::Signal;

pub(super) struct Place {
    guard: ProcessGuard,
    /// The files of the product, and nothing else.
    pub(super) data: PathBuf,
    secret: String,
    gateway: SocketAddr,
    gateway_internal: SocketAddr,
    worker_internal: SocketAddr,
}

/// `tidegate up` in one life.
pub(super) struct Running {
    server: Server,
    log: PathBuf,
    listeners: [SocketAddr; 2],
}

/// What became of a wait for a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Ready,
    Ended,
    Neither,
}

impl Place {
    pub(super) fn new() -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("io-faults", Signal::KILL)?;
        let data = guard.folder().canonicalize()?.join("data");
        let [gateway, gateway_internal, worker_internal] = [(); 3].map(|()| loopback());
        let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
        Ok(Self { guard, data, secret, gateway, gateway_internal, worker_internal })
    }

    /// Takes the files of another one, which nobody uses, in the place of its own; `None` is none at all.
    pub(super) fn begin_from(&self, files: Option<&Path>) -> anyhow::Result<()> {
        drop(fs::remove_dir_all(&self.data));
        for log in [self.log("fault"), self.log("sound"), self.report(), self.trigger()] {
            drop(fs::remove_file(log));
        }
        let Some(files) = files else { return Ok(()) };
        fs::create_dir(&self.data)?;
        for file in fs::read_dir(files)? {
            let file = file?;
            fs::copy(file.path(), self.data.join(file.file_name()))?;
        }
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        self.guard.folder()
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.gateway, &self.secret)
    }

    pub(super) fn ledger_url(&self) -> String {
        format!("sqlite:{}", self.data.join("ledger.db").display())
    }

    fn queue_url(&self) -> String {
        format!("sqlite:{}", self.data.join("queue.db").display())
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger::at(&self.ledger_url())
    }

    pub(super) fn queue(&self) -> Queue {
        Queue::at(&self.queue_url())
    }

    /// The file without which nothing goes wrong.
    fn trigger(&self) -> PathBuf {
        self.folder().join("fault-lasts")
    }

    pub(super) fn fault_begins(&self) -> anyhow::Result<()> {
        File::create(self.trigger())?;
        Ok(())
    }

    pub(super) fn fault_ends(&self) {
        drop(fs::remove_file(self.trigger()));
    }

    pub(super) fn report(&self) -> PathBuf {
        self.folder().join("report")
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.log"))
    }

    fn settings(&self, stripe: Option<&FakeStripe>) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("QUEUE_URL", self.queue_url()),
            ("QUEUE_LEASE_SECS", "3".to_owned()),
            ("DATABASE_URL", self.ledger_url()),
            ("STRIPE_WEBHOOK_SECRET", self.secret.clone()),
            ("GATEWAY_ADDR", self.gateway.to_string()),
            ("GATEWAY_INTERNAL_ADDR", self.gateway_internal.to_string()),
            ("WORKER_INTERNAL_ADDR", self.worker_internal.to_string()),
            ("CONSOLE_ADDR", "127.0.0.1:0".to_owned()),
            ("CONSOLE_INTERNAL_ADDR", "127.0.0.1:0".to_owned()),
            ("RUST_BACKTRACE", "1".to_owned()),
            ("RUST_LIB_BACKTRACE", "0".to_owned()),
        ];
        if let Some(stripe) = stripe {
            settings.extend(stripe.settings());
            settings.push(("STRIPE_DEADLINE_SECS", "2".to_owned()));
            settings.push(("STRIPE_RATE_PER_SEC", "100".to_owned()));
            settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "3600".to_owned()));
            settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "3600".to_owned()));
        }
        settings
    }

    /// Starts one of the commands that last: `up`, or `gateway`.
    pub(super) fn start(
        &self,
        command: &str,
        stripe: Option<&FakeStripe>,
        plan: Option<Plan>,
    ) -> anyhow::Result<Running> {
        let mut process = self.guard.command(binary("tidegate"));
        process.arg(command).env_clear().envs(self.settings(stripe));
        let log = self.log(if plan.is_some() { "fault" } else { "sound" });
        if let Some(plan) = plan {
            plan.arm(&mut process, &self.data, &self.report(), &self.trigger())?;
        }
        let file = File::options().create(true).append(true).open(&log)?;
        let server = self.guard.spawn(process.stdout(file.try_clone()?).stderr(file))?;
        let worker = if command == "gateway" { self.gateway_internal } else { self.worker_internal };
        Ok(Running { server, log, listeners: [self.gateway_internal, worker] })
    }

    /// Runs a command of `tidegate` to its end.
    pub(super) async fn tool(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut process = Command::new(binary("tidegate"));
        process.args(arguments).current_dir(self.folder()).stdin(Stdio::null()).env_clear();
        process.envs(self.settings(None));
        let ended = tokio::task::spawn_blocking(move || process.output());
        ended.await?.context("tidegate can be started")
    }
}

impl Running {
    /// Until every listener says that it is ready, or the process has ended.
    pub(super) async fn comes(&mut self, patience: Duration) -> Came {
        let begun = Instant::now();
        for listener in self.listeners {
            while !get(listener, "/readyz").await.is_ok_and(|(status, _)| status == 200) {
                if self.server.has_exited() {
                    return Came::Ended;
                }
                if begun.elapsed() > patience {
                    return Came::Neither;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Came::Ready
    }

    pub(super) fn has_ended(&mut self) -> bool {
        self.server.has_exited()
    }

    /// SIGTERM; whether it ended in time.
    pub(super) async fn ends(&mut self, patience: Duration) -> bool {
        self.server.signal(Signal::TERM);
        let begun = Instant::now();
        while !self.server.has_exited() {
            if begun.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    pub(super) fn kill(&mut self) {
        self.server.kill();
    }

    pub(super) fn exit_code(&mut self) -> Option<i32> {
        self.server.exit_code()
    }

    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}
