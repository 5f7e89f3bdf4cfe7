//! Live and test mode: one of them is looked at, and a page of the test mode cannot be mistaken for the other.

use maud::{Markup, html};

use super::address::{Address, link};

/// What an address names, if it does.
pub fn named(address: &Address) -> Option<bool> {
    match address.get("mode") {
        Some("live") => Some(true),
        Some("test") => Some(false),
        _ => None,
    }
}

pub fn word(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}

/// Above everything else.
pub fn banner(livemode: bool) -> Markup {
    html! {
        @if !livemode {
            aside.test-banner aria-label="Mode" { span { "Test mode: no real money moves here" } }
        }
    }
}

/// Leads to the same page of the other mode.
pub fn switch(address: &Address, livemode: bool) -> Markup {
    let other = word(!livemode);
    // What became of a form has no address of its own.
    if address.path.starts_with("/do/") {
        return html! { a href=(link("/", [("mode", other)])) { "Switch to " (other) } };
    }
    html! { a href=(address.with("mode", Some(other))) { "Switch to " (other) } }
}
