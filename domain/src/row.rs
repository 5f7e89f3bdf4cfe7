//! A merged object as columns: one list of fields serves the struct, its table and `--json`. Plain data; the
//! ledger binds what a row writes, and gives back what it reads.

use std::borrow::Cow;
use std::error::Error;

use chrono::{DateTime, Utc};

/// The values of one column, row by row.
pub enum Column<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
    Flag(Vec<bool>),
    Time(Vec<Option<DateTime<Utc>>>),
    Bytes(Vec<&'a [u8]>),
    /// Bytes that are made for the column.
    Packed(Vec<Vec<u8>>),
}

/// Columns side by side with their names, so that they cannot drift apart.
pub type Columns<'a> = Vec<(&'static str, Column<'a>)>;

/// Where a value stands in a row that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Named(&'static str),
    Nth(usize),
}

/// Why a row cannot be read: what stands there is not what its column is for.
pub type Unreadable = Box<dyn Error + Send + Sync>;

/// One row as a database gives it back. NULL is `None`.
pub trait Cells {
    fn text(&self, at: At) -> Result<Option<String>, Unreadable>;
    fn int(&self, at: At) -> Result<Option<i64>, Unreadable>;
    fn flag(&self, at: At) -> Result<Option<bool>, Unreadable>;
    fn time(&self, at: At) -> Result<Option<DateTime<Utc>>, Unreadable>;
    fn bytes(&self, at: At) -> Result<Option<Vec<u8>>, Unreadable>;
    /// What stands in the column of the merge state.
    fn merge_state(&self) -> Result<&[u8], Unreadable>;
}

/// What can be read from a row: a value from its own column, or a group of such.
pub trait Read: Sized {
    fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable>;
}

/// What can stand in a row and be written.
pub trait Field: Read {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>);
}

fn present<T>(at: At, value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| format!("{at:?} is NULL").into())
}

/// A word of a closed set, or a text of its own form.
pub fn read_as<T: TryFrom<String, Error = String>>(at: At, cells: &dyn Cells) -> Result<T, Unreadable> {
    Ok(T::try_from(present(at, cells.text(at)?)?)?)
}

macro_rules! read_cell {
    ($type:ty, $cell:ident) => {
        impl Read for $type {
            fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
                present(at, cells.$cell(at)?)
            }
        }

        impl Read for Option<$type> {
            fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
                cells.$cell(at)
            }
        }
    };
}
read_cell!(String, text);
read_cell!(i64, int);
read_cell!(bool, flag);
read_cell!(DateTime<Utc>, time);
read_cell!(Vec<u8>, bytes);

macro_rules! read_tuple {
    ($($element:ident $place:literal),+) => {
        impl<$($element: Read),+> Read for ($($element,)+) {
            fn read(_: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
                Ok(($($element::read(At::Nth($place), cells)?,)+))
            }
        }
    };
}
read_tuple!(A 0);
read_tuple!(A 0, B 1);
read_tuple!(A 0, B 1, C 2);
read_tuple!(A 0, B 1, C 2, D 3);
read_tuple!(A 0, B 1, C 2, D 3, E 4);
read_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

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

impl Field for DateTime<Utc> {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Time(values.iter().map(|value| Some(**value)).collect())));
    }
}

/// How a struct is read from a row: each field from the column of its name, or of the name after `=`.
#[macro_export]
macro_rules! readable {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty $(= $column:literal)?,)*
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type,)* }

        impl $crate::row::Read for $name {
            fn read(_: $crate::row::At, cells: &dyn $crate::row::Cells) -> Result<Self, $crate::row::Unreadable> {
                Ok(Self {
                    $($field: <$type as $crate::row::Read>::read(
                        $crate::row::At::Named($crate::column!($field $(= $column)?)),
                        cells,
                    )?,)*
                })
            }
        }
    };
}

/// The column of a field.
#[doc(hidden)]
#[macro_export]
macro_rules! column {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident = $column:literal) => {
        $column
    };
}

/// A struct whose fields are columns, or groups of columns marked `#[serde(flatten)]`.
macro_rules! row {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $crate::readable! {
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
            pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }
        }

        impl $crate::row::Field for $name {
            fn columns<'a>(_: &'static str, values: &[&'a Self], columns: &mut $crate::row::Columns<'a>) {
                $(
                    let field: Vec<&'a $type> = values.iter().map(|value| &value.$field).collect();
                    <$type as $crate::row::Field>::columns(stringify!($field), &field, columns);
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
        $crate::row::row! {
            $(#[$meta])*
            pub struct $name {
                pub $field: Option<String>,
                pub $freshness: $crate::freshness::Freshness,
            }
        }

        impl $name {
            pub fn id(&self) -> Option<&str> {
                self.$field.as_deref()
            }

            pub fn see(&mut self, seen: Option<&str>, freshness: $crate::freshness::Freshness) {
                $crate::freshness::keep_freshest(
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
            /// All of them as words.
            pub const WORDS: &'static [&'static str] = &[$first_word, $($word,)*];

            pub fn as_str(self) -> &'static str {
                match self { Self::$first => $first_word, $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
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

        impl $crate::row::Read for $name {
            fn read(at: $crate::row::At, cells: &dyn $crate::row::Cells) -> Result<Self, $crate::row::Unreadable> {
                $crate::row::read_as(at, cells)
            }
        }

        impl $crate::row::Field for $name {
            fn columns<'a>(
                name: &'static str,
                values: &[&'a Self],
                columns: &mut $crate::row::Columns<'a>,
            ) {
                let values = values.iter().map(|value| Some(std::borrow::Cow::Borrowed(value.as_str())));
                columns.push((name, $crate::row::Column::Text(values.collect())));
            }
        }
    };
}
pub(crate) use words;
