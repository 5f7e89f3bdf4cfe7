//! The rules of the layout, each a function from files to what is wrong with them.

use std::collections::BTreeMap;

use shared::env::Variable;

use super::source::{File, Finding, Line};

const LINES_LIMIT: usize = 400;
const MEDIAN_LINES_LIMIT: usize = 150;
const RULES: &[&str] = &["domain/src"];
const SQL: &[&str] =
    &["ledger/src", "shared/src/queue/sqlite", "shared/src/migrations.rs", "tests/", "bench/"];
const LAPIN: &[&str] = &["shared/src/queue/rabbitmq", "tests/", "bench/"];
/// How many rows are written at once, how they are locked, what a database says of itself, what becomes of what it
/// frees, and what it refuses.
const DIALECTS: &[&str] = &[
    "ledger/src/engine/rows.rs",
    "ledger/src/engine/settings.rs",
    "ledger/src/engine/erasing.rs",
    "ledger/src/engine/locks.rs",
    "ledger/src/engine/append_only.rs",
    "ledger/src/engine/copy.rs",
];

/// The rules are functions of their arguments: nothing that waits, asks, reads a clock or throws dice.
/// The order of a hash map is such a die. Attributes may say which column a field is: that does nothing.
pub(super) fn impurities(files: &[File]) -> Vec<Finding> {
    const IMPURE: &[&str] = &[
        "async",
        "await",
        "sqlx",
        "tokio",
        "lapin",
        "hyper",
        "getrandom",
        "rand",
        "proptest",
        "clock",
        "Instant",
        "SystemTime",
        "HashMap",
        "HashSet",
        "thread",
        "println",
        "eprintln",
        "tracing",
    ];
    const IMPURE_PATHS: &[&str] = &["std::env", "std::fs", "std::net", "std::io", "std::process"];
    let advice =
        |word: &str| format!("rules are pure: take what `{word}` gives as an argument, or do it outside");
    on_lines(files.iter().filter(|file| file.is_in(RULES)), File::lines_without_tests, |line| {
        let word = words(&line.code).find(|word| IMPURE.contains(word));
        let path = IMPURE_PATHS.iter().find(|path| line.code.contains(**path)).copied();
        word.or(path).map(advice)
    })
}

/// SQL stands where tables live, and nowhere else.
pub(super) fn strayed_sql(files: &[File]) -> Vec<Finding> {
    let elsewhere = files.iter().filter(|file| file.is_rust() && !file.is_in(SQL));
    on_lines(elsewhere, File::lines, |line| {
        let is_statement = is_sql(&line.strings) || line.code.contains("sqlx::");
        is_statement.then(|| format!("SQL stands only below {SQL:?}: give it a verb there and call that"))
    })
}

/// Only the backend speaks AMQP.
pub(super) fn strayed_lapin(files: &[File]) -> Vec<Finding> {
    let elsewhere = files.iter().filter(|file| file.is_rust() && !file.is_in(LAPIN));
    on_lines(elsewhere, File::lines, |line| {
        words(&line.code)
            .any(|word| word == "lapin")
            .then(|| "lapin is used only by the RabbitMQ queue".to_owned())
    })
}

/// One text of SQL for both databases; what only one of them understands stands in one file.
pub(super) fn strayed_dialect(files: &[File]) -> Vec<Finding> {
    let sources =
        files.iter().filter(|file| file.is_in(&["ledger/src"]) && !DIALECTS.contains(&file.path.as_str()));
    let mut findings = on_lines(sources, File::lines_without_tests, |line| dialect(&line.strings));
    for file in files.iter().filter(|file| file.is_in(&["migrations/ledger"])) {
        for (number, text) in file.text.lines().enumerate() {
            let statement = text.split("--").next().unwrap_or_default();
            findings.extend(dialect(statement).map(|advice| file.finding(number + 1, advice)));
        }
    }
    findings
}

/// What is shown is gathered and said in one place, as data, and rendered in others.
pub(super) fn mixed_views(files: &[File]) -> Vec<Finding> {
    const RENDERING: &[&str] =
        &["clap", "print", "println", "eprintln", "stdout", "html", "Table", "ops", "clock"];
    const GATHERING: &[&str] = &["Transaction", "LedgerError", "World", "ObjectGraph"];
    const PAGES: &[&str] = &["ops/src/show"];
    let mixed = |places: &[&str], foreign: &'static [&'static str], advice: &'static str| {
        on_lines(files.iter().filter(|file| file.is_in(places)), File::lines_without_tests, |line| {
            let word = words(&line.code).find(|word| foreign.contains(word));
            word.map(|word| format!("`{word}`: {advice}"))
        })
    };
    let mut findings = mixed(&["desk/src/views"], RENDERING, "a view is data; take `now` as an argument");
    findings.extend(mixed(PAGES, GATHERING, "a page renders a view: gather it in desk/src/views"));
    findings
}

