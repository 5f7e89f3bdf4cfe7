//! What stands around every page: the mark, the search box, where one is, who one is, and which mode it shows.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::when;
use domain::Key;
use domain::permissions::Permission;
use ledger::tables::saved_views::SavedView;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::address::{Address, link};
use super::assets::{MARK, SCRIPT, STYLE};
use super::modes;

/// What a person who is signed in sees around a page.
pub struct Frame<'a> {
    pub actor: &'a Actor,
    pub address: &'a Address,
    pub livemode: bool,
    /// Whose object a part of the page shows, empty for your own; `None` where it shows no one object.
    pub account: Option<String>,
    pub now: DateTime<Utc>,
    /// The views that the person keeps of the list that is shown.
    pub saved: Vec<SavedView>,
    /// How many operations wait for a second person, for those who may be one.
    pub waiting: i64,
}

/// So many are counted; above it, the navigation says so.
pub const WAITING_LIMIT: i64 = 99;

impl Frame<'_> {
    /// Around one of several objects that go by one id: what is done there is done to that one.
    #[must_use]
    pub fn around(&self, key: &Key) -> Self {
        Self { livemode: key.livemode, account: Some(key.account.clone()), saved: Vec::new(), ..*self }
    }
}

/// A line of the navigation: its name for the keys, its words, its address, and who sees it.
type Place = (&'static str, &'static str, &'static str, Permission);

/// The navigation, in groups.
const PLACES: &[(&str, &[Place])] = &[
    ("", &[("dashboard", "Overview", "/payments/dashboard/", Permission::Read)]),
    (
        "Money",
        &[
            ("history", "Payments", "/payments/history", Permission::Read),
            ("failures", "Failed attempts", "/payments/failures", Permission::Read),
            ("refunds", "Refunds", "/payments/refunds", Permission::Read),
            ("disputes", "Disputes", "/payments/disputes", Permission::Read),
            ("invoices", "Invoices", "/payments/invoices", Permission::Read),
            ("payouts", "Payouts", "/payments/payouts", Permission::Read),
            ("listings", "Listings", "/payments/listings", Permission::Read),
        ],
    ),
    (
        "To decide",
        &[
            ("approvals", "Approvals", "/approvals", Permission::Read),
            ("findings", "Findings", "/payments/findings", Permission::Read),
            ("anomalies", "Anomalies", "/payments/anomalies", Permission::Read),
            ("dead-letters", "Dead letters", "/payments/dead-letters", Permission::Read),
            ("bans", "Bans", "/payments/bans", Permission::Read),
            ("blocks", "Blocks and holds", "/payments/blocks", Permission::Read),
        ],
    ),
    (
        "Events",
        &[
            ("webhooks", "Webhooks", "/payments/webhooks/", Permission::Read),
            ("replays", "Replays", "/payments/replays", Permission::Read),
            ("notices", "Notices", "/notices", Permission::Read),
        ],
    ),
    (
        "Checks",
        &[
            ("metrics", "Metrics", "/payments/metrics/", Permission::Read),
            ("reconciliation", "Reconciliation", "/payments/reconciliation", Permission::Read),
            ("reports", "Reports", "/payments/reports", Permission::Read),
            ("audit", "Audit", "/payments/audit", Permission::Read),
        ],
    ),
    (
        "Settings",
        &[
            ("workers", "Workers", "/workers", Permission::Read),
            ("policies", "Policies", "/policies", Permission::Read),
            ("staff", "Staff", "/staff", Permission::Export),
            ("tokens", "Tokens", "/tokens", Permission::Export),
        ],
    ),
];

/// The whole document.
/// `done` is what a form came to, if one was sent.
pub fn page(frame: &Frame<'_>, title: &str, done: &Markup, body: &Markup) -> Markup {
    let Frame { actor, address, livemode, now, .. } = frame;
    let query = address.get("q").unwrap_or_default();
    let mode = modes::word(*livemode);
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                a.skip href="#main" { "Skip to the page" }
                (modes::banner(*livemode))
                header.top {
                    a.mark href=(link("/payments/dashboard/", [("mode", mode)])) { (PreEscaped(MARK.text)) "Tidegate" }
                    form.search role="search" action="/search" method="get" {
                        label.hidden for="search" { "Search" }
                        input #search name="q" type="search" value=(query) autocomplete="off" spellcheck="false"
                            placeholder="Any id, amount, user, or status:failed amount>100";
                        input type="hidden" name="mode" value=(mode);
                        kbd aria-hidden="true" { "/" }
                    }
                    div.who {
                        (modes::switch(address, *livemode))
                        a href=(link("/me", [("mode", mode)])) { (actor.name()) }
                        form method="post" action="/logout" { button.quiet type="submit" { "Sign out" } }
                    }
                }
                div.body {
                    nav.main-nav aria-label="Pages" { ul {
                        @for (group, places) in PLACES {
                            @if !group.is_empty() { li.group { (group) } }
                            @for (name, words, path, _) in places.iter().filter(|(.., permission)| actor.has(*permission)) {
                                li { a href=(link(path, [("mode", mode)])) data-place=(name)
                                    aria-current=[is_here(&address.path, path).then_some("page")] { (words) @if *name == "approvals" { (waiting(frame.waiting)) } } }
                            }
                        }
                    } }
                    main #main tabindex="-1" { (done) (body) }
                    footer {
                        span { "As of " time datetime=(now.to_rfc3339()) { (when::whole(*now)) } }
                        span data-script data-zone {}
                        span data-script { kbd { "/" } "search" kbd { "g" } "then" kbd { "d" } kbd { "p" } kbd { "s" } kbd { "w" } "go" kbd { "j" } kbd { "k" } "rows" }
                    }
                }
            }
        }
    }
}

fn waiting(count: i64) -> Markup {
    html! { @if count > 0 {
        span.count { (count.min(WAITING_LIMIT)) @if count > WAITING_LIMIT { "+" } span.hidden { " waiting" } }
    } }
}

/// A page for whoever is not signed in: nothing around it.
pub fn bare(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body { main.sign-in #main {
                span.mark { (PreEscaped(MARK.text)) "Tidegate" }
                (body)
            } }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="robots" content="noindex";
            title { (title) " · Tidegate" }
            link rel="stylesheet" href=(STYLE.path);
            link rel="icon" type="image/svg+xml" href=(MARK.path);
            script src=(SCRIPT.path) defer {}
        }
    }
}

fn is_here(path: &str, place: &str) -> bool {
    path.trim_end_matches('/') == place.trim_end_matches('/')
}
