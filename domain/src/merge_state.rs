//! The packed form of what orders the reports of a row: all of its freshness keys in one column. People have no
//! use for them, and as their own columns they were most of what a row weighed. Pure.
//!
//! The column is empty, or a version and then one entry for each key that is not empty: the tag of its name (2 bytes),
//! a length (1 byte), and so many bytes. Most keys of a row come from the same report. A length of 1 says so: the byte
//! is the number of the entry that has the report. A length of 0 is a mark: the moment of that name is an estimate.

use crate::freshness::Report;
use crate::row::{Column, Columns, Field, Unreadable};

/// The column.
const NAME: &str = "merge_state";
const VERSION: u8 = 1;
const TAG_BYTES: usize = 2;

/// Adds the keys of one name, row by row, to the column, which begins with the first of them.
pub(crate) fn add<'r>(
    name: &'static str,
    reports: impl ExactSizeIterator<Item = Option<&'r Report>>,
    columns: &mut Columns<'_>,
) {
    for (row, report) in packed_rows(reports.len(), columns).iter_mut().zip(reports) {
        if let Some(report) = report {
            push(row, name, report);
        }
    }
}

/// Marks those rows, under a name.
pub(crate) fn mark(
    name: &'static str,
    marked: impl ExactSizeIterator<Item = bool>,
    columns: &mut Columns<'_>,
) {
    for (row, _) in packed_rows(marked.len(), columns).iter_mut().zip(marked).filter(|(_, marked)| *marked) {
        push_entry(row, name, &[]);
    }
}

/// Whether the row is marked under this name.
pub(crate) fn is_marked(name: &str, state: &[u8]) -> Result<bool, Unreadable> {
    Ok(entry(name, state)?.is_some())
}

/// The key of this name; `None` where it is empty.
pub(crate) fn find(name: &str, state: &[u8]) -> Result<Option<Report>, Unreadable> {
    let Some(mut bytes) = entry(name, state)? else { return Ok(None) };
    if let [number] = bytes {
        let original = entries(state).nth(usize::from(*number)).flatten();
        bytes = original.ok_or_else(|| unreadable(name))?.1;
    }
    Ok(Some(unpacked(bytes).ok_or_else(|| unreadable(name))?))
}

fn entry<'s>(name: &str, state: &'s [u8]) -> Result<Option<&'s [u8]>, Unreadable> {
    let tag = tag(name);
    for entry in entries(state) {
        let (found, bytes) = entry.ok_or_else(|| unreadable(name))?;
        if found == tag {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn unreadable(name: &str) -> Unreadable {
    format!("{NAME} cannot be read, which has {name}").into()
}

/// The column, row by row; new where no name has used it yet.
fn packed_rows<'c>(rows: usize, columns: &'c mut Columns<'_>) -> &'c mut Vec<Vec<u8>> {
    let place = columns.iter().position(|(column, _)| *column == NAME).unwrap_or_else(|| {
        columns.push((NAME, Column::Packed(vec![Vec::new(); rows])));
        columns.len() - 1
    });
    let Column::Packed(rows) = &mut columns[place].1 else { unreachable!("the column is made above") };
    rows
}

/// What the column holds for one row; `None` where the row has no such column.
pub fn of<F: Field>(row: &F) -> Option<Vec<u8>> {
    let mut columns = Columns::new();
    F::columns("", &[row], &mut columns);
    columns.into_iter().find_map(|(name, column)| match column {
        Column::Packed(mut rows) if name == NAME => rows.pop(),
        _ => None,
    })
}

fn push(state: &mut Vec<u8>, name: &str, report: &Report) {
    let bytes = packed(report);
    let same = entries(state).flatten().position(|(_, other)| other == bytes);
    match same.and_then(|number| u8::try_from(number).ok()) {
        Some(number) => push_entry(state, name, &[number]),
        None => push_entry(state, name, &bytes),
    }
}

fn push_entry(state: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    if state.is_empty() {
        state.push(VERSION);
    }
    let tag = tag(name);
    debug_assert!(
        entries(state).flatten().all(|(other, _)| other != tag),
        "two names of a row have one tag: {name}"
    );
    state.extend_from_slice(&tag);
    state.push(u8::try_from(bytes.len()).expect("a report takes 40 bytes at most"));
    state.extend_from_slice(bytes);
}

/// Entry by entry; `None`, once, where the rest is none.
fn entries(state: &[u8]) -> impl Iterator<Item = Option<([u8; TAG_BYTES], &[u8])>> {
    let mut rest = match state.split_first() {
        None => Some(&[][..]),
        Some((&VERSION, rest)) => Some(rest),
        Some(_) => None,
    };
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over || rest.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let entry = rest.and_then(|bytes| {
            let (tag, bytes) = bytes.split_first_chunk()?;
            let (length, bytes) = bytes.split_first()?;
            let (entry, bytes) = bytes.split_at_checked(usize::from(*length))?;
            rest = Some(bytes);
            Some((*tag, entry))
        });
        is_over = entry.is_none();
        Some(entry)
    })
}

/// Names the entries of a row: few, so that two bytes of a hash (FNV-1a) keep them apart.
fn tag(name: &str) -> [u8; TAG_BYTES] {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = hash.to_be_bytes();
    [a ^ c, b ^ d]
}

const CONTESTED: u8 = 1;
const GROWN: u8 = 2;

