//! What an act answers once, and never again: the secret of a token, the link of an invitation.

use maud::{Markup, html};
use serde_json::Value;

use super::command::command;
use super::form_fields::undone;
use super::shell::{self, Frame};
use crate::answer::Answer;

/// The acts that answer with a secret: the member of the answer that it is in, and what it is called.
const SECRETS: [(&str, &str, &str); 3] = [
    ("create_token", "token", "Token"),
    ("invite_member", "link", "Invitation"),
    // A mail address and a queue have none.
    ("add_notice_target", "secret", "Secret of a target"),
];

/// The page with the secret; `None` for other acts.
pub(super) fn page(frame: &Frame<'_>, endpoint: &str, answer: &Answer, back: Option<&str>) -> Option<Markup> {
    let (_, member, title) = SECRETS.iter().find(|(name, ..)| *name == endpoint)?;
    let secret = answer.document.get(*member).and_then(Value::as_str);
    let waits = answer.document.get("pending").is_some_and(Value::is_object);
    let back = undone(back.unwrap_or("/staff"));
    let body = html! {
        div.title { h1 { (title) } }
        section.panel { div.inner {
            @match secret {
                Some(secret) => {
                    p { strong { "It is shown once." } " Copy it now, and give it only to the person it is for." }
                    (command("secret", secret))
                }
                None => p { strong { "It was shown once, and cannot be shown again." } " Make another one, and end this one if nobody has it." },
            }
            @if waits { p.note.warn { "It works once a second administrator has agreed: it waits under " a href="/staff" { "Staff" } "." } }
            p { a href=(back) { "Back to the page" } }
        } }
    };
    Some(shell::page(frame, title, &Markup::default(), &body))
}
