//! Payment methods: test cards, attached to customers or used once.

use serde_json::{Value, json};

use crate::books::Books;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::test_cards::{self, Does, TestCard};

/// A card number that was never set up for payments off session.
const NOT_SET_UP: &str = "no";

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&["type", "card", "billing_details", "metadata", "customer"])?;
    let Some(card) = params.at("card").text("token").and_then(test_cards::named) else {
        let words = "Pass a test token, such as card[token]=tok_visa: this Stripe knows no card numbers.";
        return Err(Refusal::invalid("card[token]", words).code("parameter_missing"));
    };
    let metadata = params.metadata(&json!({}))?;
    let id = make(books, card);
    books.edit(&id, json!({ "metadata": metadata }));
    Ok(books.get(&id).cloned().unwrap_or_default())
}

/// The id of the payment method that is meant: a name such as `pm_card_visa` makes a new one.
pub(crate) fn resolve(books: &mut Books, reference: &str) -> Result<String, Refusal> {
    if let Some(card) = test_cards::named(reference) {
        return Ok(make(books, card));
    }
    books.find("payment_method", reference, "payment_method").map_err(|refusal| refusal.status(400))?;
    Ok(reference.to_owned())
}

fn make(books: &mut Books, card: &TestCard) -> String {
    let (id, fingerprint) = (books.new_id("pm"), fingerprint(card));
    let method = json!({
        "id": id, "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": { "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null },
            "email": null, "name": null, "phone": null, "tax_id": null },
        "card": card.details(&fingerprint), "created": books.now, "customer": null, "livemode": books.livemode,
        "metadata": {}, "type": "card", "_card": card.name, "_set_up": NOT_SET_UP,
    });
    books.put(method);
    id
}

/// The same card has the same fingerprint.
fn fingerprint(card: &TestCard) -> String {
    let mut random = stripe_sim::Random::of_sequence(0, card.last4.parse().unwrap_or(0));
    random.text("", 16)
}

/// What the card of a payment method does.
pub(crate) fn does(books: &Books, id: &str) -> Does {
    let name = books.get(id).and_then(|method| method["_card"].as_str()).unwrap_or("visa");
    test_cards::named(&format!("pm_card_{name}")).map_or(Does::Pay, |card| card.does)
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("payment_method", id, "payment_method").cloned()
}

pub(crate) fn attach(books: &mut Books, reference: &str, params: Params<'_>) -> Answer {
    let customer = params.allow(&["customer"])?.required("customer")?.to_owned();
    books.find("customer", &customer, "customer").map_err(|refusal| refusal.status(400))?;
    let id = resolve(books, reference)?;
    books.change(&id, "payment_method.attached", json!({ "customer": customer }));
    retrieve(books, &id)
}

pub(crate) fn detach(books: &mut Books, id: &str) -> Answer {
    let method = books.find("payment_method", id, "payment_method")?;
    if method["customer"].is_null() {
        let words =
            "The payment method you provided is not attached to a customer so detachment is impossible.";
        return Err(Refusal::new(words).param("payment_method"));
    }
    books.change(id, "payment_method.detached", json!({ "customer": null, "_detached": true }));
    retrieve(books, id)
}

/// Of a customer, or of nobody.
pub(crate) fn list(books: &Books, customer: Option<&str>, params: Params<'_>, url: &str) -> Answer {
    let params = params.allow(&[PAGING, &["customer", "type", "allow_redisplay"]].concat())?;
    let customer = customer.or(params.text("customer"));
    if let Some(customer) = customer {
        books.find("customer", customer, "customer")?;
    }
    let mut methods = books.all("payment_method");
    methods.retain(|method| method["customer"].as_str() == customer);
    methods.retain(|method| params.text("type").is_none_or(|kind| method["type"] == kind));
    lists::of_objects(methods, params, "PaymentMethod", url)
}

/// The only card of a customer, its default, and the like; Stripe itself takes no other than what is named.
pub(crate) fn belongs_to(books: &Books, method: &str) -> Option<String> {
    books.get(method).and_then(|method: &Value| method["customer"].as_str()).map(str::to_owned)
}
