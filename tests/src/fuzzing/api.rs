//! What the HTTP API and the pages are asked: bodies, queries, addresses, cursors and forms with files.

use bytes::Bytes;
use chrono::Datelike;
use console::endpoint::Endpoint;
use console::fields::{AMOUNT_LIMIT, Field, Fields, ID_LIMIT_CHARS, Kind, PAGE_LIMIT};
use console::multipart;
use console::pages::address::{self, Address};
use console::resources::endpoints;
use ledger::views::page::Place;
use serde_json::{Map, Value, json};

use super::{joined, now, some};

/// A body and a query are read by the fields of one endpoint: what is taken is within every limit that its description tells.
pub(super) fn requests(data: &[u8]) {
    let [name, body, query] = some(data);
    let Some(endpoint) = endpoints().find(|endpoint| endpoint.name == named(name)) else { return };
    let known = endpoint.body.unwrap_or_default();
    if let Ok(members) = serde_json::from_str::<Map<String, Value>>(body)
        && let Some(fields) = taken(Fields::of_body(members, known, now()))
    {
        judge(&fields, &[known]);
    }
    if let Some(fields) = taken(Fields::of_query(query, endpoint.query, now())) {
        judge(&fields, endpoint.query);
    }
}

/// Names are JSON texts, so that the whole input is.
fn named(name: &str) -> String {
    serde_json::from_str(name).unwrap_or_default()
}

fn taken(read: Result<Fields, console::problem::Problem>) -> Option<Fields> {
    read.map_err(|problem| format!("{problem:?}")).ok()
}

fn judge(fields: &Fields, known: &[&[Field]]) {
    for field in known.iter().copied().flatten() {
        assert!(fields.has(field.name) || !field.required, "{} is required and not there", field.name);
        let text = fields.text(field.name).unwrap_or_default();
        assert!(!text.contains('\0'), "{} has a NUL", field.name);
        match field.kind {
            Kind::Id => assert!(text.chars().count() <= ID_LIMIT_CHARS),
            Kind::Whole(least, most) => {
                assert!(fields.whole(field.name).is_none_or(|number| (least..=most).contains(&number)));
            }
            Kind::Past | Kind::Future => {
                let year = fields.time(field.name).map_or(1970, |at| at.year());
                assert!((1..=9_999).contains(&year), "{} is in the year {year}", field.name);
            }
            Kind::Amount => {
                for currency in ["usd", "jpy", "kwd", "isk"] {
                    if let Ok(Some(amount)) = fields.amount(field.name, Some(currency)) {
                        assert!((1..=AMOUNT_LIMIT).contains(&amount), "{} is {amount}", field.name);
                    }
                }
            }
            _ => {}
        }
    }
    assert!((1..=PAGE_LIMIT).contains(&fields.part().limit) || !known.iter().any(|some| is_page(some)));
    let window = fields.window().unwrap_or_default();
    assert!(window.since.zip(window.until).is_none_or(|(since, until)| since < until));
    fields.whose();
}

fn is_page(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.name == "limit")
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let seed = |endpoint: &Endpoint| {
        let (name, body, query) = (json!(endpoint.name).to_string(), body(endpoint), query(endpoint));
        // An amount of nothing, in every currency.
        let nothing = [&body, &query].map(|text| text.replace("19.99", "0.00"));
        [joined(&[&name, &nothing[0], &nothing[1]]), joined(&[name, body, query])]
    };
    endpoints().flat_map(seed).collect()
}

fn body(endpoint: &Endpoint) -> String {
    let member = |field: &Field| (field.name.to_owned(), example(field.kind));
    Value::Object(endpoint.body.unwrap_or_default().iter().map(member).collect()).to_string()
}

fn query(endpoint: &Endpoint) -> String {
    let pair = |field: &Field| {
        let value = example(field.kind);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", field.name, address::encoded(&text))
    };
    endpoint.query.iter().copied().flatten().map(pair).collect::<Vec<_>>().join("&")
}

