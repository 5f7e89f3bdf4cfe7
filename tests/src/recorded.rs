//! Bodies that others wrote: shapes of Stripe's events, read from public fixtures of other projects and typed
//! again with invented values (`tests/recorded`). Each names where it was read and the rows that it must end in.

use domain::Kind;
use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use chrono::DateTime;
use envelope::{Envelope, Source};
use gateway::event::Head;
use serde_json::{Value, json};

use crate::binaries::workspace;
use crate::histories::{Row, Rows, Subject};

pub struct Shape {
    pub name: String,
    /// The project and the file, or the page of Stripe's, that show it.
    pub origin: String,
    /// What no other shape has.
    pub special: String,
    /// Whole bodies, as they are signed and sent.
    pub events: Vec<Value>,
    pub end: End,
}

pub enum End {
    Rows(Vec<NamedRow>),
    /// The reason, word for word.
    Ignored(String),
    /// How the reason begins.
    Dead(String),
}

/// One row that a shape must end in, and the columns that matter in it.
pub struct NamedRow {
    pub kind: &'static str,
    pub id: String,
    pub columns: Row,
}

/// What only the events about it may make: no other shape has such a row by chance.
const OF_THEIR_OWN: [&str; 5] = ["refund", "dispute", "movement", "warning", "invoice_payment"];

/// Every shape, file by file.
pub fn shapes() -> anyhow::Result<Vec<Shape>> {
    let mut files: Vec<_> = fs::read_dir(workspace().join("tests/recorded"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.sort();
    let mut shapes = Vec::new();
    for file in files {
        let entries: Vec<Value> = serde_json::from_slice(&fs::read(&file)?)
            .with_context(|| format!("{} is a list of shapes", file.display()))?;
        for entry in &entries {
            shapes.push(Shape::read(entry).with_context(|| format!("in {}: {entry}", file.display()))?);
        }
    }
    Ok(shapes)
}

/// What a gateway makes of a body, read by the gateway's own reader.
pub fn envelope(body: &Value) -> anyhow::Result<Envelope> {
    let bytes = Bytes::from(body.to_string());
    let header = Head::read(&bytes)?.header(Source::Stripe, "default", None);
    Ok(Envelope { header, body: bytes })
}

impl Shape {
    fn read(entry: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| {
            let found = entry[name].as_str().filter(|text| !text.is_empty());
            Ok::<_, anyhow::Error>(found.with_context(|| format!("no {name}"))?.to_owned())
        };
        let events = entry["events"].as_array().context("no events")?.clone();
        ensure!(!events.is_empty(), "no events");
        let end = match (&entry["rows"], &entry["ignored"], &entry["dead"]) {
            (Value::Object(rows), Value::Null, Value::Null) => End::Rows(
                rows.iter().map(|(name, columns)| NamedRow::read(name, columns)).collect::<Result<_, _>>()?,
            ),
            (Value::Null, Value::String(reason), Value::Null) => End::Ignored(reason.clone()),
            (Value::Null, Value::Null, Value::String(reason)) => End::Dead(reason.clone()),
            _ => bail!("one of rows, ignored and dead"),
        };
        Ok(Self { name: text("shape")?, origin: text("origin")?, special: text("special")?, events, end })
    }

    /// Its family: the object that it is about.
    pub fn family(&self) -> &'static str {
        const FAMILIES: [(&str, &str); 9] = [
            ("payment_intent.", "payment_intent"),
            ("refund.", "refund"),
            ("charge.refund.", "refund"),
            ("charge.dispute.", "dispute"),
            ("charge.", "charge"),
            ("invoice.", "invoice"),
            ("invoice_payment.", "invoice_payment"),
            ("customer.subscription.", "subscription"),
            ("radar.", "warning"),
        ];
        let kind = self.events[0]["type"].as_str().unwrap_or_default();
        match FAMILIES.iter().find(|(beginning, _)| kind.starts_with(beginning)) {
            Some((_, family)) => family,
            None if matches!(kind, "customer.created" | "customer.updated" | "customer.deleted") => {
                "customer"
            }
            None => "without a rule",
        }
    }

    /// The day of its newest API version.
    pub fn version(&self) -> &str {
        let versions = self.events.iter().filter_map(|event| event["api_version"].as_str());
        versions.max().map_or("none", |version| version.get(..10).unwrap_or(version))
    }

    /// How its events must be stored.
    pub fn outcome(&self) -> &'static str {
        match self.end {
            End::Rows(_) => "applied",
            End::Ignored(_) => "ignored",
            End::Dead(_) => "dead",
        }
    }

    /// Whether a stored outcome and its reason are the ones that are named.
    pub fn is_outcome(&self, outcome: &str, reason: Option<&str>) -> bool {
        outcome == self.outcome()
            && match &self.end {
                End::Rows(_) => reason.is_none(),
                End::Ignored(named) => reason == Some(named),
                End::Dead(named) => reason.is_some_and(|reason| reason.starts_with(named.as_str())),
            }
    }

    /// Its bodies, moved into accounts whose names begin so: what is its own account stays told apart.
    pub fn bodies_in(&self, place: &str) -> Vec<Value> {
        let moved = |event: &Value| {
            let mut event = event.clone();
            let is_thin = event["object"] != "event";
            let own = |name: &str| event[name].as_str().map(|own| format!("{place}{own}"));
            match (own("account"), own("context")) {
                (None, Some(context)) => event["context"] = json!(context),
                (None, None) if is_thin => event["context"] = json!(place),
                (account, _) => event["account"] = json!(account.unwrap_or_else(|| place.to_owned())),
            }
            event
        };
        self.events.iter().map(moved).collect()
    }

    /// What is other than named among the rows of these accounts, in words that begin with the row and its column.
    pub fn differences(&self, place: &str, found: &Rows) -> Vec<String> {
        let End::Rows(named) = &self.end else { return Vec::new() };
        let livemode = self.events[0]["livemode"].as_bool().unwrap_or_default();
        let mut differences = Vec::new();
        for row in named {
            match found.get(&row.subject(place, livemode)) {
                None => differences.push(format!("{} {}: there is no such row", row.kind, row.id)),
                Some(found) => differences.extend(row.differences(found)),
            }
        }
        let is_named =
            |subject: &Subject| named.iter().any(|row| row.kind == subject.kind && row.id == subject.id);
        let foreign = found.keys().filter(|subject| {
            subject.account.starts_with(place) && OF_THEIR_OWN.contains(&subject.kind) && !is_named(subject)
        });
        differences
            .extend(foreign.map(|subject| format!("{} {}: nobody named it", subject.kind, subject.id)));
        differences
    }
}

