//! What people read: a subject, a text and HTML for each kind of notice, made from templates in `templates/`. A
//! template is `Subject: …`, an empty line and a body, in which `{{name}}` is a value and `{{#name}} … {{/name}}` a part
//! that is left out where there is no such value.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Notice, NoticeKind};
use crate::money;

/// What a notice does not say itself: read when it is sent, or configured.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The name that customers know.
    pub merchant: String,
    /// Where a customer pays or updates a card.
    pub link: Option<String>,
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// What is owed now, in minor units; the notice has what was known when it was made.
    pub owed: Option<i64>,
    pub unsubscribe: Option<String>,
    /// Where staff see what it is about.
    pub console: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The templates by name, as this build has them or as somebody replaced them.
#[derive(Clone, Debug)]
pub struct Templates(BTreeMap<&'static str, String>);

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        const BUILT_IN: &[(&str, &str)] = &[
            $(
                (concat!($name, ".txt"), include_str!(concat!("templates/", $name, ".txt"))),
                (concat!($name, ".html"), include_str!(concat!("templates/", $name, ".html"))),
            )*
            ("layout.html", include_str!("templates/layout.html")),
        ];
    };
}
templates!(
    "dunning_1",
    "dunning_2",
    "dunning_3",
    "refund_made",
    "refund_corrected",
    "refund_rejected",
    "card_expires",
    "approval_wanted",
    "dispute_opened",
    "evidence_due",
    "evidence_overdue",
    "fraud_warning",
    "incident",
    "changed",
    "test",
);

/// Why a template of somebody's own is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    #[error("there is no template of this name")]
    NoSuchName,
    #[error("its first line is not `Subject: …`")]
    NoSubject,
    #[error("it has no empty line with a text after it")]
    NoBody,
    #[error("it is empty")]
    Empty,
    #[error("a `{{{{` in it has no `}}}}`")]
    OpenName,
    #[error("the part `{{{{#{0}}}}}` in it does not end with `{{{{/{0}}}}}`")]
    OpenPart(String),
    #[error("it has no `{{{{body}}}}`")]
    NoPlaceForBody,
}

/// A template of somebody's own, with lines that end as ours do: an editor on Windows ends them otherwise, and marks
/// the beginning of a file.
pub fn own_template(name: &str, text: &str) -> Result<String, BadTemplate> {
    if !Templates::names().any(|known| known == name) {
        return Err(BadTemplate::NoSuchName);
    }
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    if text.trim().is_empty() {
        return Err(BadTemplate::Empty);
    }
    if name.rsplit('.').next() == Some("txt") {
        if !text.starts_with("Subject:") {
            return Err(BadTemplate::NoSubject);
        }
        let (subject, body) = text.split_once("\n\n").unwrap_or_default();
        if body.trim().is_empty() {
            return Err(BadTemplate::NoBody);
        }
        // Each is filled by itself: no part begins in one and ends in the other.
        is_closed(subject)?;
        is_closed(body)?;
    }
    if name == "layout.html" && !text.contains("{{body}}") {
        return Err(BadTemplate::NoPlaceForBody);
    }
    is_closed(&text)?;
    Ok(text)
}

fn is_closed(template: &str) -> Result<(), BadTemplate> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or(BadTemplate::OpenName)?;
        rest = after;
        if let Some(name) = name.strip_prefix('#')
            && !after.contains(&format!("{{{{/{name}}}}}"))
        {
            return Err(BadTemplate::OpenPart(name.to_owned()));
        }
    }
    Ok(())
}

impl Templates {
    /// The built-in ones, each replaced by what `given` has under its name.
    pub fn with(mut given: impl FnMut(&str) -> Option<String>) -> Self {
        Self(
            BUILT_IN
                .iter()
                .map(|(name, text)| (*name, given(name).unwrap_or_else(|| (*text).to_owned())))
                .collect(),
        )
    }

