//! What an endpoint takes: fields of a query or of a body, each with its kind. One description reads a request, and
//! tells the OpenAPI document what is read.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Datelike, Utc};
use desk::{money, time_text};
use ledger::views::page::{Part, Place};
use ledger::views::search::{Whose, Window};
use serde_json::{Map, Value, json};

use crate::problem::Problem;

const TEXT_LIMIT_CHARS: usize = 10_000;
const LONG_TEXT_LIMIT_CHARS: usize = domain::evidence::fields::TEXT_LIMIT_CHARS;
pub const ID_LIMIT_CHARS: usize = 255;
const LIST_LIMIT: usize = 1_000;
/// As Stripe's largest charge, ten times: every larger amount is a mistake.
pub const AMOUNT_LIMIT: i64 = 999_999_999_999;
const PAGE_DEFAULT: i64 = 50;
pub const PAGE_LIMIT: i64 = 500;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An id or a name: at most 255 characters.
    Id,
    /// Text of people.
    Text,
    /// As long as a field of evidence.
    LongText,
    /// A file: its name here, its content beside the fields. Only in `multipart/form-data`.
    File,
    Ids,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Several of them.
    Words(fn() -> Vec<&'static str>),
    Flag,
    Whole(i64, i64),
    /// A point of time, before now where only a length is given, or after.
    Past,
    Future,
    /// Minor units as a number, or major units as text with a point.
    Amount,
    Currency,
    /// The address of somebody's machine. It is kept nowhere.
    Address,
    /// Where a page of a list ended.
    Cursor,
}

#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub help: &'static str,
}

pub const fn optional(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, required: false, help }
}

pub const fn required(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, required: true, help }
}

pub const WINDOW: &[Field] = &[
    optional(
        "since",
        Kind::Past,
        "Only from then on: RFC 3339, 2026-11-21, yesterday, or so long ago as in 7d or 1h.",
    ),
    optional("until", Kind::Past, "Only before then."),
];
pub const WHOSE: &[Field] = &[
    optional("account", Kind::Id, "Only of this connected account; empty is your own."),
    optional("livemode", Kind::Flag, "`true`: only live; `false`: only test mode."),
];
pub const PAGE: &[Field] = &[
    optional("limit", Kind::Whole(1, PAGE_LIMIT), "At most so many; 50 if not given."),
    optional("starting_after", Kind::Cursor, "`next` of the page before."),
];

/// A value as it was read.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    Text(String),
    Texts(Vec<String>),
    Flag(bool),
    Whole(i64),
    Time(DateTime<Utc>),
    /// In major units; its currency says how many minor ones.
    Major(String),
    Place(Place),
    Address(IpAddr),
}

/// The fields of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(BTreeMap<&'static str, Read>);

