//! The faults as people write them, one file for each room of the house:
//!
//! ```text
//! == name_of_the_fault
//! What is broken, and who is hurt.
//! in gateway/src/signature.rs
//! - the whole lines as they stand in the source, with «the part that is wrong» marked
//! + what stands there instead; without marks, instead of all of these lines
//! caught by lib gateway signature::tests::a_name
//! caught by it delivery::a_name
//! caught by servers rabbitmq::a_name
//! ```

use std::fs;

use harness::binaries::workspace;

#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The file that lists it.
    pub(super) room: String,
    pub(super) name: String,
    pub(super) harm: String,
    /// From the root.
    pub(super) source: String,
    /// The lines as they are, without their indentation and the marks.
    pub(super) lines: Vec<String>,
    /// What is replaced, as it is; `None` for all the lines.
    pub(super) part: Option<String>,
    /// How many characters of the lines, joined by line breaks, stand before the part.
    pub(super) before: usize,
    pub(super) instead: String,
    pub(super) tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    pub(super) kind: Kind,
    pub(super) name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Inside this package.
    Lib(String),
    /// Of the whole product, on SQLite alone.
    It,
    /// Of the whole product, with RabbitMQ and Postgres too.
    Servers,
}

/// In the order of the files, and of each file's lines.
pub(super) fn all() -> Vec<Fault> {
    let folder = workspace().join("tests/sabotage");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let room = |path: &std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    files.iter().flat_map(|path| read(&room(path), &fs::read_to_string(path).unwrap())).collect()
}

pub(super) fn read(room: &str, text: &str) -> Vec<Fault> {
    let mut parts = text.split("\n== ");
    parts.next().expect("what stands before the first fault is for people");
    parts.map(|part| one(room, part)).collect()
}

fn one(room: &str, text: &str) -> Fault {
    let mut lines = text.lines();
    let name = lines.next().unwrap_or_default().trim().to_owned();
    let (mut harm, mut source, mut marked, mut instead, mut tests) =
        (Vec::new(), String::new(), Vec::new(), Vec::new(), Vec::new());
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(path) = line.strip_prefix("in ") {
            path.clone_into(&mut source);
        } else if let Some(was) = line.strip_prefix("- ") {
            marked.push(was.trim().to_owned());
        } else if let Some(is) = line.strip_prefix('+') {
            instead.push(is.trim());
        } else if let Some(test) = line.strip_prefix("caught by ") {
            tests.push(
                Test::read(test)
                    .unwrap_or_else(|| panic!("{room}, {name}: lib PACKAGE, it or servers: {line}")),
            );
        } else {
            assert!(source.is_empty(), "{room}, {name}: who is hurt is said first: {line}");
            harm.push(line);
        }
    }
    let whole = marked.join("\n");
    let (before, part) = match whole.split_once('«') {
        Some((before, rest)) => {
            let part = rest.split_once('»').unwrap_or_else(|| panic!("{room}, {name}: « needs »")).0;
            (before.len(), Some(part.to_owned()))
        }
        None => (0, None),
    };
    Fault {
        room: room.to_owned(),
        name,
        harm: harm.join(" "),
        source,
        lines: whole.replace(['«', '»'], "").lines().map(str::to_owned).collect(),
        part,
        before,
        instead: instead.join("\n"),
        tests,
    }
}

impl Test {
    fn read(text: &str) -> Option<Self> {
        let (kind, name) = match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["lib", package, name] => (Kind::Lib(package.to_owned()), name),
            ["it", name] => (Kind::It, name),
            ["servers", name] => (Kind::Servers, name),
            _ => return None,
        };
        Some(Self { kind, name: name.to_owned() })
    }
}

#[test]
fn a_fault_is_read_as_it_is_written() {
    let text = "For people.\n\n== off_by_one\nOne too many.\nTwo lines.\nin domain/src/a.rs\n- if «n > 3» {\n-     stop();\n+ n > 4\ncaught by lib domain a::b\n";
    let faults = read("domain", text);
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!((fault.name.as_str(), fault.harm.as_str()), ("off_by_one", "One too many. Two lines."));
    assert_eq!(fault.lines, ["if n > 3 {", "stop();"]);
    assert_eq!((fault.part.as_deref(), fault.before, fault.instead.as_str()), (Some("n > 3"), 3, "n > 4"));
    assert_eq!(fault.tests, [Test { kind: Kind::Lib("domain".to_owned()), name: "a::b".to_owned() }]);
}