fn packed(report: &Report) -> Vec<u8> {
    let Report { class, created, grown, type_rank, status_rank, content, contested } = *report;
    let has_grown = grown != (0, 0);
    let flags = if contested { CONTESTED } else { 0 } | if has_grown { GROWN } else { 0 };
    let mut bytes = Vec::with_capacity(24);
    bytes.extend([class, flags, type_rank, status_rank]);
    bytes.extend(content.to_be_bytes());
    push_number(&mut bytes, created);
    if has_grown {
        push_number(&mut bytes, grown.0);
        push_number(&mut bytes, grown.1);
    }
    bytes
}

fn unpacked(bytes: &[u8]) -> Option<Report> {
    let ([class, flags, type_rank, status_rank], rest) = bytes.split_first_chunk()?;
    let (content, mut rest) = rest.split_first_chunk()?;
    let created = number(&mut rest)?;
    let grown = if flags & GROWN > 0 { (number(&mut rest)?, number(&mut rest)?) } else { (0, 0) };
    let report = Report {
        class: *class,
        created,
        grown,
        type_rank: *type_rank,
        status_rank: *status_rank,
        content: u64::from_be_bytes(*content),
        contested: flags & CONTESTED > 0,
    };
    (rest.is_empty() && *flags <= CONTESTED | GROWN).then_some(report)
}

/// Seven bits a byte, small numbers of either sign first.
fn push_number(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)).cast_unsigned();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

fn number(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for place in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte & 0x80 == 0 {
            return Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Report = Report {
        class: 1,
        created: 1_780_000_000,
        grown: (0, 0),
        type_rank: 7,
        status_rank: 3,
        content: u64::MAX - 5,
        contested: false,
    };

    fn state_of(keys: &[(&'static str, Option<Report>)]) -> Vec<u8> {
        let mut columns = Columns::new();
        for (name, report) in keys {
            add(name, [report.as_ref()].into_iter(), &mut columns);
        }
        let [(NAME, Column::Packed(rows))] = &columns[..] else { panic!("one column, whatever it holds") };
        rows[0].clone()
    }

    #[test]
    fn each_key_is_found_under_its_name() {
        let odd = Report { created: i64::MIN, grown: (i64::MAX, -1), contested: true, class: 255, ..PLAIN };
        let keys = [
            ("freshness", Some(PLAIN)),
            ("customer_freshness", Some(odd)),
            ("user_id_freshness", None),
            ("invoice_freshness", Some(PLAIN)),
            ("card_freshness", Some(Report { content: 1, ..PLAIN })),
        ];
        let state = state_of(&keys);
        for (name, report) in keys {
            assert_eq!(find(name, &state).unwrap(), report, "{name}");
        }
        assert_eq!(find("payment_freshness", &state).unwrap(), None);
    }

    #[test]
    fn a_report_is_stored_once_however_many_keys_it_gave() {
        let one = state_of(&[("freshness", Some(PLAIN))]).len();
        let names = ["freshness", "customer_freshness", "user_id_freshness", "invoice_freshness"];
        let all = state_of(&names.map(|name| (name, Some(PLAIN))));
        assert_eq!((one, all.len()), (21, 21 + 3 * 4));
        assert_eq!(state_of(&[("freshness", None)]), b"", "what nobody has reported takes no room");
    }

    #[test]
    fn a_mark_stands_between_keys_and_takes_three_bytes() {
        let mut columns = Columns::new();
        mark("failed_at", [false, true].into_iter(), &mut columns);
        add("freshness", [Some(&PLAIN), Some(&PLAIN)].into_iter(), &mut columns);
        mark("succeeded_at", [false, true].into_iter(), &mut columns);
        add("user_id_freshness", [Some(&PLAIN), Some(&PLAIN)].into_iter(), &mut columns);
        let [(NAME, Column::Packed(rows))] = &columns[..] else { panic!("one column, whatever it holds") };
        for (row, is) in rows.iter().zip([false, true]) {
            for name in ["failed_at", "succeeded_at"] {
                assert_eq!(is_marked(name, row).unwrap(), is, "{name}");
            }
            assert_eq!(find("freshness", row).unwrap(), Some(PLAIN));
            assert_eq!(find("user_id_freshness", row).unwrap(), Some(PLAIN));
        }
        assert_eq!(rows[1].len(), rows[0].len() + 2 * 3);
    }

    #[test]
    fn what_is_damaged_is_refused_and_nothing_panics() {
        let state = state_of(&[("freshness", Some(PLAIN)), ("customer_freshness", Some(PLAIN))]);
        for length in 1..state.len() {
            let cut = &state[..length];
            let ends_with_an_entry = matches!(length, 1 | 21);
            assert_eq!(find("customer_freshness", cut).is_err(), !ends_with_an_entry, "{length}");
        }
        for place in 0..state.len() {
            for byte in 0..=255 {
                let mut flipped = state.clone();
                flipped[place] = byte;
                drop(find("customer_freshness", &flipped));
            }
        }
        assert!(find("freshness", &[9]).is_err(), "another version");
    }

    #[test]
    fn numbers_of_every_size_come_back() {
        let powers = (0..63).flat_map(|place| [1_i64 << place, -(1_i64 << place)]);
        for given in powers.chain([0, i64::MIN, i64::MAX]) {
            let mut bytes = Vec::new();
            push_number(&mut bytes, given);
            let mut rest = &bytes[..];
            assert_eq!((number(&mut rest), rest), (Some(given), &[][..]));
        }
    }
}
