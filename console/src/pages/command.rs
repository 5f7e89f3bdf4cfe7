//! The same as a command, to copy: what a page shows, a terminal shows too.

use maud::{Markup, html};

/// `id` tells this command from others of the page.
pub fn command(id: &str, line: &str) -> Markup {
    html! {
        div.command {
            code id=(id) { (line) }
            button.quiet type="button" data-copy=(id) data-script aria-label="Copy the command" { "Copy" }
        }
    }
}

/// The same as a request to the API; the token is whatever the shell has.
pub fn curl(path: &str) -> String {
    format!("curl -H \"Authorization: Bearer $TIDEGATE_TOKEN\" \"$TIDEGATE_URL{path}\"")
}

/// A word of a command line as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain =
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_ends_its_quotes() {
        assert_eq!(quoted("pi_1"), "pi_1");
        assert_eq!(quoted("a'; rm -rf"), "'a'\\''; rm -rf'");
        assert_eq!(quoted(""), "''");
    }
}
