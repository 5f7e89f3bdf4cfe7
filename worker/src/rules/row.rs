//! A merged object as columns: one list of fields serves the struct, its table and `--json`. Plain data; the
//! ledger binds it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// The values of one column, row by row.
pub enum Column<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
    Flag(Vec<bool>),
    Time(Vec<Option<DateTime<Utc>>>),
    Bytes(Vec<&'a [u8]>),
}

/// Columns side by side with their names, so that they cannot drift apart.
pub type Columns<'a> = Vec<(&'static str, Column<'a>)>;

/// What can stand in a row: a value in a column of its own, or a group of such.
pub trait Field: Sized {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>);
}

impl Field for String {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        let values = values.iter().map(|value| Some(Cow::Borrowed(value.as_str())));
        columns.push((name, Column::Text(values.collect())));
    }
}

impl Field for Option<String> {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        let values = values.iter().map(|value| value.as_deref().map(Cow::Borrowed));
        columns.push((name, Column::Text(values.collect())));
    }
}

impl Field for i64 {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Int(values.iter().map(|value| Some(**value)).collect())));
    }
}

impl Field for Option<i64> {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Int(values.iter().map(|value| **value).collect())));
    }
}

impl Field for Vec<u8> {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Bytes(values.iter().map(|value| value.as_slice()).collect())));
    }
}

impl Field for bool {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Flag(values.iter().map(|value| **value).collect())));
    }
}

impl Field for Option<DateTime<Utc>> {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Time(values.iter().map(|value| **value).collect())));
    }
}

/// A struct whose fields are columns, or groups of columns marked `#[sqlx(flatten)] #[serde(flatten)]`.
macro_rules! row {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, sqlx::FromRow)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl $crate::rules::row::Field for $name {
            fn columns<'a>(
                _: &'static str,
                values: &[&'a Self],
                columns: &mut $crate::rules::row::Columns<'a>,
            ) {
                $(
                    let field: Vec<&'a $type> = values.iter().map(|value| &value.$field).collect();
                    <$type as $crate::rules::row::Field>::columns(stringify!($field), &field, columns);
                )*
            }
        }
    };
}
pub(crate) use row;

/// A link to another object, with the freshness of the report that it came from: the law "greatest key that
/// has it".
macro_rules! link_to {
    ($(#[$meta:meta])* $name:ident, $field:ident, $freshness:ident) => {
        $crate::rules::row::row! {
            $(#[$meta])*
            pub struct $name {
                pub $field: Option<String>,
                #[sqlx(try_from = "String")]
                pub $freshness: $crate::rules::freshness::Freshness,
            }
        }

        impl $name {
            pub fn id(&self) -> Option<&str> {
                self.$field.as_deref()
            }

            pub fn see(&mut self, seen: Option<&str>, freshness: $crate::rules::freshness::Freshness) {
                $crate::rules::freshness::keep_freshest(
                    &mut self.$field,
                    &mut self.$freshness,
                    seen,
                    freshness,
                );
            }
        }
    };
}
pub(crate) use link_to;

/// A closed set of words, kept as text in the ledger. The first is the default.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $first:ident = $first_word:literal, $($variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { #[default] $first, $($variant,)* }

        impl $name {
            pub const ALL: &[Self] = &[Self::$first, $(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { Self::$first => $first_word, $(Self::$variant => $word,)* }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|word| word.as_str() == text);
                found.copied().ok_or_else(|| format!("not one of the words of {}: {text}", stringify!($name)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::rules::row::Field for $name {
            fn columns<'a>(
                name: &'static str,
                values: &[&'a Self],
                columns: &mut $crate::rules::row::Columns<'a>,
            ) {
                let values = values.iter().map(|value| Some(std::borrow::Cow::Borrowed(value.as_str())));
                columns.push((name, $crate::rules::row::Column::Text(values.collect())));
            }
        }
    };
}
pub(crate) use words;
