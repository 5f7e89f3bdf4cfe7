//! Tokens: whose they are, what they may do, when they were used last; to make one, and to end one.

use desk::views::staff::{ListedToken, TokenState};
use domain::permissions::Roles;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::object::acts_panel;
use super::roles::{role_words, roles};
use super::shell::Frame;
use super::tables::{Column, empty, table, text};
use super::tones::{Tone, badge};
use super::values::{age, maybe_moment, moment, page_of};

const COLUMNS: &[Column] = &[
    text("Token"),
    text("State"),
    text("Of"),
    text("Roles"),
    text("Last used"),
    text("Expires"),
    text("Made"),
    text("By"),
    text("End it"),
];

pub fn list(frame: &Frame<'_>, tokens: &[ListedToken]) -> Markup {
    html! {
        div.title { h1 { "Tokens" } }
        p.lead { "A token says on whose behalf a program or the command line acts. Only a hash of each is kept." }
        section.panel {
            @if tokens.is_empty() {
                (empty("No token was made yet.", &html! { p { "A program that asks for refunds needs one: make it below, for the person who answers for the program." } }))
            } @else { (rows(frame, tokens)) }
        }
        (acts_panel(&create_form(frame, None, &Roles::default())))
    }
}

/// Those of one person; nothing where there are none.
pub fn section(frame: &Frame<'_>, tokens: &[ListedToken]) -> Markup {
    html! {
        @if !tokens.is_empty() {
            section.panel { div.head { h2 { "Tokens" } span.muted { (tokens.len()) } } (rows(frame, tokens)) }
        }
    }
}

fn rows(frame: &Frame<'_>, tokens: &[ListedToken]) -> Markup {
    table("Tokens", COLUMNS, tokens.iter().map(|token| row(frame, token)).collect())
}

fn row(frame: &Frame<'_>, listed: &ListedToken) -> Vec<Markup> {
    let token = &listed.token;
    let tone = match listed.state {
        TokenState::Works => Tone::Good,
        TokenState::Waits => Tone::Warn,
        TokenState::Expired | TokenState::Ended => Tone::Quiet,
    };
    vec![
        html! { span.id title=(token.id) { (token.prefix) "…" } },
        badge(tone, listed.state.word()),
        html! { span { a href=(page_of("staff", &token.staff)) { (token.staff) } @if token.is_program { " (program)" } } },
        html! { (role_words(&token.roles)) },
        token.last_used_at.map(|at| age(at, frame.now)).unwrap_or_default(),
        maybe_moment(token.expires_at),
        moment(token.created_at),
        html! { (token.created_by) },
        if token.ended_at.is_none() {
            revoke(frame, listed)
        } else {
            html! {}
        },
    ]
}

fn revoke(frame: &Frame<'_>, listed: &ListedToken) -> Markup {
    let token = &listed.token;
    form(
        frame,
        &Act {
            endpoint: "revoke_token",
            path: &[token.id.as_str()],
            title: "Revoke",
            consequence: html! { "Whatever uses " span.id { (token.prefix) "…" } " of " strong { (token.staff) } " is refused from now on, for good." },
            fields: words("reason", "Reason", "It stands in the audit, with your name.", true),
            button: "Revoke the token",
            is_dangerous: true,
        },
    )
}

/// To make one, for a person of the list or for this one.
pub fn create_form(frame: &Frame<'_>, staff: Option<&str>, of_theirs: &Roles) -> Markup {
    form(
        frame,
        &Act {
            endpoint: "create_token",
            path: &[],
            title: "Make a token",
            consequence: html! { "It is shown once, on the next page. It may never do more than its person. One that moves money waits for a second administrator where there is one." },
            fields: html! {
                @match staff {
                    Some(staff) => (hidden("for", staff)),
                    None => (words("for", "For", "The member of staff who answers for it.", false)),
                }
                (roles(of_theirs))
                label.check { input type="checkbox" name="program" value="true"; span { "A program uses it: it never approves." } }
                (words("expires", "Expires", "As in 90d or 2027-06-30; empty for never.", false))
            },
            button: "Make the token",
            is_dangerous: false,
        },
    )
}
