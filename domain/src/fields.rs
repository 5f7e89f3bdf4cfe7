//! Reads fields of Stripe's objects in any API version. A needed field that is missing or malformed is a
//! permanent failure that names field and version. Amounts are checked integers.

use super::Permanent;
use super::json::Json;
use chrono::{DateTime, Utc};

/// Stripe's greatest amount, of twelve digits; far enough below the limit of the type to be added up.
pub const AMOUNT_LIMIT: i64 = 999_999_999_999;
const TEXT_LIMIT_BYTES: usize = 500;
const ID_LIMIT_BYTES: usize = 255;

/// One JSON object, with where it stands, for messages.
#[derive(Debug)]
pub struct Fields<'a> {
    value: &'a Json<'a>,
    version: &'a str,
    rule: &'static str,
}

impl<'a> Fields<'a> {
    /// `rule` is who reads, for the messages.
    pub fn of(rule: &'static str, value: &'a Json<'a>, version: &'a str) -> Self {
        Self { value, version, rule }
    }

    /// The same reader, for an object inside this one.
    #[must_use]
    pub fn within(&self, value: &'a Json<'a>) -> Self {
        Self { value, ..*self }
    }

    /// The value at a path of names, `None` where it is absent or null.
    pub fn at(&self, names: &[&str]) -> Option<&'a Json<'a>> {
        let found = names.iter().try_fold(self.value, |value, name| value.get(name))?;
        (*found != Json::Null).then_some(found)
    }

    pub fn refuse(&self, field: &str, fault: &'static str) -> Permanent {
        Permanent {
            rule: self.rule,
            field: format!("data.object.{field}"),
            fault,
            version: self.version.chars().take(40).collect(),
        }
    }

    /// The API version that the object is written in; `none` where the event names none.
    pub fn version(&self) -> &'a str {
        self.version
    }

    /// The object's own id.
    pub fn id(&self) -> Result<&'a str, Permanent> {
        match self.at(&["id"]).and_then(Json::as_str) {
            Some(id) if is_object_id(id) => Ok(id),
            Some(_) => Err(self.refuse("id", "is not a Stripe id")),
            None => Err(self.refuse("id", "is missing")),
        }
    }

    pub fn text(&self, name: &str) -> Result<&'a str, Permanent> {
        self.maybe_text(&[name])?.ok_or_else(|| self.refuse(name, "is missing"))
    }

    pub fn maybe_text(&self, names: &[&str]) -> Result<Option<&'a str>, Permanent> {
        match self.at(names) {
            None => Ok(None),
            Some(Json::Text(text)) if text.contains('\0') => {
                Err(self.refuse(&names.join("."), "contains NUL"))
            }
            Some(Json::Text(text)) if text.len() > TEXT_LIMIT_BYTES => {
                Err(self.refuse(&names.join("."), "is longer than 500 bytes"))
            }
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(&names.join("."), "is not a text")),
        }
    }

    /// A value of the merchant's metadata: his own words, so odd ones are left out rather than refused.
    pub fn metadata(&self, name: &str) -> Option<&'a str> {
        let text = self.at(&["metadata", name])?.as_str()?;
        (!text.is_empty() && text.len() <= TEXT_LIMIT_BYTES && !text.contains('\0')).then_some(text)
    }

    /// A link to another object: a plain id, or the expanded object with its `id`.
    pub fn link(&self, names: &[&str]) -> Result<Option<&'a str>, Permanent> {
        let Some(value) = self.at(names) else { return Ok(None) };
        match value.as_str().or_else(|| value.get("id")?.as_str()) {
            Some("") => Ok(None),
            Some(id) if is_object_id(id) => Ok(Some(id)),
            Some(_) => Err(self.refuse(&names.join("."), "is not a Stripe id")),
            None => Err(self.refuse(&names.join("."), "is neither an id nor an object with one")),
        }
    }

    /// Who paid: since the accounts of 2025 a customer may be an account. Those who moved to Stripe long ago may have customers
    /// under ids of their own; such a link is left out, for the money counts without it.
    pub fn customer(&self) -> Result<Option<&'a str>, Permanent> {
        let named =
            self.at(&["customer"]).and_then(|value| value.as_str().or_else(|| value.get("id")?.as_str()));
        if named.is_some_and(|id| !id.is_empty() && id.len() <= TEXT_LIMIT_BYTES && !is_object_id(id)) {
            return self.link(&["customer_account"]);
        }
        match self.link(&["customer"])? {
            None => self.link(&["customer_account"]),
            found => Ok(found),
        }
    }

    pub fn amount(&self, name: &str) -> Result<i64, Permanent> {
        self.maybe_amount(&[name])?.ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// Money in the currency's minor unit: a whole number, not negative, not beyond all reason.
    pub fn maybe_amount(&self, names: &[&str]) -> Result<Option<i64>, Permanent> {
        let Some(value) = self.at(names) else { return Ok(None) };
        let fault = match value.as_i64() {
            Some(amount @ 0..=AMOUNT_LIMIT) => return Ok(Some(amount)),
            Some(..0) => "is negative",
            Some(_) => "is too large",
            None if value.is_u64() => "is too large",
            None => "is not a whole number",
        };
        Err(self.refuse(&names.join("."), fault))
    }

    /// Money that may flow either way, as in Stripe's balance.
    pub fn signed(&self, name: &str) -> Result<i64, Permanent> {
        let Some(value) = self.at(&[name]) else { return Err(self.refuse(name, "is missing")) };
        match value.as_i64() {
            Some(amount) if amount.unsigned_abs() <= AMOUNT_LIMIT.unsigned_abs() => Ok(amount),
            Some(_) => Err(self.refuse(name, "is too large")),
            None => Err(self.refuse(name, "is not a whole number")),
        }
    }

    /// A yes or no; anything odd counts as absent, for no money hangs on it.
    pub fn flag(&self, names: &[&str]) -> bool {
        self.at(names).and_then(Json::as_bool).unwrap_or(false)
    }

    /// The objects of a list: `{"data": [...]}`, or a plain array.
    pub fn list(&self, names: &[&str]) -> impl Iterator<Item = Fields<'a>> {
        let listed = self.at(names).and_then(|list| list.get("data").unwrap_or(list).as_list());
        listed
            .into_iter()
            .flatten()
            .filter(|value| matches!(value, Json::Object(_)))
            .map(|value| self.within(value))
    }

    /// A small count; anything odd counts as absent, for no money hangs on it.
    pub fn count(&self, name: &str) -> i64 {
        self.at(&[name]).and_then(Json::as_i64).filter(|count| (0..1_000_000).contains(count)).unwrap_or(0)
    }

    /// Three lower-case letters.
    pub fn currency(&self) -> Result<&'a str, Permanent> {
        let text = self.text("currency")?;
        let well_formed = text.len() == 3 && text.bytes().all(|b| b.is_ascii_lowercase());
        if well_formed { Ok(text) } else { Err(self.refuse("currency", "is not a currency")) }
    }

    /// Seconds since 1970.
    pub fn maybe_time(&self, names: &[&str]) -> Result<Option<DateTime<Utc>>, Permanent> {
        let Some(value) = self.at(names) else { return Ok(None) };
        let time = value.as_i64().and_then(moment);
        time.map(Some).ok_or_else(|| self.refuse(&names.join("."), "is not a time"))
    }
}

