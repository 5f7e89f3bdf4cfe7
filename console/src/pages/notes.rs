//! Notes of staff and who takes care of something, on the page of an object: the list, and the forms.

use ledger::tables::notes::{Assignment, Note};
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::shell::Frame;
use super::tables::{prose, section, text};
use super::tones::{Tone, badge};
use super::values::moment;

/// The endpoints of a kind: to note, and to assign.
fn endpoints(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "payment" => ("note_on_payment", "assign_payment"),
        "refund" => ("note_on_refund", "assign_refund"),
        "dispute" => ("note_on_dispute", "assign_dispute"),
        "invoice" => ("note_on_invoice", "assign_invoice"),
        "customer" => ("note_on_customer", "assign_customer"),
        "operation" => ("note_on_operation", "assign_operation"),
        _ => return None,
    })
}

/// Who takes care of it; nothing where nobody does.
pub fn assignee(assigned: Option<&Assignment>) -> Markup {
    let name = assigned.and_then(|assigned| assigned.assignee.as_deref());
    html! { @if let Some(name) = name { (badge(Tone::Info, &format!("with {name}"))) } }
}

pub fn list(notes: &[Note]) -> Markup {
    let columns = [text("Noted"), text("By"), text("Effect"), prose("Note")];
    let rows = notes.iter().map(|note| {
        let effect = match (note.resolves, note.reopens) {
            (true, _) => badge(Tone::Good, "resolves"),
            (_, true) => badge(Tone::Warn, "reopens"),
            _ => html! {},
        };
        vec![moment(note.written_at), html! { (note.written_by) }, effect, html! { (note.note) }]
    });
    section("Notes", &columns, rows.collect())
}

/// What a line of the audit refers to by `note 3`.
pub fn referred<'a>(notes: &'a [Note], after: Option<&str>) -> Option<&'a str> {
    let number: i64 = after?.strip_prefix("note ")?.parse().ok()?;
    notes.iter().find(|note| note.number == number).map(|note| note.note.as_str())
}

/// Nothing for kinds without notes.
pub fn forms(frame: &Frame<'_>, kind: &str, id: &str, assignment: Option<&Assignment>) -> Markup {
    let Some((note, assign)) = endpoints(kind) else { return html! {} };
    let assignee = assignment.and_then(|found| found.assignee.as_deref());
    let field = format!("assignee-{}", shared::trace::random_hex::<4>());
    html! {
        (form(frame, &Act {
            endpoint: note,
            path: &[id],
            title: "Add a note",
            consequence: html! { "Notes on " strong { (id) } " can be read by everyone here, and never changed." },
            fields: words("note", "Note", "", true),
            button: "Keep the note",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: assign,
            path: &[id],
            title: "Assign",
            consequence: html! { @match assignee { Some(name) => { strong { (name) } " takes care of it now." }, None => "Nobody takes care of it yet." } },
            fields: html! {
                div.field {
                    label for=(field) { "Who takes care of it" }
                    input id=(field) name="assignee" type="text" autocomplete="off" maxlength="60" value=(assignee.unwrap_or(frame.actor.staff()));
                    span.hint { "The name of a member of staff; empty for nobody." }
                }
            },
            button: "Assign it",
            is_dangerous: false,
        }))
    }
}
