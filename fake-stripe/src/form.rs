//! Forms: `a=1&b[c]=2&d[0]=3` as a tree, and multipart with one file.

use serde_json::{Map, Value, json};

/// The file of a multipart form.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// How deep names may nest.
const DEPTH_LIMIT: usize = 8;

/// Pairs as a tree: `b[c]=2` is `{"b": {"c": "2"}}`, and a list where all names are numbers or empty.
pub(crate) fn tree<'t>(texts: impl IntoIterator<Item = &'t str>) -> Value {
    let mut root = Map::new();
    for pair in texts.into_iter().flat_map(|text| text.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        put(&mut root, &decoded(name), decoded(value));
    }
    lists(Value::Object(root))
}

pub(crate) fn put(root: &mut Map<String, Value>, name: &str, value: String) {
    let mut steps: Vec<String> = Vec::new();
    let mut rest = name;
    while let Some((step, after)) = rest.split_once('[') {
        steps.push(step.trim_end_matches(']').to_owned());
        rest = after;
        if steps.len() > DEPTH_LIMIT {
            return;
        }
    }
    steps.push(rest.trim_end_matches(']').to_owned());
    let last = steps.pop().unwrap_or_default();
    let mut at = root;
    for step in steps {
        let step = numbered(at, step);
        let below = at.entry(step).or_insert_with(|| json!({}));
        if !below.is_object() {
            *below = json!({});
        }
        let Value::Object(inner) = below else { return };
        at = inner;
    }
    let last = numbered(at, last);
    at.insert(last, Value::String(value));
}

/// `a[]` is the next of `a`.
fn numbered(at: &Map<String, Value>, step: String) -> String {
    if step.is_empty() { at.len().to_string() } else { step }
}

fn lists(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let is_list = !fields.is_empty() && fields.keys().all(|name| name.parse::<usize>().is_ok());
    if is_list {
        let mut items: Vec<(usize, Value)> =
            fields.into_iter().map(|(name, item)| (name.parse().unwrap_or(0), lists(item))).collect();
        items.sort_by_key(|(place, _)| *place);
        return Value::Array(items.into_iter().map(|(_, item)| item).collect());
    }
    Value::Object(fields.into_iter().map(|(name, item)| (name, lists(item))).collect())
}

/// The same tree from JSON: every leaf is text.
pub(crate) fn of_json(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), of_json(field))).collect(),
        Value::Array(items) => items.iter().map(of_json).collect(),
        Value::String(_) | Value::Null => value.clone(),
        other => Value::String(other.to_string()),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The fields and the file of `multipart/form-data`.
pub(crate) fn multipart(body: &[u8], boundary: &str) -> (Value, Option<File>) {
    let (mut fields, mut file) = (Map::new(), None);
    let marker = format!("--{boundary}");
    for part in split(body, marker.as_bytes()) {
        let Some(end) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let content = part[end + 4..].strip_suffix(b"\r\n").unwrap_or(&part[end + 4..]);
        let Some(name) = quoted(&head, "name") else { continue };
        match quoted(&head, "filename") {
            Some(filename) => file = Some(File { name: filename, bytes: content.to_vec() }),
            None => put(&mut fields, &name, String::from_utf8_lossy(content).into_owned()),
        }
    }
    (lists(Value::Object(fields)), file)
}

fn quoted(head: &str, name: &str) -> Option<String> {
    let marker = format!(" {name}=");
    let rest = head.split_once(&marker)?.1;
    match rest.strip_prefix('"') {
        Some(quoted) => Some(quoted.split('"').next()?.to_owned()),
        None => Some(rest.split([';', '\r', '\n']).next()?.to_owned()),
    }
}

fn split<'b>(bytes: &'b [u8], marker: &[u8]) -> Vec<&'b [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = find(rest, marker) {
        parts.push(&rest[..at]);
        rest = &rest[at + marker.len()..];
    }
    parts.push(rest);
    parts
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_brackets_nest_and_numbers_make_lists() {
        let read = tree(["a=1&b%5Bc%5D=x+y&d[0][e]=2&d[1][e]=3&f[]=4&f[]=5", "g=%C3%A9"]);
        assert_eq!(
            read,
            json!({ "a": "1", "b": { "c": "x y" }, "d": [{ "e": "2" }, { "e": "3" }], "f": ["4", "5"], "g": "é" })
        );
    }

    #[test]
    fn a_multipart_form_has_fields_and_a_file() {
        let body = b"--XX\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n--XX\r\n\
            Content-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n1\r\n--XX--\r\n";
        let (fields, file) = multipart(body, "XX");
        let file = file.unwrap();
        assert_eq!(fields, json!({ "purpose": "dispute_evidence" }));
        assert_eq!((file.name.as_str(), &file.bytes[..]), ("a.pdf", &b"%PDF\r\n1"[..]));
    }
}
