//! What acts answer: about operations, people, and everything else.

use domain::evidence::{EvidenceField, FileKind, Goods};
use domain::pending_changes::{ChangeKind, ChangeState};
use domain::permissions::Role;
use serde_json::json;

use super::{Schemas, and, call, flag, list, maybe, maybe_time, number, object, of, text, time};

pub(super) fn operations() -> Schemas {
    let words =
        [("does", text()), ("says", text()), ("next", maybe("string")), ("tell_customer", maybe("string"))];
    let listed = [("operation", of("operation"))];
    let page = [
        ("parameters", json!({"type": ["object", "null"]})),
        ("refund_status", maybe("string")),
        ("batch", maybe("string")),
        ("retried_by", list(text())),
        ("decisions", list(of("decision"))),
        ("calls", list(of("call"))),
        ("notes", list(of("note"))),
        ("assignment", json!({"anyOf": [of("assigned"), {"type": "null"}]})),
        ("timeline", list(of("audit_line"))),
        ("notices", list(of("notice"))),
    ];
    let mut asked = object(&[
        ("operation", of("operation")),
        ("requires_confirmation", flag()),
        ("requires_approval", flag()),
    ]);
    asked["properties"]["message"] = text();
    asked["properties"]["warning"] = text();
    asked["properties"]["refund"] = object(&[("status", text()), ("id", maybe("string"))]);
    asked["properties"]["pending_refund"] = object(&[
        ("operation", text()),
        ("payment", maybe("string")),
        ("amount", number()),
        ("currency", text()),
        ("reason", text()),
    ]);
    Schemas::from([
        ("evidence", evidence()),
        (
            "finding_page",
            object(&[
                ("finding", of("finding")),
                ("says", text()),
                ("next", maybe("string")),
                ("history", list(json!({"type": "object"}))),
                ("timeline", list(of("audit_line"))),
            ]),
        ),
        ("listed_operation", object(&[&listed[..], &words].concat())),
        ("operation_page", object(&[&listed[..], &words, &page].concat())),
        ("asked_operation", asked),
        ("call", call()),
        ("operation_call", and("call", &[("operation", text())])),
        (
            "batch",
            object(&[
                (
                    "batch",
                    object(&[
                        ("id", text()),
                        ("account", text()),
                        ("livemode", flag()),
                        ("items", number()),
                        ("sums", text()),
                        ("hash", text()),
                        ("reason", text()),
                        ("note", maybe("string")),
                        ("requested_by", text()),
                        ("known_by", text()),
                        ("requested_at", time()),
                    ]),
                ),
                ("operations", list(of("operation"))),
                ("requires_confirmation", flag()),
                ("requires_approval", flag()),
                ("refused", number()),
                ("warnings", list(text())),
            ]),
        ),
        (
            "decision",
            object(&[
                ("number", number()),
                ("decision", text()),
                ("decided_by", text()),
                ("known_by", text()),
                ("reason", maybe("string")),
                ("parameters_hash", text()),
                ("decided_at", time()),
            ]),
        ),
    ])
}

fn evidence() -> serde_json::Value {
    let need = object(&[
        ("any_of", list(json!({"enum": EvidenceField::WORDS}))),
        ("required", flag()),
        ("why", text()),
        ("is_met", flag()),
    ]);
    let field = object(&[
        ("field", json!({"enum": EvidenceField::WORDS})),
        ("text", maybe("string")),
        ("source", json!({"enum": ["ledger", "staff", "left_out", "stripe"]})),
        ("from", list(text())),
    ]);
    let file = object(&[
        ("id", text()),
        ("field", text()),
        ("name", text()),
        ("file_kind", json!({"enum": FileKind::WORDS})),
        ("size_bytes", number()),
        ("pages", maybe("integer")),
        ("sha256", text()),
        ("attached_by", text()),
        ("attached_at", time()),
        ("stripe_id", maybe("string")),
        ("uploaded_at", maybe_time()),
    ]);
    object(&[
        ("id", text()),
        ("account", text()),
        ("livemode", flag()),
        ("reason", maybe("string")),
        ("respond_by", maybe_time()),
        ("standing", json!({"enum": ["draft", "staged", "submitted", "closed"]})),
        ("says", text()),
        ("next", maybe("string")),
        ("goods", json!({"enum": Goods::WORDS})),
        ("goods_chosen", flag()),
        ("changed_by", maybe("string")),
        ("changed_at", maybe_time()),
        ("needs", list(need)),
        ("missing", list(text())),
        ("fields", list(field)),
        ("files", list(file)),
        ("staged", json!({"type": ["object", "null"]})),
    ])
}

