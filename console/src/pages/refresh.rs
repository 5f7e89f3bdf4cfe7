//! The button of a page that the script renews: it pauses that, and so does whoever opens a form.

use maud::{Markup, html};

/// How often the script asks for a page again.
const REFRESH_SECS: u8 = 15;

/// Pauses the refresh of what is marked `data-live`.
pub fn button() -> Markup {
    html! { button.quiet type="button" data-script data-refresh=(REFRESH_SECS) { "Pause refresh" } }
}
