//! An attempt to pay: which payment method, whether the customer must prove who they are, and what the card says.

use serde_json::{Value, json};

use super::{moved, not_with_the_dashboards, retrieve, unexpected};
use crate::books::{Books, id_of};
use crate::charges::{self, Attempt};
use crate::error::{Answer, Refusal};
use crate::params::Params;
use crate::payment_methods;
use crate::test_cards::Does;

#[derive(Default)]
pub(crate) struct Confirmation {
    pub(crate) payment_method: Option<String>,
    /// The customer is not there to prove who they are.
    pub(crate) off_session: bool,
    pub(crate) error_on_requires_action: bool,
    /// Empty: the method is not to be kept, whatever was said before.
    pub(crate) setup_future_usage: Option<String>,
}

impl Confirmation {
    pub(crate) fn read(params: Params<'_>) -> Result<Self, Refusal> {
        // `off_session` may also be `one_off` or `recurring`.
        let off_session = match params.text("off_session") {
            Some("one_off" | "recurring") => true,
            _ => params.flag("off_session")?.unwrap_or(false),
        };
        Ok(Self {
            payment_method: params.text("payment_method").map(str::to_owned),
            off_session,
            error_on_requires_action: params.flag("error_on_requires_action")?.unwrap_or(false),
            setup_future_usage: params
                .is_given("setup_future_usage")
                .then(|| params.text("setup_future_usage").unwrap_or_default().to_owned()),
        })
    }
}

pub(crate) fn confirm(books: &mut Books, id: &str, how: &Confirmation) -> Result<(), Refusal> {
    let intent = retrieve(books, id)?;
    match intent["status"].as_str().unwrap_or_default() {
        "requires_payment_method" | "requires_confirmation" | "requires_action" => {}
        "succeeded" => {
            let words = "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.";
            return Err(unexpected(&intent, words));
        }
        status => {
            let words = format!(
                "You cannot confirm this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one of \
                 the following statuses may be confirmed: requires_confirmation, requires_action."
            );
            return Err(unexpected(&intent, &words));
        }
    }
    if how.error_on_requires_action && intent["_dashboards"] == true {
        return Err(not_with_the_dashboards());
    }
    let usage = match &how.setup_future_usage {
        Some(usage) => json!((!usage.is_empty()).then_some(usage)),
        None => intent["setup_future_usage"].clone(),
    };
    if how.off_session && !usage.is_null() {
        let words = "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also set on the \
                     PaymentIntent because you cannot set up future usages when processing payments off-session.";
        return Err(Refusal::invalid("off_session", words).with("payment_intent", intent));
    }
    books.edit(id, json!({ "setup_future_usage": usage }));
    let method = method(books, &intent, how)?;
    books.edit(id, json!({ "payment_method": method, "last_payment_error": null, "next_action": null }));
    let asks =
        matches!(payment_methods::does(books, &method), Does::Authenticate | Does::AuthenticateAndDecline(_));
    if !asks {
        return attempt(books, id, &method);
    }
    if how.off_session || how.error_on_requires_action {
        let words = "Your card was declined. This transaction requires authentication.";
        let refusal = Refusal::card(words)
            .code("authentication_required")
            .with("decline_code", "authentication_required")
            .with("payment_method", books.get(&method).cloned());
        return Err(fail(books, id, refusal));
    }
    let action = json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } });
    books.edit(id, json!({ "next_action": action, "status": "requires_action" }));
    books.record("payment_intent.requires_action", id);
    moved(books, id);
    Ok(())
}

