//! People at a terminal, each with a token or with none, on one ledger.

use std::process::{Child, Command, Output, Stdio};

use desk::acts::staff;
use desk::audit_line::key_of;
use harness::binaries::binary;
use ledger::Ledger;
use serde_json::Value;

use crate::ledgers::each_ledger;

pub(super) struct People {
    pub(super) ledger: Ledger,
    url: String,
}

/// On an empty ledger of each kind.
pub(super) async fn each_people(name: &str, story: impl AsyncFn(People)) {
    each_ledger(&format!("people_{name}"), async |ledger, url| story(People { ledger, url }).await).await;
}

impl People {
    /// By whoever holds the token; without one, by `cli:ops`.
    pub(super) fn run(&self, token: Option<&str>, arguments: &[&str]) -> Output {
        let token = token.map(|token| ("TIDEGATE_TOKEN", token));
        self.run_with(token.as_slice(), arguments)
    }

    /// With these variables beside the ledger's address and a name to go by.
    pub(super) fn run_with(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
        self.command(settings, arguments).output().unwrap()
    }

    /// The same, not waited for.
    pub(super) fn begin(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Child {
        self.command(settings, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn command(&self, settings: &[(&str, &str)], arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).stdin(Stdio::null()).env_clear();
        command.env("DATABASE_URL", &self.url).env("TIDEGATE_STAFF", "ops").env("STAFF_SETUP_MINS", "0");
        command.envs(settings.iter().copied());
        command
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn said(&self, token: Option<&str>, arguments: &[&str]) -> String {
        let output = self.run(token, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    pub(super) fn json(&self, token: Option<&str>, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(token, &[arguments, &["--json"]].concat())).unwrap()
    }

    /// What a refused command says.
    pub(super) fn refusal(&self, token: Option<&str>, arguments: &[&str]) -> String {
        let output = self.run(token, arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
        said
    }

    /// A person with a token of all that they may do, made by whoever may.
    pub(super) fn person(&self, by: Option<&str>, name: &str, role: &str) -> String {
        self.said(by, &["staff", "add", name, "--role", role]);
        self.token(by, name, role)
    }

    pub(super) fn token(&self, by: Option<&str>, name: &str, role: &str) -> String {
        let made = self.json(by, &["tokens", "create", "--for", name, "--role", role]);
        assert_eq!(made["pending"], Value::Null, "{made}");
        made["token"].as_str().unwrap().to_owned()
    }

    /// The audit of a person: what, after, by whom.
    pub(super) async fn audit(&self, name: &str) -> Vec<(String, String, String)> {
        self.audit_of(staff::KIND, name).await
    }

    pub(super) async fn audit_of(&self, kind: &str, id: &str) -> Vec<(String, String, String)> {
        let lines = self.ledger.audit_of(kind, &key_of(id)).await.unwrap();
        lines.into_iter().map(|line| (line.what, line.after.unwrap_or_default(), line.actor)).collect()
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
