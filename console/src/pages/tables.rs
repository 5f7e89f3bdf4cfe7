//! Tables of lists: a caption for those who cannot see it, numbers to the right, cards where there is no room, and an
//! empty one that says what would fill it.

use maud::{Markup, html};

/// A column: its title, and how its cells look.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    title: &'static str,
    class: &'static str,
}

pub const fn text(title: &'static str) -> Column {
    Column { title, class: "" }
}

pub const fn number(title: &'static str) -> Column {
    Column { title, class: "num" }
}

pub const fn prose(title: &'static str) -> Column {
    Column { title, class: "prose" }
}

/// Columns that are empty in every row are left out: they would say nothing.
pub fn table(caption: &str, columns: &[Column], rows: Vec<Vec<Markup>>) -> Markup {
    let is_shown: Vec<bool> = (0..columns.len())
        .map(|place| rows.iter().any(|row| row.get(place).is_some_and(|cell| !cell.0.is_empty())))
        .collect();
    let shown = |place: usize| is_shown.get(place).copied().unwrap_or(false);
    html! {
        div.table tabindex="0" role="region" aria-label=(caption) {
            table.cards {
                caption.hidden { (caption) }
                thead { tr {
                    @for (place, column) in columns.iter().enumerate() {
                        @if shown(place) { th scope="col" class=[class(column)] { (column.title) } }
                    }
                } }
                tbody { @for row in rows { tr {
                    @for (place, (column, cell)) in columns.iter().zip(row).enumerate() {
                        @if shown(place) { td class=[class(column)] data-label=(column.title) { (cell) } }
                    }
                } } }
            }
        }
    }
}

fn class(column: &Column) -> Option<&'static str> {
    (!column.class.is_empty()).then_some(column.class)
}

/// A part of a page with a heading and a table; nothing where there are no rows.
pub fn section(title: &str, columns: &[Column], rows: Vec<Vec<Markup>>) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    let count = rows.len();
    html! {
        section.panel {
            div.head { h2 { (title) } span.muted { (count) } }
            (table(title, columns, rows))
        }
    }
}

/// What an empty list says instead.
pub fn empty(what: &str, teaches: &Markup) -> Markup {
    html! { div.empty { p { strong { (what) } } (teaches) } }
}

/// Where the list goes on.
pub fn pager(first: Option<&str>, next: Option<&str>, shown: usize, csv: Option<&str>) -> Markup {
    html! {
        div.pager {
            span.muted { (shown) @if shown == 1 { " row" } @else { " rows" } " on this page" }
            span {
                @if let Some(csv) = csv { a href=(csv) { "Export as CSV" } " " }
                @if let Some(first) = first { " · " a href=(first) rel="first" { "First page" } }
                @if let Some(next) = next { " · " a href=(next) rel="next" { "Next page →" } }
            }
        }
    }
}
