//! The answer on a dispute's page: what it would say, what is missing, and the forms that write it, attach files, store it
//! at Stripe and submit it.

use desk::money;
use desk::views::dispute::DisputeView;
use desk::views::evidence::{EvidenceView, FieldView, Source, Standing};
use domain::evidence::{EvidenceField, Form, Goods};
use maud::{Markup, html};

use super::acts::{Act, form, hidden};
use super::shell::Frame;
use super::tables::{prose, section, text};
use super::timelines::subject;
use super::values::{capitalised, counted, moment};

/// What the answer would say, and what the bank wants to see.
pub fn hanging(view: &EvidenceView) -> Markup {
    let fields = view.fields.iter().map(|field| {
        vec![
            html! { code { (field.field) } },
            html! { (field.text.as_deref().unwrap_or_default()) },
            source(field),
        ]
    });
    let files = view.files.iter().map(|file| {
        let place = if file.stripe_id.is_some() { "at Stripe" } else { "not uploaded yet" };
        let pages = file.pages.map_or_else(
            || "pages unknown".to_owned(),
            |pages| counted(usize::try_from(pages).unwrap_or(0), "page"),
        );
        vec![
            html! { code { (file.field) } },
            html! { (file.name) " (" (file.file_kind) ", " (file.size_bytes) " bytes, " (pages) ")" },
            html! { (file.attached_by) ", " (place) },
        ]
    });
    let needs = view.needs.iter().map(|need| {
        let is_stripes =
            |field| view.fields.iter().any(|it| it.field == field && it.source == Source::Stripe);
        let mark = match (need.is_met, need.need.required) {
            (true, _) if need.need.any_of.iter().any(|field| is_stripes(*field)) => {
                html! { "Stripe is asked when it is stored" }
            }
            (true, _) => html! { "there" },
            (false, true) => html! { strong { "required, missing" } },
            (false, false) => html! { "would help" },
        };
        vec![html! { (capitalised(need.need.why)) }, html! { code { (need.need.named()) } }, mark]
    });
    let warns = view.standing == Standing::Staged;
    html! {
        div class=(if warns { "note bad" } else { "note" }) { strong { "Evidence: " } (view.says) }
        // Where nothing can be answered any more, a draft and what it lacks would only mislead.
        @if view.standing != Standing::Closed {
            (section(&format!("The answer, for {} goods", view.goods), &[text("Field"), prose("Value"), text("From")], fields.chain(files).collect()))
        }
        @if view.is_open() {
            (section("What the bank wants to see", &[prose("Shows"), text("Field"), text("Standing")], needs.collect()))
        }
        @if let Some(staged) = &view.staged {
            p.muted {
                "Stored at Stripe by " (subject("operation", &staged.operation))
                @if let Some(at) = staged.at { ", " (moment(at)) }
                @if !staged.is_current { "; the draft was changed since" } "."
            }
        }
    }
}

fn source(field: &FieldView) -> Markup {
    match field.source {
        Source::Ledger => html! { (field.from.join(", ")) },
        Source::Staff => html! { "staff" },
        Source::LeftOut => html! { "left out" },
        Source::Stripe => html! { "Stripe, when it is sent; not kept" },
    }
}

