//! A private Prometheus from the installed package, and its tool: own folder, own port on the loopback, ended
//! with its guard.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;
use serde_json::Value;

use crate::client::get;
use crate::ports::loopback;
use crate::process_guard::{ProcessGuard, Server, until};

const BOOT_PATIENCE: Duration = Duration::from_mins(1);

pub struct Prometheus {
    address: SocketAddr,
    server: Option<Server>,
    _guard: ProcessGuard,
}

impl Prometheus {
    /// Starts with this configuration and waits until it is ready.
    pub async fn start(config: &str) -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("prometheus", Signal::KILL)?;
        let (address, file) = (loopback(), guard.folder().join("prometheus.yml"));
        std::fs::write(&file, config)?;
        let log = std::fs::File::create(guard.folder().join("prometheus.log"))?;
        let mut command = guard.command("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", guard.folder().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut server = guard.spawn(&mut command)?;
        let log = guard.folder().join("prometheus.log");
        until("Prometheus", BOOT_PATIENCE, async || {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            ensure!(!server.has_exited(), "Prometheus ended while starting:\n{}", said());
            Ok(get(address, "/-/ready").await.is_ok_and(|(status, _)| status == 200))
        })
        .await?;
        Ok(Self { address, server: Some(server), _guard: guard })
    }

    /// The samples that an expression has now.
    pub async fn query(&self, expression: &str) -> anyhow::Result<Vec<Value>> {
        let answer = self.api(&format!("/api/v1/query?query={}", encoded(expression))).await;
        let data = answer.with_context(|| expression.to_owned())?;
        match &data["result"] {
            Value::Array(samples) if data["resultType"] == "vector" => Ok(samples.clone()),
            scalar => Ok(vec![serde_json::json!({ "metric": {}, "value": scalar })]),
        }
    }

    /// What an API of it answers.
    pub async fn api(&self, path: &str) -> anyhow::Result<Value> {
        let (status, page) = get(self.address, path).await?;
        let mut answer: Value = serde_json::from_str(&page)?;
        ensure!(status == 200 && answer["status"] == "success", "Prometheus answers {status}: {page}");
        Ok(answer["data"].take())
    }

    /// Ends it, whatever it is doing.
    pub fn end(mut self) {
        self.server.take();
    }
}

/// Runs promtool and returns what it said; an error where it is not content.
pub fn promtool(arguments: &[&str], input: &str) -> anyhow::Result<String> {
    let mut tool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("promtool is missing: install the package prometheus")?;
    tool.stdin.take().context("its input is a pipe")?.write_all(input.as_bytes())?;
    let ended = tool.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "promtool {arguments:?}:\n{said}");
    Ok(said.into_owned())
}

fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every write");
        }
        encoded
    })
}
