//! A copy of the tree in which every fault is a switch. The product's own sources have no switches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::faults::Fault;

/// Which fault is on. Harness and tests clear the environment of what they start, so it is a file.
pub(super) const SWITCH: &str = "target/fault";

/// By file, in the order of their places.
type Places<'f> = BTreeMap<&'f str, Vec<(Range<usize>, &'f Fault)>>;

/// Where each fault stands in its source; or what is wrong with them, a line each.
pub(super) fn places<'f>(faults: &'f [Fault], root: &Path) -> Result<Places<'f>, Vec<String>> {
    let (mut places, mut wrong) = (Places::new(), Vec::new());
    for fault in faults {
        let Ok(text) = fs::read_to_string(root.join(&fault.source)) else {
            wrong.push(format!("{}: {} is not there", fault.name, fault.source));
            continue;
        };
        match &find(fault, &text)[..] {
            [place] => places.entry(fault.source.as_str()).or_default().push((place.clone(), fault)),
            found => wrong.push(format!(
                "{}: its lines stand {} times in {}: mend the fault in tests/sabotage/{}",
                fault.name,
                found.len(),
                fault.source,
                fault.room
            )),
        }
    }
    for (source, in_file) in &mut places {
        in_file.sort_by_key(|(range, _)| range.start);
        for pair in in_file.windows(2) {
            if pair[0].0.end > pair[1].0.start {
                wrong.push(format!("{source}: {} and {} overlap", pair[0].1.name, pair[1].1.name));
            }
        }
    }
    if wrong.is_empty() { Ok(places) } else { Err(wrong) }
}

/// Every place at which the fault's lines stand one after the other, whatever their indentation.
fn find(fault: &Fault, text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let lines: Vec<(usize, &str)> = text
        .split('\n')
        .map(|line| {
            let start = at + line.len() - line.trim_start().len();
            at += line.len() + 1;
            (start, line.trim())
        })
        .collect();
    let same = |window: &&[(usize, &str)]| {
        window.iter().map(|line| line.1).eq(fault.lines.iter().map(String::as_str))
    };
    lines.windows(fault.lines.len().max(1)).filter(same).map(|window| part(fault, window)).collect()
}

/// The marked part, or the whole lines.
fn part(fault: &Fault, window: &[(usize, &str)]) -> Range<usize> {
    let place = |offset: usize, ends: bool| {
        let mut left = offset;
        for (start, line) in window {
            if left < line.len() || (left == line.len() && ends) {
                return start + left;
            }
            left -= (line.len() + 1).min(left);
        }
        window.last().map_or(0, |(start, line)| start + line.len())
    };
    match &fault.part {
        Some(part) => place(fault.before, false)..place(fault.before + part.len(), true),
        None => place(0, false)..window.last().map_or(0, |(start, line)| start + line.len()),
    }
}

/// The switch around one place. A marked part is an expression, whole lines are statements.
fn switched(fault: &Fault, good: &str) -> String {
    let (name, bad) = (&fault.name, &fault.instead);
    let both = format!("if crate::sabotage::on({name:?}) {{ {bad} }} else {{ {good} }}");
    if fault.part.is_some() { format!("({both})") } else { both }
}

/// Brings a copy up to date with the tree, faults included; a file that stays the same keeps its time, so that
/// cargo builds only what changed.
pub(super) fn lay_out(faults: &[Fault], root: &Path, copy: &str) -> PathBuf {
    let copy = root.join(copy);
    let places = places(faults, root).unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let crates: BTreeSet<&str> = places.keys().map(|source| crate_of(source)).collect();
    let mut kept = BTreeSet::new();
    for path in tracked(root) {
        let Ok(mut bytes) = fs::read(root.join(&path)) else { continue };
        if let Some(in_file) = places.get(path.as_str()) {
            let mut text = String::from_utf8(bytes).unwrap();
            for (range, fault) in in_file.iter().rev() {
                let good = text[range.clone()].to_owned();
                text.replace_range(range.clone(), &switched(fault, &good));
            }
            bytes = text.into_bytes();
        }
        if crates.iter().any(|name| path == crate_root(root, name)) {
            bytes.extend_from_slice(module(&copy).as_bytes());
        }
        let to = copy.join(&path);
        if fs::read(&to).ok().as_deref() != Some(&bytes) {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(&to, bytes).unwrap();
            fs::set_permissions(&to, fs::metadata(root.join(&path)).unwrap().permissions()).unwrap();
        }
        kept.insert(to);
    }
    forget(&copy, &kept);
    share(root, &copy);
    copy
}

fn tracked(root: &Path) -> Vec<String> {
    let listed =
        Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root).output();
    String::from_utf8(listed.expect("git lists the tree").stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn crate_of(source: &str) -> &str {
    source.split("/src/").next().expect("a source stands in src/")
}

fn crate_root(root: &Path, name: &str) -> String {
    let library = format!("{name}/src/lib.rs");
    if root.join(&library).is_file() { library } else { format!("{name}/src/main.rs") }
}

fn module(copy: &Path) -> String {
    let mut text = String::new();
    write!(
        text,
        "\nmod sabotage {{
    pub(crate) fn on(name: &str) -> bool {{
        static ON: std::sync::LazyLock<String> =
            std::sync::LazyLock::new(|| std::fs::read_to_string({:?}).unwrap_or_default());
        *ON == name
    }}
}}\n",
        copy.join(SWITCH).display()
    )
    .unwrap();
    text
}

/// What the tree no longer has, the copy must not have either.
fn forget(copy: &Path, kept: &BTreeSet<PathBuf>) {
    let mut folders = vec![copy.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path == copy.join("target") || entry.file_type().unwrap().is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if !kept.contains(&path) {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

/// Third-party crates are built already: the copy takes them as they are. So is what `scripts/peers` fetched.
fn share(root: &Path, copy: &Path) {
    let (from, to) = (root.join("target/debug"), copy.join("target/debug"));
    if to.exists() {
        return;
    }
    let ours = packages(root);
    for folder in ["deps", "build", ".fingerprint"] {
        fs::create_dir_all(to.join(folder)).unwrap();
        for entry in fs::read_dir(from.join(folder)).into_iter().flatten().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let stem = name.rsplit_once('-').map_or(name.as_str(), |(stem, _)| stem).replace('-', "_");
            let bare = stem.strip_prefix("lib").unwrap_or(&stem);
            if !ours.contains(bare) && !ours.contains(&stem) {
                link(&entry.path(), &to.join(folder).join(&name));
            }
        }
    }
    let peers = fs::canonicalize(root.join("target/peers"));
    if let Ok(peers) = peers {
        std::os::unix::fs::symlink(peers, copy.join("target/peers")).unwrap();
    }
}

fn link(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            link(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::hard_link(from, to).unwrap();
    }
}

/// Our crates, as files of theirs are named.
fn packages(root: &Path) -> BTreeSet<String> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
    let ours = lock.split("[[package]]").filter(|package| !package.contains("\nsource = "));
    let name = |package: &str| Some(package.split("name = \"").nth(1)?.split('"').next()?.replace('-', "_"));
    let mut names: BTreeSet<String> = ours.filter_map(name).collect();
    names.extend(["harness", "it", "tidegate", "tidegate_gateway", "tidegate_worker"].map(str::to_owned));
    names
}

/// Whether the package's sources have a function of this name in this module's file, or below it.
pub(super) fn has_test(root: &Path, package: &str, test: &str) -> bool {
    let function = format!("fn {}()", test.rsplit("::").next().unwrap_or(test));
    let mut folders = vec![root.join(package).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(&function)) {
                return true;
            }
        }
    }
    false
}
