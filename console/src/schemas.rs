//! The forms of what is answered, as JSON Schema. Those of rows are made from their columns, so that they cannot
//! differ from the ledger; views add what they say beside them.

use std::collections::BTreeMap;

use domain::bans::Ban;
use domain::charges::{Card, Charge};
use domain::customers::Customer;
use domain::dispute_movements::Movement;
use domain::disputes::Dispute;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::pending_changes::{ChangeKind, ChangeState};
use domain::permissions::Role;
use domain::refunds::Refund;
use domain::row::{Column, Columns, Field};
use domain::subscriptions::Subscription;
use serde_json::{Map, Value, json};

/// Column names that order reports among each other, which no answer has.
const INTERNAL: &str = "freshness";
/// Columns that every row has a value in.
const KEY: [&str; 3] = ["id", "account", "livemode"];

pub(crate) type Schemas = BTreeMap<&'static str, Value>;

/// Every form that an endpoint names, and those that they refer to.
pub(crate) fn schemas() -> Schemas {
    let mut all = Schemas::from([
        ("payment", row::<Payment>()),
        ("charge", row::<Charge>()),
        ("failure", row::<PaymentFailure>()),
        ("refund", row::<Refund>()),
        ("dispute", row::<Dispute>()),
        ("movement", row::<Movement>()),
        ("warning", row::<Warning>()),
        ("invoice", row::<Invoice>()),
        ("customer", row::<Customer>()),
        ("subscription", row::<Subscription>()),
        ("ban", row::<Ban>()),
    ]);
    all.extend(parts());
    all.extend(pages());
    all.extend(acts());
    all.extend(people());
    all
}

/// The names under which a card is shown.
pub(crate) fn card_names() -> Vec<&'static str> {
    let card = Card::default();
    let mut columns = Columns::new();
    Card::columns("", &[&card], &mut columns);
    columns.into_iter().map(|(name, _)| name).chain(["card"]).collect()
}

/// A row by its columns. What may be missing may be null; more may come with a newer version.
fn row<R: Field + Default>() -> Value {
    let row = R::default();
    let mut columns = Columns::new();
    R::columns("", &[&row], &mut columns);
    let mut properties = Map::new();
    for (name, column) in columns.into_iter().filter(|(name, _)| !name.ends_with(INTERNAL)) {
        let schema = match column {
            _ if KEY.contains(&name) && name != "livemode" => text(),
            Column::Text(_) => maybe("string"),
            Column::Int(_) => maybe("integer"),
            Column::Flag(_) => flag(),
            Column::Time(_) => maybe_time(),
            Column::Bytes(_) | Column::Packed(_) => continue,
        };
        properties.insert(name.to_owned(), schema);
    }
    json!({"type": "object", "properties": properties, "required": KEY})
}

pub(crate) fn text() -> Value {
    json!({"type": "string"})
}

pub(crate) fn number() -> Value {
    json!({"type": "integer"})
}

pub(crate) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(crate) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(crate) fn maybe(kind: &str) -> Value {
    json!({"type": [kind, "null"]})
}

pub(crate) fn maybe_time() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

