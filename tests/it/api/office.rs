//! A console on one ledger, with people who hold tokens of each role, and the command line beside it.

use std::process::{Command, Stdio};

use domain::permissions::Role;
use envelope::Envelope;
use harness::api::Api;
use harness::binaries::binary;
use harness::client::get;
use harness::ports::free_port;
use harness::process::Process;
use harness::process_guard::{ProcessGuard, until};
use ledger::Ledger;
use rustix::process::Signal;
use serde_json::Value;

use crate::ledgers::{each_ledger, together};

const READY: std::time::Duration = std::time::Duration::from_mins(1);

pub(super) struct Office {
    pub(super) ledger: Ledger,
    pub(super) api: Api,
    /// An administrator's.
    pub(super) root: String,
    url: String,
    process: Process,
    guard: ProcessGuard,
}

pub(super) struct Second {
    pub(super) api: Api,
    pub(super) process: Process,
    _guard: ProcessGuard,
}

/// An office with nothing in it but an administrator, on each ledger. Nothing secret may be in the console's log at its end.
pub(super) async fn each_office(name: &str, story: impl AsyncFn(&mut Office)) {
    each_office_with(name, &[], story).await;
}

/// The same with further variables for the console.
pub(super) async fn each_office_with(
    name: &str,
    settings: &[(&str, &str)],
    story: impl AsyncFn(&mut Office),
) {
    each_ledger(&format!("api_{name}"), async |ledger, url| {
        let mut office = Office::open(ledger, url, settings).await;
        story(&mut office).await;
        office.process.stop().unwrap();
        let faults = office.process.faults(&[&office.root, "tdg_"]);
        assert!(faults.is_empty(), "{faults:?}");
    })
    .await;
}

impl Office {
    async fn open(ledger: Ledger, url: String, settings: &[(&str, &str)]) -> Self {
        let guard = ProcessGuard::new("office", Signal::KILL).unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let queue = format!("sqlite:{}", guard.folder().join("queue.db").display());
        let own =
            [("DATABASE_URL", url.clone()), ("QUEUE_URL", queue), ("CONSOLE_ADDR", address.to_string())];
        let own = own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied());
        let settings = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let process = Process::new("console", guard.folder(), settings);
        let api = Api { address, token: None };
        let mut office = Self { ledger, api, root: String::new(), url, process, guard };
        office.root = office.person("root", "super_user");
        office.start().await;
        office
    }

    /// Another console on the same ledger.
    pub(super) async fn second(&self, settings: &[(&str, &str)]) -> Second {
        let guard = ProcessGuard::new("second", Signal::KILL).unwrap();
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], free_port()));
        let queue = format!("sqlite:{}", guard.folder().join("queue.db").display());
        let own =
            [("DATABASE_URL", self.url.clone()), ("QUEUE_URL", queue), ("CONSOLE_ADDR", address.to_string())];
        let own = own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied());
        let settings = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut process = Process::new("console", guard.folder(), settings);
        process.spawn(&guard).unwrap();
        let [internal] = process.internal_addresses()[..] else { panic!("one internal listener") };
        let ready = async || Ok(get(internal, "/readyz").await.is_ok_and(|(status, _)| status == 200));
        until("the second console to be ready", READY, ready).await.unwrap();
        Second { api: Api { address, token: None }, process, _guard: guard }
    }

    pub(super) async fn start(&mut self) {
        self.process.spawn(&self.guard).unwrap();
        let [internal] = self.process.internal_addresses()[..] else { panic!("one internal listener") };
        let ready = async || Ok(get(internal, "/readyz").await.is_ok_and(|(status, _)| status == 200));
        until("the console to be ready", READY, ready).await.unwrap();
    }

    /// SIGKILL, and the next one.
    pub(super) async fn crash(&mut self) {
        self.process.kill();
        self.start().await;
    }

    pub(super) async fn metrics(&self) -> String {
        get(self.process.internal_addresses()[0], "/metrics").await.unwrap().1
    }

    /// Neither the log has this text, nor a ledger that is a file, wherever in it.
    pub(super) fn keeps_secret(&self, secret: &str) {
        let faults = self.process.faults(&[secret]);
        assert!(faults.is_empty(), "{faults:?}");
        for path in self
            .url
            .strip_prefix("sqlite:")
            .into_iter()
            .flat_map(|path| ["", "-wal"].map(|end| format!("{path}{end}")))
        {
            let bytes = std::fs::read(&path).unwrap_or_default();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{path} has it");
        }
    }

    /// Workers take the events in.
    pub(super) async fn hears(&self, events: &[Envelope]) {
        for event in events {
            together(&self.ledger, &[event]).await;
        }
    }

    /// By root, once there is one.
    pub(super) fn said(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).stdin(Stdio::null()).env_clear().env("DATABASE_URL", &self.url);
        command.env("TIDEGATE_STAFF", "ops");
        if !self.root.is_empty() {
            command.env("TIDEGATE_TOKEN", &self.root);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap()
    }

    pub(super) fn person(&self, name: &str, role: &str) -> String {
        self.said(&["staff", "add", name, "--role", role]);
        let made = self.json(&["tokens", "create", "--for", name, "--role", role]);
        made["token"].as_str().unwrap().to_owned()
    }

    /// Somebody with a token of this role.
    pub(super) fn somebody(&self, name: &str, role: Role) -> Api {
        self.api.by(&self.person(name, role.as_str()))
    }

    pub(super) fn folder(&self) -> &std::path::Path {
        self.guard.folder()
    }

    pub(super) fn root(&self) -> Api {
        self.api.by(&self.root)
    }
}
