//! Which request is answered by what.

use crate::books::Books;
use crate::call::{Call, Reply};
use crate::error::{Answer, Refusal};
use crate::expand::expanded;
use crate::params::Params;
use crate::versions::{self, BASIL};
use crate::{
    balance, catalog, charges, customer_balance, customers, disputes, event_log, files, invoices, merchant,
    payment_intents, payment_methods, payouts, refunds, subscriptions, webhook_endpoints,
};

/// The answer, and whether an idempotency key keeps it.
pub(crate) fn execute(books: &mut Books, call: &Call) -> (Reply, bool) {
    let version = if call.version.is_empty() { books.settings.api_version.as_str() } else { &call.version };
    let answered = match (call.method.as_str(), &call.parts()[..]) {
        _ if !versions::is_known(version) => {
            Err(Refusal::new(format!("Invalid Stripe API version: {version}")))
        }
        ("GET", ["events"]) => event_log::list(books, Params(&call.parameters)),
        ("GET", ["events", id]) => event_log::retrieve(books, id),
        _ => answer(books, call, version).map(|value| {
            let paths = Params(&call.parameters).list("expand");
            Reply::ok(expanded(books, value, &paths, version).to_string())
        }),
    };
    let is_kept = answered.as_ref().err().is_none_or(Refusal::is_kept);
    let reply = answered.unwrap_or_else(|refusal| {
        refusal.map_objects(|object| expanded(books, object, &[], version)).reply()
    });
    (reply.with("stripe-version", version), is_kept)
}

fn answer(books: &mut Books, call: &Call, version: &str) -> Answer {
    let params = Params(&call.parameters);
    match (call.method.as_str(), &call.parts()[..]) {
        ("GET", ["account"]) => Ok(merchant::account(books)),
        ("GET", ["balance"]) => Ok(balance::retrieve(books)),
        ("GET", ["balance_transactions"]) => balance::list(books, params),
        ("GET", ["balance_transactions" | "balance", "history", id] | ["balance_transactions", id]) => {
            balance::transaction(books, id)
        }

        ("POST", ["payment_intents"]) => payment_intents::create(books, params, version),
        ("GET", ["payment_intents"]) => payment_intents::list(books, params),
        ("GET", ["payment_intents", id]) => payment_intents::retrieve(books, id),
        ("POST", ["payment_intents", id]) => payment_intents::update(books, id, params),
        ("POST", ["payment_intents", id, "confirm"]) => confirm(books, id, params),
        ("POST", ["payment_intents", id, "capture"]) => payment_intents::capture(books, id, params, version),
        ("POST", ["payment_intents", id, "cancel"]) => payment_intents::cancel(books, id, params, version),

        ("POST", ["charges"]) => charges::create(books, params),
        ("GET", ["charges"]) => charges::list(books, params),
        ("GET", ["charges", id]) => charges::retrieve(books, id),
        ("POST", ["charges", id]) => charges::update(books, id, params),
        ("POST", ["charges", id, "capture"]) => charges::capture(books, id, params, version),

        ("POST", ["refunds"]) => refunds::create(books, params),
        ("GET", ["refunds"]) => refunds::list(books, params),
        ("GET", ["refunds", id]) => refunds::retrieve(books, id),
        ("POST", ["refunds", id]) => refunds::update(books, id, params),
        ("POST", ["refunds", id, "cancel"]) => refunds::cancel(books, id, params),

        ("GET", ["disputes"]) => disputes::list(books, params),
        ("GET", ["disputes", id]) => disputes::retrieve(books, id),
        ("POST", ["disputes", id]) => disputes::update(books, id, params, version),
        ("POST", ["disputes", id, "close"]) => disputes::close(books, id, params),
        ("GET", ["radar", "early_fraud_warnings"]) => disputes::list_warnings(books, params),
        ("GET", ["radar", "early_fraud_warnings", id]) => {
            books.find("radar.early_fraud_warning", id, "id").cloned()
        }

        ("GET", ["payouts"]) => payouts::list(books, params),
        ("POST", ["payouts"]) => payouts::create(books, params),
        ("GET", ["payouts", id]) => payouts::retrieve(books, id),

        ("GET", ["webhook_endpoints"]) => webhook_endpoints::list(books, params),
        ("POST", ["webhook_endpoints"]) => webhook_endpoints::create(books, params),
        ("GET", ["webhook_endpoints", id]) => webhook_endpoints::retrieve(books, id),
        ("POST", ["webhook_endpoints", id]) => webhook_endpoints::update(books, id, params),
        ("DELETE", ["webhook_endpoints", id]) => webhook_endpoints::delete(books, id),

        ("GET", ["files"]) => files::list(books, params),
        ("GET", ["files", id]) => files::retrieve(books, id),
        ("POST", ["files"]) if call.is_to_files_host => files::create(books, call),
        _ => of_customers(books, call, params, version),
    }
}

