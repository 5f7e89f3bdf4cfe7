//! The OpenAPI 3.1 document and the matrix of permissions, made from the table of endpoints.

use std::collections::BTreeMap;
use std::fmt::Write;

use domain::permissions::{Permission, Role};
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::endpoint::{Access, Endpoint, Shape};
use crate::fields::Field;
use crate::problem::Code;
use crate::schemas::{list, maybe, object, of, schemas};

const ABOUT: &str = "What people and programs see of the ledger, and what they do with it. Amounts are integers of the \
currency's minor unit. A request takes major units too, as text with a point: \"19.99\". Every POST takes an \
Idempotency-Key. Errors are application/problem+json with a stable `code`.";

const HEAD_TOO_LARGE: &str = "head_too_large";
const KEY: &str = "idempotency_key";

/// The document, of these endpoints.
pub fn document<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    // What many endpoints answer alike stands once.
    let mut answers = BTreeMap::from([(
        HEAD_TOO_LARGE.to_owned(),
        json!({"description": "The head of the request is larger than 16 KiB."}),
    )]);
    for endpoint in endpoints {
        answers.extend(errors(endpoint).into_values().map(|codes| (name_of(&codes), problem(&codes))));
        let method = endpoint.method.as_str().to_ascii_lowercase();
        paths.entry(endpoint.path).or_default().insert(method, operation(endpoint));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": answers,
            "parameters": {KEY: {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The request is done once for this key, and its repetitions within 24 hours are answered alike.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token as `tidegate tokens create` prints it: `tdg_…`.",
            }},
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint),
        "security": match endpoint.access {
            Access::Anybody => json!([]),
            Access::Needs(_) => json!([{"token": []}]),
        },
    });
    if let Access::Needs(permission) = endpoint.access {
        operation["x-permission"] = json!(permission.as_str());
    }
    if let Some(fields) = endpoint.body {
        let is_required = fields.iter().any(|field| field.required);
        let media_type = if endpoint.takes_file() { "multipart/form-data" } else { "application/json" };
        operation["requestBody"] =
            json!({"required": is_required, "content": {media_type: {"schema": body(fields)}}});
    }
    operation
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let names = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = names.map(|name| {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 255});
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let in_query = endpoint.query.iter().copied().flatten().map(|field| {
        json!({
            "name": field.name,
            "in": "query",
            "required": field.required,
            "description": field.help,
            "schema": field.kind.schema(true),
        })
    });
    let key = endpoint.keeps_answers().then(|| reference("parameters", KEY));
    in_path.chain(in_query).chain(key).collect()
}

fn body(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = field.kind.schema(false);
        schema["description"] = json!(field.help);
        properties.insert(field.name.to_owned(), schema);
    }
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn responses(endpoint: &Endpoint) -> BTreeMap<String, Value> {
    let json_of = |schema: Value| json!({"application/json": {"schema": schema}});
    let mut responses = BTreeMap::new();
    match endpoint.answer {
        Shape::Object(name) => {
            let tag = json!({"ETag": {"required": true, "schema": {"type": "string"}}});
            let found = json!({"description": "The object.", "headers": tag, "content": json_of(of(name))});
            responses.insert("200".to_owned(), found);
            let known = json!({"description": "The ETag of If-None-Match still holds.", "headers": tag});
            responses.insert("304".to_owned(), known);
        }
        Shape::Page(name) => {
            let page = object(&[("items", list(of(name))), ("next", maybe("string"))]);
            let description = "A page; `next` is null on the last one.";
            responses.insert("200".to_owned(), json!({"description": description, "content": json_of(page)}));
        }
        Shape::Done(status, name) => {
            responses
                .insert(status.to_string(), json!({"description": "Done.", "content": json_of(of(name))}));
        }
    }
    // By hyper itself, before a request is one.
    for status in ["414", "431"] {
        responses.insert(status.to_owned(), reference("responses", HEAD_TOO_LARGE));
    }
    for (status, codes) in errors(endpoint) {
        responses.insert(status.as_str().to_owned(), reference("responses", &name_of(&codes)));
    }
    responses
}

fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

/// The errors that an endpoint may answer with, by status.
fn errors(endpoint: &Endpoint) -> BTreeMap<StatusCode, Vec<Code>> {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    for code in endpoint.all_errors() {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status
}

fn name_of(codes: &[Code]) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join("_or_")
}

fn problem(codes: &[Code]) -> Value {
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let told: Vec<String> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.as_str(), code.title().trim_end_matches('.')))
        .collect();
    let code = json!({"properties": {"code": {"enum": words}}});
    json!({
        "description": told.join(" "),
        "content": {"application/problem+json": {"schema": {"allOf": [of("problem"), code]}}},
    })
}

/// Who may ask what: a line an endpoint, a column a role.
pub fn matrix<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> String {
    let roles = Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" | ");
    let mut text =
        format!("| endpoint | permission | {roles} |\n|---|---|{}\n", "---|".repeat(Role::ALL.len()));
    for endpoint in endpoints {
        let permission = match endpoint.access {
            Access::Anybody => "none",
            Access::Needs(permission) => permission.as_str(),
        };
        let marks: Vec<&str> =
            Role::ALL.iter().map(|role| if may(*role, endpoint) { "yes" } else { "" }).collect();
        writeln!(text, "| `{} {}` | {permission} | {} |", endpoint.method, endpoint.path, marks.join(" | "))
            .expect("a String takes every write");
    }
    text
}

/// Whether somebody with only this role may ask.
pub fn may(role: Role, endpoint: &Endpoint) -> bool {
    let has = |permission: Permission| role.permissions().contains(&permission);
    match endpoint.access {
        Access::Anybody => true,
        Access::Needs(permission) => has(permission),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::resources::endpoints;

    #[test]
    fn every_row_has_a_name_of_its_own_and_a_form_that_exists() {
        let names: BTreeSet<&str> = endpoints().map(|endpoint| endpoint.name).collect();
        assert_eq!(names.len(), endpoints().count());
        let forms = schemas();
        for endpoint in endpoints() {
            let (Shape::Object(form) | Shape::Page(form) | Shape::Done(_, form)) = endpoint.answer;
            assert!(forms.contains_key(form), "{}: {form}", endpoint.name);
            assert_eq!(endpoint.body.is_some(), endpoint.is_act(), "{}", endpoint.name);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(endpoints());
        let text = document.to_string();
        for reference in text.split("#/components/").skip(1) {
            let (kind, name) = reference.split('"').next().unwrap().split_once('/').unwrap();
            assert!(document["components"][kind].get(name).is_some(), "{kind}, {name}");
        }
    }

    #[test]
    fn nothing_but_health_and_the_document_is_for_anybody() {
        let open: Vec<&str> =
            endpoints().filter(|row| row.access == Access::Anybody).map(|row| row.path).collect();
        assert_eq!(open, ["/api/health", "/api/openapi.json"]);
        let by_readers: Vec<&str> = endpoints()
            .filter(|row| row.is_act() && row.access == Access::Needs(Permission::Read))
            .map(|row| row.name)
            .collect();
        assert_eq!(by_readers, ["save_view", "delete_view", "end_session"], "what is a person's own");
    }
}