impl Fields {
    /// Reads a query. Unknown names and repeated ones are refused: a misspelt filter would select everything.
    pub fn of_query(query: &str, known: &[&[Field]], now: DateTime<Utc>) -> Result<Self, Problem> {
        let mut given: BTreeMap<String, Value> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if given.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                return Err(Problem::invalid(&name, "it is given more than once"));
            }
        }
        Self::read(given.into_iter(), known, now, true)
    }

    pub fn of_body(body: Map<String, Value>, known: &[Field], now: DateTime<Utc>) -> Result<Self, Problem> {
        Self::read(body.into_iter(), &[known], now, false)
    }

    fn read(
        given: impl Iterator<Item = (String, Value)>,
        known: &[&[Field]],
        now: DateTime<Utc>,
        is_query: bool,
    ) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for (name, value) in given {
            let field = known.iter().copied().flatten().find(|field| field.name == name);
            let Some(field) = field else {
                let names: Vec<&str> = known.iter().copied().flatten().map(|field| field.name).collect();
                let fault = if names.is_empty() {
                    "unknown; there are no parameters here".to_owned()
                } else {
                    format!("unknown; known are {}", names.join(", "))
                };
                return Err(Problem::invalid(&shown(&name), fault));
            };
            if value.is_null() && !field.required {
                continue;
            }
            let read = field.kind.read(&value, now, is_query);
            fields.0.insert(field.name, read.map_err(|fault| Problem::invalid(field.name, fault))?);
        }
        let missing = known.iter().copied().flatten().find(|field| field.required && !fields.has(field.name));
        missing.map_or(Ok(fields), |field| Err(Problem::invalid(field.name, "it is required")))
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Read::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Of a field that is required.
    pub fn given(&self, name: &str) -> Result<String, Problem> {
        self.text(name).ok_or_else(|| Problem::invalid(name, "it is required"))
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Read::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(Read::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    pub fn whole(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Read::Whole(number)) => Some(*number),
            _ => None,
        }
    }

    pub fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        match self.0.get(name) {
            Some(Read::Time(moment)) => Some(*moment),
            _ => None,
        }
    }

    pub fn address(&self, name: &str) -> Option<IpAddr> {
        match self.0.get(name) {
            Some(Read::Address(address)) => Some(*address),
            _ => None,
        }
    }

    /// An amount in minor units of this currency.
    pub fn amount(&self, name: &str, currency: Option<&str>) -> Result<Option<i64>, Problem> {
        match self.0.get(name) {
            Some(Read::Whole(amount)) => Ok(Some(*amount)),
            Some(Read::Major(text)) => {
                let Some(currency) = currency else {
                    return Err(Problem::invalid(name, "major units need a currency beside them"));
                };
                let amount = money::read(text, currency).map_err(|fault| Problem::invalid(name, fault))?;
                if !(1..=AMOUNT_LIMIT).contains(&amount) {
                    let fault = format!("not from 1 to {AMOUNT_LIMIT} minor units");
                    return Err(Problem::invalid(name, fault));
                }
                Ok(Some(amount))
            }
            _ => Ok(None),
        }
    }

    pub fn window(&self) -> Result<Window, Problem> {
        self.window_of("since", "until")
    }

    pub fn window_of(&self, since: &str, until: &str) -> Result<Window, Problem> {
        let window = Window { since: self.time(since), until: self.time(until) };
        if window.since.zip(window.until).is_some_and(|(since, until)| since >= until) {
            return Err(Problem::invalid(since, format!("it is not before {until}: nothing lies between")));
        }
        Ok(window)
    }

    pub fn whose(&self) -> Whose {
        Whose { account: self.text("account"), livemode: self.flag("livemode") }
    }

    pub fn part(&self) -> Part {
        let after = match self.0.get("starting_after") {
            Some(Read::Place(place)) => Some(place.clone()),
            _ => None,
        };
        Part { after, limit: self.whole("limit").unwrap_or(PAGE_DEFAULT) }
    }
}

impl Kind {
    fn read(self, value: &Value, now: DateTime<Utc>, is_query: bool) -> Result<Read, String> {
        match (self, value) {
            (Self::Id, Value::String(text)) => name(text).map(Read::Text),
            (Self::Text, Value::String(text)) => plain(text, TEXT_LIMIT_CHARS).map(Read::Text),
            (Self::LongText, Value::String(text)) => plain(text, LONG_TEXT_LIMIT_CHARS).map(Read::Text),
            (Self::File, Value::Object(file)) => {
                let given = file.get("name").and_then(Value::as_str);
                name(given.unwrap_or_default()).map(Read::Text)
            }
            (Self::File, _) => Err("not a file: send it as multipart/form-data".to_owned()),
            (Self::Ids, Value::Array(items)) => {
                if items.is_empty() || items.len() > LIST_LIMIT {
                    return Err(format!("not 1 to {LIST_LIMIT} of them"));
                }
                let text = |item: &Value| name(item.as_str().ok_or("not a list of texts")?);
                items.iter().map(text).collect::<Result<_, _>>().map(Read::Texts)
            }
            (Self::Word(words), Value::String(text)) => {
                let words = words();
                let found = words.iter().find(|word| *word == text);
                found
                    .map(|word| Read::Text((*word).to_owned()))
                    .ok_or(format!("not one of {}", words.join(", ")))
            }
            (Self::Words(words), Value::Array(items)) => {
                let (words, one) = (words(), |item: &Value| item.as_str().map(str::to_owned));
                let given: Option<Vec<String>> = items.iter().map(one).collect();
                let known = |given: &Vec<String>| given.iter().all(|word| words.contains(&word.as_str()));
                let known =
                    given.filter(|given| !given.is_empty() && given.len() <= words.len()).filter(known);
                known.map(Read::Texts).ok_or(format!("not a list of words among {}", words.join(", ")))
            }
            (Self::Flag, Value::Bool(flag)) => Ok(Read::Flag(*flag)),
            (Self::Flag, Value::String(text)) if is_query => match text.as_str() {
                "true" => Ok(Read::Flag(true)),
                "false" => Ok(Read::Flag(false)),
                _ => Err("not true or false".to_owned()),
            },
            (Self::Whole(least, most), value) => whole(value, is_query, least, most)
                .ok_or(format!("not a whole number from {least} to {most}"))
                .map(Read::Whole),
            (Self::Past, Value::String(text)) => within_reach(time_text::past(text, now)?),
            (Self::Future, Value::String(text)) => within_reach(time_text::future(text, now)?),
            (Self::Amount, Value::String(text)) if text.contains('.') => Ok(Read::Major(text.clone())),
            (Self::Amount, value) => whole(value, is_query, 1, AMOUNT_LIMIT).map(Read::Whole).ok_or(format!(
                "not an amount: minor units are a whole number from 1 to {AMOUNT_LIMIT}, as in 1999; \
                 major units are text with a point, as in \"19.99\""
            )),
            (Self::Currency, Value::String(text)) => {
                let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
                let code = || Read::Text(text.to_ascii_lowercase());
                is_code.then(code).ok_or("not a currency: use three letters, as in usd".to_owned())
            }
            // What it is instead is not said: it may be most of an address.
            (Self::Address, Value::String(text)) => {
                text.parse().map(Read::Address).map_err(|_| "not an IPv4 or IPv6 address".to_owned())
            }
            (Self::Cursor, Value::String(text)) => text
                .parse()
                .map(Read::Place)
                .map_err(|_| "not a cursor: copy `next` of the page before".to_owned()),
            (Self::Flag, _) => Err("not true or false".to_owned()),
            (Self::Ids | Self::Words(_), _) => Err("not a list of texts".to_owned()),
            _ => Err("not text".to_owned()),
        }
    }

