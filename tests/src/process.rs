//! One process of the product: its environment, its listeners, its log, and how it ended.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use rustix::process::Signal;

use crate::binaries::binary;
use crate::ports::loopback;
use crate::process_guard::{ProcessGuard, Server};

/// Above every drain deadline of the product.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
const SHOWN_LINES: usize = 150;

pub struct Process {
    name: String,
    arguments: Vec<String>,
    settings: Vec<(String, String)>,
    listeners: Vec<SocketAddr>,
    folder: PathBuf,
    server: Option<Server>,
}

impl Process {
    /// One of `tidegate` (which is `up`), `gateway`, `console` and `worker-N`.
    pub fn new(name: &str, folder: &Path, mut settings: Vec<(String, String)>) -> Self {
        let role = name.split('-').next().unwrap_or_default();
        let variables: &[&str] = match role {
            "gateway" => &["GATEWAY_INTERNAL_ADDR"],
            "tidegate" => &["GATEWAY_INTERNAL_ADDR", "WORKER_INTERNAL_ADDR", "CONSOLE_INTERNAL_ADDR"],
            "console" => &["CONSOLE_INTERNAL_ADDR"],
            _ => &["WORKER_INTERNAL_ADDR"],
        };
        let listeners: Vec<SocketAddr> = variables.iter().map(|_| loopback()).collect();
        for (variable, listener) in variables.iter().zip(&listeners) {
            settings.push(((*variable).to_owned(), listener.to_string()));
        }
        if role == "gateway" {
            settings.retain(|(variable, _)| variable != "DATABASE_URL"); // it touches no ledger
        }
        let arguments = match role {
            "tidegate" => vec!["up".to_owned()],
            "console" => vec!["console".to_owned()],
            _ => Vec::new(),
        };
        Self {
            name: name.to_owned(),
            arguments,
            settings,
            listeners,
            folder: folder.to_owned(),
            server: None,
        }
    }

    /// A command of `tidegate` that ends by itself.
    pub fn tool(arguments: &[&str], folder: &Path, settings: Vec<(String, String)>) -> Self {
        let name = format!("tidegate-{}-{}", arguments[0], shared::trace::random_hex::<4>());
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name, arguments, settings, listeners: Vec::new(), folder: folder.to_owned(), server: None }
    }

    pub fn internal_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.clone()
    }

    /// From its next start on.
    pub fn set(&mut self, variable: &str, value: &str) {
        self.settings.retain(|(name, _)| name != variable);
        self.settings.push((variable.to_owned(), value.to_owned()));
    }

    pub fn spawn(&mut self, guard: &ProcessGuard) -> anyhow::Result<()> {
        let program = match self.name.split('-').next() {
            Some("gateway") => "tidegate-gateway",
            Some("worker") => "tidegate-worker",
            _ => "tidegate",
        };
        let mut command = guard.command(binary(program));
        command.args(&self.arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.stdout(append(&self.output_file())?).stderr(append(&self.log_file())?);
        self.server = Some(guard.spawn(&mut command)?);
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn runs(&mut self) -> bool {
        self.server.as_mut().is_some_and(|server| !server.has_exited())
    }

    /// SIGTERM, and does not wait for the end.
    pub fn terminate(&self) {
        self.server.iter().for_each(|server| server.signal(Signal::TERM));
    }

    /// SIGSTOP, and later SIGCONT: a process that is there and does nothing.
    pub fn freeze(&self, is_frozen: bool) {
        let signal = if is_frozen { Signal::STOP } else { Signal::CONT };
        self.server.iter().for_each(|server| server.signal(signal));
    }

    /// The process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// SIGTERM, then a clean exit within the patience; nothing to do for what does not run.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        ensure!(!server.has_exited(), "{} had ended by itself:\n{}", self.name, self.log());
        server.signal(Signal::TERM);
        let begun = Instant::now();
        while !server.has_exited() {
            ensure!(
                begun.elapsed() < STOP_PATIENCE,
                "{} did not end {STOP_PATIENCE:?} after SIGTERM:\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        ensure!(server.succeeded(), "{} ended with an error after SIGTERM:\n{}", self.name, self.log());
        Ok(())
    }

    pub fn has_ended(&mut self) -> bool {
        self.server.as_mut().is_none_or(Server::has_exited)
    }

    pub fn succeeded(&mut self) -> bool {
        self.server.as_mut().is_some_and(Server::succeeded)
    }

    /// Panics and secrets in what the process wrote, in all its lives.
    pub fn faults(&self, secrets: &[&str]) -> Vec<String> {
        let written = self.written();
        let mut faults = Vec::new();
        if let Some(line) = written.lines().find(|line| line.contains("panicked")) {
            faults.push(format!("{} panicked: {line}", self.name));
        }
        let leaks = secrets.iter().filter(|secret| written.contains(**secret));
        faults.extend(leaks.map(|secret| format!("{} wrote a secret or personal data: {secret}", self.name)));
        faults
    }

    /// The end of the log, for people.
    pub fn log(&self) -> String {
        let written = self.written();
        let lines: Vec<&str> = written.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        format!("--- {} ({} lines)\n{}\n---", self.name, lines.len(), shown.join("\n"))
    }

    /// What it wrote to standard output.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.output_file()).unwrap_or_default()
    }

    fn written(&self) -> String {
        let log = std::fs::read(self.log_file()).unwrap_or_default();
        self.output() + &String::from_utf8_lossy(&log)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn output_file(&self) -> PathBuf {
        self.folder.join(format!("{}.out", self.name))
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
