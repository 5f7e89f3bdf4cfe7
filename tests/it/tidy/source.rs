//! The tree as text: which files there are, and which part of a Rust line is code, a comment or a string.

use std::fs;
use std::path::Path;

/// What people never edit, and what a running product leaves behind.
const SKIPPED: &[&str] = &[".git", "target", "data", "node_modules", "__pycache__"];

pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Something that does not belong where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) line: usize,
    pub(super) advice: String,
}

/// One line of a Rust file, taken apart; what is not of a kind is blank in its place. Comments, and the
/// strings inside attributes, are in none.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) code: String,
    pub(super) attributes: String,
    pub(super) strings: String,
}

impl File {
    pub(super) fn finding(&self, line: usize, advice: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, advice: advice.into() }
    }

    pub(super) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    pub(super) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    pub(super) fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    /// The lines of a Rust file.
    pub(super) fn lines(&self) -> Vec<Line> {
        take_apart(&self.text)
    }

    /// The lines before the file's own unit tests.
    pub(super) fn lines_without_tests(&self) -> Vec<Line> {
        let mut lines = self.lines();
        // A module in a file of its own is one line; what stands after it is no test.
        let is_of_tests = |line: &Line| line.attributes.trim() == "#[cfg(test)]";
        let begins =
            |at: usize| lines.iter().skip(at).map(|line| line.code.trim()).find(|code| !code.is_empty());
        let is_inline = |at: usize| begins(at + 1).is_some_and(|code| !code.ends_with(';'));
        let tests = (0..lines.len()).find(|&at| is_of_tests(&lines[at]) && is_inline(at));
        lines.truncate(tests.unwrap_or(lines.len()));
        lines
    }
}

/// Every text file below the root.
pub(super) fn tree(root: &Path) -> Vec<File> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree can be read").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if SKIPPED.iter().any(|skipped| name == *skipped) {
                continue;
            }
            if entry.file_type().expect("a file has a type").is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                files.push(File { path, text });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

enum Place {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { hashes: Option<usize> },
}

fn take_apart(text: &str) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    let (mut lines, mut line) = (Vec::new(), Line { number: 1, ..Line::default() });
    let (mut place, mut at) = (Place::Code, 0);
    let mut brackets = 0; // open ones of the attribute that we are in
    while at < characters.len() {
        let rest = &characters[at..];
        let mut step = 1;
        let (mut code, mut attribute, mut string) = (' ', ' ', ' ');
        match place {
            Place::Code => {
                if rest.starts_with(&['/', '/']) {
                    place = Place::LineComment;
                } else if rest.starts_with(&['/', '*']) {
                    (place, step) = (Place::BlockComment { depth: 1 }, 2);
                } else if let Some((hashes, length)) = raw_string(&characters, at) {
                    (place, step) = (Place::Text { hashes: Some(hashes) }, length);
                } else if rest[0] == '"' {
                    place = Place::Text { hashes: None };
                } else if let Some(length) = character(rest) {
                    step = length;
                } else if brackets > 0 || rest.starts_with(&['#', '[']) || rest.starts_with(&['#', '!', '['])
                {
                    attribute = rest[0];
                    match attribute {
                        '#' if brackets == 0 => {
                            step = rest.iter().take_while(|c| **c != '[').count() + 1;
                            brackets = 1;
                        }
                        '[' => brackets += 1,
                        ']' => brackets -= 1,
                        _ => {}
                    }
                } else {
                    code = rest[0];
                }
            }
            Place::LineComment => {
                if rest[0] == '\n' {
                    place = Place::Code;
                }
            }
            Place::BlockComment { depth } => {
                if rest.starts_with(&['*', '/']) {
                    step = 2;
                    place = if depth == 1 { Place::Code } else { Place::BlockComment { depth: depth - 1 } };
                } else if rest.starts_with(&['/', '*']) {
                    (place, step) = (Place::BlockComment { depth: depth + 1 }, 2);
                }
            }
            Place::Text { hashes: None } if rest[0] == '\\' => step = 2,
            Place::Text { hashes } => {
                let closing = hashes.unwrap_or(0);
                let closes = rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= closing;
                if closes {
                    (place, step) = (Place::Code, 1 + closing);
                } else if brackets == 0 {
                    string = rest[0];
                }
            }
        }
        for passed in &rest[..step.min(rest.len())] {
            if *passed == '\n' {
                let number = line.number + 1;
                lines.push(std::mem::replace(&mut line, Line { number, ..Line::default() }));
            } else {
                line.code.push(code);
                line.attributes.push(if attribute == '#' { *passed } else { attribute });
                line.strings.push(string);
            }
        }
        at += step;
    }
    lines.push(line);
    lines
}

/// `r"`, `r#"`, `br"`: how many hashes, and how long the opening is.
fn raw_string(characters: &[char], at: usize) -> Option<(usize, usize)> {
    let inside_a_word = at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
    let rest = &characters[at..];
    let prefix = if rest.starts_with(&['r']) { 1 } else { 2 * usize::from(rest.starts_with(&['b', 'r'])) };
    if inside_a_word || prefix == 0 {
        return None;
    }
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    (rest.get(prefix + hashes) == Some(&'"')).then_some((hashes, prefix + hashes + 1))
}

/// The length of a character literal; a lifetime is none.
fn character(rest: &[char]) -> Option<usize> {
    match rest {
        ['\'', '\\', ..] => rest[3..].iter().take(10).position(|c| *c == '\'').map(|end| end + 4),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

#[test]
fn comments_strings_and_code_are_told_apart() {
    let text = "#[derive(A)] let a = \"SELECT \\\" x\"; // tokio\n/* one /* two */ lapin */ b('\"', '\\'', r#\"q\"uo\n\"#);\nfn c<'a>() {}\n";
    let lines = take_apart(text);
    assert_eq!(lines.len(), 5);
    assert!(lines[0].strings.contains("SELECT") && !lines[0].code.contains("tokio"));
    assert_eq!((lines[0].attributes.trim(), &lines[0].code.trim()[..5]), ("#[derive(A)]", "let a"));
    assert_eq!(lines[1].code.split_whitespace().collect::<String>(), "b(,,");
    assert!(lines[1].strings.contains("q\"uo"));
    assert_eq!(lines[2].code.trim(), ");");
    assert_eq!(lines[3].code, "fn c<'a>() {}");
}
