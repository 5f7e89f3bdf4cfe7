//! One installation on its two files, with what its processes say where a test wants it: started, damaged,
//! killed, asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::binaries::binary;
use harness::client::{Answer, Client, get};
use harness::ledger::Ledger;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, Server, until};
use harness::queue::Queue;
use harness::stories::{SampleEvent, Stories};
use rustix::process::Signal;

/// Other suites of tests may be building on the same cores.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Home {
    pub(super) guard: ProcessGuard,
    secret: String,
    settings: Vec<(String, String)>,
    gateway: SocketAddr,
    gateway_internal: SocketAddr,
    worker_internal: SocketAddr,
}

/// A process of it.
pub(super) struct Running {
    server: Server,
    log: PathBuf,
    listeners: Vec<SocketAddr>,
}

impl Home {
    pub(super) fn new() -> anyhow::Result<Self> {
        Self::with(&[])
    }

    /// With further environment variables for every process.
    pub(super) fn with(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let [gateway, gateway_internal, worker_internal] =
            [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let mut all: Vec<(String, String)> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
        for (name, value) in [
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("QUEUE_URL", "sqlite:queue.db".to_owned()),
            ("DATABASE_URL", "sqlite:ledger.db".to_owned()),
            ("STRIPE_WEBHOOK_SECRET", secret.clone()),
            ("GATEWAY_ADDR", gateway.to_string()),
            ("GATEWAY_INTERNAL_ADDR", gateway_internal.to_string()),
            ("WORKER_INTERNAL_ADDR", worker_internal.to_string()),
            ("CONSOLE_ADDR", "127.0.0.1:0".to_owned()),
            ("CONSOLE_INTERNAL_ADDR", "127.0.0.1:0".to_owned()),
        ] {
            all.push((name.to_owned(), value));
        }
        let guard = ProcessGuard::new("damage", Signal::KILL)?;
        Ok(Self { guard, secret, settings: all, gateway, gateway_internal, worker_internal })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.guard.folder().join(name)
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger::at(&format!("sqlite:{}", self.path("ledger.db").display()))
    }

    pub(super) async fn waiting(&self) -> anyhow::Result<u64> {
        Queue::at(&format!("sqlite:{}", self.path("queue.db").display())).waiting().await
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.gateway, &self.secret)
    }

    /// Sends so many events, each of which is accepted.
    pub(super) async fn send(&self, seed: u64, count: usize) -> anyhow::Result<Vec<SampleEvent>> {
        let (mut stories, mut client) = (Stories::of_seed(seed), self.client());
        let events: Vec<SampleEvent> = (0..count).map(|_| stories.succeeded_payment()).collect();
        for event in &events {
            let answer = client.send(&event.body).await;
            ensure!(answer == Answer::Status(200), "{}: {answer:?}", event.id);
        }
        Ok(events)
    }

    /// `up`, or `gateway`, once it is ready.
    pub(super) async fn start(&self, command: &str) -> anyhow::Result<Running> {
        self.start_with(command, &[]).await
    }

    pub(super) async fn start_with(
        &self,
        command: &str,
        settings: &[(&str, String)],
    ) -> anyhow::Result<Running> {
        let log = self.path("log");
        let file = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut running = self.spawn(command, settings, file.try_clone()?.into(), file.into())?;
        running.wait_until_ready().await?;
        Ok(running)
    }

    /// Starts it with these as its standard output and error, and does not wait.
    pub(super) fn spawn(
        &self,
        command: &str,
        settings: &[(&str, String)],
        stdout: Stdio,
        stderr: Stdio,
    ) -> anyhow::Result<Running> {
        let mut process = self.guard.command(binary("tidegate"));
        process.arg(command).env_clear();
        process.envs(self.settings.iter().map(|(name, value)| (name, value)));
        process.envs(settings.iter().map(|(name, value)| (*name, value)));
        let server = self.guard.spawn(process.stdout(stdout).stderr(stderr))?;
        let listeners = match command {
            "gateway" => vec![self.gateway_internal],
            _ => vec![self.gateway_internal, self.worker_internal],
        };
        Ok(Running { server, log: self.path("log"), listeners })
    }

    /// Starts it and waits until it refuses to run; returns what it said at the end.
    pub(super) async fn refusal(&self, command: &str) -> anyhow::Result<String> {
        let log = self.path("log");
        let file = std::fs::File::create(&log)?;
        let running = self.spawn(command, &[], file.try_clone()?.into(), file.into())?;
        running.ends_in_failure().await
    }

    /// Runs a command of `tidegate` to its end.
    pub(super) fn tool(&self, arguments: &[&str]) -> Output {
        let mut process = std::process::Command::new(binary("tidegate"));
        process.args(arguments).current_dir(self.guard.folder()).stdin(Stdio::null()).env_clear();
        process.envs(self.settings.iter().map(|(name, value)| (name, value)));
        process.output().expect("tidegate can be started")
    }
}

impl Running {
    pub(super) async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        for listener in self.listeners.clone() {
            until("tidegate to be ready", PATIENCE, async || {
                ensure!(!self.server.has_exited(), "it ended while starting:\n{}", self.said());
                Ok(get(listener, "/readyz").await.is_ok_and(|(status, _)| status == 200))
            })
            .await
            .with_context(|| self.said())?;
        }
        Ok(())
    }

    /// The value of a series in every listener of it.
    pub(super) async fn series(&self, name: &str) -> anyhow::Result<Vec<u64>> {
        let mut values = Vec::new();
        for listener in &self.listeners {
            let (_, page) = get(*listener, "/metrics").await?;
            let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            values.push(value.with_context(|| format!("no {name} in {page}"))?.parse()?);
        }
        Ok(values)
    }

    /// SIGTERM, and a clean end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.server.signal(Signal::TERM);
        until("tidegate to stop", PATIENCE, async || Ok(self.server.has_exited())).await?;
        ensure!(self.server.succeeded(), "it ended with an error:\n{}", self.said());
        Ok(())
    }

    pub(super) fn kill(mut self) {
        self.server.kill();
    }

    /// Waits until it ends by itself, which is no peaceful end; returns the last line that it said.
    pub(super) async fn ends_in_failure(mut self) -> anyhow::Result<String> {
        until("tidegate to end", PATIENCE, async || Ok(self.server.has_exited()))
            .await
            .with_context(|| self.said())?;
        let said = self.said();
        ensure!(!self.server.succeeded(), "it ended as if all were well:\n{said}");
        ensure!(!said.contains("panicked"), "it panicked:\n{said}");
        let last = said.lines().rfind(|line| line.starts_with("error: "));
        Ok(last.with_context(|| format!("it ended without a word:\n{said}"))?.to_owned())
    }

    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// What a command said, with both of its streams, and its exit code.
pub(super) fn said(output: &Output) -> (String, i32) {
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (text, output.status.code().unwrap_or(-1))
}

pub(super) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
