//! Reads the content of SQLite's pages without trusting it: cells, overflow chains, records. Each function is
//! total; anything invalid gives `None`. The format is that of sqlite.org/fileformat2.html.

use super::pages::{PAGE_BYTES, Pages, number};

const TABLE_LEAF: u8 = 0x0d;
const INDEX_LEAF: u8 = 0x0a;
const INDEX_INTERIOR: u8 = 0x02;
/// Above the limit of a body, with its header.
const RECORD_LIMIT_BYTES: u64 = 64 << 20;
/// Of a row in a table: what more than this of it flows over.
const TABLE_LOCAL_MAX: usize = PAGE_BYTES - 35;
const INDEX_LOCAL_MAX: usize = (PAGE_BYTES - 12) * 64 / 255 - 23;
const LOCAL_MIN: usize = (PAGE_BYTES - 12) * 32 / 255 - 23;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Int(i64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
    /// A float, or a kind that we never write.
    Other,
}

/// A row of a table, or an entry of an index, which has no number of its own.
pub(super) struct Found {
    pub row: i64,
    pub values: Vec<Value>,
}

/// All that can be read of a page, whichever table it belongs to, and how many of its cells cannot be read.
pub(super) fn of_page(pages: &Pages, at: u32) -> (Vec<Found>, usize) {
    let Some(page) = pages.read(at) else { return (Vec::new(), 0) };
    let head = if at == 1 { 100 } else { 0 };
    let (kind, cells) = (page[head], usize::from(u16::from_be_bytes([page[head + 3], page[head + 4]])));
    let pointers = match kind {
        TABLE_LEAF | INDEX_LEAF => head + 8,
        INDEX_INTERIOR => head + 12,
        _ => return (Vec::new(), 0),
    };
    let (mut found, mut faults) = (Vec::new(), 0);
    for cell in 0..cells.min(PAGE_BYTES / 4) {
        let pointer = pointers + 2 * cell;
        let Some(two) = page.get(pointer..pointer + 2) else { break };
        match of_cell(pages, &page, kind, usize::from(u16::from_be_bytes([two[0], two[1]]))) {
            Some(record) => found.push(record),
            None => faults += 1,
        }
    }
    (found, faults)
}

fn of_cell(pages: &Pages, page: &[u8], kind: u8, mut at: usize) -> Option<Found> {
    if at < 8 {
        return None;
    }
    if kind == INDEX_INTERIOR {
        at += 4;
    }
    let length = varint(page, &mut at)?;
    // A chain of pages that ends in itself would go on to the limit, for every cell.
    if length > RECORD_LIMIT_BYTES.min(pages.bytes()) {
        return None;
    }
    let row = if kind == TABLE_LEAF { varint(page, &mut at)?.cast_signed() } else { 0 };
    let record = payload(pages, page, at, usize::try_from(length).ok()?, kind == TABLE_LEAF)?;
    Some(Found { row, values: values(&record)? })
}

/// What stands in the page, and what flowed over into others.
fn payload(pages: &Pages, page: &[u8], at: usize, length: usize, is_row: bool) -> Option<Vec<u8>> {
    let most = if is_row { TABLE_LOCAL_MAX } else { INDEX_LOCAL_MAX };
    if length <= most {
        return page.get(at..at + length).map(<[u8]>::to_vec);
    }
    let fits = LOCAL_MIN + (length - LOCAL_MIN) % (PAGE_BYTES - 4);
    let local = if fits <= most { fits } else { LOCAL_MIN };
    let mut whole = page.get(at..at + local)?.to_vec();
    let mut next = number(page.get(at + local..at + local + 4)?, 0);
    while whole.len() < length {
        let page = pages.read(next)?;
        let part = (length - whole.len()).min(PAGE_BYTES - 4);
        whole.extend_from_slice(&page[4..4 + part]);
        next = number(&page, 0);
    }
    // The last page of a chain says that it is; another says that its link was written over.
    (next == 0).then_some(whole)
}

fn values(record: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let head = usize::try_from(varint(record, &mut at)?).ok()?;
    let mut body = head;
    let mut values = Vec::new();
    while at < head {
        let (value, length) = match varint(record, &mut at)? {
            0 => (Value::Null, 0),
            kind @ 1..=6 => {
                let length = [1, 2, 3, 4, 6, 8][usize::try_from(kind - 1).ok()?];
                let bytes = record.get(body..)?.get(..length)?;
                let first = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
                (Value::Int(bytes.iter().fold(first, |sum, byte| (sum << 8) | i64::from(*byte))), length)
            }
            7 => (Value::Other, 8),
            8 => (Value::Int(0), 0),
            9 => (Value::Int(1), 0),
            10 | 11 => return None,
            kind => {
                let length = usize::try_from((kind - 12) / 2).ok()?;
                let bytes = record.get(body..)?.get(..length)?.to_vec();
                (if kind % 2 == 0 { Value::Blob(bytes) } else { Value::Text(bytes) }, length)
            }
        };
        values.push(value);
        body = body.checked_add(length)?;
    }
    (at == head && body == record.len()).then_some(values)
}

/// SQLite's numbers of one to nine bytes.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for place in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if place == 8 {
            return Some((value << 8) | u64::from(byte));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_nonsense_is_none() {
        // NULL, the text "ab", the blob 01, the number -2.
        let record = [5, 0, 17, 14, 1, b'a', b'b', 1, 0xfe];
        let expected = vec![Value::Null, Value::Text(b"ab".to_vec()), Value::Blob(vec![1]), Value::Int(-2)];
        assert_eq!(values(&record), Some(expected));
        for cut in 0..record.len() {
            assert_eq!(values(&record[..cut]), None, "{cut}");
        }
        assert_eq!(values(&[0xff; 40]), None);
        // A head that ends at the end of all numbers, and a float or a number behind it.
        for kind in [7, 6, 17] {
            assert_eq!(values(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, kind]), None);
        }
        assert_eq!(varint(&[0x81, 0x00], &mut 0), Some(128));
        assert_eq!(varint(&[0xff; 9], &mut 0), Some(u64::MAX));
        assert_eq!(varint(&[0xff; 8], &mut 0), None);
    }
}
