//! Products and prices: as much as subscriptions and invoices need.

use serde_json::{Value, json};

use crate::books::Books;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

pub(crate) fn create_product(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&["name", "description", "metadata", "active"])?;
    let name = params.required("name")?;
    let metadata = params.metadata(&json!({}))?;
    let id = format!("prod_{}", books.random_text(14));
    books.put(json!({
        "id": id, "object": "product", "active": true, "created": books.now, "default_price": null,
        "description": params.text("description"), "images": [], "livemode": books.livemode, "metadata": metadata,
        "name": name, "type": "service", "updated": books.now, "url": null,
    }));
    books.record("product.created", &id);
    books.find("product", &id, "id").cloned()
}

pub(crate) fn create_price(books: &mut Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[
        "currency",
        "unit_amount",
        "product",
        "product_data",
        "recurring",
        "metadata",
        "nickname",
        "lookup_key",
        "active",
    ])?;
    let currency = params.currency()?;
    let amount = params.integer("unit_amount")?.ok_or_else(|| {
        Refusal::invalid("unit_amount", "Missing required param: unit_amount.").code("parameter_missing")
    })?;
    let metadata = params.metadata(&json!({}))?;
    let recurring = match params.at("recurring").one_of("interval", &["day", "week", "month", "year"])? {
        Some(interval) => {
            json!({ "interval": interval, "interval_count": 1, "meter": null, "usage_type": "licensed" })
        }
        None => Value::Null,
    };
    let product = if let Some(product) = params.text("product") {
        books.find("product", product, "product").map_err(|refusal| refusal.status(400))?;
        product.to_owned()
    } else {
        let name = json!({ "name": params.at("product_data").required("name")? });
        let product = create_product(books, Params(&name))?;
        product["id"].as_str().unwrap_or_default().to_owned()
    };
    let id = format!("price_1{}", books.random_text(23));
    let kind = if recurring.is_null() { "one_time" } else { "recurring" };
    books.put(json!({
        "id": id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": books.now,
        "currency": currency, "custom_unit_amount": null, "livemode": books.livemode, "lookup_key": params.text("lookup_key"),
        "metadata": metadata, "nickname": params.text("nickname"), "product": product, "recurring": recurring,
        "tax_behavior": "unspecified", "tiers_mode": null, "type": kind, "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    }));
    books.record("price.created", &id);
    books.find("price", &id, "id").cloned()
}

pub(crate) fn list(books: &Books, object: &str, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["active", "product", "type", "currency"]].concat())?;
    let mut found = books.all(object);
    found.retain(|one| params.text("product").is_none_or(|product| one["product"] == product));
    lists::of_objects(found, params, object, &format!("/v1/{object}s"))
}