impl NamedRow {
    fn read(name: &str, columns: &Value) -> anyhow::Result<Self> {
        let (table, id) = name.split_once(' ').context("a row is named by its table and its id")?;
        let known = Kind::ALL.iter().find(|kind| kind.table() == table);
        let kind = known.with_context(|| format!("{table} is no table"))?.as_str();
        let columns = columns.as_object().context("columns")?.clone();
        Ok(Self { kind, id: id.to_owned(), columns })
    }

    fn subject(&self, place: &str, livemode: bool) -> Subject {
        let own = self.columns.get("account").and_then(Value::as_str).unwrap_or_default();
        Subject { kind: self.kind, id: self.id.clone(), account: format!("{place}{own}"), livemode }
    }

    fn differences(&self, found: &Row) -> Vec<String> {
        let columns = self.columns.iter().filter(|(column, _)| *column != "account");
        let differing = columns.filter(|(column, value)| !is_same(value, found.get(*column)));
        differing
            .map(|(column, value)| {
                let found = found.get(column).map_or("no such column".to_owned(), Value::to_string);
                format!("{} {}: {column} is {found}, not {value}", self.kind, self.id)
            })
            .collect()
    }
}

/// Moments are named by Stripe's seconds.
fn is_same(named: &Value, found: Option<&Value>) -> bool {
    let Some(found) = found else { return false };
    match (named.as_i64(), found.as_str()) {
        (Some(seconds), Some(text)) => {
            DateTime::parse_from_rfc3339(text).is_ok_and(|moment| moment.timestamp() == seconds)
        }
        _ => named == found,
    }
}

/// How many shapes of each family there are in each version, and how they end.
pub fn overview(shapes: &[Shape]) -> String {
    let mut families: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for shape in shapes {
        *families.entry(shape.family()).or_default().entry(shape.outcome()).or_default() += 1;
        *versions.entry(shape.version()).or_default() += 1;
    }
    let mut lines =
        vec![format!("{:<18}{:>8}{:>8}{:>8}{:>8}", "family", "shapes", "applied", "ignored", "dead")];
    for (family, outcomes) in &families {
        let count = |outcome| outcomes.get(outcome).copied().unwrap_or(0);
        let all: usize = outcomes.values().sum();
        lines.push(format!(
            "{family:<18}{all:>8}{:>8}{:>8}{:>8}",
            count("applied"),
            count("ignored"),
            count("dead")
        ));
    }
    let versions: Vec<String> =
        versions.iter().map(|(version, count)| format!("{version} {count}")).collect();
    lines.push(format!("{} API versions: {}", versions.len(), versions.join(", ")));
    lines.join("\n")
}
