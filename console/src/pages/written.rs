//! What somebody wrote into a form that was not taken: it is shown, to be copied. Browsers keep no page of ours, so going
//! back would not bring it.

use domain::evidence::fields::TEXT_LIMIT_CHARS;
use hyper::{HeaderMap, StatusCode};
use maud::{Markup, html};

use super::form_fields::{BACK, FormFields, undone};
use super::page_responses::{Browsed, html as page_of};
use super::values::capitalised;
use super::{shell, sign_in};
use crate::endpoint::Endpoint;
use crate::fields::{Field, Kind};

/// As long as the longest text that a field takes, in letters of any script.
const SHOWN_LIMIT_BYTES: usize = 4 * TEXT_LIMIT_CHARS;
/// What pages put into their forms to say what they have shown.
const OF_PAGES: [&str; 3] = ["hash", "parameters_hash", "staged"];

/// The fields that the endpoint takes and somebody may have written. Nothing else is shown: it may be a secret.
pub(super) fn shown(endpoint: Option<&Endpoint>, fields: &FormFields) -> Markup {
    let known = endpoint.and_then(|endpoint| endpoint.body).unwrap_or_default();
    let written: Vec<(&Field, String)> = known
        .iter()
        .filter(|field| is_written(field))
        .map(|field| (field, fields.all(field.name).collect::<Vec<_>>().join("\n")))
        .filter(|(_, text)| (1..=SHOWN_LIMIT_BYTES).contains(&text.len()))
        .collect();
    html! {
        @if !written.is_empty() {
            section.panel {
                h2 { "What you wrote" }
                div.inner.form {
                    p { "Copy what you need before you leave this page: no other page has it." }
                    @for (field, text) in &written {
                        div.field {
                            label for={ "written-" (field.name) } { (capitalised(&field.name.replace('_', " "))) }
                            @if is_long(field, text) { textarea id={ "written-" (field.name) } readonly rows="4" { (text) } }
                            @else { input id={ "written-" (field.name) } type="text" readonly value=(text); }
                        }
                    }
                }
            }
        }
    }
}

fn is_written(field: &Field) -> bool {
    !matches!(field.kind, Kind::Flag | Kind::File | Kind::Address | Kind::Cursor)
        && !OF_PAGES.contains(&field.name)
}

fn is_long(field: &Field, text: &str) -> bool {
    matches!(field.kind, Kind::Text | Kind::LongText) || text.contains('\n')
}

/// For whoever sends a form and is not known, as after their session has ended: they sign in, and are back where it was.
pub(super) fn signed_out(headers: &HeaderMap, endpoint: Option<&Endpoint>, fields: &FormFields) -> Browsed {
    let back = fields.get(BACK).filter(|back| sign_in::is_ours(back)).map(undone);
    let place = sign_in::place(headers, back.as_deref().unwrap_or("/"));
    let title = if sign_in::has_ended(headers) { "Your session has ended" } else { "You are not signed in" };
    let page = html! {
        h1 { (title) }
        p { "Nothing was changed. Sign in, and send the form again." }
        (shown(endpoint, fields))
        p { a.button href=(place) { "Sign in" } }
    };
    Browsed::by(None, page_of(StatusCode::UNAUTHORIZED, shell::bare(title, &page)))
}

#[cfg(test)]
mod tests {
    use super::super::acts::addressed;
    use super::*;

    fn shown_of(path: &str, fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let endpoint = addressed(path).map(|(endpoint, _)| endpoint);
        shown(endpoint, &FormFields(fields)).into_string()
    }

    #[test]
    fn what_was_written_is_shown_as_text_and_what_no_endpoint_takes_is_not() {
        let page = shown_of(
            "/do/api/v1/operations",
            &[
                ("kind", "refund"),
                ("note", "</textarea><b>called</b> & \"paid\""),
                ("amount", "20,5"),
                ("confirm", "true"),
                ("staged", "op_1"),
                ("once", "form_0123456789abcdef"),
                ("back", "/payment/pi_1?done=refund_payment"),
                ("password", "tall ship at dusk"),
            ],
        );
        assert!(page.contains("&lt;/textarea&gt;&lt;b&gt;called&lt;/b&gt; &amp;"), "{page}");
        assert!(page.contains("value=\"20,5\"") && page.contains(">Amount</label>"), "{page}");
        for kept_back in ["form_0", "done=", "op_1", "tall ship", "Confirm", "<b>"] {
            assert!(!page.contains(kept_back), "{kept_back}: {page}");
        }
        let list =
            shown_of("/do/api/v1/batches", &[("payments", "pi_1"), ("hash", "h"), ("payments", "pi_2")]);
        assert!(list.contains("pi_1\npi_2</textarea>") && !list.contains("Hash"), "{list}");
    }

    #[test]
    fn where_nothing_was_written_or_far_too_much_nothing_is_shown() {
        let long = "x".repeat(SHOWN_LIMIT_BYTES + 1);
        let note = "/do/api/v1/payments/pi_1/notes";
        for (path, fields) in [
            (note, &[("note", " \r\n")][..]),
            (note, &[("note", &long)]),
            (note, &[]),
            ("/me/password", &[("old", "tall ship at dusk")]),
        ] {
            assert_eq!(shown_of(path, fields), "", "{path}");
        }
    }
}