#[expect(clippy::too_many_lines, reason = "a list of forms")]
pub(super) fn people() -> Schemas {
    let roles = || list(json!({"enum": Role::WORDS}));
    let pending = json!({"anyOf": [of("pending_change"), {"type": "null"}]});
    let of_objects = |name| (name, list(json!({"type": "object"})));
    let reconciliation = [
        ("day", text()),
        ("account", text()),
        ("livemode", flag()),
        ("verdict", text()),
        ("transactions", number()),
        ("differences", number()),
        ("awaited", number()),
        ("reason", maybe("string")),
        ("compared_at", time()),
    ];
    Schemas::from([
        ("reconciliation", object(&reconciliation)),
        (
            "reconciliation_page",
            object(
                &[&reconciliation[..], &["lines", "payouts", "balances", "findings"].map(of_objects)]
                    .concat(),
            ),
        ),
        ("opened_event", object(&[("event", text()), ("shown_until", time())])),
        (
            "saved_view",
            object(&[
                ("id", text()),
                ("staff", text()),
                ("name", text()),
                ("path", text()),
                ("query", text()),
                ("saved_at", time()),
            ]),
        ),
        (
            "policy",
            object(&[
                ("key", text()),
                ("currency", text()),
                ("shown", text()),
                ("help", text()),
                ("bounds", text()),
                ("set", json!({"type": ["object", "null"]})),
            ]),
        ),
        ("policy_version", json!({"type": "object"})),
        (
            "policy_plan",
            object(&[
                ("key", text()),
                ("currency", text()),
                ("before", text()),
                ("after", text()),
                ("loosens", flag()),
                ("rehearsal", json!({"type": "object"})),
                ("invoices_to_retry", maybe("integer")),
            ]),
        ),
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
            "invited_member",
            json!({
                "type": "object",
                "properties": {
                    "link": {"type": "string"},
                    "invitation": object(&[
                        ("id", text()),
                        ("staff", maybe("string")),
                        ("made_by", text()),
                        ("made_at", time()),
                        ("approved_at", maybe_time()),
                        ("ends_at", time()),
                    ]),
                    "pending": pending,
                },
                "required": ["invitation", "pending"],
            }),
        ),
        (
            "session",
            object(&[
                ("id", text()),
                ("staff", text()),
                ("address", text()),
                ("begun_at", time()),
                ("seen_at", time()),
                ("ends_at", time()),
                ("ended_by", maybe("string")),
                ("ended_at", maybe_time()),
            ]),
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
pub(super) fn acts() -> Schemas {
    Schemas::from([
        (
            "consumption",
            object(&[
                ("pause", json!({"type": ["object", "null"]})),
                ("pauses", list(json!({"type": "object"}))),
            ]),
        ),
        ("paused", object(&[("pause", json!({"type": "object"})), ("is_new", flag())])),
        ("resumed", object(&[("ended", json!({"type": ["object", "null"]}))])),
        ("written_note", object(&[("note", of("note"))])),
        ("assignment", object(&[("assignment", of("assigned"))])),
        (
            "assigned",
            object(&[
                ("number", number()),
                ("assignee", maybe("string")),
                ("assigned_by", text()),
                ("assigned_at", time()),
            ]),
        ),
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
        (
            "health",
            object(&[
                ("status", text()),
                ("version", text()),
                ("checkout", json!({"enum": ["open", "closed", "unknown"]})),
            ]),
        ),
        ("block_standing", object(&[("id", text()), ("blocked", flag())])),
        ("hold_standing", object(&[("id", text()), ("on_hold", flag())])),
        (
            "checkout",
            object(&[
                ("checkout", json!({"enum": ["open", "closed"]})),
                ("closing", json!({"type": ["object", "null"]})),
            ]),
        ),
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
