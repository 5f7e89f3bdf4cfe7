//! A person of the staff at a desk: runs `tidegate` on one ledger and reads what it says.

use std::process::{Command, Output, Stdio};

use envelope::Envelope;
use harness::binaries::binary;
use ledger::Ledger;
use serde_json::Value;

use crate::cli::items;
use crate::ledgers::{each_ledger, together};

pub(super) struct Desk {
    pub(super) ledger: Ledger,
    url: String,
}

/// A desk on an empty ledger of each kind.
pub(super) async fn each_desk(name: &str, story: impl AsyncFn(Desk)) {
    each_ledger(name, async |ledger, url| story(Desk { ledger, url }).await).await;
}

impl Desk {
    /// Workers take the events in, one at a time.
    pub(super) async fn hears(&self, events: &[Envelope]) {
        for event in events {
            let handled = together(&self.ledger, &[event]).await;
            assert_eq!(handled.applied, 1, "{} was not applied", event.header.id);
        }
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(Some("jane"), arguments)
    }

    /// As somebody, or as nobody whom the environment names.
    pub(super) fn run_as(&self, person: Option<&str>, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).stdin(Stdio::null()).env_clear().env("DATABASE_URL", &self.url);
        command.envs(person.map(|person| ("TIDEGATE_STAFF", person)));
        command.output().unwrap()
    }

    /// As jane, with further settings.
    pub(super) fn run_with(&self, settings: &[(&str, String)], arguments: &[&str]) -> Output {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).stdin(Stdio::null()).env_clear().env("DATABASE_URL", &self.url);
        command.env("TIDEGATE_STAFF", "jane").envs(settings.iter().cloned());
        command.output().unwrap()
    }

    pub(super) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The whole document of `--json`, with what stands around its items.
    pub(super) fn document(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap()
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        items(serde_json::from_str(&self.said(&[arguments, &["--json"]].concat())).unwrap())
    }

    /// The ids in a list, in its order.
    pub(super) fn ids(&self, arguments: &[&str]) -> Vec<String> {
        let rows = self.json(arguments);
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn refusal(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "errors go to standard error");
        said
    }

    /// The exit code of `bans check`, and its answer.
    pub(super) fn check(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(&[&["bans", "check", "--json"], arguments].concat());
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The steps of one kind of object in a timeline: what it became, and the event behind it.
pub(super) fn steps<'a>(timeline: &'a Value, kind: &str) -> Vec<(&'a str, &'a str)> {
    let lines = timeline.as_array().unwrap().iter();
    lines
        .filter(|line| line["subject_kind"] == kind && line["what"] == "status")
        .map(|line| (line["after"].as_str().unwrap(), line["event_id"].as_str().unwrap()))
        .collect()
}
