//! The pages that people read: links and names of files lead somewhere, the index names every page, and the
//! README stays short.

use std::path::Path;

use harness::binaries::workspace;

use super::source::{File, Finding};

const README_LINES_LIMIT: usize = 200;
const INDEX: &str = "docs/README.md";

/// A reader of the README decides within a few screens.
pub(super) fn long_readme(files: &[File]) -> Vec<Finding> {
    let readme = files.iter().filter(|file| file.path == "README.md");
    let long = readme.filter(|file| file.text.lines().count() > README_LINES_LIMIT);
    long.map(|file| {
        file.finding(
            README_LINES_LIMIT + 1,
            format!("over {README_LINES_LIMIT} lines: move depth into docs/"),
        )
    })
    .collect()
}

/// Relative links lead to a file or a folder, and to a heading of it where they name one.
pub(super) fn broken_links(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in files.iter().filter(|file| file.has_extension("md")) {
        for (number, line) in page.text.lines().enumerate() {
            for target in targets(line).filter(|target| !target.contains("://")) {
                if !leads_somewhere(page, target, files) {
                    findings.push(page.finding(number + 1, format!("nothing is at {target}")));
                }
            }
        }
    }
    findings
}

/// A page that the index does not name is found by chance only.
pub(super) fn unlisted_pages(files: &[File]) -> Vec<Finding> {
    let Some(index) = files.iter().find(|file| file.path == INDEX) else {
        return vec![Finding { path: INDEX.to_owned(), line: 1, advice: "docs/ has no index".to_owned() }];
    };
    let pages = files.iter().filter(|file| {
        let name = file.path.strip_prefix("docs/");
        file.has_extension("md") && file.path != INDEX && name.is_some_and(|name| !name.contains('/'))
    });
    pages
        .filter(|page| !index.text.contains(&format!("({})", &page.path["docs/".len()..])))
        .map(|page| index.finding(1, format!("the index lacks {}", page.path)))
        .collect()
}

/// A file that a page names in backticks exists: `scale.rs` anywhere, `docs/scale.md` there.
pub(super) fn missing_files(files: &[File]) -> Vec<Finding> {
    const KINDS: [&str; 6] = [".rs", ".md", ".sql", ".yaml", ".svg", ".toml"];
    let is_path = |name: &str| {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        name.chars().all(legal) && KINDS.iter().any(|kind| name.ends_with(kind) && name != *kind)
    };
    let mut findings = Vec::new();
    for page in files.iter().filter(|file| file.has_extension("md") && file.path != "CHANGELOG.md") {
        let mut is_listing = false;
        for (number, line) in page.text.lines().enumerate() {
            is_listing ^= line.trim_start().starts_with("```");
            let names = line.split('`').skip(1).step_by(2);
            for name in names.filter(|name| !is_listing && is_path(name) && !name.starts_with("target/")) {
                let ending = format!("/{name}");
                if !files.iter().any(|file| file.path == name || file.path.ends_with(&ending)) {
                    findings.push(page.finding(number + 1, format!("no file is called {name}")));
                }
            }
        }
    }
    findings
}

/// What stands between `](` and `)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn leads_somewhere(page: &File, target: &str, files: &[File]) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let path = if path.is_empty() { page.path.clone() } else { joined(folder, path) };
    if anchor.is_empty() {
        let below = format!("{}/", path.trim_end_matches('/'));
        let is_text = files.iter().any(|file| file.path == path || file.path.starts_with(&below));
        // A picture is no text: it is not among the files that were read.
        return is_text
            || (Path::new(&path).extension().is_some_and(|ending| ending == "png")
                && workspace().join(&path).is_file());
    }
    let found = files.iter().find(|file| file.path == path);
    found.is_some_and(|file| {
        file.text.lines().any(|line| line.starts_with('#') && heading_anchor(line) == anchor)
    })
}

/// The path from the root, without `..`.
fn joined(folder: &Path, path: &str) -> String {
    let mut parts: Vec<&str> = folder.iter().filter_map(|part| part.to_str()).collect();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// The name that a heading's anchor has on code hosting sites.
fn heading_anchor(line: &str) -> String {
    let title = line.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn wrong_links_unlisted_pages_and_a_long_readme_are_found() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let files = [
        file("README.md", &"[a](docs/a.md)\n[b](docs/b.md) [c](https://example.com)\n".repeat(101)),
        file("docs/README.md", "[a](a.md)\n"),
        file(
            "docs/a.md",
            "# A page\n[up](../README.md) [here](#a-page) [gone](README.md#gone) [folder](adr)\n",
        ),
        file("docs/adr/0001-x.md", "[up](../../README.md)\n"),
        file("docs/c.md", "# C\n`a.md` `docs/a.md`\n`b/a.md`\n```\n`gone.rs`\n```\n`gone.rs` `a.md --all`\n"),
    ];
    let lines = |findings: Vec<Finding>| -> Vec<(String, usize)> {
        findings.into_iter().map(|found| (found.path, found.line)).collect()
    };
    let broken = lines(broken_links(&files));
    assert_eq!(broken.len(), 102);
    assert_eq!((&broken[0], &broken[101]), (&("README.md".to_owned(), 2), &("docs/a.md".to_owned(), 2)));
    assert_eq!(lines(unlisted_pages(&files)), [("docs/README.md".to_owned(), 1)]);
    assert_eq!(lines(missing_files(&files)), [("docs/c.md".to_owned(), 3), ("docs/c.md".to_owned(), 7)]);
    assert_eq!(lines(long_readme(&files)), [("README.md".to_owned(), 201)]);
}
