//! The house: which crate is built on which, and whether files import each other in a circle. `scripts/house` prints
//! the picture.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::source::{File, Finding};

/// From the ground up. An arrow runs from a crate to one on a lower floor.
const FLOORS: &[&[&str]] = &[
    &["envelope", "stripe-sim"],
    &["shared", "domain", "fake-stripe"],
    &["gateway", "ledger", "stripe-api"],
    &["desk"],
    &["marketplace"],
    &["worker", "console"],
    &["ops"],
    &["tests"],
    &["bench"],
];
/// What runs the arrows further apart than the floors do.
const NEVER: &[(&str, &[&str])] = &[
    ("shared", &["domain"]),
    ("gateway", &["domain", "sqlx", "stripe-sim"]),
    ("ledger", &["lapin", "hyper"]),
    ("stripe-api", &["ledger", "sqlx", "lapin"]),
    ("desk", &["clap", "sqlx", "lapin"]),
    ("marketplace", &["stripe-api", "clap", "sqlx", "lapin", "hyper"]),
    ("console", &["gateway", "worker", "stripe-api", "stripe-sim", "clap", "sqlx", "lapin"]),
    ("fake-stripe", &["shared", "domain", "sqlx", "lapin"]),
    ("worker", &["gateway", "clap", "sqlx", "lapin", "stripe-sim"]),
    ("ops", &["sqlx", "lapin"]),
];
/// All that the rules may be built on: nothing that waits, asks or knows the time.
const PURE: &[&str] = &["bytes", "chrono", "envelope", "hmac", "serde", "serde_json", "sha2", "thiserror"];
/// The kinds of object refer to each other; that is what they are. Tests and bench are not what ships.
const MAY_BE_ROUND: &[&str] = &["domain/", "tests/", "bench/"];

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The crates of the house, each with those that it depends on.
fn crates(files: &[File]) -> BTreeMap<&str, BTreeSet<&str>> {
    let manifests = files.iter().filter_map(|file| Some((file.path.strip_suffix("/Cargo.toml")?, file)));
    let manifests = manifests.filter(|(name, _)| FLOORS.concat().contains(name));
    manifests.map(|(name, file)| (name, dependencies(file))).collect()
}

fn dependencies(manifest: &File) -> BTreeSet<&str> {
    let section = manifest.text.split("[dependencies]").nth(1).unwrap_or_default();
    let lines = section.lines().skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_alphabetic()));
    names.filter_map(|line| line.split(['.', '=', ' ']).next()).collect()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

pub(super) fn arrows_that_run_up(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |name: &str, advice: String| {
        findings.push(Finding { path: format!("{name}/Cargo.toml"), line: 1, advice });
    };
    for (name, built_on) in crates(files) {
        for below in &built_on {
            if floor(below).is_some() && floor(below) >= floor(name) {
                find(name, format!("arrows run down: {name} stands no higher than {below}"));
            }
            if NEVER.iter().any(|(of, never)| *of == name && never.contains(below)) {
                find(name, format!("{name} is never built on {below}"));
            }
            if name == "domain" && !PURE.contains(below) {
                find(name, format!("the rules are pure: {below} may not come in"));
            }
        }
    }
    findings
}

/// Files that import each other in a loop. What a module takes from those above it, in the same folder or as the
/// face of its own, is no loop.
pub(super) fn circles(files: &[File]) -> Vec<Finding> {
    let arrows = arrows(files);
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen = BTreeSet::new();
    for from in arrows.keys().filter(|path| !MAY_BE_ROUND.iter().any(|round| path.starts_with(round))) {
        let circle: BTreeSet<&String> =
            reach(&arrows, from).into_iter().filter(|to| reach(&arrows, to).contains(from)).collect();
        if circle.is_empty() || !seen.insert(circle.clone()) {
            continue;
        }
        let others: Vec<&str> = circle.iter().map(|path| path.as_str()).collect();
        let advice = format!("a circle of {} files: {}", circle.len(), others.join(", "));
        findings.push(Finding { path: from.clone(), line: 1, advice });
    }
    findings
}

fn reach<'a>(arrows: &'a Arrows, from: &str) -> BTreeSet<&'a String> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(at) = open.pop() {
        for next in arrows.get(at).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// From each file of a crate to those of the same crate that it names.