    pub fn built_in() -> Self {
        Self::with(|_| None)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    pub fn message(&self, notice: &Notice, facts: &Facts) -> Message {
        let values = values(notice, facts);
        let name = template_of(notice);
        // Cut before it is filled: an empty line inside a value ends no subject.
        let (head, text) = self.get(&format!("{name}.txt")).split_once("\n\n").unwrap_or_default();
        let [head, text] = [head, text].map(|part| filled(part, &values, str::to_owned));
        let body = filled(self.get(&format!("{name}.html")), &values, escaped);
        let subject = head.trim_start_matches("Subject:").trim().replace(['\r', '\n'], " ");
        let mut values = values;
        values.insert("subject".to_owned(), subject.clone());
        let (before, after) = self.get("layout.html").split_once("{{body}}").unwrap_or_default();
        let html = filled(before, &values, escaped) + body.trim() + &filled(after, &values, escaped);
        Message { subject, text: text.trim().to_owned() + "\n", html }
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

fn template_of(notice: &Notice) -> &'static str {
    match notice.kind {
        NoticeKind::Dunning => match notice.number {
            1 => "dunning_1",
            2 => "dunning_2",
            _ => "dunning_3",
        },
        NoticeKind::RefundMade => "refund_made",
        NoticeKind::RefundCorrected => "refund_corrected",
        NoticeKind::RefundRejected => "refund_rejected",
        NoticeKind::CardExpires => "card_expires",
        NoticeKind::ApprovalWanted => "approval_wanted",
        NoticeKind::DisputeOpened => "dispute_opened",
        NoticeKind::EvidenceDue => "evidence_due",
        NoticeKind::EvidenceOverdue => "evidence_overdue",
        NoticeKind::FraudWarning => "fraud_warning",
        NoticeKind::IncidentOpened => "incident",
        NoticeKind::Test => "test",
        _ => "changed",
    }
}

/// Everything that a template may name. A number alone says little: amounts and moments are as people read them.
fn values(notice: &Notice, facts: &Facts) -> BTreeMap<String, String> {
    let data = notice.data();
    let mut values = BTreeMap::new();
    for (name, value) in &data {
        let text = match value {
            Value::String(text) => text.parse::<DateTime<Utc>>().map_or_else(|_| text.clone(), moment),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) => "yes".to_owned(),
            _ => continue,
        };
        values.insert(name.clone(), text);
    }
    let currency = data.get("currency").and_then(Value::as_str).unwrap_or_default();
    if let Some(amount) = facts.owed.or_else(|| data.get("amount").and_then(Value::as_i64)) {
        values.insert("amount".to_owned(), money::shown(amount, currency));
    }
    if let Some(month) = notice.int("exp_month") {
        values.insert("exp_month".to_owned(), format!("{month:02}"));
    }
    if notice.int("days").is_some_and(|days| days != 1) {
        values.insert("many".to_owned(), "yes".to_owned());
    }
    let mode = if notice.key.livemode { "" } else { "[test] " };
    for (name, value) in [
        ("mode", Some(mode.to_owned())),
        ("merchant", Some(facts.merchant.clone())),
        ("link", facts.link.clone()),
        ("next_attempt", facts.next_attempt_at.map(day)),
        ("unsubscribe", facts.unsubscribe.clone()),
        ("console", facts.console.clone()),
        ("kind", Some(notice.kind.as_str().to_owned())),
        ("severity", Some(notice.severity.as_str().to_owned())),
        ("object_kind", Some(notice.object_kind.replace('_', " "))),
        ("object_id", Some(notice.object_id.clone())),
        ("occurred", Some(moment(notice.occurred_at))),
    ] {
        values.insert(name.to_owned(), value.unwrap_or_default());
    }
    values
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// Replaces the names of a template. A value is never read as a template itself.
fn filled(template: &str, values: &BTreeMap<String, String>, show: impl Fn(&str) -> String + Copy) -> String {
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    let (mut done, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, after)) = rest.split_once("{{") {
        done.push_str(before);
        let Some((name, after)) = after.split_once("}}") else { break };
        rest = after;
        match name.strip_prefix('#') {
            Some(name) => {
                let Some((part, after)) = after.split_once(&format!("{{{{/{name}}}}}")) else { break };
                if !value(name).is_empty() {
                    done.push_str(&filled(part, values, show));
                }
                rest = after;
            }
            None => done.push_str(&show(value(name))),
        }
    }
    done + rest
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
