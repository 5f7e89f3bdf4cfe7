//! Short names for the causes of dead letters. A cause is a long sentence; eight digits that it always comes to are
//! enough to type, and are taken wherever the whole cause is.

use anyhow::bail;
use desk::views::dead_letters::CAUSE_BYTES;
pub use desk::views::dead_letters::cause as short;
use ledger::Ledger;

use crate::{open, output};

/// The cause that somebody means: by its short name, or as it stands.
pub async fn meant(ledger: &Ledger, given: Option<String>) -> anyhow::Result<Option<String>> {
    let name = match given {
        Some(name) if is_short(&name) => name,
        whole => return Ok(whole),
    };
    let causes = open::answer(ledger, ledger.dead_causes(shared::clock::now())).await?;
    match causes.into_iter().find(|found| short(&found.fingerprint) == name) {
        Some(found) => Ok(Some(found.fingerprint)),
        None => bail!(
            "no dead letter in the ledger at {} has the cause {name}: `{} dead-letters groups` lists them",
            ledger.shown(),
            output::me()
        ),
    }
}

fn is_short(name: &str) -> bool {
    name.len() == 2 * CAUSE_BYTES && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_is_the_same_for_ever_and_no_cause_looks_like_one() {
        // printf 'suspect: digest' | sha256sum
        assert_eq!(short("suspect: digest"), "1c8217e4");
        assert!(is_short(&short("permanent: payments: data.object.amount is missing (none)")));
        assert!(!is_short("suspect: digest") && !is_short("ABCDEF01") && !is_short("abcdef0"));
    }
}