fn example(kind: Kind) -> Value {
    match kind {
        Kind::Id | Kind::Text | Kind::LongText => json!("pi_1"),
        Kind::File => json!({"name": "bill.pdf", "sha256": "00"}),
        Kind::Ids => json!(["pi_1", "pi_2"]),
        Kind::Word(words) => json!(words()[0]),
        Kind::Words(words) => json!(words()),
        Kind::Flag => json!(true),
        Kind::Whole(least, most) => json!(most.min(least + 1)),
        Kind::Past | Kind::Future => json!("1h 30m"),
        Kind::Amount => json!("19.99"),
        Kind::Currency => json!("usd"),
        Kind::Address => json!("192.0.2.1"),
        Kind::Cursor => json!("1795000000123456789.l.acct_1.in_1."),
    }
}

/// An address that was read can be written, and reads back; so can the place where a page of a list ends.
pub(super) fn address(data: &[u8]) {
    let [target, cursor] = some(data);
    if let Some(read) = Address::of(target) {
        for value in [None, Some("a b&c=d"), Some(target)] {
            let link = read.with("q", value);
            assert!(link.is_ascii() && !link.contains(['"', '\'', '<', '>', ' ']), "{link}");
            let again = Address::of(&link).expect("a link of ours is an address");
            assert_eq!(again.path, read.path);
            let value = value.map(str::trim).filter(|value| !value.is_empty() && !value.contains('\0'));
            assert!(again.get("q") == value || target.contains('\0'));
        }
        for name in ["status", "user", "after"] {
            let Some(value) = read.get(name) else { continue };
            let link = address::link(&read.path, [(name, value)]);
            assert_eq!(Address::of(&link).expect("a link of ours").get(name), Some(value));
        }
    }
    if let Ok(place) = cursor.parse::<Place>() {
        let text = place.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-%".contains(&byte)), "{text}");
        assert_eq!(text.parse(), Ok(place));
    }
}

pub(super) fn addresses() -> Vec<Vec<u8>> {
    [
        ["/payments/history?status=failed&user=a+b&after=1.l.a.b.", "1795000000123456789.l.acct_1.in_1."],
        ["/user/Jane%20%22x%22?q=%C3%A9", "-1.t..Jane%20é.3f9c"],
        ["/", ".t..."],
    ]
    .map(|texts| joined(&texts))
    .to_vec()
}

/// A form is cut at its boundary and nowhere else: what is read stands in the body, in this order.
pub(super) fn form(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == super::BETWEEN);
    let media_type = std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let body = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    let Some(boundary) = multipart::boundary(media_type) else { return };
    let Some(read) = multipart::read(&body, boundary) else { return };
    let delimiter = format!("\r\n--{boundary}");
    let mut at = 0;
    for part in &read {
        let inside =
            |content: &[u8]| content.windows(delimiter.len()).any(|found| found == delimiter.as_bytes());
        assert!(!inside(&part.content), "a boundary is content");
        let place = part.content.as_ptr().addr() - body.as_ptr().addr();
        assert!(part.content.is_empty() || place >= at, "out of order");
        at = if part.content.is_empty() { at } else { place + part.content.len() };
        let file_name = part.file_name.as_deref().unwrap_or_default();
        assert!(!file_name.contains(['/', '\\']), "a file's name is a path: {file_name}");
    }
    assert!(at <= body.len());
}

pub(super) fn forms() -> Vec<Vec<u8>> {
    let form = "--b\nContent-Disposition: form-data; name=\"field\"\n\nreceipt\n--b\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"C:\\a\\my %22 bill.pdf\"\nContent-Type: application/pdf\n\n%PDF-\n--c\n\n--b--\n";
    let body = form.replace('\n', "\r\n");
    vec![
        joined(&["multipart/form-data; boundary=b", body.as_str()]),
        joined(&["Multipart/Form-Data; charset=utf-8; Boundary=\"b\"", body.as_str()]),
        joined(&["multipart/form-data; boundary=b", "--b--"]),
    ]
}
