//! A finding: what was checked, its state, and what to do. One line of `tidegate status` and `doctor`.

use serde::Serialize;

use crate::table::{clean, filled};
use crate::terminal;

/// Ends a colour.
const PLAIN: &str = "\x1b[0m";

/// In the order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Ok,
    /// It could not be looked at from here.
    Unknown,
    /// Nothing is lost or late yet, but somebody should know.
    Look,
    /// It needs a person now.
    Act,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub name: &'static str,
    pub mark: Mark,
    pub found: String,
    /// What to do, where it is not well.
    pub advice: Option<String>,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "?",
            Self::Look => "LOOK",
            Self::Act => "ACT",
        }
    }

    /// How a terminal is told to show the word; nothing where it needs no attention.
    fn colour(self) -> Option<&'static str> {
        match self {
            Self::Ok | Self::Unknown => None,
            Self::Look => Some("\x1b[1;33m"),
            Self::Act => Some("\x1b[1;31m"),
        }
    }
}

impl Finding {
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, mark: Mark::Ok, found: found.into(), advice: None }
    }

    pub fn unknown(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, mark: Mark::Unknown, found: found.into(), advice: None }
    }

    pub fn look(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, mark: Mark::Look, found: found.into(), advice: Some(advice.into()) }
    }

    pub fn act(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, mark: Mark::Act, found: found.into(), advice: Some(advice.into()) }
    }
}

impl Finding {
    /// As urgent as the first of the two that holds; else it is well, and needs no advice.
    pub fn weighed(
        name: &'static str,
        found: impl Into<String>,
        (must_act, should_look): (bool, bool),
        advice: impl Into<String>,
    ) -> Self {
        match (must_act, should_look) {
            (true, _) => Self::act(name, found, advice),
            (false, true) => Self::look(name, found, advice),
            (false, false) => Self::ok(name, found),
        }
    }
}

/// The most urgent of all.
pub fn worst(findings: &[Finding]) -> Mark {
    findings.iter().map(|finding| finding.mark).max().unwrap_or(Mark::Ok)
}

/// One line each, and below it what to do. A name is not repeated where several lines have it.
pub fn page(findings: &[Finding]) -> String {
    paged(findings, terminal::has_colour())
}

fn paged(findings: &[Finding], has_colour: bool) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let indent = " ".repeat(width + 8);
    let advised = format!("{indent}-> ");
    let mut text = String::new();
    for (index, Finding { name, mark, found, advice }) in findings.iter().enumerate() {
        let is_same = index > 0 && findings[index - 1].name == *name;
        let label = format!("{:<6}{:<width$}  ", mark.word(), if is_same { "" } else { name });
        let lines = hanging(&label, &indent, found);
        match mark.colour().filter(|_| has_colour) {
            Some(colour) => text.extend([colour, mark.word(), PLAIN, &lines[mark.word().len()..]]),
            None => text.push_str(&lines),
        }
        if let Some(advice) = advice {
            text.push_str(&hanging(&advised, &format!("{indent}   "), advice));
        }
    }
    text
}

/// The first line begins with the label, further ones with the indent, which is as wide.
fn hanging(label: &str, indent: &str, words: &str) -> String {
    let words = clean(words);
    let lines = filled(indent, &words.split(' ').collect::<Vec<_>>());
    format!("{label}{}", &lines[indent.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_and_what_to_do() {
        let findings = [
            Finding::ok("queue", "0 ready"),
            Finding::act("ledger", "it does not answer", "start it"),
            Finding::look("ledger", "it is slow", "wait"),
        ];
        assert_eq!(
            page(&findings),
            "ok    queue   0 ready\nACT   ledger  it does not answer\n              -> start it\n\
             LOOK          it is slow\n              -> wait\n"
        );
        let coloured = paged(&findings, true);
        assert!(coloured.contains("\x1b[1;31mACT\x1b[0m   ledger  it does not answer\n"), "{coloured:?}");
        assert!(
            coloured.contains("\x1b[1;33mLOOK\x1b[0m") && coloured.starts_with("ok    queue"),
            "{coloured:?}"
        );
        assert_eq!(worst(&findings), Mark::Act);
        assert_eq!(worst(&[]), Mark::Ok);
    }

    #[test]
    fn long_findings_are_wrapped_below_themselves() {
        let page = page(&[Finding::ok("a", "word ".repeat(40).trim_end())]);
        assert!(page.lines().count() > 1 && page.lines().all(|line| line.chars().count() <= 100), "{page}");
        assert!(page.lines().skip(1).all(|line| line.starts_with("         word")), "{page}");
    }
}
