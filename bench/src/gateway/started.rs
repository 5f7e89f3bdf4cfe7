//! A process under measurement: started with nothing but its own environment, ready, and ended with its folder.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::binaries::binary;
use harness::client::get;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, Server};
use rustix::process::Signal;

const READY_PATIENCE: Duration = Duration::from_mins(1);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub struct Started {
    server: Server,
    pub address: SocketAddr,
    /// From its start until it said that it was ready.
    pub took: Duration,
    log: PathBuf,
    /// After the server: with it goes the folder.
    _guard: ProcessGuard,
}

/// How a process is started.
pub struct Launch {
    guard: ProcessGuard,
    program: Vec<String>,
    wrapper: Vec<String>,
    settings: Vec<(&'static str, String)>,
}

impl Launch {
    /// One of ours as it was built together with the bench, and its arguments.
    pub fn new(program: &[&str]) -> anyhow::Result<Self> {
        Self::of(&binary(program[0]), &program[1..])
    }

    /// One of ours as another commit built it, from this folder.
    fn from(folder: &Path, program: &[&str]) -> anyhow::Result<Self> {
        Self::of(&folder.canonicalize()?.join(program[0]), &program[1..])
    }

    /// From this folder, or as it was built together with the bench.
    pub fn of_build(folder: Option<&Path>, program: &[&str]) -> anyhow::Result<Self> {
        match folder {
            None => Self::new(program),
            Some(folder) => Self::from(folder, program),
        }
    }

    /// Runs it to its end.
    pub async fn run(self) -> anyhow::Result<()> {
        let mut command = self.guard.command(&self.program[0]);
        command.args(&self.program[1..]).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "{}: {}", self.program[0], String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn of(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut words = vec![program.display().to_string()];
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        let guard = ProcessGuard::new("bench", Signal::KILL)?;
        Ok(Self { guard, program: words, wrapper: Vec::new(), settings: Vec::new() })
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((name, value.into()));
        self
    }

    /// The program runs under this one, such as `strace`.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Its own folder, gone with it.
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }

    /// Starts it and waits until all that it listens to for its operators says ready; what has no such
    /// listener is ready when it can be connected to.
    pub async fn start(self, internal: &[&'static str]) -> anyhow::Result<Started> {
        let [address, one, two] = [(); 3].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let words: Vec<&String> = self.wrapper.iter().chain(&self.program).collect();
        let mut command = self.guard.command(words[0]);
        command.args(&words[1..]).env_clear().env("PATH", "/usr/bin:/bin").env("LOG_LEVEL", "warn");
        command.env("GATEWAY_ADDR", address.to_string());
        let listeners: Vec<SocketAddr> = internal
            .iter()
            .zip([one, two])
            .map(|(name, listener)| {
                command.env(name, listener.to_string());
                listener
            })
            .collect();
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let log = self.guard.folder().join("log");
        let file = File::create(&log)?;
        command.stdout(file.try_clone()?).stderr(file);

        let began = Instant::now();
        let mut server = self.guard.spawn(&mut command)?;
        let shown = || std::fs::read_to_string(&log).unwrap_or_default();
        loop {
            ensure!(!server.has_exited(), "{} ended while starting:\n{}", words[0], shown());
            ensure!(began.elapsed() < READY_PATIENCE, "{} does not get ready:\n{}", words[0], shown());
            if is_ready(address, &listeners).await {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let took = began.elapsed();
        Ok(Started { server, address, took, log, _guard: self.guard })
    }
}

async fn is_ready(address: SocketAddr, listeners: &[SocketAddr]) -> bool {
    for listener in listeners {
        if !get(*listener, "/readyz").await.is_ok_and(|(status, _)| status == 200) {
            return false;
        }
    }
    !listeners.is_empty() || tokio::net::TcpStream::connect(address).await.is_ok()
}

impl Started {
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// SIGTERM, and a clean end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.server.signal(Signal::TERM);
        let began = Instant::now();
        while !self.server.has_exited() {
            ensure!(began.elapsed() < STOP_PATIENCE, "a process does not end");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let log = std::fs::read_to_string(&self.log).context("its log")?;
        ensure!(self.server.succeeded(), "a process ended with an error:\n{log}");
        Ok(())
    }
}
