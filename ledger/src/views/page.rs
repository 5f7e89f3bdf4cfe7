//! Pages of lists. A page ends at a place: the values by which the list is ordered, of its last row. The next one
//! begins behind it, however many rows came in or went meanwhile; nothing is counted off.

use std::fmt::{self, Write};
use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::row::{At, Cells, Read, Unreadable};
use domain::{Key, Object};

/// Under this name a list selects the moment that it is ordered by.
pub(crate) const POSITION: &str = "position";

/// So many rows of a list, and where the next page begins, if there is one.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub next: Option<Place>,
}

/// Which part of a list to read: at most so many rows, after the place where a page ended.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub after: Option<Place>,
    pub limit: i64,
}

impl Part {
    /// The first rows.
    pub fn first(limit: i64) -> Self {
        Self { after: None, limit }
    }

    /// The same part and one row more, which shows whether there is a next page.
    pub(crate) fn and_one(&self) -> Self {
        Self { after: self.after.clone(), limit: self.limit.saturating_add(1) }
    }
}

/// Where a page ended. As text it is a word that no shell reads anything into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub at: Option<DateTime<Utc>>,
    pub key: Key,
    /// What else orders the list.
    pub more: String,
}

/// A text that names no place of any list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place in a list: copy the cursor that the page before ended with")]
pub struct NoPlace;

/// A row beside the moment that it is ordered by.
pub(crate) struct Placed<T> {
    row: T,
    at: Option<DateTime<Utc>>,
}

impl<T: Read> Read for Placed<T> {
    fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
        Ok(Self { row: T::read(at, cells)?, at: cells.time(At::Named(POSITION))? })
    }
}

impl<T> Placed<T> {
    pub(crate) fn map<R>(self, change: impl FnOnce(T) -> R) -> Placed<R> {
        Placed { row: change(self.row), at: self.at }
    }

    pub(crate) fn row(&self) -> &T {
        &self.row
    }
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<R>(self, change: impl FnMut(T) -> R) -> Page<R> {
        Page { rows: self.rows.into_iter().map(change).collect(), next: self.next }
    }

    /// The page of rows of which one more was read than fits; `place` tells where a row stands.
    pub(crate) fn of(mut rows: Vec<Placed<T>>, part: &Part, place: impl Fn(&T) -> (Key, String)) -> Self {
        let limit = usize::try_from(part.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| {
            let (key, more) = place(&last.row);
            Place { at: last.at, key, more }
        });
        Self { rows: rows.into_iter().map(|placed| placed.row).collect(), next }
    }

    /// The same of objects, which their keys tell apart.
    pub(crate) fn of_objects(rows: Vec<Placed<T>>, part: &Part) -> Self
    where
        T: Object,
    {
        Self::of(rows, part, |row| (row.key().clone(), String::new()))
    }
}

/// Nanoseconds, mode, account, id and more, split by dots; what else than letters and digits is in them stands as
/// `%` and two digits for each byte.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nanos) = self.at.and_then(|at| at.timestamp_nanos_opt()) {
            write!(f, "{nanos}")?;
        }
        f.write_str(if self.key.livemode { ".l" } else { ".t" })?;
        for text in [&self.key.account, &self.key.id, &self.more] {
            f.write_char('.')?;
            for byte in text.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
                    f.write_char(char::from(byte))?;
                } else {
                    write!(f, "%{byte:02x}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let fields: Vec<&str> = text.split('.').collect();
        let [at, livemode @ ("l" | "t"), account, id, more] = fields[..] else { return Err(NoPlace) };
        let at = match at {
            "" => None,
            nanos => Some(DateTime::from_timestamp_nanos(nanos.parse().map_err(|_| NoPlace)?)),
        };
        let key = Key { id: plain(id)?, account: plain(account)?, livemode: livemode == "l" };
        Ok(Self { at, key, more: plain(more)? })
    }
}

fn plain(text: &str) -> Result<String, NoPlace> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()).ok_or(NoPlace)?, digit(rest.next()).ok_or(NoPlace)?);
                u8::try_from(high * 16 + low).map_err(|_| NoPlace)?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    // A NUL is in no row, and no database would take it.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or(NoPlace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_word_and_reads_back_as_the_same_place() {
        for (nanos, id, more) in [
            (1_795_000_000_123_456_789, "in_1PgafuB7WZ01zgkWXYmPNZs8", ""),
            (-1, "Jane's \"user\" $HOME %41 é.", "3f9c"),
        ] {
            let key = Key { id: id.to_owned(), account: "acct_1".to_owned(), livemode: true };
            let place = Place { at: Some(DateTime::from_timestamp_nanos(nanos)), key, more: more.to_owned() };
            let text = place.to_string();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-%".contains(&b)), "{text}");
            assert_eq!(text.parse(), Ok(place));
        }
        let nowhere = Place::default();
        assert_eq!(nowhere.to_string().parse(), Ok(nowhere));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            "x",
            "1.l.a.b",
            "1.x.a.b.",
            "x.l.a.b.",
            "1.l.a.%4.",
            "1.l.a.%zz.",
            "1.l.a.%ff.",
            "1.l.a.%00.",
        ] {
            assert_eq!(text.parse::<Place>(), Err(NoPlace), "{text}");
        }
    }

    #[test]
    fn a_page_names_the_next_one_only_where_there_is_more() {
        let rows = |count| (0..count).map(|number| Placed { row: number, at: None }).collect::<Vec<_>>();
        let place = |number: &i32| (Key { id: number.to_string(), ..Key::default() }, String::new());
        assert_eq!(Page::of(rows(2), &Part::first(2), place).next, None);
        let page = Page::of(rows(3), &Part::first(2), place);
        assert_eq!((page.rows, page.next.unwrap().key.id), (vec![0, 1], "1".to_owned()));
    }
}
