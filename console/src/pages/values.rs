//! How pages write what is no word: money, moments, ids that lead to a page, lengths of time.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use desk::views::detail::DetailValue;
use desk::{money, when};
use maud::{Markup, html};

use super::address::encoded;
use super::tones::badge;

/// `1,234.50 USD`, the currency set apart from the amount.
pub fn money(minor_units: i64, currency: &str) -> Markup {
    let shown = money::shown(minor_units, currency).replacen('-', "\u{2212}", 1);
    let (amount, unit) = shown.split_once(' ').unwrap_or((&shown, ""));
    html! { span.money { (amount) span.currency { (unit) } } }
}

/// The same, and nothing where there is none.
pub fn money_if_any(minor_units: i64, currency: &str) -> Markup {
    if minor_units == 0 {
        html! {}
    } else {
        money(minor_units, currency)
    }
}

/// `1 event`, `2 events`.
pub fn counted(count: usize, what: &str) -> String {
    let shown = money::count(u64::try_from(count).unwrap_or(u64::MAX));
    if count == 1 { format!("{shown} {what}") } else { format!("{shown} {what}s") }
}

/// The same of a figure.
pub fn several(figure: i64, what: &str) -> String {
    counted(usize::try_from(figure).unwrap_or_default(), what)
}

/// A sentence in which moments stand, so that the reader's own zone shows them as it does elsewhere on the page.
pub fn sentence(text: &str) -> Markup {
    /// As `when::whole` writes one.
    const FORM: &str = "%Y-%m-%d %H:%M:%SZ";
    const BYTES: usize = "2026-11-29 01:12:06Z".len();
    let found = text.char_indices().find_map(|(place, _)| {
        let stamp = text.get(place..place + BYTES).filter(|stamp| stamp.ends_with('Z'))?;
        let at = NaiveDateTime::parse_from_str(stamp, FORM).ok()?.and_utc();
        (when::whole(at) == stamp).then_some((place, at))
    });
    let Some((place, at)) = found else { return html! { (text) } };
    html! { (text[..place]) (moment(at)) (sentence(&text[place + BYTES..])) }
}

/// A sentence that a view begins small.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A moment in UTC; the script sets it into the reader's zone.
pub fn moment(moment: DateTime<Utc>) -> Markup {
    html! { time datetime=(stamp(moment)) data-whole { (when::whole(moment)) } }
}

pub fn maybe_moment(at: Option<DateTime<Utc>>) -> Markup {
    at.map(moment).unwrap_or_default()
}

/// `3h ago`, with the moment itself on hover.
pub fn age(moment: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { time datetime=(stamp(moment)) title=(when::whole(moment)) { (when::age(moment, now)) } }
}

/// `in 2 d 3 h`, or how long ago.
pub fn until(moment: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! { time datetime=(stamp(moment)) title=(when::whole(moment)) { (when::until(moment, now)) } }
}

/// The address of the page of an object, a user or an event.
pub fn page_of(kind: &str, id: &str) -> String {
    format!("/{kind}/{}", encoded(id))
}

/// An id that leads to its page.
pub fn object(kind: &str, id: &str) -> Markup {
    html! { a.id href=(page_of(kind, id)) title=(id) { (id) } }
}

pub fn maybe_object(kind: &str, id: Option<&str>) -> Markup {
    id.filter(|id| !id.is_empty()).map(|id| object(kind, id)).unwrap_or_default()
}

/// A value of a view's details.
pub fn detail(value: &DetailValue, now: DateTime<Utc>) -> Markup {
    match value {
        DetailValue::Text(text) => sentence(text),
        DetailValue::Money { amount, currency } => money(*amount, currency),
        DetailValue::Time(at) => moment(*at),
        DetailValue::Deadline(at) => html! { (moment(*at)) " · " strong { (when::until(*at, now)) } },
        DetailValue::DurationSecs(secs) => html! { (when::shown(TimeDelta::seconds(*secs))) },
        DetailValue::Object { kind, id } => object(kind, id),
    }
}

/// A status as a badge.
pub fn status(status: &str) -> Markup {
    badge(super::tones::of_status(status), &status.replace('_', " "))
}

fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_escaped_in_its_text_and_in_its_address() {
        let html = object("user", "<script>\"'&").into_string();
        assert!(html.contains("/user/%3Cscript%3E%22%27%26"), "{html}");
        assert!(html.contains("&lt;script&gt;&quot;") && !html.contains("<script"), "{html}");
    }

    #[test]
    fn a_moment_in_a_sentence_is_shown_in_the_readers_zone() {
        let html = sentence("Banned at 2026-11-29 01:12:06Z, until 2026-12-01 00:00:00Z.").into_string();
        assert_eq!(html.matches("<time datetime=\"2026-1").count(), 2, "{html}");
        assert!(html.starts_with("Banned at <time") && html.ends_with("</time>."), "{html}");
        for text in ["", "no moment", "2026-13-29 01:12:06Z", "é 2026-11-29 01:12:06", "<b>Z"] {
            assert!(!sentence(text).into_string().contains("<time"), "{text}");
        }
    }

    #[test]
    fn what_went_out_has_a_minus_that_is_read_as_one() {
        assert!(money(-500, "usd").into_string().contains("\u{2212}5.00"));
        assert!(money_if_any(0, "usd").into_string().is_empty());
    }
}