/// What a file is for is its first line.
pub(super) fn missing_headings(files: &[File]) -> Vec<Finding> {
    let rust = files.iter().filter(|file| file.is_rust() && !file.text.starts_with("//! "));
    rust.map(|file| file.finding(1, "begin with `//!` and one to four lines that say what the file is for"))
        .collect()
}

pub(super) fn long_files(files: &[File]) -> Vec<Finding> {
    let length = |file: &File| file.text.lines().count();
    let rust = || files.iter().filter(|file| file.is_rust());
    let mut findings: Vec<Finding> = rust()
        .filter(|file| length(file) > LINES_LIMIT)
        .map(|file| file.finding(length(file), format!("cut it at a thought: over {LINES_LIMIT} lines")))
        .collect();
    let mut lengths: Vec<(usize, &File)> = rust().map(|file| (length(file), file)).collect();
    lengths.sort_by_key(|(length, _)| *length);
    if let Some((median, file)) =
        lengths.get(lengths.len() / 2).filter(|(median, _)| *median >= MEDIAN_LINES_LIMIT)
    {
        findings.push(file.finding(1, format!("the median file has {median} lines: cut the longer half")));
    }
    findings
}

/// A name that fits everything says nothing.
pub(super) fn empty_names(files: &[File]) -> Vec<Finding> {
    const EMPTY: &[&str] = &[
        "util", "utils", "common", "helper", "helpers", "handler", "handlers", "manager", "misc", "stuff",
        "lib2",
    ];
    let is_empty = |path: &str| path.split(['/', '.']).any(|part| EMPTY.contains(&part));
    let named = files.iter().filter(|file| is_empty(&file.path));
    named.map(|file| file.finding(1, "name it after what it does")).collect()
}

/// Marks of unfinished work, and paths of somebody's machine.
pub(super) fn leftovers(files: &[File]) -> Vec<Finding> {
    // Put together here, so that this file is not a finding.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let paths = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let temporary = concat!("/t", "mp/");
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.has_extension("lock")) {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| words(line).any(|word| word == **mark)) {
                findings.push(file.finding(number + 1, format!("finish it or drop it: {mark}")));
            }
            let named_temporary = line.match_indices(temporary).any(|(at, found)| {
                line[at + found.len()..].starts_with(|next: char| next.is_ascii_lowercase())
            });
            if named_temporary || paths.iter().any(|path| line.contains(path)) {
                findings
                    .push(file.finding(number + 1, "a path of one machine: make it relative, or a variable"));
            }
        }
    }
    findings
}

/// A test that does not run shows nothing, unless it says when it does.
pub(super) fn ignored_tests(files: &[File]) -> Vec<Finding> {
    let rust = files.iter().filter(|file| file.is_rust());
    on_lines(rust, File::lines, |line| {
        let is_bare = line.attributes.split_whitespace().any(|attribute| attribute == "#[ignore]");
        is_bare.then(|| "say why it is ignored, and what runs it: #[ignore = \"…\"]".to_owned())
    })
}

/// What other crates wait for is compiled where it is written, or it is compiled again in each of them.
pub(super) fn doors_built_again(files: &[File]) -> Vec<Finding> {
    const LIBRARIES: &[&str] = &["ledger/src", "desk/src", "marketplace/src", "stripe-api/src"];
    // They hold what cannot change its thread, or return what borrows from one of their arguments only.
    const CANNOT: &[(&str, &str)] = &[
        ("desk/src/backup/verify.rs", "fn verify("),
        ("desk/src/object_backfill.rs", "fn begin("),
        ("desk/src/rebuild/mod.rs", "fn rebuild("),
        ("desk/src/reports/mod.rs", "fn write("),
        ("desk/src/verify.rs", "fn verify("),
    ];
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_in(LIBRARIES)) {
        let lines = file.lines_without_tests();
        for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.code.contains("pub async fn "))
        {
            let cannot = CANNOT.iter().any(|(path, name)| file.path == *path && line.code.contains(name));
            let signature: String = lines[place..]
                .iter()
                .map(|line| line.code.as_str())
                .take_while(|code| !code.is_empty())
                .collect();
            let signature = signature.split('{').next().unwrap_or_default();
            let is_generic = signature.contains("impl ") || has_type_parameter(signature);
            let is_built_once = place > 0 && lines[place - 1].attributes.contains("built_once");
            if !is_built_once && !is_generic && !cannot {
                findings.push(file.finding(line.number, "put #[shared::built_once] above it"));
            }
        }
    }
    findings
}

