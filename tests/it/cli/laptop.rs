//! A folder in which somebody tries `tidegate` out.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use harness::binaries::binary;
use harness::client::get;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, Server, until};
use rustix::process::Signal;
use serde_json::Value;

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of a user who has configured nothing but addresses, so that tests do not meet each other.
pub(super) struct Laptop {
    pub(super) guard: ProcessGuard,
    pub(super) gateway: SocketAddr,
    pub(super) settings: Vec<(&'static str, String)>,
}

impl Laptop {
    pub(super) fn new() -> Self {
        let [gateway, inner, worker, api, console] =
            [(); 5].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let addresses = [
            ("GATEWAY_ADDR", gateway),
            ("GATEWAY_INTERNAL_ADDR", inner),
            ("WORKER_INTERNAL_ADDR", worker),
            ("CONSOLE_ADDR", api),
            ("CONSOLE_INTERNAL_ADDR", console),
        ];
        Self {
            guard: ProcessGuard::new("laptop", Signal::KILL).unwrap(),
            gateway,
            settings: addresses.map(|(name, address)| (name, address.to_string())).into(),
        }
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        self.guard.folder().join(name)
    }

    /// Everything in one process, once it is ready and has greeted.
    pub(super) async fn up(&self) -> Server {
        let mut up = self.start(&[], &self.settings);
        let ready = until("tidegate to greet", PATIENCE, async || {
            anyhow::ensure!(!up.has_exited(), "it ended: {}", self.log());
            Ok(self.greeting().contains("try next"))
        });
        ready.await.unwrap();
        assert_eq!(get(self.gateway, "/api/health").await.unwrap().0, 200);
        up
    }

    /// The process, with its greeting and its log in files.
    pub(super) fn start(&self, arguments: &[&str], settings: &[(&'static str, String)]) -> Server {
        let mut command = self.guard.command(binary("tidegate"));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        command.stdout(fs::File::create(self.path("greeting")).unwrap());
        command.stderr(fs::File::create(self.path("log")).unwrap());
        self.guard.spawn(&mut command).unwrap()
    }

    /// SIGTERM, then a clean exit.
    pub(super) fn ends_well(&self, mut up: Server) {
        up.signal(Signal::TERM);
        let begun = std::time::Instant::now();
        while !up.has_exited() {
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(up.succeeded(), "it ended with an error: {}", self.log());
    }

    pub(super) fn greeting(&self) -> String {
        fs::read_to_string(self.path("greeting")).unwrap()
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    pub(super) fn secret(&self) -> String {
        fs::read_to_string(self.path("data/dev-webhook-secret")).unwrap()
    }

    pub(super) async fn has_events(&self, count: u64) {
        let wanted = usize::try_from(count).unwrap();
        until("all events to be recorded", PATIENCE, async || {
            let events = self.json(&["events", "list", "--json", "--limit", "10000"]);
            Ok(events.as_array().unwrap().len() == wanted)
        })
        .await
        .unwrap();
    }

    pub(super) fn command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).current_dir(self.guard.folder()).stdin(Stdio::null());
        command.env_clear().envs(self.settings.iter().map(|(name, value)| (*name, value.as_str())));
        command.envs(settings.iter().copied());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    pub(super) fn run_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
        self.command(arguments, settings).output().unwrap()
    }

    /// What a command that succeeds says.
    pub(super) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        items(serde_json::from_str(&self.said(arguments)).unwrap())
    }

    /// What a command that must not succeed says, with the exit code that it must have.
    pub(super) fn refusal(&self, arguments: &[&str], settings: &[(&str, &str)], code: i32) -> String {
        let output = self.run_with(arguments, settings);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "errors go to standard error");
        said
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The first object of that kind in the report of `send`.
pub(super) fn named(report: &Value, kind: &str) -> String {
    let objects =
        report["told"].as_array().unwrap().iter().flat_map(|told| told["objects"].as_array().unwrap());
    let mut ids =
        objects.filter(|object| object["kind"] == kind).map(|object| object["id"].as_str().unwrap());
    ids.next().unwrap().to_owned()
}

/// What a document of `--json` is about: a list stands under `items`.
pub(crate) fn items(mut document: Value) -> Value {
    assert_eq!(document["format_version"], 1, "every document says its form");
    match document.get_mut("items") {
        Some(items) => items.take(),
        None => document,
    }
}
