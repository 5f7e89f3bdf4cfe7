//! What staff may do with a dispute: answer or accept it, note, resolve and reopen.

use desk::money;
use desk::views::dispute::DisputeView;
use desk::views::object::ObjectView;
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::evidence;
use super::shell::Frame;

pub fn forms(frame: &Frame<'_>, view: &DisputeView) -> Markup {
    let id = view.key().id.as_str();
    let amount = money::shown(view.dispute.dispute.state.amount, &view.dispute.dispute.state.currency);
    let reason = words("reason", "Reason", "It stands in the audit, with your name.", true);
    html! {
        @if let Some(evidence) = &view.evidence { (evidence::forms(frame, view, evidence)) }
        @if view.dispute.resolved.is_some() {
            (form(frame, &Act {
                endpoint: "reopen_dispute",
                path: &[id],
                title: "Reopen",
                consequence: html! { "The dispute over " strong { (amount) } " is to be dealt with again." },
                fields: reason,
                button: "Reopen it",
                is_dangerous: false,
            }))
        } @else {
            (form(frame, &Act {
                endpoint: "resolve_dispute",
                path: &[id],
                title: "Resolve",
                consequence: html! { "Staff are done with the dispute over " strong { (amount) } ": it leaves the list of what is to be done. Stripe's own status stays, and it returns if Stripe asks for another answer." },
                fields: reason,
                button: "Resolve it",
                is_dangerous: false,
            }))
        }
    }
}
