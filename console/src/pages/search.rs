//! One box for everything: a name leads to its page, operators to the payments that they hold for, a reason to whatever
//! has it.

use desk::finder::{Found, Kind};
use desk::search::{OPERATORS, PaymentTerms};
use ledger::views::reasons::KnownReason;
use maud::{Markup, html};

use super::address::link;
use super::modes;
use super::shell::Frame;
use super::values::page_of;

/// Where the page of what was found is.
pub fn place(found: &Found) -> String {
    let kind = match found.kind {
        Kind::Event => "event",
        Kind::Invoice => "invoice",
        Kind::Payment => "payment",
        Kind::Refund => "refund",
        Kind::Dispute => "dispute",
        Kind::Charge => "charge",
        Kind::Customer => "customer",
        Kind::Subscription => "subscription",
        Kind::Payout => "payout",
        Kind::Operation => "operation",
        Kind::Batch => "batch",
        Kind::Listing => "listing",
        Kind::User => "user",
    };
    page_of(kind, &found.id)
}

/// The list of the payments that the terms hold for.
pub fn payments(terms: &PaymentTerms, livemode: bool) -> String {
    let named = terms.named();
    let terms = named.iter().map(|(name, term)| (*name, term.as_str()));
    link("/payments/history", terms.chain([("mode", modes::word(livemode))]))
}

/// The lists of what has a reason; the only one at once.
pub fn of_reason(reason: &KnownReason, livemode: bool) -> Vec<(&'static str, String)> {
    let mode = ("mode", modes::word(livemode));
    let word = reason.word.as_str();
    let attempts =
        ("Attempts to pay that failed with it", link("/payments/failures", [("code", word), mode]));
    let disputes = ("Disputes for it", link("/payments/disputes", [("show", "all"), ("reason", word), mode]));
    let refunds =
        ("Refunds made for it, or failed for it", link("/payments/refunds", [("reason", word), mode]));
    let all = [(reason.attempts, attempts), (reason.disputes, disputes), (reason.refunds, refunds)];
    all.into_iter().filter_map(|(has, list)| has.then_some(list)).collect()
}

pub fn reasons(reason: &KnownReason, lists: &[(&'static str, String)]) -> Markup {
    html! {
        div.title { h1 { "Search" } }
        section.panel { div.empty {
            p { strong { "“" (reason.word.replace('_', " ")) "” is the reason of several things." } }
            ul { @for (words, place) in lists { li { a href=(place) { (words) } } } }
        } }
    }
}

/// Nothing goes by these words, or they cannot be read; and how to search.
pub fn nothing(frame: &Frame<'_>, wrong: Option<&str>) -> Markup {
    let words = frame.address.get("q").unwrap_or_default();
    html! {
        div.title { h1 { "Search" } }
        section.panel {
            div.empty {
                @match (wrong, words) {
                    (Some(wrong), _) => { p { strong { (wrong) "." } } }
                    (None, "") => { p { strong { "What do you look for?" } } }
                    (None, words) => {
                        p { strong { "Nothing in the ledger goes by " span.id { (words) } "." } }
                        p { "If Stripe sent it just now, it may still wait in the queue; search again in a moment." }
                    }
                }
                p { "The box finds every id of Stripe's (" code { "pi_ ch_ re_ dp_ in_ cus_ sub_ po_ evt_" } "), the number of an invoice, a user or a listing by your own id, payments by their amount (" code { "19.99" } " or " code { "19.99 eur" } "), the last four digits of a card, a customer by their e-mail address (Stripe is asked, for none is stored), and whatever goes by a reason: " code { "card_declined" } ", " code { "insufficient funds" } ", " code { "fraudulent" } "." }
            }
            h2 { "Operators for payments" }
            div.inner {
                p.muted { "Put several beside each other; a payment must fit all of them. The list has the same filters as fields, can be saved as a view, and exported." }
                dl.facts { @for (_, example, does) in OPERATORS {
                    div { dt { a href=(link("/search", [("q", example), ("mode", modes::word(frame.livemode))])) { code { (example) } } } dd { (does) } }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_stand_in_the_address_of_the_list() {
        let terms = PaymentTerms {
            amount: Some(">100 <200".to_owned()),
            user: Some("jane doe".to_owned()),
            ..PaymentTerms::default()
        };
        assert_eq!(
            payments(&terms, true),
            "/payments/history?amount=%3E100%20%3C200&user=jane%20doe&mode=live"
        );
    }
}
