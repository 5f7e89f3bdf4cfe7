//! Payments as a list, filtered by what the address says; failed ones by the time at which they failed.

use desk::money;
use domain::payments::{Payment, STATUSES};
use ledger::views::lists::{PAYMENT_FAILED, PaymentFilter};
use ledger::views::page::Page;
use ledger::views::search::{Whose, Window};
use maud::{Markup, html};

use super::address::Address;
use super::hanging;
use super::listed::{self, choice, field, next, window};
use super::modes;
use super::shell::Frame;
use super::tables::{empty, pager, table};

/// What the address asks for.
pub fn filter(address: &Address, livemode: bool) -> Result<PaymentFilter, String> {
    let currency = address.get("currency").map(str::to_ascii_lowercase);
    let amount = match (address.get("amount"), &currency) {
        (None, _) => None,
        (Some(amount), currency) => Some(money::read(amount, currency.as_deref().unwrap_or("usd"))?),
    };
    let status = address.get("status").map(str::to_owned);
    let window = window(address)?;
    // Who looks for failures means when they failed, not when the payment was made.
    let by_failure = status.as_deref() == Some(PAYMENT_FAILED) && window != Window::default();
    let (window, failed) = if by_failure { (Window::default(), window) } else { (window, Window::default()) };
    Ok(PaymentFilter {
        status,
        customer: address.get("customer").map(str::to_owned),
        user: address.get("user").map(str::to_owned),
        amount,
        currency,
        window,
        failed,
        whose: Whose { account: address.get("account").map(str::to_owned), livemode: Some(livemode) },
    })
}

pub fn page(frame: &Frame<'_>, found: &Page<Payment>) -> Markup {
    let address = frame.address;
    let statuses: Vec<&str> = [PAYMENT_FAILED].into_iter().chain(STATUSES.iter().copied()).collect();
    html! {
        div.title { h1 { "Payments" } span.muted { "Newest first" } }
        section.panel {
            form.filters method="get" action=(address.path) {
                input type="hidden" name="mode" value=(modes::word(frame.livemode));
                (choice(address, "status", "Status", "any", &statuses))
                (field(address, "amount", "Amount", "19.99", "text"))
                (field(address, "currency", "Currency", "usd", "text"))
                (field(address, "user", "User", "", "text"))
                (field(address, "customer", "Customer", "cus_…", "text"))
                (field(address, "since", "Since (UTC)", "", "date"))
                (field(address, "until", "Until", "", "date"))
                button type="submit" { "Filter" }
                @if is_filtered(address) { a href=(address_without_filters(frame)) { "Clear" } }
            }
            @if found.rows.is_empty() {
                (empty("No payment here.", &html! {
                    p { "Payments appear with the first event about them. With “payment failed”, the days are those of the failure." }
                    p { "Look at " a href="/payments/webhooks/" { "what has arrived" } ", or switch the mode at the top right." }
                }))
            } @else {
                (table("Payments", hanging::PAYMENTS, found.rows.iter().map(hanging::payment).collect()))
                (pager(listed::first(address).as_deref(), next(address, found).as_deref(), found.rows.len(), listed::csv(frame).as_deref()))
            }
        }
    }
}

fn is_filtered(address: &Address) -> bool {
    address.others(&["mode"]).any(|(_, value)| !value.is_empty())
}

fn address_without_filters(frame: &Frame<'_>) -> String {
    super::address::link(&frame.address.path, [("mode", modes::word(frame.livemode))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_looked_for_by_when_they_failed() {
        let filter = |query: &str| filter(&Address::of(&format!("/payments/history?{query}")).unwrap(), true);
        let failed = filter("status=payment_failed&since=2026-11-01").unwrap();
        assert!(failed.failed.since.is_some() && failed.window.since.is_none());
        let created = filter("status=succeeded&since=2026-11-01").unwrap();
        assert!(created.failed.since.is_none() && created.window.since.is_some());
        assert_eq!(filter("amount=19.99&currency=USD").unwrap().amount, Some(1_999));
        assert!(filter("amount=19.999").unwrap_err().contains("19.999"));
    }
}
