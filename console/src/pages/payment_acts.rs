//! What may be done with a payment: give its money back.

use desk::money;
use desk::views::payment::PaymentView;
use maud::{Markup, html};

use super::acts::{Act, form, hidden};
use super::shell::Frame;

pub(super) const REASONS: [&str; 5] =
    ["requested_by_customer", "duplicate", "fraudulent", "technical_failure", "moderation_rejection"];

/// Only where anything is left; whether it may be refunded, the rules say.
pub fn forms(frame: &Frame<'_>, view: &PaymentView) -> Markup {
    let payment = &view.payment;
    let left = payment.received().unwrap_or(0)
        - payment.amount_refunded
        - payment.amount_charged_back
        - view.reserved;
    let currency = &payment.state.currency;
    if left <= 0 {
        let shown = |amount| money::shown(amount, currency);
        return html! {
            p.muted { span aria-disabled="true" { "Refund: " }
                @match payment.received() {
                    Some(received) if received > 0 => {
                        "nothing is left. " (shown(received)) " was received, " (shown(payment.amount_refunded)) " went back, " (shown(payment.amount_charged_back)) " was charged back, and refunds under way hold " (shown(view.reserved)) "."
                    }
                    _ => "nothing was received."
                }
            }
        };
    }
    let id = payment.key.id.as_str();
    form(
        frame,
        &Act {
            endpoint: "refund_payment",
            path: &[id],
            title: "Refund",
            consequence: html! { "Asks for money of " strong { (id) } " to go back to the customer; " strong { (money::shown(left, currency)) } " is left. " @if view.reserved > 0 { "Refunds under way hold " (money::shown(view.reserved, currency)) " more. " } "The next page says whether you confirm it first, and whether somebody else approves it." },
            fields: html! {
                (hidden("currency", currency))
                div.field {
                    label for="refund-amount" { "Amount in " (currency.to_uppercase()) }
                    input id="refund-amount" name="amount" type="text" inputmode="decimal" value=(money::plain(left, currency)) autocomplete="off";
                }
                div.field {
                    label for="refund-reason" { "Reason" }
                    select id="refund-reason" name="reason" {
                        @for reason in REASONS { option value=(reason) { (reason.replace('_', " ")) } }
                    }
                }
                div.field {
                    label for="refund-note" { "Note" }
                    input id="refund-note" name="note" type="text" maxlength="500" autocomplete="off";
                    span.hint { "For the audit, if there is more to say." }
                }
            },
            button: "Ask for the refund",
            is_dangerous: false,
        },
    )
}
