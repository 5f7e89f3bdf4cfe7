//! The dictionary of a segment's form: made once from bodies of our own making, and never again for that form.

use std::collections::BTreeMap;
use std::fs;

use envelope::hex::hex;
use harness::binaries::workspace;
use harness::histories::{ApiVersion, Scene, walk};
use serde_json::Value;
use sha2::{Digest, Sha256};

const FILE: &str = "ledger/src/segment/dictionary_1.txt";
/// Segments that were packed with it can be read with nothing else.
const HASH: &str = "e28ab6a2a8d14a1b80d6101450369e614acc6ec5cef4f14aaf161125b2146905";
const EVENTS: usize = 2_000;

#[test]
fn the_dictionary_of_a_form_never_changes() {
    let dictionary = fs::read(workspace().join(FILE)).unwrap();
    assert_eq!(
        hex(&Sha256::digest(&dictionary)),
        HASH,
        "a new dictionary needs a new form, and its own file"
    );
}

/// How it was made: `cargo test --workspace --test it -- --ignored dictionary::is_made`, which writes it to the
/// folder for temporary files. One body of each type of object, those that come most often last: zstd finds what is
/// near at less cost.
#[test]
#[ignore = "makes the dictionary of a further form: cargo test --workspace --test it -- --ignored dictionary::is_made"]
fn is_made() {
    let version = *ApiVersion::ALL.last().unwrap();
    let scene = Scene { seed: 1, account: String::new(), livemode: true, version };
    let mut found: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for event in walk(&scene, EVENTS).events {
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        let kind = body["data"]["object"]["object"].as_str().unwrap().to_owned();
        let (count, text) = found.entry(kind).or_default();
        *count += 1;
        *text = String::from_utf8(event.body.to_vec()).unwrap();
    }
    let mut bodies: Vec<(usize, String)> = found.into_values().collect();
    bodies.sort();
    let dictionary: String = bodies.into_iter().map(|(_, text)| text).collect();
    let path = std::env::temp_dir().join("dictionary.txt");
    fs::write(&path, &dictionary).unwrap();
    println!("{} bytes in {}", dictionary.len(), path.display());
}
