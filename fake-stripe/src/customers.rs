//! Customers. A deleted one is remembered by its id alone.

use serde_json::json;
use stripe_sim::shaped;

use crate::books::Books;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;
use crate::payment_methods;

const FIELDS: &[&str] = &[
    "address",
    "balance",
    "description",
    "email",
    "invoice_settings",
    "metadata",
    "name",
    "payment_method",
    "phone",
    "preferred_locales",
    "shipping",
    "source",
    "tax_exempt",
];
const TEXTS: [&str; 4] = ["description", "email", "name", "phone"];

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    let metadata = params.metadata(&json!({}))?;
    let balance = params.integer("balance")?.unwrap_or(0);
    let id = format!("cus_{}", books.random_text(14));
    let prefix = books.random_text(8).to_ascii_uppercase();
    books.put(shaped(
        "customer",
        json!({
            "id": id, "balance": balance, "created": books.now, "email": null, "invoice_prefix": prefix,
            "livemode": books.livemode, "metadata": metadata, "name": null,
        }),
    ));
    for name in TEXTS {
        if let Some(text) = params.text(name) {
            books.edit(&id, json!({ name: text }));
        }
    }
    if let Some(method) = params.text("payment_method") {
        let method = payment_methods::resolve(books, method)?;
        books.edit(&method, json!({ "customer": id }));
        books.record("payment_method.attached", &method);
    }
    if let Some(source) = params.text("source") {
        let source = payment_methods::resolve(books, source)?;
        books.edit(&source, json!({ "customer": id }));
        books.edit(&id, json!({ "default_source": source }));
    }
    set_default(books, &id, params)?;
    books.record("customer.created", &id);
    retrieve(books, &id)
}

fn set_default(books: &mut Books, id: &str, params: Params<'_>) -> Result<(), Refusal> {
    let Some(method) = params.at("invoice_settings").text("default_payment_method") else { return Ok(()) };
    let method = payment_methods::resolve(books, method)?;
    if payment_methods::belongs_to(books, &method).as_deref() != Some(id) {
        let words = "The customer does not have a payment method with the ID ".to_owned()
            + &method
            + ". The payment method must be attached to the customer.";
        return Err(Refusal::new(words)
            .code("resource_missing")
            .param("invoice_settings[default_payment_method]"));
    }
    let mut settings = books.get(id).map(|customer| customer["invoice_settings"].clone()).unwrap_or_default();
    settings["default_payment_method"] = json!(method);
    books.edit(id, json!({ "invoice_settings": settings }));
    Ok(())
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("customer", id, "id").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(FIELDS)?;
    usable(books, id)?;
    let mut fields = json!({ "metadata": params.metadata(&books.find("customer", id, "id")?["metadata"])? });
    for name in TEXTS {
        if params.is_given(name) {
            fields[name] = json!(params.text(name));
        }
    }
    if let Some(balance) = params.integer("balance")? {
        fields["balance"] = json!(balance);
    }
    set_default(books, id, params)?;
    books.change(id, "customer.updated", fields);
    retrieve(books, id)
}

pub(crate) fn delete(books: &mut Books, id: &str) -> Answer {
    usable(books, id)?;
    books.record("customer.deleted", id);
    let gone = json!({ "id": id, "object": "customer", "deleted": true });
    books.put(gone.clone());
    Ok(gone)
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["email"]].concat())?;
    let mut customers = books.all("customer");
    customers.retain(|customer| customer["deleted"] != true);
    customers.retain(|customer| params.text("email").is_none_or(|email| customer["email"] == email));
    lists::of_objects(customers, params, "customer", "/v1/customers")
}

/// One that is there and not deleted, named by a parameter.
pub(crate) fn usable(books: &Books, id: &str) -> Result<(), Refusal> {
    match books.find("customer", id, "customer") {
        Ok(customer) if customer["deleted"] != true => Ok(()),
        _ => Err(Refusal::no_such("customer", id, "customer").status(400)),
    }
}
