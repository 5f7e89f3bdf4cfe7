//! Values of policies in words: as people read them, and as they type them.

use super::{Form, MINOR_UNITS, PolicyKey, Slot, Value};
use crate::money;

/// A value as people read it.
pub fn shown(key: PolicyKey, currency: &str, value: Value) -> String {
    match (key.form(), value) {
        (Form::Money { .. }, Value::Number(amount)) => money::shown(amount, currency),
        // With its digits in groups, as an amount of no known currency has them.
        (Form::Number { unit: MINOR_UNITS, .. }, Value::Number(number)) => money::shown(number, ""),
        (Form::Number { unit, .. }, Value::Number(number)) => format!("{number} {unit}"),
        (_, value) => value.stored(),
    }
}

/// The same of what the ledger keeps; what another version set and this build does not take, as it is kept.
pub fn shown_as_kept(key: &str, currency: &str, kept: &str) -> String {
    let key = PolicyKey::try_from(key.to_owned()).ok();
    let value = key.and_then(|key| Some((key, key.stored(kept)?)));
    value.map_or_else(|| kept.to_owned(), |(key, value)| shown(key, currency, value))
}

/// A value as people type it: `read` takes it again.
pub fn typed(slot: &Slot, value: Value) -> String {
    match (slot.key.form(), value) {
        (Form::Money { .. }, Value::Number(amount)) => money::plain(amount, &slot.currency),
        (_, value) => value.stored(),
    }
}
