//! The stylesheet, the script and the mark: ours alone, served under names that change with what is in them, so that
//! a browser may keep them for ever.

use std::sync::LazyLock;

use envelope::hex::hex;
use sha2::{Digest, Sha256};

const HASH_BYTES: usize = 6;

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Its address.
    pub path: String,
    pub content_type: &'static str,
    pub text: &'static str,
}

pub static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::of("style", "css", "text/css; charset=utf-8", include_str!("static/style.css")));
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::of("script", "js", "text/javascript; charset=utf-8", include_str!("static/script.js"))
});
pub static MARK: LazyLock<Asset> =
    LazyLock::new(|| Asset::of("mark", "svg", "image/svg+xml", include_str!("static/mark.svg")));

impl Asset {
    fn of(name: &str, ending: &str, content_type: &'static str, text: &'static str) -> Self {
        let hash = hex(&Sha256::digest(text)[..HASH_BYTES]);
        Self { path: format!("/static/{name}-{hash}.{ending}"), content_type, text }
    }

    /// The one at this address.
    pub fn at(path: &str) -> Option<&'static Self> {
        let all: [&'static Self; 3] = [&STYLE, &SCRIPT, &MARK];
        all.into_iter().find(|asset| asset.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_own_name_alone() {
        assert!(STYLE.path.starts_with("/static/style-"));
        assert_eq!(Asset::at(&SCRIPT.path).unwrap().content_type, "text/javascript; charset=utf-8");
        assert!(Asset::at("/static/style-000000000000.css").is_none());
    }
}
