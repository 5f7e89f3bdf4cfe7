//! What leaves again and was written by others: cells of exports that spreadsheets read, and notices that people read.

use desk::csv::{self, Column};
use desk::sheets;
use domain::notices::samples;
use domain::notices::texts::{Facts, Templates, own_template};
use domain::object_graph::{InGraph, ObjectGraph};
use serde_json::{Map, Value};

use super::{joined, now, texts};

/// Reading back gives what was written, and no cell is a formula.
pub(super) fn csv(data: &[u8]) {
    let cells: Vec<String> = texts(data).map(csv::text).collect();
    for (cell, text) in cells.iter().zip(texts(data)) {
        assert!(!is_formula(cell), "{cell:?}");
        assert!(cell == text || cell.strip_prefix('\'') == Some(text), "{cell:?} is not {text:?}");
    }
    let line = csv::line(cells.iter().map(String::as_str));
    let expected = if cells.is_empty() { vec![String::new()] } else { cells };
    assert_eq!(records(&format!("{line}{line}")), [&expected[..], &expected[..]]);
}

/// What spreadsheets take for the beginning of a formula, or for white space before one.
fn is_formula(cell: &str) -> bool {
    let is_number = cell.strip_prefix(['-', '+']).is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) && !is_number
}

/// RFC 4180, letter by letter.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if cell.is_empty() => loop {
                match letters.next().expect("a quotation ends") {
                    '"' if letters.peek() == Some(&'"') => cell.extend(letters.next()),
                    '"' => break,
                    letter => cell.push(letter),
                }
            },
            ',' => record.push(std::mem::take(&mut cell)),
            '\n' => {
                record.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut record));
            }
            letter => {
                assert!(letter != '"' && letter != '\r', "a quotation mark inside a cell");
                cell.push(letter);
            }
        }
    }
    records
}

pub(super) fn cells() -> Vec<Vec<u8>> {
    vec![
        joined(&["=1+1", "a,b", "say \"no\"", "two\nlines", "", "-5", "'=x"]),
        joined(&["\t=1", "\r", "@x", "+1", "\"", "plain"]),
    ]
}

/// The exports of whatever the rules made of bodies.
pub(super) fn of_graph(graph: &ObjectGraph) {
    of_rows(graph, sheets::payments::COLUMNS);
    of_rows(graph, sheets::charges::COLUMNS);
    of_rows(graph, sheets::refunds::COLUMNS);
    of_rows(graph, sheets::invoices::COLUMNS);
    of_rows(graph, sheets::customers::COLUMNS);
    of_rows(graph, sheets::payouts::COLUMNS);
}

fn of_rows<T: InGraph>(graph: &ObjectGraph, columns: &[Column<T>]) {
    for row in T::rows(graph).non_placeholders() {
        for (name, cell) in columns {
            let cell = cell(&row);
            assert!(!is_formula(&cell), "{name}: {cell:?}");
        }
        assert_eq!(records(&csv::row(columns, &row))[0].len(), columns.len());
    }
}

/// A value in a notice is text and nothing else: no markup, no further header, no template. A template of somebody's own
/// that is taken can be filled.
pub(super) fn notice(data: &[u8]) {
    let mut parts = texts(data);
    let (number, own) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let given: Vec<&str> = parts.collect();
    let samples = samples::all(now());
    let (name, notice) = &samples[number.parse().unwrap_or(0_usize) % samples.len()];
    let said = |value: &dyn Fn(usize) -> String| {
        let mut notice = notice.clone();
        let mut data: Map<String, Value> = notice.data();
        for (place, (_, value_of)) in data.iter_mut().filter(is_said).enumerate() {
            *value_of = value(place).into();
        }
        notice.data = Value::Object(data).to_string();
        let facts = Facts {
            merchant: value(0),
            link: Some(value(1)),
            console: Some(value(2)),
            ..samples::facts(now())
        };
        (notice, facts)
    };
    let hostile = |place: usize| {
        let text = given.get(place % given.len().max(1)).copied().unwrap_or_default();
        if text.trim().is_empty() { "x".to_owned() } else { text.to_owned() }
    };
    let built_in = Templates::built_in();
    let (plain_notice, plain_facts) = said(&|_| "x".to_owned());
    let plain = built_in.message(&plain_notice, &plain_facts);
    let (hostile_notice, hostile_facts) = said(&hostile);
    let message = built_in.message(&hostile_notice, &hostile_facts);
    for sign in ['<', '>', '"', '\''] {
        let count = |html: &str| html.matches(sign).count();
        assert_eq!(count(&message.html), count(&plain.html), "{name}: a value is markup ({sign})");
    }
    assert!(!message.subject.contains(['\r', '\n']), "{name}: the subject has two lines");
    let begin = |text: &str| text.split_once('x').map_or("", |(before, _)| before).to_owned();
    assert!(
        message.text.starts_with(&begin(&plain.text)),
        "{name}: a value moves the text: {:?}",
        message.text
    );
    for file in [format!("{name}.txt"), format!("{name}.html"), "layout.html".to_owned()] {
        let Ok(template) = own_template(&file, own) else { continue };
        let templates = Templates::with(|asked| (asked == file).then(|| template.clone()));
        templates.message(notice, &samples::facts(now()));
        templates.message(&hostile_notice, &hostile_facts);
    }
}

/// A currency is three letters when it gets here, by the rules that read it.
fn is_said((name, value): &(&String, &mut Value)) -> bool {
    value.is_string() && name.as_str() != "currency"
}

pub(super) fn notices() -> Vec<Vec<u8>> {
    let own = "Subject: {{mode}}{{merchant}}\n\n{{#link}}Pay at {{link}}{{/link}} {{body}}";
    (0..15)
        .map(|number| joined(&[&number.to_string(), own, "<b>", "a\r\nBcc: x", "{{amount}} \"'&", "x\n\ny"]))
        .collect()
}