pub(crate) fn of(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

pub(crate) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// An object of which every one of these is there; others may be.
pub(crate) fn object(members: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// What another form has, and more.
fn and(name: &str, members: &[(&str, Value)]) -> Value {
    json!({"allOf": [of(name), object(members)]})
}

fn parts() -> Schemas {
    Schemas::from([
        (
            "audit_line",
            object(&[
                ("at", time()),
                ("actor", text()),
                ("event_id", maybe("string")),
                ("subject_kind", text()),
                ("subject_id", text()),
                ("account", text()),
                ("livemode", flag()),
                ("revision", number()),
                ("what", text()),
                ("before", maybe("string")),
                ("after", maybe("string")),
                ("severity", json!({"enum": ["info", "warning", "critical"]})),
            ]),
        ),
        (
            "reason",
            object(&[("kind", text()), ("id", text()), ("says", text()), ("event_id", maybe("string"))]),
        ),
        (
            "dispute_item",
            and(
                "dispute",
                &[
                    ("payment", maybe("string")),
                    ("invoice", maybe("string")),
                    ("user", maybe("string")),
                    ("resolved", json!({"type": ["object", "null"]})),
                ],
            ),
        ),
        ("listed_dispute", and("dispute_item", &[("overdue", flag())])),
        (
            "note",
            object(&[
                ("number", number()),
                ("resolves", flag()),
                ("reopens", flag()),
                ("note", text()),
                ("written_by", text()),
                ("written_at", time()),
            ]),
        ),
        (
            "standing",
            object(&[
                ("banned", flag()),
                ("by", json!({"enum": ["staff", "disputes"]})),
                ("until", maybe_time()),
            ]),
        ),
        ("listed_ban", and("ban", &[("standing", of("standing"))])),
        (
            "event",
            object(&[
                ("id", text()),
                ("account", text()),
                ("livemode", flag()),
                ("content_hash", text()),
                ("type", text()),
                ("api_version", maybe("string")),
                ("created_at", time()),
                ("received_at", time()),
                ("recorded_at", time()),
                ("source", text()),
                ("outcome", text()),
                ("reason", maybe("string")),
                ("attempts", number()),
                ("repetitions", number()),
            ]),
        ),
        (
            "replay_plan",
            object(&[
                ("replay", text()),
                ("selection", text()),
                ("planned_by", text()),
                ("planned_at", time()),
                ("events", number()),
                ("queued", number()),
            ]),
        ),
        (
            "dispute_summary",
            object(&[
                ("livemode", flag()),
                ("count", number()),
                ("won", number()),
                ("lost", number()),
                ("open", number()),
                ("win_rate", maybe("number")),
                ("currencies", list(json!({"type": "object"}))),
            ]),
        ),
        (
            "dead_letter_group",
            object(&[
                ("cause", text()),
                (
                    "group",
                    object(&[
                        ("fingerprint", text()),
                        ("events", number()),
                        ("objects", number()),
                        (
                            "money_at_risk",
                            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                        ),
                        ("example", text()),
                    ]),
                ),
            ]),
        ),
    ])
}

/// What a page of an object says.
fn pages() -> Schemas {
    let page = |members: &[(&str, Value)]| {
        let common =
            [("why", text()), ("timeline", list(of("audit_line"))), ("dead_letters", list(of("event")))];
        object(&[members, &common].concat())
    };
    let (because, disputes) = (("because", list(of("reason"))), ("disputes", list(of("dispute_item"))));
    Schemas::from([
        (
            "payment_page",
            page(&[
                ("payment", of("payment")),
                ("user", maybe("string")),
                because.clone(),
                ("charges", list(of("charge"))),
                ("failures", list(of("failure"))),
                ("refunds", list(of("refund"))),
                disputes.clone(),
                ("warnings", list(of("warning"))),
            ]),
        ),
        (
            "charge_page",
            page(&[
                ("charge", of("charge")),
                ("belongs_to", maybe("string")),
                because.clone(),
                ("refunds", list(of("refund"))),
                disputes.clone(),
            ]),
        ),
        (
            "refund_page",
            page(&[
                ("refund", of("refund")),
                ("of_payment", maybe("string")),
                ("payment_received", maybe("integer")),
                ("payment_currency", maybe("string")),
            ]),
        ),
        (
            "dispute_page",
            page(&[
                ("dispute", of("dispute_item")),
                ("counts_for_a_ban", flag()),
                ("counts_because", text()),
                ("movements", list(of("movement"))),
                ("notes", list(of("note"))),
            ]),
        ),
        (
            "invoice_page",
            page(&[
                ("invoice", of("invoice")),
                because,
                ("retry_plan", maybe("string")),
                ("payments", list(of("payment"))),
                ("refunds", list(of("refund"))),
                disputes.clone(),
            ]),
        ),
        (
            "customer_page",
            page(&[
                ("customer", of("customer")),
                ("user", text()),
                ("standing", of("standing")),
                ("payment_count", number()),
                ("payments", list(of("payment"))),
                ("subscriptions", list(of("subscription"))),
                disputes,
            ]),
        ),
        (
            "subscription_page",
            page(&[("subscription", of("subscription")), ("invoices", list(of("invoice")))]),
        ),
        (
            "ban_page",
            and(
                "ban",
                &[
                    ("standing", of("standing")),
                    ("why", text()),
                    ("disputes", list(json!({"type": "object"}))),
                    ("overrides", list(json!({"type": "object"}))),
                    ("timeline", list(of("audit_line"))),
                ],
            ),
        ),
        (
            "event_page",
            object(&[("id", text()), ("contents", list(of("event"))), ("changes", list(of("audit_line")))]),
        ),
        ("dead_letter_page", object(&[("letter", of("event")), ("labels", json!({"type": "object"}))])),
        ("replay_page", and("replay_plan", &[("results", list(json!({"type": "object"})))])),
    ])
}

fn people() -> Schemas {
    let roles = || list(json!({"enum": Role::WORDS}));
    let pending = json!({"anyOf": [of("pending_change"), {"type": "null"}]});
    Schemas::from([
        (
            "kept_token",
            object(&[
                ("id", text()),
                ("staff", text()),
                ("roles", roles()),
                ("is_program", flag()),
                ("prefix", text()),
                ("created_by", text()),
                ("created_at", time()),
                ("approved_at", maybe_time()),
                ("expires_at", maybe_time()),
                ("last_used_at", maybe_time()),
                ("ended_by", maybe("string")),
                ("ended_at", maybe_time()),
            ]),
        ),
        ("token", and("kept_token", &[("state", text())])),
        // Of a repetition the secret is left out.
        (
            "created_token",
            json!({
                "type": "object",
                "properties": {"token": {"type": "string"}, "about": of("kept_token"), "pending": pending},
                "required": ["about", "pending"],
            }),
        ),
        (
            "pending_change",
            object(&[
                ("id", text()),
                ("kind", json!({"enum": ChangeKind::WORDS})),
                ("subject", text()),
                ("before", maybe("string")),
                ("after", text()),
                ("reason", text()),
                ("asked_by", text()),
                ("asked_at", time()),
                ("ends_at", time()),
                ("state", json!({"enum": ChangeState::WORDS})),
                ("decided_by", maybe("string")),
            ]),
        ),
        (
            "changed_member",
            object(&[
                ("name", text()),
                ("roles", roles()),
                ("added_by", text()),
                ("added_at", time()),
                ("disabled_by", maybe("string")),
                ("disabled_at", maybe_time()),
                ("pending", pending),
            ]),
        ),
        (
            "member",
            object(&[
                ("name", text()),
                ("roles", roles()),
                ("disabled_at", maybe_time()),
                ("can_act", flag()),
                ("tokens", number()),
                ("last_used_at", maybe_time()),
            ]),
        ),
        (
            "member_page",
            and(
                "member",
                &[
                    ("permissions", list(text())),
                    ("all_tokens", list(of("token"))),
                    ("history", list(of("audit_line"))),
                ],
            ),
        ),
    ])
}

/// What acts answer.
fn acts() -> Schemas {
    Schemas::from([
        ("dispute_note", object(&[("dispute", json!({"type": "object"})), ("note", of("note"))])),
        ("ban_decision", object(&[("ban", of("ban")), ("standing", of("standing"))])),
        ("discarded", object(&[("found", number()), ("discarded", number())])),
        (
            "planned_replay",
            object(&[
                ("replay", text()),
                ("selection", text()),
                ("events", number()),
                ("look_ahead", json!({"type": "object"})),
            ]),
        ),
        ("health", object(&[("status", text()), ("version", text())])),
        (
            "openapi",
            object(&[
                ("openapi", text()),
                ("info", json!({"type": "object"})),
                ("paths", json!({"type": "object"})),
            ]),
        ),
        (
            "problem",
            object(&[
                ("type", text()),
                ("title", text()),
                ("status", number()),
                ("code", text()),
                ("detail", text()),
                ("request_id", text()),
            ]),
        ),
    ])
}
