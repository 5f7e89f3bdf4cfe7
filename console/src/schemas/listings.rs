//! What is answered about listings.

use serde_json::json;

use super::{Schemas, flag, list, maybe, maybe_time, number, object, of, text, time};

pub(super) fn listings() -> Schemas {
    let word =
        json!({"type": ["object", "null"], "properties": {"at": time(), "by": text(), "reason": text()}});
    let listing = object(&[
        ("id", text()),
        ("account", text()),
        ("livemode", flag()),
        ("user_id", text()),
        ("category_id", text()),
        ("status", json!({"enum": marketplace::State::WORDS})),
        ("fee", number()),
        ("currency", text()),
        ("created_at", time()),
        ("active_from", maybe_time()),
        ("expires_at", maybe_time()),
        ("is_featured", flag()),
        ("featured_until", maybe_time()),
        ("bumped_at", maybe_time()),
        ("bump_again_at", maybe_time()),
        ("rejected", word.clone()),
        ("deleted", word),
        ("kept_until", maybe_time()),
        ("says", text()),
    ]);
    let payment = object(&[
        ("payment", text()),
        ("what", text()),
        ("amount", number()),
        ("currency", text()),
        ("paid_at", maybe_time()),
        ("verdict", json!({"type": ["string", "object"]})),
        ("from", maybe_time()),
        ("until", maybe_time()),
        ("refund_operation", maybe("string")),
        ("refund_state", maybe("string")),
        ("says", text()),
    ]);
    Schemas::from([
        ("listing", listing),
        ("listing_payment", payment),
        (
            "listing_page",
            object(&[
                ("listing", of("listing")),
                ("payments", list(of("listing_payment"))),
                ("open_checkouts", list(text())),
            ]),
        ),
        (
            "to_pay",
            object(&[
                ("checkout", text()),
                ("payment_intent", text()),
                ("client_secret", text()),
                ("payment_type", text()),
                ("money", object(&[("amount", number()), ("currency", text())])),
            ]),
        ),
        (
            "set_listing_term",
            object(&[
                ("name", text()),
                ("currency", text()),
                ("value", number()),
                ("before", maybe("integer")),
                ("set_at", maybe_time()),
                ("pending", json!({"anyOf": [of("pending_change"), {"type": "null"}]})),
            ]),
        ),
        ("listing_term", object(&[("name", text()), ("currency", text()), ("value", number())])),
    ])
}
