//! What lists and pages say.

use serde_json::{Value, json};

use super::{Schemas, and, flag, list, maybe, maybe_time, number, object, of, text, time};

#[expect(clippy::too_many_lines, reason = "a list of forms")]
pub(super) fn parts() -> Schemas {
    Schemas::from([
        (
            "figures",
            object(&[
                ("livemode", flag()),
                ("from", time()),
                ("until", time()),
                ("payments_succeeded", number()),
                ("attempts_failed", number()),
                ("success_rate", maybe("number")),
                ("failures_by_code", json!({"type": "object", "additionalProperties": {"type": "integer"}})),
                ("refund_rate", maybe("number")),
                ("disputes", number()),
                ("dispute_rate", maybe("number")),
                ("currencies", list(json!({"type": "object"}))),
                ("latency", json!({"type": "object"})),
                ("webhooks", json!({"type": "object"})),
                ("rates", list(json!({"type": "object"}))),
                ("series", list(json!({"type": "object"}))),
            ]),
        ),
        (
            "eligible_payment",
            object(&[
                ("payment", of("payment")),
                ("eligible", flag()),
                ("code", maybe("string")),
                ("message", maybe("string")),
                ("warning", maybe("string")),
                ("requires_confirmation", flag()),
                ("requires_approval", flag()),
                ("money", json!({"type": ["object", "null"]})),
            ]),
        ),
        (
            "attempt",
            and(
                "failure",
                &[("amount", maybe("integer")), ("currency", maybe("string")), ("user", maybe("string"))],
            ),
        ),
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
            "dispute_analytics",
            object(&[
                ("livemode", flag()),
                ("all", json!({"type": "object"})),
                ("by_reason", json!({"type": "object"})),
                ("by_brand", json!({"type": "object"})),
                ("with_evidence", json!({"type": "object"})),
                ("without_evidence", json!({"type": "object"})),
                ("response", json!({"type": "object"})),
                ("evidence_fields", list(json!({"type": "object"}))),
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
#[expect(clippy::too_many_lines, reason = "one entry for each page")]
pub(super) fn pages() -> Schemas {
    let page = |members: &[(&str, Value)]| {
        let common = [
            ("why", text()),
            ("timeline", list(of("audit_line"))),
            ("operation_changes", list(of("audit_line"))),
            ("calls", list(of("operation_call"))),
            ("notices", list(of("notice"))),
            ("dead_letters", list(of("event"))),
        ];
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
                ("reserved", number()),
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
        ("payout_page", page(&[("payout", of("payout"))])),
        (
            "dispute_page",
            page(&[
                ("dispute", of("dispute_item")),
                ("counts_for_a_ban", flag()),
                ("counts_because", text()),
                ("evidence", json!({"anyOf": [of("evidence"), {"type": "null"}]})),
                ("operations", list(of("operation"))),
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
                ("operations", list(of("operation"))),
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
                ("operations", list(of("operation"))),
            ]),
        ),
        (
            "subscription_page",
            page(&[
                ("subscription", of("subscription")),
                ("invoices", list(of("invoice"))),
                ("operations", list(of("operation"))),
            ]),
        ),
        (
            // The list stands where a ban's row has their number.
            "ban_page",
            object(&[
                ("id", text()),
                ("account", text()),
                ("livemode", flag()),
                ("status", text()),
                ("chargebacks", number()),
                ("standing", of("standing")),
                ("why", text()),
                ("disputes", list(json!({"type": "object"}))),
                ("overrides", list(json!({"type": "object"}))),
                ("block", json!({"anyOf": [of("block"), {"type": "null"}]})),
                ("timeline", list(of("audit_line"))),
                ("notices", list(of("notice"))),
            ]),
        ),
        (
            "event_page",
            object(&[("id", text()), ("contents", list(of("event"))), ("changes", list(of("audit_line")))]),
        ),
        ("dead_letter_page", object(&[("letter", of("event")), ("labels", json!({"type": "object"}))])),
        ("replay_page", and("replay_plan", &[("results", list(json!({"type": "object"})))])),
    ])
}
