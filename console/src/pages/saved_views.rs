//! The views that a person keeps of a list: links to its filters, a form that keeps those of now, and one that deletes.

use maud::{Markup, html};

use super::acts::{Act, form, hidden};
use super::address::{Address, PARAMETERS_LIMIT, link, parameters};
use super::shell::Frame;

/// Pages whose filters can be kept.
const LISTS: [&str; 12] = [
    "/payments/history",
    "/payments/failures",
    "/payments/refunds",
    "/payments/disputes",
    "/payments/invoices",
    "/payments/payouts",
    "/payments/webhooks",
    "/payments/bans",
    "/payments/listings",
    "/payments/audit",
    "/payments/findings",
    "/payments/metrics",
];
/// What is no filter: the place in a list, its form, what was just done.
const NO_FILTERS: [&str; 4] = ["after", "as", "done", "waits"];

/// The list that an address is of, where its filters can be kept.
pub fn list_of(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/');
    LISTS.into_iter().find(|list| *list == path)
}

/// On paper nobody sees the address, so the conditions of the list are said.
fn printed(address: &Address) -> Markup {
    let others =
        address.others(&NO_FILTERS).filter(|(name, value)| *name != "mode" && !value.trim().is_empty());
    let conditions = others.map(|(name, value)| format!("{}: {}", name.replace('_', " "), value.trim()));
    let conditions: Vec<String> = conditions.collect();
    html! { @if !conditions.is_empty() { p.printed { "Only " (conditions.join(" · ")) } } }
}

/// Below the heading of a list.
pub fn bar(frame: &Frame<'_>) -> Markup {
    let Some(path) = list_of(&frame.address.path) else { return html! {} };
    let query = link("", frame.address.others(&NO_FILTERS)).trim_start_matches('?').to_owned();
    html! {
        (printed(frame.address))
        div.views {
            @for view in &frame.saved {
                @let here = view.query == query;
                a.view href=(address_of(&view.path, &view.query)) aria-current=[here.then_some("true")] { (view.name) }
            }
            (form(frame, &Act {
                endpoint: "save_view",
                path: &[],
                title: "Save this view",
                consequence: html! { "The filters of this page are kept under a name, for you alone. A view of the same name is replaced." },
                fields: html! {
                    (hidden("path", path))
                    (hidden("query", &query))
                    div.field {
                        label for="view-name" { "Name" }
                        input id="view-name" name="name" type="text" required maxlength="60" autocomplete="off";
                    }
                },
                button: "Save the view",
                is_dangerous: false,
            }))
            @for view in frame.saved.iter().filter(|view| view.query == query) {
                (form(frame, &Act {
                    endpoint: "delete_view",
                    path: &[&view.id],
                    title: "Delete this view",
                    consequence: html! { "The view " strong { (view.name) } " is deleted; nothing else changes." },
                    fields: html! {},
                    button: "Delete it",
                    is_dangerous: true,
                }))
            }
        }
    }
}

/// Put together anew, so that it is an address of ours whatever was kept.
fn address_of(path: &str, query: &str) -> String {
    let given = parameters(query, PARAMETERS_LIMIT).unwrap_or_default();
    link(path, given.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_leads_back_to_its_filters() {
        assert_eq!(list_of("/payments/webhooks/"), Some("/payments/webhooks"));
        assert_eq!(list_of("/payment/pi_1"), None);
        assert_eq!(
            address_of("/payments/history", "amount=%3E100&user=a+b"),
            "/payments/history?amount=%3E100&user=a%20b"
        );
    }
}