fn arrows(files: &[File]) -> Arrows {
    let sources: Vec<&File> =
        files.iter().filter(|file| file.is_rust() && crate_of(&file.path).is_some()).collect();
    let modules: BTreeMap<(&str, Vec<&str>), &str> = sources
        .iter()
        .filter_map(|file| {
            let (name, inside) = crate_of(&file.path)?;
            Some(((name, module(inside)), file.path.as_str()))
        })
        .collect();
    let mut arrows = Arrows::new();
    for file in &sources {
        let Some((name, inside)) = crate_of(&file.path) else { continue };
        let own = module(inside);
        let code: Vec<String> = file.lines_without_tests().into_iter().map(|line| line.code).collect();
        for path in paths(&code.join(" ")) {
            let full = resolve(&own, &path);
            let found = (1..=full.len()).rev().find_map(|length| {
                let prefix: Vec<&str> = full[..length].iter().map(String::as_str).collect();
                modules
                    .iter()
                    .find(|((of, module), _)| *of == name && *module == prefix)
                    .map(|(_, path)| *path)
            });
            let Some(found) = found.filter(|found| *found != file.path) else { continue };
            let (_, found_inside) = crate_of(found).expect("it is one of the sources");
            if own.starts_with(&module(found_inside)) {
                continue; // its parent module
            }
            arrows.entry(file.path.clone()).or_default().insert(found.to_owned());
        }
    }
    arrows
}

fn crate_of(path: &str) -> Option<(&str, &str)> {
    let (name, inside) = path.split_once("/src/")?;
    floor(name).map(|_| (name, inside))
}

/// The module that a file is, from the root of its crate.
fn module(inside: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = inside.trim_end_matches(".rs").split('/').collect();
    if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
        parts.pop();
    }
    parts
}

/// Every path of the code that begins in its own crate, `{…}` written out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            expand(&code[at..], Vec::new(), &mut found);
        }
    }
    found
}

/// Reads a tree of a `use`, or a plain path; gives what follows it.
fn expand<'a>(text: &'a str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let mut rest = text.trim_start();
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = expand(rest, path.clone(), found).trim_start();
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                rest = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]).trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        path.push(rest[..length].to_owned());
        rest = &rest[length..];
        let Some(after) = rest.strip_prefix("::") else {
            found.push(path);
            return rest;
        };
        rest = after.trim_start();
    }
}

fn resolve(own: &[&str], path: &[String]) -> Vec<String> {
    let mut full: Vec<String> = Vec::new();
    for (place, part) in path.iter().enumerate() {
        match part.as_str() {
            "crate" => full.clear(),
            "self" if place == 0 => full = own.iter().map(|part| (*part).to_owned()).collect(),
            "super" => {
                if place == 0 {
                    full = own.iter().map(|part| (*part).to_owned()).collect();
                }
                full.pop();
            }
            part => full.push(part.to_owned()),
        }
    }
    full
}

/// The crates from the top floor down, each with its lines and what it is built on, and the largest files.
pub(super) fn picture(files: &[File]) -> String {
    let lines = |file: &File| file.text.lines().count();
    let crates = crates(files);
    let mut text = String::new();
    for (place, floor) in FLOORS.iter().enumerate().rev() {
        for name in *floor {
            let own =
                files.iter().filter(|file| file.is_rust() && file.path.starts_with(&format!("{name}/")));
            let lengths: Vec<usize> = own.map(lines).collect();
            let below = crates.get(name).into_iter().flatten().filter(|below| self::floor(below).is_some());
            let below: Vec<&str> = below.copied().collect();
            writeln!(
                text,
                "floor {}  {name:<11} {:>6} lines in {:>3} files   {}",
                place + 1,
                lengths.iter().sum::<usize>(),
                lengths.len(),
                if below.is_empty() { String::new() } else { format!("-> {}", below.join(", ")) }
            )
            .expect("a String takes every write");
        }
    }
    let mut lengths: Vec<(usize, &str)> =
        files.iter().filter(|file| file.is_rust()).map(|file| (lines(file), file.path.as_str())).collect();
    lengths.sort_unstable();
    if let (Some((median, _)), Some((most, path))) = (lengths.get(lengths.len() / 2), lengths.last()) {
        writeln!(text, "the median file has {median} lines, the longest {most}: {path}").expect("as above");
    }
    text
}
