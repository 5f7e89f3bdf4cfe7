//! `tidegate up` on its default backends, under strace where a test asks for it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::binaries::binary;
use harness::client::{Client, get};
use harness::ledger::Ledger;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, Server, until};
use harness::queue::Queue;
use rustix::process::Signal;

/// strace makes everything slow, and other tests share the cores.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The files of one installation, over several lives of its process.
pub(crate) struct Home {
    guard: ProcessGuard,
    folder: PathBuf,
    secret: String,
}

pub(crate) struct Running<'a> {
    home: &'a Home,
    server: Server,
    gateway: SocketAddr,
}

impl Home {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("durability", Signal::KILL)?;
        let folder = guard.folder().canonicalize()?; // as strace will name the files
        Ok(Self { guard, folder, secret: format!("whsec_{}", shared::trace::random_hex::<20>()) })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::at(&format!("sqlite:{}", self.path("ledger.db")))
    }

    pub(crate) async fn until_queue_is_empty(&self) -> anyhow::Result<()> {
        let queue = Queue::at(&format!("sqlite:{}", self.path("queue.db")));
        until("the queue to be empty", PATIENCE, async || Ok(queue.waiting().await? == 0)).await
    }

    /// Starts it, with these arguments of strace if there are any, and waits until it is ready.
    pub(crate) async fn start(&self, strace: &[String]) -> anyhow::Result<Running<'_>> {
        let [gateway, gateway_internal, worker_internal] =
            [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut command = if strace.is_empty() {
            self.guard.command(binary("tidegate"))
        } else {
            let installed = ["/usr/bin/strace", "/bin/strace", "/usr/local/bin/strace"];
            let tracer = installed.iter().find(|path| std::path::Path::new(path).exists());
            let mut command = self.guard.command(
                tracer.context("strace is not installed: `apt-get install strace`, or run scripts/test")?,
            );
            command.args(["-f", "-o", &self.path("trace")]).args(strace).arg(binary("tidegate"));
            command
        };
        command.arg("up").env_clear().env("PATH", "/usr/bin:/bin").env("STRIPE_WEBHOOK_SECRET", &self.secret);
        for (variable, file) in [("QUEUE_URL", "queue.db"), ("DATABASE_URL", "ledger.db")] {
            command.env(variable, format!("sqlite:{}", self.path(file)));
        }
        for (variable, address) in [
            ("GATEWAY_ADDR", gateway),
            ("GATEWAY_INTERNAL_ADDR", gateway_internal),
            ("WORKER_INTERNAL_ADDR", worker_internal),
        ] {
            command.env(variable, address.to_string());
        }
        for variable in ["CONSOLE_ADDR", "CONSOLE_INTERNAL_ADDR"] {
            command.env(variable, "127.0.0.1:0");
        }
        let log = File::options().create(true).append(true).open(self.path("log"))?;
        let mut server = self.guard.spawn(command.stdout(log.try_clone()?).stderr(log))?;
        for address in [gateway_internal, worker_internal] {
            until("tidegate to be ready", PATIENCE, async || {
                ensure!(!server.has_exited(), "tidegate ended while starting:\n{}", self.log());
                Ok(get(address, "/readyz").await.is_ok_and(|(status, _)| status == 200))
            })
            .await?;
        }
        Ok(Running { home: self, server, gateway })
    }

    /// What `tidegate audit verify` says, and whether the figures add up.
    pub(crate) fn audit(&self) -> (bool, String) {
        let mut command = std::process::Command::new(binary("tidegate"));
        command.args(["audit", "verify"]).env_clear();
        for (variable, file) in [("QUEUE_URL", "queue.db"), ("DATABASE_URL", "ledger.db")] {
            command.env(variable, format!("sqlite:{}", self.path(file)));
        }
        let told = command.output().expect("tidegate can be started");
        (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Running<'_> {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.gateway, &self.home.secret)
    }

    /// SIGTERM, and a clean end.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.server.signal(Signal::TERM);
        let home = self.home;
        ensure!(self.ends_well().await?, "tidegate ended with an error:\n{}", home.log());
        Ok(())
    }

    /// SIGKILL.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.server.signal(Signal::KILL);
        until("tidegate to be gone", PATIENCE, async || Ok(self.server.has_exited())).await
    }

    /// Waits for the end; strace hands on how its process ended.
    pub(crate) async fn ends_well(mut self) -> anyhow::Result<bool> {
        until("tidegate to end", PATIENCE, async || Ok(self.server.has_exited())).await?;
        Ok(self.server.succeeded())
    }
}
