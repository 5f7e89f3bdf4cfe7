//! Webhook endpoints: where events are sent. The signing secret is shown only once, when an endpoint is made.

use serde_json::{Value, json};

use crate::books::Books;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

pub(crate) fn create(books: &mut Books, params: Params<'_>) -> Answer {
    let params =
        params.allow(&["url", "enabled_events", "api_version", "connect", "description", "metadata"])?;
    let url = params.required("url")?.to_owned();
    let enabled: Vec<String> = params.list("enabled_events").into_iter().map(str::to_owned).collect();
    if enabled.is_empty() {
        return Err(Refusal::invalid("enabled_events", "Missing required param: enabled_events.")
            .code("parameter_missing"));
    }
    let metadata = params.metadata(&json!({}))?;
    let secret = format!("whsec_{}", books.random_text(32));
    let more = json!({ "description": params.text("description"), "metadata": metadata });
    let id = make(books, &url, &enabled, &secret, &more);
    let mut answer = retrieve(books, &id)?;
    answer["secret"] = json!(secret);
    Ok(answer)
}

pub(crate) fn make(books: &mut Books, url: &str, enabled: &[String], secret: &str, more: &Value) -> String {
    let id = format!("we_1{}", books.random_text(23));
    let mut endpoint = json!({
        "id": id, "object": "webhook_endpoint", "api_version": null, "application": null, "created": books.now,
        "description": null, "enabled_events": enabled, "livemode": books.livemode, "metadata": {}, "status": "enabled",
        "url": url, "_secret": secret,
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        endpoint[name] = value.clone();
    }
    books.put(endpoint);
    id
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("webhook_endpoint", id, "webhook_endpoint").cloned()
}

pub(crate) fn update(books: &mut Books, id: &str, params: Params<'_>) -> Answer {
    let params = params.allow(&["url", "enabled_events", "description", "disabled", "metadata"])?;
    let endpoint = retrieve(books, id)?;
    let mut fields = json!({ "metadata": params.metadata(&endpoint["metadata"])? });
    if let Some(disabled) = params.flag("disabled")? {
        fields["status"] = json!(if disabled { "disabled" } else { "enabled" });
    }
    if let Some(url) = params.text("url") {
        fields["url"] = json!(url);
    }
    let enabled = params.list("enabled_events");
    if !enabled.is_empty() {
        fields["enabled_events"] = json!(enabled);
    }
    books.edit(id, fields);
    retrieve(books, id)
}

pub(crate) fn delete(books: &mut Books, id: &str) -> Answer {
    retrieve(books, id)?;
    books.remove(id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    lists::of_objects(
        books.all("webhook_endpoint"),
        params.allow(PAGING)?,
        "webhook endpoint",
        "/v1/webhook_endpoints",
    )
}

/// Where an event of that type goes: address and secret.
pub(crate) fn takers(books: &Books, kind: &str) -> Vec<(String, String)> {
    let takes = |endpoint: &&Value| {
        let enabled = endpoint["enabled_events"].as_array();
        endpoint["status"] == "enabled"
            && enabled.into_iter().flatten().any(|name| name == "*" || name == kind)
    };
    let text = |endpoint: &Value, name: &str| endpoint[name].as_str().unwrap_or_default().to_owned();
    let endpoints = books.all("webhook_endpoint").into_iter().filter(takes);
    endpoints.map(|endpoint| (text(endpoint, "url"), text(endpoint, "_secret"))).collect()
}
