//! What `scripts/fuzz` has found stays found: every kept input, and every seed, through the functions that it searches.

use std::collections::BTreeSet;
use std::fs;

use harness::binaries::workspace;
use harness::fuzzing::{TARGETS, kept, mutated, target};

/// As much as everybody who clones the project carries along.
const KEPT_LIMIT_BYTES: u64 = 220_000;

#[test]
fn every_kept_input_and_every_seed_keeps_its_promises() {
    for target in TARGETS {
        let files = fs::read_dir(kept().join(target.name)).map(Iterator::collect::<Vec<_>>);
        let files = files.unwrap_or_else(|_| panic!("nothing is kept for {}", target.name));
        assert!(!files.is_empty(), "nothing is kept for {}", target.name);
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            (target.run)(&fs::read(path).unwrap());
        }
        for (number, seed) in (target.seeds)().iter().enumerate() {
            println!("{}, seed {number}", target.name);
            (target.run)(seed);
            (target.run)(&seed[..seed.len() / 2]);
        }
        (target.run)(&[]);
    }
}

#[test]
fn json_is_changed_into_other_json() {
    let seeds = (target("rules").unwrap().seeds)();
    let mut others = BTreeSet::new();
    for number in 0..200 {
        let seed = &seeds[usize::try_from(number).unwrap() % seeds.len()];
        let mutated = mutated(seed, number).unwrap();
        for text in mutated.split(|byte| *byte == 0xff).filter(|text| !text.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(text).unwrap();
        }
        if mutated != *seed {
            others.insert(mutated);
        }
    }
    assert!(others.len() > 150, "{}", others.len());
}

#[test]
fn the_corpus_is_small_and_belongs_to_targets() {
    let mut bytes = 0;
    for folder in fs::read_dir(kept()).unwrap() {
        let folder = folder.unwrap();
        assert!(target(folder.file_name().to_str().unwrap()).is_some(), "{:?}", folder.file_name());
        for file in fs::read_dir(folder.path()).unwrap() {
            bytes += file.unwrap().metadata().unwrap().len();
        }
    }
    assert!(bytes < KEPT_LIMIT_BYTES, "{bytes} bytes are kept: keep fewer inputs");
}

/// What is searched is what is shipped.
#[test]
fn the_fuzzers_build_the_versions_that_the_product_has() {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).unwrap();
    let ours = packages(&read("Cargo.lock"));
    let names: BTreeSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    let fuzzers = packages(&read("tests/fuzz/Cargo.lock"));
    let strayed: Vec<_> = fuzzers
        .iter()
        .filter(|package| names.contains(package.0.as_str()) && !ours.contains(package))
        .collect();
    assert!(
        strayed.is_empty(),
        "copy Cargo.lock to tests/fuzz/Cargo.lock and run `cargo metadata --manifest-path tests/fuzz/Cargo.toml`: {strayed:?}"
    );
    assert!(fuzzers.len() > 100);
}

/// Names and versions.
fn packages(lock: &str) -> BTreeSet<(String, String)> {
    let value = |line: Option<&str>, name: &str| {
        let quoted = line?.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"')?;
        Some(quoted.to_owned())
    };
    let package = |text: &str| {
        let mut lines = text.lines();
        Some((value(lines.next(), "name")?, value(lines.next(), "version")?))
    };
    lock.split("[[package]]\n").filter_map(package).collect()
}