    /// As JSON Schema.
    pub fn schema(self, is_query: bool) -> Value {
        match self {
            Self::Id => json!({"type": "string", "maxLength": ID_LIMIT_CHARS}),
            Self::Text => json!({"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT_CHARS}),
            Self::LongText => {
                json!({"type": "string", "minLength": 1, "maxLength": LONG_TEXT_LIMIT_CHARS})
            }
            Self::File => json!({"type": "string", "format": "binary"}),
            Self::Ids => json!({
                "type": "array", "minItems": 1, "maxItems": LIST_LIMIT,
                "items": {"type": "string", "maxLength": ID_LIMIT_CHARS},
            }),
            Self::Word(words) => json!({"type": "string", "enum": words()}),
            Self::Words(words) => {
                let words = words();
                json!({"type": "array", "minItems": 1, "maxItems": words.len(), "items": {"enum": words}})
            }
            Self::Flag => json!({"type": "boolean"}),
            Self::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
            Self::Past | Self::Future => {
                json!({"type": "string", "examples": ["2026-11-21T08:00:00Z", "7d"]})
            }
            Self::Amount if is_query => json!({"type": "string", "pattern": "^[0-9]{1,12}([.][0-9]{1,3})?$"}),
            Self::Amount => json!({"oneOf": [
                {"type": "integer", "minimum": 1, "maximum": AMOUNT_LIMIT, "description": "Minor units: 1999."},
                {"type": "string", "pattern": "^[0-9]{1,10}[.][0-9]{1,3}$", "description": "Major units: \"19.99\"; \
                 as many digits behind the point as the currency has, at most."},
            ]}),
            Self::Currency => json!({"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["usd"]}),
            Self::Address => json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
            Self::Cursor => json!({"type": "string", "pattern": "^[0-9A-Za-z._%-]+$"}),
        }
    }
}

/// What is a name, or a part of one, to a database: no text that Postgres cannot keep.
pub fn name(text: &str) -> Result<String, String> {
    plain(text, ID_LIMIT_CHARS)
}

fn plain(text: &str, limit_chars: usize) -> Result<String, String> {
    if text.contains('\0') {
        return Err("it contains a NUL".to_owned());
    }
    if text.chars().count() > limit_chars {
        return Err(format!("longer than {limit_chars} characters"));
    }
    Ok(text.to_owned())
}

fn whole(value: &Value, is_query: bool, least: i64, most: i64) -> Option<i64> {
    let number = match value {
        Value::String(text) if is_query => text.parse().ok(),
        value => value.as_i64(),
    };
    number.filter(|number| (least..=most).contains(number))
}

/// Both databases keep it, and in order.
fn within_reach(moment: DateTime<Utc>) -> Result<Read, String> {
    if (1..=9_999).contains(&moment.year()) {
        Ok(Read::Time(moment))
    } else {
        Err("outside the years 1 to 9999".to_owned())
    }
}

/// A name that a stranger made up, cut to what a line holds.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
