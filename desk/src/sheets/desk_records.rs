//! What the desk keeps, as columns of spreadsheets: operations with who asked and who approved, decisions, calls to
//! Stripe, acts, people, tokens, policies, and compared days.

use domain::operations::Operation;
use ledger::tables::audit::AuditRow;
use ledger::tables::policies::PolicyRow;
use ledger::tables::reconciliations::Reconciliation;
use ledger::tables::staff::Member;
use ledger::tables::tokens::Token;
use ledger::views::desk_records::{CallRow, DecisionRow};

use crate::csv::{self, Column};
use crate::money;

pub const OPERATIONS: &[Column<Operation>] = &[
    ("requested_at", |row| csv::time(Some(row.requested_at))),
    ("operation", |row| csv::text(row.id())),
    ("kind", |row| csv::text(row.kind.as_str())),
    ("state", |row| csv::text(row.state.as_str())),
    ("currency", |row| csv::text(&row.currency)),
    ("amount", |row| money::plain(row.amount, &row.currency)),
    ("reason", |row| csv::text(row.reason.as_str())),
    ("note", |row| csv::maybe(row.note.as_ref())),
    ("subject_kind", |row| csv::text(&row.subject_kind)),
    ("subject", |row| csv::text(&row.subject_id)),
    ("requested_by", |row| csv::text(&row.requested_by)),
    ("known_by", |row| csv::text(&row.known_by)),
    ("approval", |row| csv::text(row.approval.as_str())),
    ("approved_by", |row| csv::maybe(row.approved_by.as_ref())),
    ("approved_at", |row| csv::time(row.approved_at)),
    ("made", |row| csv::maybe(row.stripe_id.as_ref())),
    ("request_id", |row| csv::maybe(row.request_id.as_ref())),
    ("error", |row| csv::maybe(row.error_code.as_ref().or(row.error_class.as_ref()))),
    ("ended_at", |row| csv::time(row.ended_at)),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

/// What may leave the house: no name, and no word of staff.
pub const FOR_STRIPE: &[Column<Operation>] = &[
    ("requested_at", |row| csv::time(Some(row.requested_at))),
    ("operation", |row| csv::text(row.id())),
    ("kind", |row| csv::text(row.kind.as_str())),
    ("state", |row| csv::text(row.state.as_str())),
    ("subject_kind", |row| csv::text(&row.subject_kind)),
    ("subject", |row| csv::text(&row.subject_id)),
    ("made", |row| csv::maybe(row.stripe_id.as_ref())),
    ("request_id", |row| csv::maybe(row.request_id.as_ref())),
    ("error", |row| csv::maybe(row.error_code.as_ref().or(row.error_class.as_ref()))),
    ("ended_at", |row| csv::time(row.ended_at)),
    ("mode", |row| csv::mode(row.key.livemode)),
    ("account", |row| csv::text(&row.key.account)),
];

pub const DECISIONS: &[Column<DecisionRow>] = &[
    ("decided_at", |row| csv::time(Some(row.decided_at))),
    ("operation", |row| csv::text(&row.key.id)),
    ("number", |row| row.number.to_string()),
    ("decision", |row| csv::text(&row.decision)),
    ("decided_by", |row| csv::text(&row.decided_by)),
    ("known_by", |row| csv::text(&row.known_by)),
    ("requested_by", |row| csv::text(&row.requested_by)),
    ("reason", |row| csv::maybe(row.reason.as_ref())),
    ("parameters_hash", |row| csv::text(&row.parameters_hash)),
];

pub const CALLS: &[Column<CallRow>] = &[
    ("called_at", |row| csv::time(Some(row.called_at))),
    ("operation", |row| csv::text(&row.key.id)),
    ("attempt", |row| row.attempt.to_string()),
    ("number", |row| row.number.to_string()),
    ("method", |row| csv::text(&row.method)),
    ("path", |row| csv::text(&row.path)),
    ("answer", |row| csv::text(&row.class)),
    ("http_status", |row| row.http_status.map(|status| status.to_string()).unwrap_or_default()),
    ("code", |row| csv::maybe(row.stripe_code.as_ref())),
    ("request_id", |row| csv::maybe(row.request_id.as_ref())),
    ("replayed", |row| row.replayed.to_string()),
    ("duration_ms", |row| row.duration_ms.to_string()),
];

pub const ACTS: &[Column<AuditRow>] = &[
    ("at", |row| csv::time(Some(row.at))),
    ("actor", |row| csv::text(&row.actor)),
    ("subject_kind", |row| csv::text(&row.subject_kind)),
    ("subject", |row| csv::text(&row.subject_id)),
    ("what", |row| csv::text(&row.what)),
    ("before", |row| csv::maybe(row.before.as_ref())),
    ("after", |row| csv::maybe(row.after.as_ref())),
    ("severity", |row| csv::text(&row.severity)),
    ("mode", |row| csv::mode(row.livemode)),
    ("account", |row| csv::text(&row.account)),
];

pub const MEMBERS: &[Column<Member>] = &[
    ("name", |row| csv::text(&row.name)),
    ("roles", |row| csv::text(row.roles.to_string())),
    ("added_by", |row| csv::text(&row.added_by)),
    ("added_at", |row| csv::time(Some(row.added_at))),
    ("disabled_by", |row| csv::maybe(row.disabled_by.as_ref())),
    ("disabled_at", |row| csv::time(row.disabled_at)),
    ("administrator_until", |row| csv::time(row.admin_until)),
];

/// Never the secret; its age follows from when it was made.
pub const TOKENS: &[Column<Token>] = &[
    ("token", |row| csv::text(&row.id)),
    ("staff", |row| csv::text(&row.staff)),
    ("roles", |row| csv::text(row.roles.to_string())),
    ("of_a_program", |row| row.is_program.to_string()),
    ("created_by", |row| csv::text(&row.created_by)),
    ("created_at", |row| csv::time(Some(row.created_at))),
    ("approved_at", |row| csv::time(row.approved_at)),
    ("expires_at", |row| csv::time(row.expires_at)),
    ("last_used_at", |row| csv::time(row.last_used_at)),
    ("ended_by", |row| csv::maybe(row.ended_by.as_ref())),
    ("ended_at", |row| csv::time(row.ended_at)),
];

pub const POLICIES: &[Column<PolicyRow>] = &[
    ("set_at", |row| csv::time(Some(row.set_at))),
    ("policy", |row| csv::text(&row.key)),
    ("currency", |row| csv::text(&row.currency)),
    ("version", |row| row.version.to_string()),
    ("value", |row| csv::text(&row.value)),
    ("set_by", |row| csv::text(&row.set_by)),
    ("reason", |row| csv::text(&row.reason)),
];

pub const COMPARED_DAYS: &[Column<Reconciliation>] = &[
    ("day", |row| csv::text(&row.day)),
    ("verdict", |row| csv::text(row.verdict.as_str())),
    ("final", |row| row.is_final.to_string()),
    ("transactions", |row| row.transactions.to_string()),
    ("differences", |row| row.differences.to_string()),
    ("accepted", |row| row.accepted.to_string()),
    ("awaited", |row| row.awaited.to_string()),
    ("reason", |row| csv::maybe(row.reason.as_ref())),
    ("compared_at", |row| csv::time(Some(row.compared_at))),
    ("mode", |row| csv::mode(row.livemode)),
    ("account", |row| csv::text(&row.account)),
];
