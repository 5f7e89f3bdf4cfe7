//! Stripe's sentences, kept for staff, without what must not be kept: keys, secrets, card numbers and addresses.

const LENGTH_LIMIT_CHARS: usize = 400;
/// A card number has at least this many digits, and no amount that Stripe names has.
const CARD_DIGITS_LEAST: usize = 12;
const REMOVED: &str = "[removed]";
const SECRET_STARTS: &[&str] = &["sk_", "rk_", "pk_", "ek_", "whsec_", "tdg_", "bearer"];

/// The text on one line, with every word that may be a secret replaced.
pub(super) fn without_secrets(text: &str) -> String {
    let mut clean = String::new();
    let mut word = String::new();
    let short: String = text.chars().take(LENGTH_LIMIT_CHARS).collect();
    for character in short.chars().chain(std::iter::once(' ')) {
        if character.is_alphanumeric() || "_-*@+.".contains(character) {
            word.push(character);
            continue;
        }
        clean.push_str(if is_secret(&word) { REMOVED } else { &word });
        word.clear();
        clean.push(if character.is_control() { ' ' } else { character });
    }
    clean.trim().to_owned()
}

fn is_secret(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    SECRET_STARTS.iter().any(|start| lower.starts_with(start))
        || lower.contains("_secret_")
        || word.contains('@')
        || (digits >= CARD_DIGITS_LEAST && word.chars().all(|c| c.is_ascii_digit() || "-.*".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_addresses_are_removed_and_the_sentence_stays() {
        for (told, kept) in [
            ("Invalid API Key provided: sk_live_4eC39HqLyjW", "Invalid API Key provided: [removed]"),
            ("key 'rk_test_***abc123' lacks rights", "key '[removed]' lacks rights"),
            ("No such payment_intent: 'pi_1_secret_abc'", "No such payment_intent: '[removed]'"),
            ("jane@example.com is blocked", "[removed] is blocked"),
            ("card 4242424242424242 is invalid", "card [removed] is invalid"),
            (
                "Refund amount ($30.00) is greater than unrefunded amount on charge ($25.00)",
                "Refund amount ($30.00) is greater than unrefunded amount on charge ($25.00)",
            ),
            ("No such charge: 'ch_3P0123456789012345'\n", "No such charge: 'ch_3P0123456789012345'"),
        ] {
            assert_eq!(without_secrets(told), kept);
        }
        assert!(without_secrets(&"a ".repeat(10_000)).len() <= LENGTH_LIMIT_CHARS);
    }
}
