//! The forms of notices and their targets.

use domain::notices::delivery::{Delivery, DeliveryState};
use domain::notices::{Channel, Notice, NoticeKind, TargetState};
use domain::row::{Column, Columns, Field};
use serde_json::{Value, json};

use super::{Schemas, and, flag, list, maybe, maybe_time, number, object, of, row, text, time};

pub(super) fn notices() -> Schemas {
    let mut notice = row::<Notice>();
    for (name, words) in [("kind", NoticeKind::WORDS), ("severity", domain::Severity::WORDS)] {
        notice["properties"][name] = json!({"enum": words});
    }
    // What it says is beside it, as an object.
    notice["properties"].as_object_mut().map(|properties| properties.remove("data"));
    let mut columns = Columns::new();
    let one = Delivery::default();
    Delivery::columns("", &[&one], &mut columns);
    let of_column = |column: &Column<'_>| match column {
        Column::Int(_) => number(),
        Column::Time(_) => maybe_time(),
        _ => maybe("string"),
    };
    let members: Vec<(&str, Value)> =
        columns.iter().map(|(name, column)| (*name, of_column(column))).collect();
    let mut delivery = object(&members);
    delivery["properties"]["state"] = json!({"enum": DeliveryState::WORDS});
    let target = object(&[
        ("name", text()),
        ("channel", json!({"enum": Channel::WORDS})),
        ("address", text()),
        ("kinds", text()),
        ("least_severity", json!({"enum": domain::Severity::WORDS})),
        ("is_ordered", flag()),
        ("allows_private", flag()),
        ("state", json!({"enum": TargetState::WORDS})),
        ("failures", number()),
        ("open_until", maybe_time()),
        ("message", maybe("string")),
        ("delivered_at", maybe_time()),
        ("changed_by", text()),
        ("changed_at", time()),
    ]);
    let beside = [("waiting", number()), ("waiting_since", maybe_time()), ("failed", number())];
    Schemas::from([
        ("notice", notice),
        (
            "notice_page",
            and("notice", &[("data", json!({"type": "object"})), ("deliveries", list(delivery))]),
        ),
        ("kept_notice_target", target),
        ("notice_target", and("kept_notice_target", &beside)),
        ("added_notice_target", object(&[("target", of("kept_notice_target")), ("secret", maybe("string"))])),
        ("sent_notice", object(&[("notice", text())])),
        ("replayed_notices", object(&[("notices", number())])),
    ])
}
