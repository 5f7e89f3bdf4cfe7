//! Ids as Stripe writes them: a word for the kind of object, an underscore, then letters, digits and underscores.
//! What looks otherwise names nothing that Stripe could tell of.

const ID_LIMIT_BYTES: usize = 255;

/// With which words ids begin where a field names one kind of object alone. Fields that are not listed here take
/// every id.
const WORDS: &[(&str, &[&str])] = &[
    ("charge", &["ch", "py"]), // `py` of methods that are no cards
    ("customer", &["cus"]),
    ("customer_account", &["acct"]),
    ("invoice", &["in"]),
    ("latest_charge", &["ch", "py"]),
    ("payment_intent", &["pi"]),
    ("subscription", &["sub"]),
];

/// Whether a text is an id of whatever kind.
pub fn is_stripes(id: &str) -> bool {
    split(id).is_some()
}

/// Whether a text is the id of what a field of this name links to.
pub fn names(field: &str, id: &str) -> bool {
    let Some(word) = split(id) else { return false };
    WORDS.iter().find(|(name, _)| *name == field).is_none_or(|(_, words)| words.contains(&word))
}

/// The word that an id begins with.
fn split(id: &str) -> Option<&str> {
    let (word, rest) = id.split_once('_')?;
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_rest = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_word && is_rest && id.len() <= ID_LIMIT_BYTES).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_kind() {
        for id in ["ch_3Pq", "py_1", "in_1_2", "issfr_1A", "pi_3Nq_secret"] {
            assert!(is_stripes(id), "{id}");
        }
        for id in ["foo", "", "_1", "ch_", "Ch_1", "ch_1-2", "ch_1 ", "ch_\u{e9}", "4711"] {
            assert!(!is_stripes(id), "{id}");
        }
        assert!(!is_stripes(&format!("ch_{}", "a".repeat(253))));
    }

    #[test]
    fn a_field_of_one_kind_takes_no_other() {
        assert!(names("customer", "cus_1") && names("charge", "py_1") && names("dispute", "du_1"));
        assert!(!names("customer", "pi_1") && !names("payment_intent", "ch_1") && !names("customer", "foo"));
    }
}
