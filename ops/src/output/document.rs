//! The documents of `--json`: always one object, which says by a number what form it has. An array stands in it
//! under `items`. What only the merge of reports needs is left out.

use serde::Serialize;

/// Raised when a field of any document changes its meaning or goes away; new fields may come at any time.
pub const FORMAT_VERSION: u32 = 1;
/// Ends the names of what orders reports among each other, and means nothing outside of the ledger.
const INTERNAL: &str = "freshness";

/// The document, indented, ended by a newline.
pub fn json(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(versioned(&without_internals(&serde_json::to_string_pretty(value)?)))
}

/// The same with everything that a row holds, to compare rows.
pub fn json_whole(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(versioned(&serde_json::to_string_pretty(value)?))
}

/// The same on one line, for what goes on: one document a line.
pub fn json_line(value: &impl Serialize) -> anyhow::Result<String> {
    // A pretty line ends where an indent begins; no string contains a newline.
    let text = json(value)?;
    let mut line = String::with_capacity(text.len());
    for part in text.lines().map(str::trim_start) {
        line.push_str(part);
        if part.ends_with(',') {
            line.push(' ');
        }
    }
    line.push('\n');
    Ok(line)
}

fn versioned(text: &str) -> String {
    let head = format!("{{\n  \"format_version\": {FORMAT_VERSION}");
    match text.strip_prefix('{') {
        Some("}") => format!("{head}\n}}\n"),
        Some(fields) => format!("{head},{fields}\n"),
        None => format!("{head},\n  \"items\": {}\n}}\n", text.replace('\n', "\n  ")),
    }
}

/// Leaves out internal fields. In indented JSON each field begins a line, and the value of these is a string.
fn without_internals(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for line in text.lines() {
        if !is_internal(line) {
            kept.push(line);
        } else if !line.ends_with(',') {
            // It was the last of its object: now the one before is.
            if let Some(last) = kept.last_mut() {
                *last = last.trim_end_matches(',');
            }
        }
    }
    kept.join("\n")
}

fn is_internal(line: &str) -> bool {
    let field = line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\": \""));
    field.is_some_and(|(name, _)| {
        name.ends_with(INTERNAL) && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json as value};

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_document_is_an_object_that_says_its_form() {
        assert_eq!(read(&json(&value!({"a": 1})).unwrap()), value!({"format_version": 1, "a": 1}));
        assert_eq!(read(&json(&value!({})).unwrap()), value!({"format_version": 1}));
        assert_eq!(read(&json(&value!([])).unwrap()), value!({"format_version": 1, "items": []}));
        let list = json(&value!([{"a": "x\ny"}, 2])).unwrap();
        assert_eq!(read(&list), value!({"format_version": 1, "items": [{"a": "x\ny"}, 2]}));
        assert!(list.starts_with("{\n  \"format_version\": 1,\n  \"items\": [\n    {\n"), "{list}");
    }

    #[test]
    fn what_orders_reports_is_left_out_wherever_it_stands() {
        let row = value!([{"a": 1, "freshness": "0123"}, {"b_freshness": "x\"y", "c": {"z_freshness": ""}}]);
        let shown = json(&row).unwrap();
        assert_eq!(read(&shown)["items"], value!([{"a": 1}, {"c": {}}]));
        let told =
            value!({"note": "a \"freshness\": \"1\" of mine", "list": ["freshness"], "zzz_freshness": "1"});
        let shown = read(&json(&told).unwrap());
        assert_eq!(shown["note"], told["note"]);
        assert_eq!((&shown["list"], shown.get("zzz_freshness")), (&told["list"], None));
        assert!(json_whole(&told).unwrap().contains("zzz_freshness"));
    }

    #[test]
    fn a_document_on_one_line_is_the_same_document() {
        let document = value!({"text": "  two,  words ", "list": [1, {"a": []}], "none": null});
        let line = json_line(&document).unwrap();
        assert_eq!((line.lines().count(), line.ends_with('\n')), (1, true));
        assert_eq!(read(&line), read(&json(&document).unwrap()));
    }
}
