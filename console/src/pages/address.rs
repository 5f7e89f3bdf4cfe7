//! Addresses: what a query says, and links to the same page with something else asked for.

use std::fmt::Write;

/// So many parameters stand in a query at most.
pub const PARAMETERS_LIMIT: usize = 64;

/// Where a page is: its path, decoded, and what its query asks for, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    pub path: String,
    query: Vec<(String, String)>,
}

impl Address {
    /// Of the target of a request; `None` where it is no text, or asks for too much.
    pub fn of(target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Self { path: decoded(path, false)?, query: parameters(query, PARAMETERS_LIMIT)? })
    }

    /// What a parameter says; an empty one says nothing.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given == name)?;
        Some(found.1.trim()).filter(|value| !value.is_empty())
    }

    /// The same page with this parameter instead, from the first row on; `None` leaves it out.
    pub fn with(&self, name: &str, value: Option<&str>) -> String {
        let kept = self.query.iter().filter(|(given, _)| given != name && given != "after");
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        link(&self.path, kept.chain(value.map(|value| (name, value))))
    }

    /// All but these, for a form that brings its own.
    pub fn others<'a>(&'a self, own: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        let others = self.query.iter().filter(|(name, _)| !own.contains(&name.as_str()) && name != "after");
        others.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The fields of a form, or of a query; `None` where one is no text, or where there are more than so many.
pub fn parameters(text: &str, limit: usize) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    if pairs.clone().nth(limit).is_some() {
        return None;
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name, true)?, decoded(value, true)?))
    };
    pairs.map(pair).collect()
}

/// A path with a query.
pub fn link<'a>(path: &str, query: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text: String = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let mut sign = '?';
    for (name, value) in query {
        write!(text, "{sign}{}={}", encoded(name), encoded(value)).expect("a String takes every write");
        sign = '&';
    }
    text
}

/// A text as one part of an address.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes every write");
        }
    }
    encoded
}

fn decoded(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' if plus_is_space => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_as_what_it_was_made_of() {
        let hostile = "a b&c=d/<\"'>%é";
        let text = link(&format!("/user/{hostile}"), [("q", hostile), ("mode", "test")]);
        assert!(text.is_ascii() && !text.contains(['<', '"', '\'', ' ']), "{text}");
        let address = Address::of(&link("/user", [("q", hostile)])).unwrap();
        assert_eq!(address.get("q"), Some(hostile));
        assert_eq!(Address::of("/user/a%20b").unwrap().path, "/user/a b");
    }

    #[test]
    fn another_filter_begins_at_the_first_row() {
        let address = Address::of("/payments/history?status=failed&after=1.l.a.b.&mode=live").unwrap();
        assert_eq!(address.with("mode", Some("test")), "/payments/history?status=failed&mode=test");
        assert_eq!(address.with("status", None), "/payments/history?mode=live");
        assert_eq!(address.get("nothing"), None);
    }

    #[test]
    fn what_is_no_text_is_no_address() {
        for target in ["/%ff", "/?a=%zz", "/?a=%0", "/%00"] {
            assert_eq!(Address::of(target), None, "{target}");
        }
        let read = parameters("a=1+2&b", 2).unwrap();
        assert_eq!(read, [("a".into(), "1 2".into()), ("b".into(), String::new())]);
    }

    #[test]
    fn what_is_too_much_is_refused_and_never_cut() {
        let many = |count| format!("/x?{}", "a=1&".repeat(count));
        assert!(Address::of(&many(PARAMETERS_LIMIT)).is_some());
        assert_eq!(Address::of(&many(PARAMETERS_LIMIT + 1)), None);
    }
}