fn confirm(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let known = [
        "payment_method",
        "off_session",
        "error_on_requires_action",
        "return_url",
        "receipt_email",
        "mandate_data",
        "setup_future_usage",
        "capture_method",
        "use_stripe_sdk",
    ];
    let how = payment_intents::Confirmation::read(params.allow(&known)?)?;
    payment_intents::confirm(books, id, &how)?;
    payment_intents::retrieve(books, id)
}

/// Customers, and what they owe.
fn of_customers(books: &mut Books, call: &Call, params: Params<'_>, version: &str) -> Answer {
    match (call.method.as_str(), &call.parts()[..]) {
        ("POST", ["customers"]) => customers::create(books, params),
        ("GET", ["customers"]) => customers::list(books, params),
        ("GET", ["customers", id]) => customers::retrieve(books, id),
        ("POST", ["customers", id]) => customers::update(books, id, params),
        ("DELETE", ["customers", id]) => customers::delete(books, id),
        ("GET", ["customers", id, "payment_methods"]) => {
            payment_methods::list(books, Some(id), params, &format!("/v1/customers/{id}/payment_methods"))
        }
        ("GET", ["customers", id, "balance_transactions"]) => customer_balance::list(books, id, params),
        ("POST", ["customers", id, "balance_transactions"]) => customer_balance::create(books, id, params),
        ("POST", ["payment_methods"]) => payment_methods::create(books, params),
        ("GET", ["payment_methods"]) => payment_methods::list(books, None, params, "/v1/payment_methods"),
        ("GET", ["payment_methods", id]) => payment_methods::retrieve(books, id),
        ("POST", ["payment_methods", id, "attach"]) => payment_methods::attach(books, id, params),
        ("POST", ["payment_methods", id, "detach"]) => payment_methods::detach(books, id),

        ("POST", ["products"]) => catalog::create_product(books, params),
        ("POST", ["prices"]) => catalog::create_price(books, params),
        ("GET", [plural @ ("products" | "prices")]) => {
            catalog::list(books, plural.trim_end_matches('s'), params)
        }
        ("GET", [plural @ ("products" | "prices"), id]) => {
            books.find(plural.trim_end_matches('s'), id, "id").cloned()
        }

        ("POST", ["invoiceitems"]) => invoices::create_item(books, params),
        ("POST", ["invoices"]) => invoices::create(books, params),
        ("GET", ["invoices"]) => invoices::list(books, params),
        ("GET", ["invoices", id]) => invoices::retrieve(books, id),
        ("POST", ["invoices", id]) => invoices::update(books, id, params),
        ("DELETE", ["invoices", id]) => invoices::delete(books, id),
        ("POST", ["invoices", id, "finalize"]) => invoices::finalize(books, id, params),
        ("POST", ["invoices", id, "pay"]) => invoices::pay(books, id, params),
        ("POST", ["invoices", id, "void"]) => invoices::void(books, id),
        ("POST", ["invoices", id, "mark_uncollectible"]) => invoices::mark_uncollectible(books, id),
        ("POST", ["invoices", id, "send"]) => invoices::send(books, id),
        ("GET", ["invoice_payments"]) if version >= BASIL => invoices::list_payments(books, params),
        ("GET", ["invoice_payments", id]) if version >= BASIL => {
            books.find("invoice_payment", id, "id").cloned()
        }

        ("POST", ["subscriptions"]) => subscriptions::create(books, params),
        ("GET", ["subscriptions"]) => subscriptions::list(books, params),
        ("GET", ["subscriptions", id]) => subscriptions::retrieve(books, id),
        ("POST", ["subscriptions", id]) => subscriptions::update(books, id, params),
        ("DELETE", ["subscriptions", id]) => subscriptions::cancel(books, id, params),
        (method, _) => Err(Refusal::unknown_url(method, &call.path)),
    }
}
