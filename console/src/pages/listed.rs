//! What lists have in common: filters that stand in the address, a page at a time, and where the next one begins.

use chrono::{DateTime, NaiveDate, Utc};
use desk::search;
use domain::permissions::Permission;
use ledger::views::page::{Page, Part};
use ledger::views::search::Window;
use maud::{Markup, html};

use super::address::{Address, link};
use super::modes;
use super::shell::Frame;

const ROWS: i64 = 50;

/// Which part of the list the address asks for.
pub fn part(address: &Address) -> Result<Part, String> {
    part_after(address, "after")
}

/// The same of one of several lists, whose place stands under this name.
pub fn part_after(address: &Address, name: &str) -> Result<Part, String> {
    let after = address
        .get(name)
        .map(str::parse)
        .transpose()
        .map_err(|_| "The address names no place in this list: begin at its first page".to_owned())?;
    Ok(Part { after, limit: ROWS })
}

/// Between two days in UTC, both included.
pub fn window(address: &Address, now: DateTime<Utc>) -> Result<Window, String> {
    let found = search::window(address.get("since"), address.get("until"), now.date_naive());
    found.map_err(|wrong| wrong.to_string())
}

/// The form of a list's filters. A phone shows it folded until something is asked for.
pub fn filters(frame: &Frame<'_>, fields: &Markup) -> Markup {
    let address = frame.address;
    let is_asked_for = address.others(&["mode", "show", "as"]).any(|(_, value)| !value.is_empty());
    let mode = modes::word(frame.livemode);
    let without = [("mode", Some(mode)), ("show", address.get("show"))];
    let without = without.into_iter().filter_map(|(name, value)| Some((name, value?)));
    html! {
        details.fold open[is_asked_for] {
            summary { "Filter" }
            form.filters method="get" action=(address.path) {
                input type="hidden" name="mode" value=(mode);
                (fields)
                button type="submit" { "Filter" }
                @if is_asked_for { a href=(link(&address.path, without)) { "Clear" } }
            }
        }
    }
}

/// The fields of `window`. A day that is named by a word, as in `yesterday`, stays a word.
pub fn day_fields(address: &Address, since: &str) -> Markup {
    let kind = |name| {
        let is_date = address.get(name).is_none_or(|text| text.parse::<NaiveDate>().is_ok());
        if is_date { "date" } else { "text" }
    };
    html! {
        (field(address, "since", since, "", kind("since")))
        (field(address, "until", "Until", "", kind("until")))
    }
}

/// The address of the next page, where there is one.
pub fn next<T>(address: &Address, page: &Page<T>) -> Option<String> {
    page.next.as_ref().map(|place| address.with("after", Some(&place.to_string())))
}

/// The address of the first page, where this is another one.
pub fn first(address: &Address) -> Option<String> {
    address.get("after").map(|_| address.with("after", None))
}

/// The first and the next page of one of several lists; the others stay where they are.
pub fn turns<T>(address: &Address, name: &str, page: &Page<T>) -> (Option<String>, Option<String>) {
    let first = address.get(name).map(|_| address.with(name, None));
    (first, page.next.as_ref().map(|place| address.with(name, Some(&place.to_string()))))
}

/// Where exactly this list is had as CSV, by those who may take it away.
pub fn csv(frame: &Frame<'_>) -> Option<String> {
    frame.actor.has(Permission::Export).then(|| frame.address.with("as", Some("csv")))
}

/// Whether it is asked for as CSV.
pub fn is_csv(address: &Address) -> bool {
    address.get("as") == Some("csv")
}

/// A field of a filter.
pub fn field(address: &Address, name: &str, words: &str, example: &str, kind: &str) -> Markup {
    html! {
        div.field {
            label for={ "filter-" (name) } { (words) }
            input id={ "filter-" (name) } name=(name) type=(kind) value=(address.get(name).unwrap_or_default())
                placeholder=[(!example.is_empty()).then_some(example)] autocomplete="off";
        }
    }
}

/// One of several words, or none of them.
pub fn choice(address: &Address, name: &str, words: &str, any: &str, choices: &[&str]) -> Markup {
    let chosen = address.get(name);
    html! {
        div.field {
            label for={ "filter-" (name) } { (words) }
            select id={ "filter-" (name) } name=(name) {
                option value="" { (any) }
                @for choice in choices {
                    option value=(choice) selected[chosen == Some(choice)] { (choice.replace('_', " ")) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_day_reaches_to_its_end() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let window = |query: &str| window(&Address::of(&format!("/x?{query}")).unwrap(), now);
        let two_days = window("since=2026-11-27&until=2026-11-28").unwrap();
        assert_eq!(two_days.until.unwrap() - two_days.since.unwrap(), TimeDelta::days(2));
        assert!(window("since=soon").unwrap_err().contains("soon"));
        assert!(part(&Address::of("/x?after=nowhere").unwrap()).is_err());
    }
}
