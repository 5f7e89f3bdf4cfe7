//! Pages that say in words why there is no other one: what happened, why, and what to do.

use maud::{Markup, html};

/// Why a page cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageFault {
    /// Nothing is at this address.
    NoPage,
    /// The ledger knows nothing of this.
    Unknown {
        kind: String,
        id: String,
    },
    /// A parameter says what it may not.
    Wrong(String),
    Forbidden(String),
    /// Whoever asks has asked often enough in this minute.
    TooOften {
        secs: u64,
    },
    /// The ledger does not answer.
    Away,
}

/// Where things come from that no event tells of.
fn comes_from(kind: &str) -> Option<Markup> {
    let to = |path: &str, words: &str| html! { a href=(path) { (words) } };
    Some(match kind {
        "listing" => html! {
            "Your homepage puts listings by the API, under ids of its own; whether this one is there, it knows best. "
            (to("/payments/listings", "Listings")) " shows those that are here; it may also be of the other mode."
        },
        "finding" => {
            html! { (to("/payments/findings?show=all", "Findings")) " shows all of them, the resolved ones too." }
        }
        "operation" => html! { (to("/approvals?show=all", "All operations")) " shows what was asked for." },
        "notice" => html! { (to("/notices", "Notices")) " shows what was told, and to whom." },
        "replay" => {
            html! { "A replay begins with its plan: " (to("/payments/dead-letters", "dead letters")) " can be run again." }
        }
        "cause" => {
            html! { "Its dead letters may have been applied or discarded since: " (to("/payments/dead-letters", "dead letters")) " shows the causes that are left." }
        }
        _ => return None,
    })
}

impl PageFault {
    pub fn status(&self) -> u16 {
        match self {
            Self::NoPage | Self::Unknown { .. } => 404,
            Self::Wrong(_) => 400,
            Self::Forbidden(_) => 403,
            Self::TooOften { .. } => 429,
            Self::Away => 503,
        }
    }

    pub fn title(&self) -> &'static str {
        match self {
            Self::NoPage => "No such page",
            Self::Unknown { .. } => "Not in the ledger",
            Self::Wrong(_) => "That cannot be asked for",
            Self::Forbidden(_) => "Not permitted",
            Self::TooOften { .. } => "Too many requests",
            Self::Away => "The ledger does not answer",
        }
    }

    pub fn body(&self) -> Markup {
        html! {
            div.title { h1 { (self.title()) } }
            section.panel { div.empty { @match self {
                Self::NoPage => {
                    p { strong { "There is no page at this address." } }
                    p { "The address may have been cut. Go back to the " a href="/payments/dashboard/" { "overview" } ", or search above for an id." }
                }
                Self::Unknown { kind, id } => {
                    p { strong { "The ledger knows no " (kind) " " span.id { (id) } "." } }
                    @if let Some(from) = comes_from(kind) { p { (from) } } @else {
                    p { "No event about it has been applied. If Stripe sent it just now, it may still wait in the queue; reload in a moment." }
                    p { "It may also be of the other mode, or be called something else: search above by its id. " a href="/payments/webhooks/" { "Webhooks" } " shows what has arrived." }
                    }
                }
                Self::Wrong(why) => {
                    p { strong { (why) } }
                    p { "Correct the filter and ask again; nothing was changed." }
                }
                Self::Forbidden(why) => {
                    p { strong { (why) } }
                    p { "Ask an administrator for a role that has it. The refusal is in the audit." }
                }
                Self::TooOften { secs } => {
                    p { strong { "Too many requests were made in your name within a minute, so this one did nothing." } }
                    p { "Wait " (secs) " s and ask again. If that was not you, somebody else may have your token or your session." }
                }
                Self::Away => {
                    p { strong { "The ledger cannot be read at the moment, so there is nothing to show." } }
                    p { "Webhooks are still accepted and wait in the queue. Reload in a moment; if it lasts, " code { "tidegate doctor" } " says why." }
                }
            } } }
        }
    }
}
