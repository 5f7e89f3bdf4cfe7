//! What is asked of `request_operation` about customers, invoices and subscriptions: charge, subscribe, unsubscribe,
//! try an invoice again, credit. What nobody has heard of, the rules refuse.

use desk::acts::operations::request::Wanted;
use desk::acts::operations::wanted::{WantedCharge, WantedCredit, WantedRetry};
use domain::customers::Customer;
use domain::invoices::Invoice;
use domain::operations::OperationKind;
use domain::subscriptions::Subscription;
use domain::{Key, Object};

use crate::call::{Call, the_one};
use crate::fields::{Field, Kind, optional};
use crate::problem::Problem;

const USUAL_CURRENCY: &str = "usd";

pub(super) const CUSTOMER: Field =
    optional("customer", Kind::Id, "The customer: of charge, subscribe and credit.");
pub(super) const SUBSCRIPTION: Field =
    optional("subscription", Kind::Id, "The subscription: of unsubscribe.");
pub(super) const INVOICE: Field = optional(
    "invoice",
    Kind::Id,
    "The invoice: of invoice_retry; of charge, the merchant's own invoice that it pays.",
);
pub(super) const PRICES: Field = optional("prices", Kind::Ids, "Ids of prices: of subscribe.");
pub(super) const PAYMENT_METHOD: Field = optional(
    "payment_method",
    Kind::Id,
    "What pays, of charge, subscribe and invoice_retry; without it the customer's own.",
);
pub(super) const DESCRIPTION: Field = optional(
    "description",
    Kind::Text,
    "What it is for, of charge and credit, as it is kept at Stripe: at most 500 characters.",
);
pub(super) const AT_PERIOD_END: Field = optional(
    "at_period_end",
    Kind::Flag,
    "`false`: unsubscribe ends it at once, which cannot be taken back; else with its period.",
);
pub(super) const TAKE_OVER: Field =
    optional("take_over", Kind::Flag, "`true`: invoice_retry ends Stripe's own plan for the invoice first.");
pub(super) const STAGED: Field = optional(
    "staged",
    Kind::Id,
    "Of evidence_submit, the operation that stored the evidence that you have seen: other evidence is refused.",
);
pub(super) const INCOMPLETE: Field = optional(
    "incomplete",
    Kind::Flag,
    "`true`: evidence_submit submits an answer that lacks what the reason of the dispute requires.",
);

/// The fields of each kind, beside reason, note and confirmation.
fn takes(kind: OperationKind) -> &'static [&'static str] {
    match kind {
        OperationKind::Charge => {
            &["customer", "amount", "currency", "payment_method", "description", "invoice"]
        }
        OperationKind::Subscribe => &["customer", "prices", "payment_method"],
        OperationKind::Unsubscribe => &["subscription", "at_period_end"],
        OperationKind::InvoiceRetry => &["invoice", "payment_method", "take_over"],
        OperationKind::Credit => &["customer", "amount", "currency", "description"],
        OperationKind::Refund | OperationKind::Capture => &["payment", "amount", "currency"],
        OperationKind::Cancel => &["payment"],
        OperationKind::EvidenceSubmit => &["dispute", "staged", "incomplete"],
        OperationKind::EvidenceStage | OperationKind::DisputeAccept => &["dispute"],
    }
}

const OF_SOME: [&str; 14] = [
    "payment",
    "dispute",
    "customer",
    "subscription",
    "invoice",
    "amount",
    "currency",
    "prices",
    "payment_method",
    "description",
    "at_period_end",
    "take_over",
    "staged",
    "incomplete",
];

/// A field that this kind does not take is refused: it would change nothing, and whoever gave it means something else.
pub(super) fn takes_all(call: &Call, kind: OperationKind) -> Result<(), Problem> {
    let stray = OF_SOME.into_iter().find(|name| call.body.has(name) && !takes(kind).contains(name));
    stray.map_or(Ok(()), |name| Err(Problem::invalid(name, format!("{kind} takes no such field"))))
}

/// `None`: the kind is about a payment or a dispute.
pub(super) async fn wanted(call: &Call, kind: OperationKind) -> Result<Option<Wanted>, Problem> {
    let text = |name: &str| call.body.text(name);
    Ok(Some(match kind {
        OperationKind::Charge => {
            let customer = key::<Customer>(call, "customer").await?;
            let (amount, currency) = money(call)?;
            Wanted::Charge(WantedCharge {
                amount,
                currency: Some(currency),
                payment_method: text("payment_method"),
                description: text("description"),
                invoice: text("invoice").map(|invoice| customer.sibling(&invoice)),
                customer,
            })
        }
        OperationKind::Subscribe => Wanted::Subscribe {
            customer: key::<Customer>(call, "customer").await?,
            prices: call.body.texts("prices"),
            payment_method: text("payment_method"),
        },
        OperationKind::Unsubscribe => Wanted::Unsubscribe {
            subscription: key::<Subscription>(call, "subscription").await?,
            at_period_end: call.body.flag("at_period_end") != Some(false),
        },
        OperationKind::InvoiceRetry => Wanted::InvoiceRetry(WantedRetry {
            invoice: key::<Invoice>(call, "invoice").await?,
            payment_method: text("payment_method"),
            takes_over: call.body.flag("take_over") == Some(true),
            number: None,
        }),
        OperationKind::Credit => {
            let (amount, currency) = money(call)?;
            Wanted::Credit(WantedCredit {
                customer: key::<Customer>(call, "customer").await?,
                amount,
                currency: Some(currency),
                description: text("description"),
            })
        }
        _ => return Ok(None),
    }))
}

fn money(call: &Call) -> Result<(i64, String), Problem> {
    let currency = call.body.text("currency").unwrap_or_else(|| USUAL_CURRENCY.to_owned());
    let amount = call.body.amount("amount", Some(&currency))?;
    Ok((amount.ok_or_else(|| Problem::invalid("amount", "it is required"))?, currency))
}

/// The object that is named; the key of one that nobody has heard of.
async fn key<T: Object>(call: &Call, name: &'static str) -> Result<Key, Problem> {
    let (id, whose) = (call.body.given(name)?, call.whose());
    let mut found: Vec<T> = call.ledger().find::<T>(&id).await?;
    found.retain(|object| whose.admits(object.key()));
    if found.is_empty() {
        let account = whose.account.unwrap_or_default();
        return Ok(Key { id, account, livemode: whose.livemode.unwrap_or(true) });
    }
    Ok(the_one(T::NAME, &id, found)?.key().clone())
}
