//! Parameters, read and judged as Stripe judges them before it executes anything.

use serde_json::{Map, Value, json};

use crate::error::Refusal;

#[derive(Clone, Copy)]
pub(crate) struct Params<'c>(pub(crate) &'c Value);

/// Parameters that every endpoint takes.
const EVERYWHERE: &[&str] = &["expand"];
const METADATA_KEYS_LIMIT: usize = 50;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;

impl<'c> Params<'c> {
    /// Refuses what the endpoint does not know.
    pub(crate) fn allow(self, known: &[&str]) -> Result<Self, Refusal> {
        for name in self.0.as_object().into_iter().flat_map(Map::keys) {
            if !known.contains(&name.as_str()) && !EVERYWHERE.contains(&name.as_str()) {
                let words = format!("Received unknown parameter: {name}");
                return Err(Refusal::invalid(name, words).code("parameter_unknown"));
            }
        }
        Ok(self)
    }

    pub(crate) fn at(self, name: &str) -> Self {
        Self(&self.0[name])
    }

    pub(crate) fn is_given(self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// An empty text is none.
    pub(crate) fn text(self, name: &str) -> Option<&'c str> {
        self.0[name].as_str().filter(|text| !text.is_empty())
    }

    pub(crate) fn required(self, name: &str) -> Result<&'c str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::invalid(name, format!("Missing required param: {name}.")).code("parameter_missing")
        })
    }

    pub(crate) fn integer(self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                Err(Refusal::invalid(name, format!("Invalid integer: {text}"))
                    .code("parameter_invalid_integer"))
            }
        }
    }

    /// An amount of money to move.
    pub(crate) fn amount(self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(amount) = self.integer(name)? else { return Ok(None) };
        if amount < 1 {
            let words = "This value must be greater than or equal to 1.";
            return Err(Refusal::invalid(name, words).code("parameter_invalid_integer"));
        }
        Ok(Some(amount))
    }

    pub(crate) fn flag(self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(text) => Err(Refusal::invalid(name, format!("Invalid boolean: {text}"))),
        }
    }

    pub(crate) fn one_of(self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if let Some(found) = known.iter().find(|known| **known == text) {
            return Ok(Some(found));
        }
        let (last, others) = known.split_last().expect("a choice has two ways at least");
        let words = format!("Invalid {name}: must be one of {}, or {last}", others.join(", "));
        Err(Refusal::invalid(name, words))
    }

    pub(crate) fn list(self, name: &str) -> Vec<&'c str> {
        self.0[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Lower case, three letters.
    pub(crate) fn currency(self) -> Result<String, Refusal> {
        let currency = self.required("currency")?.to_ascii_lowercase();
        if currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_lowercase()) {
            return Ok(currency);
        }
        Err(Refusal::invalid(
            "currency",
            format!("Invalid currency: {currency}. Stripe currently supports these currencies: usd, eur, …"),
        ))
    }

    /// What `metadata` makes of what was there: keys are laid over, an empty value takes its key away, and an empty
    /// `metadata` takes all.
    pub(crate) fn metadata(self, before: &Value) -> Result<Value, Refusal> {
        let mut metadata = before.as_object().cloned().unwrap_or_default();
        match self.0.get("metadata") {
            None => {}
            Some(Value::Object(given)) => {
                for (name, value) in given {
                    let value = value.as_str().unwrap_or_default();
                    let param = format!("metadata[{name}]");
                    if name.chars().count() > METADATA_KEY_CHARS {
                        return Err(Refusal::invalid(&param, "Metadata keys can have up to 40 characters."));
                    }
                    if value.chars().count() > METADATA_VALUE_CHARS {
                        return Err(Refusal::invalid(
                            &param,
                            "Metadata values can have up to 500 characters.",
                        ));
                    }
                    if value.is_empty() {
                        metadata.remove(name);
                    } else {
                        metadata.insert(name.clone(), json!(value));
                    }
                }
            }
            Some(_) => metadata.clear(),
        }
        if metadata.len() > METADATA_KEYS_LIMIT {
            return Err(Refusal::invalid("metadata", "You can have up to 50 metadata keys."));
        }
        Ok(Value::Object(metadata))
    }

    /// `created`, exactly or as a range.
    pub(crate) fn is_created(self, created: i64) -> bool {
        let range = self.at("created");
        let bound = |name: &str| range.0[name].as_str().and_then(|text| text.parse::<i64>().ok());
        self.text("created").is_none_or(|exactly| exactly.parse() == Ok(created))
            && bound("gte").is_none_or(|from| created >= from)
            && bound("gt").is_none_or(|from| created > from)
            && bound("lte").is_none_or(|to| created <= to)
            && bound("lt").is_none_or(|to| created < to)
    }
}
