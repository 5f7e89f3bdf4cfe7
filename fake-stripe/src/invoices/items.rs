//! Invoice items: lines for an invoice that is there, or for the customer's next.

use serde_json::json;

use super::{add_line, retrieve};
use crate::books::Books;
use crate::customers;
use crate::error::{Answer, Refusal};
use crate::params::Params;

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "amount",
        "currency",
        "customer",
        "description",
        "invoice",
        "metadata",
        "quantity",
        "unit_amount",
        "price",
    ])?;
    let customer = params.required("customer")?.to_owned();
    customers::usable(books, &customer)?;
    let currency = params.currency()?;
    let amount = params.integer("amount")?.ok_or_else(|| {
        Refusal::invalid("amount", "Missing required param: amount.").code("parameter_missing")
    })?;
    let metadata = params.metadata(&json!({}))?;
    let id = format!("ii_1{}", books.random_text(23));
    books.put(json!({
        "id": id, "object": "invoiceitem", "amount": amount, "created": books.now, "currency": currency, "customer": customer,
        "date": books.now, "description": params.text("description"), "discountable": true, "invoice": params.text("invoice"),
        "livemode": books.livemode, "metadata": metadata, "quantity": 1,
    }));
    if let Some(invoice) = params.text("invoice") {
        if retrieve(books, invoice)?["status"] != "draft" {
            return Err(Refusal::new("You can only add items to draft invoices.")
                .code("invoice_not_editable")
                .param("invoice"));
        }
        add_line(books, invoice, amount, &json!(params.text("description")), &metadata);
    }
    books.record("invoiceitem.created", &id);
    books.find("invoiceitem", &id, "id").cloned()
}

/// What was noted for the customer's next invoice in its currency.
pub(super) fn take_pending(books: &mut Books, id: &str) {
    let Some(invoice) = books.get(id).cloned() else { return };
    let mut pending = books.all("invoiceitem");
    pending.retain(|item| {
        item["invoice"].is_null()
            && item["customer"] == invoice["customer"]
            && item["currency"] == invoice["currency"]
    });
    let pending: Vec<_> = pending.into_iter().rev().cloned().collect();
    for item in pending {
        add_line(books, id, item["amount"].as_i64().unwrap_or(0), &item["description"], &item["metadata"]);
        books.edit(item["id"].as_str().unwrap_or_default(), json!({ "invoice": id }));
    }
}