/// Given now, given before, or the customer's old default source; never the default of their invoices.
fn method(books: &mut Books, intent: &Value, how: &Confirmation) -> Result<String, Refusal> {
    let customer = id_of(&intent["customer"]).map(str::to_owned);
    let given = how.payment_method.clone().or_else(|| id_of(&intent["payment_method"]).map(str::to_owned));
    let source = || Some(books.get(customer.as_deref()?)?["default_source"].as_str()?.to_owned());
    let Some(reference) = given.or_else(source) else {
        let words = match &customer {
            Some(customer) => format!(
                "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent \
                 with {customer}, specify a payment method attached to this customer along with the customer ID."
            ),
            None => "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the \
                     PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a \
                     payment method or ConfirmationToken."
                .to_owned(),
        };
        return Err(unexpected(intent, &words));
    };
    let method = payment_methods::resolve(books, &reference)?;
    let refused = |refusal: Refusal| Err(refusal.with("payment_intent", intent.clone()));
    match (payment_methods::belongs_to(books, &method), customer) {
        (Some(owner), None) => {
            let words = format!(
                "The `payment_method` parameter supplied {method} belongs to the Customer {owner}. Please include the \
                 Customer in the `customer` parameter on the PaymentIntent."
            );
            refused(Refusal::new(words).code("parameter_missing").param("source"))
        }
        (Some(owner), Some(customer)) if owner != customer => {
            let words = format!(
                "The PaymentMethod {method} does not belong to the Customer you supplied {customer}. Please use this \
                 PaymentMethod with the Customer that it belongs to instead."
            );
            refused(Refusal::new(words).param("payment_method"))
        }
        (None, _) if books.get(&method).is_some_and(|method| method["_detached"] == true) => {
            let words = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, or was \
                         detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must \
                         attach it to a Customer first.";
            refused(Refusal::new(words).param("payment_method"))
        }
        _ => Ok(method),
    }
}

fn attempt(books: &mut Books, id: &str, method: &str) -> Result<(), Refusal> {
    let intent = retrieve(books, id)?;
    let (charge, decline) = charges::attempt(
        books,
        &Attempt {
            amount: intent["amount"].as_i64().unwrap_or(0),
            currency: intent["currency"].as_str().unwrap_or_default().to_owned(),
            payment_method: method.to_owned(),
            customer: intent["customer"].clone(),
            description: intent["description"].clone(),
            metadata: intent["metadata"].clone(),
            payment_intent: json!(id),
            invoice: intent["_invoice"].clone(),
            captured: intent["capture_method"] != "manual",
            settles_at_once: intent["capture_method"] == "automatic",
        },
    );
    books.edit(id, json!({ "latest_charge": charge }));
    if let Some(decline) = decline {
        let refusal = charges::declined(decline, &charge).with("payment_method", books.get(method).cloned());
        return Err(fail(books, id, refusal));
    }
    if payment_methods::belongs_to(books, method).is_none() {
        books.edit(method, json!({ "_detached": true })); // used once, and by nobody again
    }
    let amount = &intent["amount"];
    if intent["capture_method"] == "manual" {
        books.edit(id, json!({ "amount_capturable": amount, "status": "requires_capture" }));
        books.record("payment_intent.amount_capturable_updated", id);
    } else {
        books.edit(id, json!({ "amount_received": amount, "status": "succeeded" }));
        books.record("payment_intent.succeeded", id);
    }
    moved(books, id);
    Ok(())
}

/// The attempt is over and the intent waits for another payment method: 402, with the intent inside.
fn fail(books: &mut Books, id: &str, refusal: Refusal) -> Refusal {
    let error = Value::Object(refusal.fields().clone());
    let fields = json!({ "last_payment_error": error, "payment_method": null, "status": "requires_payment_method", "next_action": null });
    books.edit(id, fields);
    books.record("payment_intent.payment_failed", id);
    moved(books, id);
    refusal.with("payment_intent", books.get(id).cloned())
}

/// The customer came back and proved who they are, or failed to.
pub(crate) fn authenticate(books: &mut Books, id: &str, succeeds: bool) -> Answer {
    let intent = retrieve(books, id)?;
    if intent["status"] != "requires_action" {
        return Err(unexpected(&intent, "The PaymentIntent does not wait for its customer."));
    }
    books.edit(id, json!({ "next_action": null }));
    let method = id_of(&intent["payment_method"]).unwrap_or_default().to_owned();
    if succeeds {
        // A refusal is told in the intent: nobody but the customer asked.
        let _told = attempt(books, id, &method);
    } else {
        let words = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
        let refusal = Refusal::new(words).code("payment_intent_authentication_failure");
        let _told = fail(books, id, refusal.with("payment_method", books.get(&method).cloned()));
    }
    retrieve(books, id)
}