fn has_type_parameter(signature: &str) -> bool {
    let before_arguments = signature.split('(').next().unwrap_or_default();
    before_arguments
        .split('<')
        .nth(1)
        .is_some_and(|named| named.contains(|letter: char| letter.is_ascii_uppercase()))
}

/// `scripts/test` runs no examples of documentation: what looks like one would never be tried.
pub(super) fn untried_examples(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let mut is_inside = false;
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            let Some(fence) = comment.and_then(|text| text.trim_start().strip_prefix("```")) else {
                continue;
            };
            if !is_inside && fence.trim() != "text" {
                findings.push(file.finding(number + 1, "no example here is run: write a test, or ```text"));
            }
            is_inside = !is_inside;
        }
    }
    findings
}

/// Decisions are numbered from 0001 without gaps, and every one has a title and says where it stands.
pub(super) fn unruly_decisions(files: &[File]) -> Vec<Finding> {
    let is_decision = |file: &&File| {
        file.path.strip_prefix("docs/adr/").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()))
    };
    let mut findings = Vec::new();
    for (before, file) in files.iter().filter(is_decision).enumerate() {
        let expected = format!("docs/adr/{:04}-", before + 1);
        if !file.path.starts_with(&expected) {
            findings.push(file.finding(1, format!("the next decision is {expected}…: close the gap")));
        }
        if !file.text.starts_with("# ") || !file.text.contains("Status:") {
            findings
                .push(file.finding(1, "a decision begins with `# ` and its title, and has a line `Status:`"));
        }
    }
    findings
}

/// The tables of environment variables say what the code does: rows of name, default, help.
pub(super) fn undocumented_variables(page: &File, variables: &[Variable]) -> Vec<Finding> {
    let known: BTreeMap<&str, &Variable> =
        variables.iter().map(|variable| (variable.name, variable)).collect();
    let mut findings = Vec::new();
    let mut shown = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) else { continue };
        if !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            continue;
        }
        shown.push(name);
        match known.get(name) {
            None => findings.push(page.finding(number + 1, format!("no code reads {name}: drop the row"))),
            Some(variable) if line != row(variable) => {
                findings.push(page.finding(number + 1, format!("the code says: {}", row(variable))));
            }
            Some(_) => {}
        }
    }
    for variable in known.values().filter(|variable| !shown.contains(&variable.name)) {
        findings.push(page.finding(1, format!("the tables lack: {}", row(variable))));
    }
    findings
}

fn row(variable: &Variable) -> String {
    let default = match variable.default {
        "" => String::new(),
        value => format!("`{value}`"),
    };
    format!("| `{}` | {default} | {} |", variable.name, variable.help.replace('|', "\\|"))
}

fn on_lines<'a>(
    files: impl Iterator<Item = &'a File>,
    lines: fn(&File) -> Vec<Line>,
    judge: impl Fn(&Line) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for line in lines(file) {
            findings.extend(judge(&line).map(|advice| file.finding(line.number, advice)));
        }
    }
    findings
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn is_sql(text: &str) -> bool {
    let has = |word: &str| words(text).any(|found| found == word);
    has("SELECT")
        || has("INSERT") && has("INTO")
        || has("UPDATE") && has("SET")
        || has("DELETE") && has("FROM")
        || has("CREATE") && (has("TABLE") || has("INDEX"))
        || has("PRAGMA")
}

fn dialect(sql: &str) -> Option<String> {
    const ONE_DATABASE_ONLY: &[&str] = &[
        "unnest",
        "now",
        "ANY",
        "ILIKE",
        "JSONB",
        "jsonb",
        "SERIAL",
        "AUTOINCREMENT",
        "CURRENT_TIMESTAMP",
        "strftime",
        "datetime",
        "PRAGMA",
        "LATERAL",
    ];
    let word = words(sql).find(|word| ONE_DATABASE_ONLY.contains(word));
    let cast = sql.split("::").skip(1).any(|after| after.starts_with(|c: char| c.is_ascii_lowercase()));
    word.or(cast.then_some("::"))
        .map(|found| format!("`{found}` is not SQL of both databases: it belongs into {}", DIALECTS[0]))
}