pub fn forms(frame: &Frame<'_>, view: &DisputeView, evidence: &EvidenceView) -> Markup {
    let id = view.dispute.dispute.key.id.as_str();
    let amount = money::shown(view.dispute.dispute.state.amount, &view.dispute.dispute.state.currency);
    let ask = |kind: &str| {
        html! { (hidden("kind", kind)) (hidden("dispute", id)) (hidden("confirm", "true")) }
    };
    let missing = html! {
        @if !evidence.missing.is_empty() { " Missing, and required for this reason: " strong { (evidence.missing.join("; ")) } "." }
    };
    html! {
        @if evidence.is_open() {
            (drafting(frame, id, evidence))
            (form(frame, &Act {
                endpoint: "request_operation",
                path: &[],
                title: "Store the answer at Stripe",
                consequence: html! { "Uploads the files, reads what is about a person, and stores all of it at Stripe. That is no answer yet: it is submitted by another act." (missing) },
                fields: ask("evidence_stage"),
                button: "Store it",
                is_dangerous: false,
            }))
        }
        @if evidence.standing == Standing::Staged {
            (form(frame, &Act {
                endpoint: "request_operation",
                path: &[],
                title: "Submit the answer",
                consequence: html! { "Submits the evidence that is stored at Stripe for " strong { (id) } ". Stripe takes one submission: nothing can be added later." (missing) },
                fields: html! {
                    (ask("evidence_submit"))
                    @if let Some(staged) = &evidence.staged { (hidden("staged", &staged.operation)) }
                    @if !evidence.missing.is_empty() {
                        label.check { input type="checkbox" name="incomplete" value="true"; span { "It is submitted all the same, without what is missing." } }
                    }
                },
                button: "Submit it for good",
                is_dangerous: true,
            }))
        }
        @if evidence.is_open() {
            (form(frame, &Act {
                endpoint: "request_operation",
                path: &[],
                title: "Accept the dispute",
                consequence: html! { "Gives the dispute " strong { (id) } " up: " strong { (amount) } " is lost for good." },
                fields: ask("dispute_accept"),
                button: "Accept the loss",
                is_dangerous: true,
            }))
        }
    }
}

/// What changes the draft, and sends nothing.
fn drafting(frame: &Frame<'_>, id: &str, evidence: &EvidenceView) -> Markup {
    html! {
        (form(frame, &Act {
            endpoint: "write_evidence",
            path: &[id],
            title: "Write a text of the answer",
            consequence: html! { "It stands in the place of what the ledger fills in. Nothing is sent to Stripe." },
            fields: html! {
                (select("evidence-field", "field", "Field", of_form(&[Form::Text, Form::Line]), None))
                div.field {
                    label for="evidence-text" { "Text" }
                    textarea id="evidence-text" name="text" required maxlength="20000" {}
                }
            },
            button: "Save",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: "write_evidence",
            path: &[id],
            title: "Say what was sold",
            consequence: html! { "The reason of the dispute and the goods decide what the bank wants to see." },
            fields: select("evidence-goods", "goods", "Goods", Goods::WORDS.to_vec(), Some(evidence.goods.as_str())),
            button: "Save",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: "attach_evidence",
            path: &[id],
            title: "Attach a file",
            consequence: html! { "A PDF, JPEG or PNG, at most 4.5 MB and 49 pages for all files together. It is uploaded to Stripe when the evidence is stored there." },
            fields: html! {
                (select("evidence-file-field", "field", "Field", of_form(&[Form::File]), None))
                div.field {
                    label for="evidence-file" { "File" }
                    input id="evidence-file" name="file" type="file" required accept="application/pdf,image/jpeg,image/png";
                }
                div.field {
                    label.check for="evidence-replace" {
                        input id="evidence-replace" name="replace" type="checkbox" value="true";
                        span { "In the place of the file that the field has" }
                    }
                }
            },
            button: "Attach it",
            is_dangerous: false,
        }))
        (form(frame, &Act {
            endpoint: "leave_out_evidence",
            path: &[id],
            title: "Leave a field out",
            consequence: html! { "The field stays empty. A file of it is taken back." },
            fields: select("evidence-left-out", "field", "Field", present(evidence), None),
            button: "Leave it out",
            is_dangerous: false,
        }))
    }
}

fn of_form(forms: &[Form]) -> Vec<&'static str> {
    EvidenceField::ALL
        .iter()
        .filter(|field| forms.contains(&field.form()))
        .map(|field| field.as_str())
        .collect()
}

/// The fields that have a value, or a file.
fn present(evidence: &EvidenceView) -> Vec<&str> {
    let texts = evidence.fields.iter().filter(|field| field.source != Source::LeftOut);
    let texts = texts.map(|field| field.field.as_str());
    texts.chain(evidence.files.iter().map(|file| file.field.as_str())).collect()
}

fn select(id: &str, name: &str, label: &str, words: Vec<&str>, chosen: Option<&str>) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            select id=(id) name=(name) {
                @for word in words { option value=(word) selected[chosen == Some(word)] { (word.replace('_', " ")) } }
            }
        }
    }
}
