//! A JSON body, parsed once. Strings without escapes are borrowed from the bytes, and objects are lists sorted
//! by name. An owning tree would copy every string of every event.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Number;

/// Any JSON. What it is read from lives at least as long.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    Null,
    Flag(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// Sorted by name, each once.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = Any.deserialize(&mut reader)?;
        reader.end()?;
        Ok(read)
    }

    /// The member of an object; `None` where there is no such, or no object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let place = members.binary_search_by(|(own, _)| own.as_ref().cmp(name)).ok()?;
        Some(&members[place].1)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        let place = members.binary_search_by(|(own, _)| own.as_ref().cmp(name)).ok()?;
        Some(&mut members[place].1)
    }

    /// The same, and null where there is none.
    pub fn at(&self, name: &str) -> &Self {
        self.get(name).unwrap_or(&Self::Null)
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Number(number) = self { number.as_i64() } else { None }
    }

    pub fn is_u64(&self) -> bool {
        matches!(self, Self::Number(number) if number.is_u64())
    }

    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The one spelling of its meaning: members sorted by name, no blanks.
    pub fn canonical(&self, capacity: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(capacity);
        serde_json::to_writer(&mut text, self).expect("a JSON value always encodes");
        text
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Reads any JSON.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json<'de>, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Any)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = entries.next_key_seed(Name)? {
            members.push((name, entries.next_value_seed(Any)?));
        }
        sort(&mut members);
        Ok(Json::Object(members))
    }
}

/// Stripe's are sorted already. Of members of one name the last counts, as with most readers.
fn sort(members: &mut Vec<(Cow<'_, str>, Json<'_>)>) {
    if members.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    members.reverse();
    members.sort_by(|a, b| a.0.cmp(&b.0));
    members.dedup_by(|other, kept| other.0 == kept.0);
}

/// Reads the name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What is stored already was named by the hash of `serde_json`'s own spelling: it must never change.
    #[test]
    fn the_canonical_form_is_the_one_of_a_sorted_map() {
        for text in [
            r#"{"b":1,"a":{"z":[1,-2,3.5,1e3,0.1,-0.0,1E400e],"y":null}}"#,
            r#"{"b":1,"a":{"z":[1,-2,3.5,1e3,0.1,-0.0,18446744073709551615,18446744073709551616],"y":null}}"#,
            r#"{"a":1,"a":2,"c":"\u00e9\n\"\\\/\ud83d\ude00","\u0062":true,"b":false}"#,
            r#"[{"":0," ":"é","é":"\u0000\u001f\u007f"}, [], {}, "", -9223372036854775808]"#,
            r#"{"a":1} x"#,
            r#"{"a":1,}"#,
            "\"\u{2028}\"",
            r#""\ud800""#,
            "1e999",
        ] {
            let value = serde_json::from_str::<Value>(text).map(|value| value.to_string()).ok();
            let ours = Json::read(text.as_bytes()).map(|json| json.canonical(0)).ok();
            assert_eq!(ours.map(|text| String::from_utf8(text).unwrap()), value, "{text}");
        }
    }

    #[test]
    fn members_are_found_whatever_their_order() {
        let json = Json::read(br#"{"z":"\t","a":"plain","m":{"id":7}}"#).unwrap();
        assert_eq!((json.at("a").as_str(), json.at("z").as_str()), (Some("plain"), Some("\t")));
        assert!(matches!(json.at("a"), Json::Text(Cow::Borrowed(_))));
        assert_eq!((json.at("m").at("id").as_i64(), json.get("b")), (Some(7), None));
        assert_eq!(json.at("none").at("nor here"), &Json::Null);
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(Json::read(deep.as_bytes()).is_err());
    }
}