/// Whether a text is an id as Stripe writes them: a word for the kind of object, an underscore, then letters, digits
/// and underscores. Which words there are is Stripe's to change.
pub fn is_object_id(id: &str) -> bool {
    let Some((word, rest)) = id.split_once('_') else { return false };
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let is_rest = !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_word && is_rest && id.len() <= ID_LIMIT_BYTES
}

/// A moment that both databases can hold.
pub fn moment(seconds: i64) -> Option<DateTime<Utc>> {
    const YEAR_9999: i64 = 253_402_300_799;
    (0..=YEAR_9999).contains(&seconds).then(|| DateTime::from_timestamp(seconds, 0))?
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields<T>(object: &Value, look: impl FnOnce(&Fields<'_>) -> T) -> T {
        let text = object.to_string();
        look(&Fields::of("payments", &Json::read(text.as_bytes()).unwrap(), "2020-08-27"))
    }

    #[test]
    fn only_whole_numbers_in_range_are_money() {
        for (value, fault) in [
            (json!(-1), "is negative"),
            (json!(12.5), "is not a whole number"),
            (json!(1e2), "is not a whole number"),
            (json!("12"), "is not a whole number"),
            (json!(AMOUNT_LIMIT + 1), "is too large"),
            (json!(u64::MAX), "is too large"),
            (json!(1e30), "is not a whole number"),
            (json!(true), "is not a whole number"),
        ] {
            let refused = fields(&json!({"amount": value}), |fields| fields.amount("amount").unwrap_err());
            assert_eq!((refused.field.as_str(), refused.fault), ("data.object.amount", fault));
            assert_eq!(refused.version, "2020-08-27");
        }
        assert_eq!(fields(&json!({"amount": 0}), |fields| fields.amount("amount")), Ok(0));
    }

    #[test]
    fn a_link_is_plain_or_expanded() {
        let object =
            json!({"a": "cus_1", "b": {"id": "cus_2", "email": "x"}, "c": null, "d": 5, "e": {"id": "a\0"}});
        fields(&object, |fields| {
            assert_eq!(fields.link(&["a"]), Ok(Some("cus_1")));
            assert_eq!(fields.link(&["b"]), Ok(Some("cus_2")));
            assert_eq!(fields.link(&["c"]), Ok(None));
            assert!(fields.link(&["d"]).is_err() && fields.link(&["e"]).is_err());
        });
    }

    #[test]
    fn text_that_postgres_cannot_hold_is_refused_and_metadata_of_that_kind_left_out() {
        let object = json!({"status": "a\0b", "metadata": {"user_id": "a\0b", "listing_id": "l1"}});
        fields(&object, |fields| {
            assert_eq!(fields.text("status").unwrap_err().fault, "contains NUL");
            assert_eq!((fields.metadata("user_id"), fields.metadata("listing_id")), (None, Some("l1")));
        });
    }

    #[test]
    fn an_id_begins_with_a_word_for_its_kind() {
        for id in ["cus_1", "py_3Pq", "in_1_2", "issfr_1A", "pi_3Nq_secret"] {
            assert!(is_object_id(id), "{id}");
        }
        let long = format!("ch_{}", "a".repeat(253));
        for id in ["foo", "", "_1", "ch_", "Ch_1", "ch_1-2", "ch_1 ", "4711", "me@example.com", &long] {
            assert!(!is_object_id(id), "{id}");
        }
    }

    #[test]
    fn times_beyond_the_databases_are_refused() {
        assert!(moment(-1).is_none() && moment(i64::MAX).is_none() && moment(0).is_some());
    }
}
