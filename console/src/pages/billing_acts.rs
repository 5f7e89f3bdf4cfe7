//! What may be done with a customer, an invoice or a subscription: charge, subscribe, credit, try again, end. Whether it may
//! be done, the rules say.

use desk::money;
use desk::views::customer::CustomerView;
use desk::views::invoice::InvoiceView;
use desk::views::subscription::SubscriptionView;
use domain::invoices::Status;
use maud::{Markup, html};

use super::acts::{Act, form, hidden, words};
use super::shell::Frame;

const ENDPOINT: &str = "request_operation";
const LADDER: &str =
    "Above a threshold you confirm it, and above another one somebody else approves it, on the next page.";

pub fn of_customer(frame: &Frame<'_>, view: &CustomerView) -> Markup {
    if view.customer.state.deleted {
        return html! {};
    }
    let id = view.customer.key.id.as_str();
    let of = |kind| html! { (hidden("kind", kind)) (hidden("customer", id)) };
    html! {
        (act(frame, "Charge", html! { "Takes money of " strong { (id) } ", with the customer's own payment method. " (LADDER) }, html! {
            (of("charge")) (amount()) (words("description", "Description", "As it is kept at Stripe; at most 500 characters.", false))
        }, "Ask for the charge"))
        (act(frame, "Subscribe", html! { "Subscribes " strong { (id) } ". The first period is paid at once, or there is no subscription." }, html! {
            (of("subscribe")) (words("prices", "Price", "Its id at Stripe: price_…", false))
        }, "Ask for the subscription"))
        (act(frame, "Credit", html! { "The next invoices of " strong { (id) } " ask for so much less. " (LADDER) }, html! {
            (of("credit")) (amount()) (words("description", "Description", "As it is kept at Stripe.", false))
        }, "Ask for the credit"))
    }
}

/// Only while it is open.
pub fn of_invoice(frame: &Frame<'_>, view: &InvoiceView) -> Markup {
    if !matches!(view.invoice.status, Status::Sent | Status::Failed | Status::Overdue) {
        return html! {};
    }
    let (id, state) = (view.invoice.key.id.as_str(), &view.invoice.state);
    let left = if view.invoice.is_stripes { view.invoice.remaining() } else { state.amount_due };
    let takes_over = state.next_payment_attempt_at.is_some();
    act(
        frame,
        "Try again",
        html! { "Tries to collect " strong { (money::shown(left, &state.currency)) } " of " strong { (id) } "."
            @if takes_over { " Stripe's own retries and reminders for it end with that." }
        },
        html! {
            (hidden("kind", "invoice_retry"))
            (hidden("invoice", id))
            @if takes_over { (hidden("take_over", "true")) }
            (words("payment_method", "Payment method", "Another one of the customer's: pm_…; else the one it has.", false))
        },
        "Ask for the retry",
    )
}

pub fn of_subscription(frame: &Frame<'_>, view: &SubscriptionView) -> Markup {
    if view.subscription.is_over() {
        return html! {};
    }
    let id = view.subscription.key.id.as_str();
    let fields = |at_period_end| {
        html! {
            (hidden("kind", "unsubscribe")) (hidden("subscription", id)) (hidden("at_period_end", at_period_end))
        }
    };
    html! {
        @if !view.subscription.state.cancel_at_period_end {
            (act(frame, "End with its period", html! { strong { (id) } " is not renewed." }, fields("true"), "Ask for its end"))
        }
        (form(frame, &Act {
            endpoint: ENDPOINT,
            path: &[],
            title: "End at once",
            consequence: html! { strong { (id) } " ends now and cannot be brought back; nothing is refunded. You confirm it on the next page." },
            fields: fields("false"),
            button: "Ask for its end",
            is_dangerous: true,
        }))
    }
}

fn act(frame: &Frame<'_>, title: &str, consequence: Markup, fields: Markup, button: &str) -> Markup {
    form(
        frame,
        &Act { endpoint: ENDPOINT, path: &[], title, consequence, fields, button, is_dangerous: false },
    )
}

fn amount() -> Markup {
    let id = format!("amount-{}", shared::trace::random_hex::<4>());
    let currency = format!("{id}-currency");
    html! {
        div.field {
            label for=(id) { "Amount" }
            input id=(id) name="amount" type="text" inputmode="decimal" required autocomplete="off";
        }
        div.field {
            label for=(currency) { "Currency" }
            input id=(currency) name="currency" type="text" value="usd" maxlength="3" required autocomplete="off";
        }
    }
}
