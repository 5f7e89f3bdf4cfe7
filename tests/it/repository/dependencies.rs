//! What may be in the tree: `scripts/dependencies` holds every crate against deny.toml, and refuses what it must.

use std::fs;

use super::script;
use crate::manifests::render::file;

#[test]
fn every_crate_has_an_allowed_licence_and_source_and_a_change_of_either_is_refused() {
    assert!(script("dependencies", &[]).unwrap().contains("none is banned"));
    let policy = file("deny.toml");
    for (changed, said) in [
        (policy.replace("\"Zlib\",", ""), "has the licence Zlib, which is not allowed"),
        (policy.replace("\"Apache-2.0\",", "").replace("\"MIT\",", ""), "has the licence MIT OR Apache-2.0"),
        (policy.replace("crates.io-index\"]", "another-index\"]"), "which is no allowed source"),
        (policy.replace("\"backoff\"", "\"backon\""), "may not be there: unmaintained"),
    ] {
        assert_ne!(changed, policy, "the policy has other words now");
        let path = std::env::temp_dir().join(format!("deny-{}.toml", shared::trace::random_hex::<8>()));
        fs::write(&path, changed).unwrap();
        let refusal = script("dependencies", &[path.to_str().unwrap()]).unwrap_err();
        assert!(refusal.contains(said), "{refusal}");
        fs::remove_file(path).unwrap();
    }
}
