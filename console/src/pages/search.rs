//! One box for everything: an id leads to its page, an amount to the payments of it.

use desk::finder::{Found, Kind};
use desk::money;
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
        Kind::User => "user",
    };
    page_of(kind, &found.id)
}

/// The payments of an amount, where the words are one: `19.99`, `19.99 usd`, `usd 19.99`.
pub fn payments_of(words: &str, livemode: bool) -> Option<String> {
    let parts: Vec<&str> = words.split_whitespace().collect();
    let is_currency = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (amount, currency) = match parts[..] {
        [amount] if amount.contains('.') => (amount, None),
        [amount, currency] | [currency, amount] if is_currency(currency) => (amount, Some(currency)),
        _ => return None,
    };
    let amount = amount.replace(',', "");
    money::read(&amount, currency.unwrap_or("usd")).ok()?;
    let mode = modes::word(livemode);
    let query = [("amount", amount.as_str()), ("mode", mode)];
    let currency = currency.map(str::to_ascii_lowercase);
    Some(link(
        "/payments/history",
        query.into_iter().chain(currency.as_deref().map(|code| ("currency", code))),
    ))
}

/// Nothing goes by these words.
pub fn nothing(frame: &Frame<'_>) -> Markup {
    let words = frame.address.get("q").unwrap_or_default();
    html! {
        div.title { h1 { "Search" } }
        section.panel { div.empty {
            @if words.is_empty() {
                p { strong { "What do you look for?" } }
            } @else {
                p { strong { "Nothing in the ledger goes by " span.id { (words) } "." } }
                p { "If Stripe sent it just now, it may still wait in the queue; search again in a moment." }
            }
            p { "The box finds every id of Stripe's (" code { "pi_ ch_ re_ dp_ in_ cus_ sub_ po_ evt_" } "), the number of an invoice, a user by your own id, and payments by their amount: " code { "19.99" } " or " code { "19.99 eur" } "." }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_told_from_an_id() {
        assert_eq!(payments_of("19.99", true).as_deref(), Some("/payments/history?amount=19.99&mode=live"));
        assert_eq!(
            payments_of("1,234.50 EUR", false).as_deref(),
            Some("/payments/history?amount=1234.50&mode=test&currency=eur")
        );
        assert!(payments_of("usd 20", true).is_some());
        for words in ["pi_1", "4711", "jane doe", "1.2.3", "19.999"] {
            assert_eq!(payments_of(words, true), None, "{words}");
        }
    }
}
