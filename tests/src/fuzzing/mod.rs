//! What reads bytes from outside, each as a function of bytes that panics where a promise does not hold. `scripts/fuzz`
//! feeds them what libFuzzer makes up; the tests feed them what is kept in `tests/fuzz/corpus`.

mod api;
mod envelopes;
mod files;
mod json;
mod rules;
mod sheets;
mod typed;
mod webhooks;

use std::path::{Path, PathBuf};
use std::{fs, process};

use chrono::{DateTime, Utc};
use shared::env::{Env, Variable};

use crate::binaries::workspace;

pub use json::mutated;

/// No UTF-8 has this byte: it splits an input into texts.
const BETWEEN: u8 = 0xff;

pub struct Target {
    pub name: &'static str,
    /// What it reads, for people.
    pub reads: &'static str,
    pub run: fn(&[u8]),
    /// Longer inputs find nothing that shorter ones do not.
    pub limit_bytes: usize,
    /// JSON texts, which are changed as such.
    pub is_json: bool,
    /// What the search begins with, made from what the tests have anyway.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

impl Target {
    const fn text(
        name: &'static str,
        reads: &'static str,
        run: fn(&[u8]),
        seeds: fn() -> Vec<Vec<u8>>,
    ) -> Self {
        Self { name, reads, run, limit_bytes: 512, is_json: false, seeds }
    }
}

pub const TARGETS: &[Target] = &[
    Target::text("signature", "the `Stripe-Signature` header", webhooks::signature, webhooks::headers),
    Target {
        limit_bytes: 2_048,
        is_json: true,
        ..Target::text("event_head", "the head of an event", webhooks::head, webhooks::heads)
    },
    Target {
        limit_bytes: 1_024,
        ..Target::text("envelope", "an envelope from the queue", envelopes::envelope, envelopes::seeds)
    },
    Target {
        limit_bytes: 32_768,
        is_json: true,
        ..Target::text("rules", "Stripe's objects, by the rules", rules::rules, rules::histories)
    },
    Target {
        limit_bytes: 4_096,
        is_json: true,
        ..Target::text("redaction", "bodies with what is never kept", rules::redaction, rules::secrets)
    },
    Target {
        limit_bytes: 2_048,
        is_json: true,
        ..Target::text("api_body", "bodies and queries of the API", api::requests, api::seeds)
    },
    Target::text("address", "addresses of pages, cursors of lists", api::address, api::addresses),
    Target { limit_bytes: 4_096, ..Target::text("multipart", "forms with a file", api::form, api::forms) },
    Target::text("search", "the search box", typed::search, typed::searches),
    Target::text("amount", "amounts and limits that people type", typed::amount, typed::amounts),
    Target {
        limit_bytes: 65_536,
        ..Target::text("time", "times and lengths that people type", typed::time, typed::times)
    },
    Target::text("csv", "cells of an export", sheets::csv, sheets::cells),
    Target {
        limit_bytes: 2_048,
        ..Target::text("notice", "templates, and what stands in them", sheets::notice, sheets::notices)
    },
    Target {
        limit_bytes: 16_384,
        ..Target::text("write_ahead_log", "logs of SQLite files", files::write_ahead_log, files::logs)
    },
    Target {
        limit_bytes: 65_536,
        ..Target::text(
            "queue_file",
            "a damaged `queue.db` that is salvaged",
            files::queue_file,
            files::queue_files,
        )
    },
];

/// The one of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

const TARGET: Variable = Variable {
    name: "FUZZ_TARGET",
    default: "",
    example: "rules",
    help: "Which target to search. Without it, their names and the longest input of each are printed.",
};
const SEEDS: Variable = Variable {
    name: "FUZZ_SEEDS",
    default: "",
    example: "target/fuzz/seeds/rules",
    help: "A folder into which the target writes what its search begins with.",
};

/// The target that the environment names, its seeds written where it says.
pub fn chosen() -> &'static Target {
    let env = Env::of_process();
    let name = env.text(&TARGET);
    if name.is_empty() {
        for target in TARGETS {
            println!("{} {}", target.name, target.limit_bytes);
        }
        process::exit(0);
    }
    let target = target(&name).unwrap_or_else(|| panic!("there is no target `{name}`"));
    if let Some(folder) = env.given(SEEDS.name) {
        fs::create_dir_all(folder).expect("a folder for seeds can be made");
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(Path::new(folder).join(format!("seed-{number}")), seed).expect("a seed can be written");
        }
    }
    target
}

/// Inputs that are kept, in the tree.
pub fn kept() -> PathBuf {
    workspace().join("tests/fuzz/corpus")
}

/// Every target's rules read the time from here: nothing depends on the day of a run.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_737_600, 0).expect("a moment of November 2026")
}

/// The texts of an input; what is no text is left out.
fn texts(data: &[u8]) -> impl Iterator<Item = &str> {
    data.split(|byte| *byte == BETWEEN).filter_map(|part| std::str::from_utf8(part).ok())
}

/// The first texts of an input, empty where there are no more.
fn some<const COUNT: usize>(data: &[u8]) -> [&str; COUNT] {
    let mut texts = texts(data);
    std::array::from_fn(|_| texts.next().unwrap_or_default())
}

/// Texts as an input.
fn joined<T: AsRef<[u8]>>(texts: &[T]) -> Vec<u8> {
    texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(&BETWEEN)
}

/// A name for a file of this process.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new("/dev/shm");
    let folder = if folder.is_dir() { folder.to_owned() } else { std::env::temp_dir() };
    folder.join(format!("tidegate-fuzz-{}-{name}", process::id()))
}
