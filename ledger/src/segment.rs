//! The form of a segment: the bodies of a batch, compressed together. Pure; `tables/bodies.rs` stores them. What
//! was packed by any version of this program must be readable for ever, so a form is only ever added.
//!
//! A byte names the form; a zstd frame follows. In it stand the number of places, the length of the body at each
//! place, and the bodies. A place may have none: its event was known before, or was erased.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::body_keys::{BodyKeys, Kept, Row};

/// Bodies of so many bytes go into one segment; a batch with more of them fills several.
const LIMIT_BYTES: usize = 4 << 20;
/// No segment is larger than this when it is unpacked: one body may exceed `LIMIT_BYTES`, and no gateway takes more.
const UNPACKED_LIMIT_BYTES: usize = 256 << 20;

/// The one form that there is so far.
const FORM: u8 = 1;
/// What bodies have in common, so that a single one is packed tightly, too. Part of the form: it never changes.
const DICTIONARY: &[u8] = include_bytes!("segment/dictionary_1.txt");
/// Level 3 packs to 0.92 of that and takes 1.6 times as long (docs/adr/0032).
const LEVEL: i32 = 1;

static TO_PACK: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static TO_UNPACK: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

const CHECKSUM_BYTES: usize = 16;
/// Where a place has no body.
const NONE: u32 = u32::MAX;
const LENGTH_BYTES: usize = size_of::<u32>();
/// A number has so many random bits behind its milliseconds; what is left reaches to the year 2248.
const RANDOM_BITS: u32 = 20;

/// Why a segment cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("its content is not what its checksum was made of")]
    Checksum,
    #[error("its form is unknown: a newer version wrote it")]
    Form,
    #[error("its content cannot be unpacked")]
    Content,
    #[error("its seal does not open: its content was altered, or is another row's")]
    Seal,
    #[error("the key that seals it is lost, says BODY_KEYS_FILE")]
    KeyLost,
}

/// Where a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: i64,
    pub(crate) place: i64,
}

/// Where bodies of these lengths go: one after another into one segment, or into several if they are large.
pub(crate) fn places(lengths: impl Iterator<Item = usize>, mut number: impl FnMut() -> i64) -> Vec<Place> {
    let (mut segment, mut place, mut bytes) = (number(), 0, 0);
    let place_of = |length| {
        if place > 0 && bytes + length > LIMIT_BYTES {
            (segment, place, bytes) = (number(), 0, 0);
        }
        let here = Place { segment, place };
        place += 1;
        bytes += length;
        here
    };
    lengths.map(place_of).collect()
}

/// The segments of those bodies that are given; the others' places stay empty.
pub(crate) fn pack(bodies: &[(Place, Option<&[u8]>)], keys: &BodyKeys) -> Vec<Packed> {
    let segments = bodies.chunk_by(|(one, _), (next, _)| one.segment == next.segment);
    let needed = segments.filter(|segment| segment.iter().any(|(_, body)| body.is_some()));
    let packed = needed.map(|segment| {
        let bodies: Vec<Option<&[u8]>> = segment.iter().map(|(_, body)| *body).collect();
        Packed::of(segment[0].0.segment, &bodies, keys)
    });
    packed.collect()
}

/// The bodies of a segment, unpacked.
#[derive(Debug)]
pub(crate) struct Segment {
    unpacked: Bytes,
    places: Vec<Option<Range<usize>>>,
}

/// Bodies as they are stored, and the number under which they are.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) number: i64,
    /// How many bodies are in it.
    pub(crate) events: i64,
    pub(crate) checksum: [u8; CHECKSUM_BYTES],
    pub(crate) content: Vec<u8>,
    pub(crate) sealed_by: Option<String>,
}

impl Packed {
    /// Packs the bodies of the places, in their order, and seals them where there is a key.
    pub(crate) fn of(number: i64, bodies: &[Option<&[u8]>], keys: &BodyKeys) -> Self {
        let total: usize = bodies.iter().flatten().map(|body| body.len()).sum();
        let mut plain = Vec::with_capacity(LENGTH_BYTES * (bodies.len() + 1) + total);
        plain.extend(length(bodies.len()).to_le_bytes());
        for body in bodies {
            plain.extend(body.map_or(NONE, |body| length(body.len())).to_le_bytes());
        }
        for body in bodies.iter().flatten() {
            plain.extend_from_slice(body);
        }
        let Kept { content, sealed_by } = keys.seal(compress(&plain), Row::Segment(number));
        let events = i64::try_from(bodies.iter().flatten().count()).unwrap_or(i64::MAX);
        Self { number, events, checksum: checksum(number, &content), content, sealed_by }
    }
}

impl Segment {
    /// Unpacks what was packed. What is damaged is refused, whatever the damage.
    pub(crate) fn unpack(content: &[u8]) -> Result<Self, Fault> {
        let (form, frame) = content.split_first().ok_or(Fault::Content)?;
        if *form != FORM {
            return Err(Fault::Form);
        }
        let plain = decompress(frame).ok_or(Fault::Content)?;
        let places = ranges(&plain).ok_or(Fault::Content)?;
        Ok(Self { unpacked: plain.into(), places })
    }

    /// The body at a place; `None` where there is none.
    pub(crate) fn body(&self, place: i64) -> Option<Bytes> {
        let range = self.places.get(usize::try_from(place).ok()?)?.clone()?;
        Some(self.unpacked.slice(range))
    }

    /// How many places have a body.
    pub(crate) fn occupied(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// The same under the same number without the body at a place, whose bytes are nowhere in it.
    pub(crate) fn without(&self, number: i64, place: i64, keys: &BodyKeys) -> Packed {
        let others = self.places.iter().enumerate().map(|(at, range)| {
            let range = range.clone().filter(|_| i64::try_from(at) != Ok(place))?;
            Some(&self.unpacked[range])
        });
        Packed::of(number, &others.collect::<Vec<_>>(), keys)
    }
}

/// The number of a segment that is made now: its first bits are the time, so that new ones are the last ones.
pub(crate) fn number(now: DateTime<Utc>, random: u32) -> i64 {
    let random = i64::from(random & ((1 << RANDOM_BITS) - 1));
    (now.timestamp_millis() << RANDOM_BITS) | random
}

/// Above all numbers that were given up to this moment.
pub(crate) fn number_after(moment: DateTime<Utc>) -> i64 {
    (moment.timestamp_millis() + 1) << RANDOM_BITS
}

/// Over the content as it is stored and the number, so that a segment under another's number is found, too.
pub(crate) fn checksum(number: i64, content: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = Sha256::new().chain_update(number.to_be_bytes()).chain_update(content).finalize();
    let (first, _) = hash.split_first_chunk().expect("a SHA-256 has 32 bytes");
    *first
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).ok().filter(|length| *length != NONE).expect("a batch and a body have their limits")
}

fn compress(plain: &[u8]) -> Vec<u8> {
    thread_local! {
        static COMPRESSOR: RefCell<Compressor<'static>> =
            RefCell::new(Compressor::with_prepared_dictionary(&TO_PACK).expect("the dictionary was prepared"));
    }
    let mut content = vec![FORM; 1 + zstd::zstd_safe::compress_bound(plain.len())];
    let packed = COMPRESSOR.with_borrow_mut(|packing| packing.compress_to_buffer(plain, &mut content[1..]));
    content.truncate(1 + packed.expect("there is room for whatever comes of it"));
    content
}

fn decompress(frame: &[u8]) -> Option<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok()??;
    let length = usize::try_from(length).ok().filter(|length| *length <= UNPACKED_LIMIT_BYTES)?;
    let mut unpacking = Decompressor::with_prepared_dictionary(&TO_UNPACK).ok()?;
    let plain = unpacking.decompress(frame, length).ok()?;
    (plain.len() == length).then_some(plain)
}

/// Where the bodies are; `None` where lengths and bytes do not agree.
fn ranges(plain: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
    let (count, rest) = plain.split_first_chunk()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let (lengths, _) = rest.split_at_checked(count.checked_mul(LENGTH_BYTES)?)?;
    let (lengths, _) = lengths.as_chunks();
    let mut end = LENGTH_BYTES * (count + 1);
    let places = lengths.iter().map(|length| match u32::from_le_bytes(*length) {
        NONE => Some(None),
        length => {
            let begin = end;
            end = begin.checked_add(usize::try_from(length).ok()?)?;
            Some(Some(begin..end))
        }
    });
    let places: Vec<Option<Range<usize>>> = places.collect::<Option<_>>()?;
    (end == plain.len()).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed_of(number: i64, bodies: &[Option<&[u8]>]) -> Packed {
        Packed::of(number, bodies, &BodyKeys::default())
    }

    fn read(number: i64, checksum: &[u8], content: &[u8]) -> Result<Segment, Fault> {
        if self::checksum(number, content) == checksum {
            Segment::unpack(content)
        } else {
            Err(Fault::Checksum)
        }
    }

    fn unpacked(packed: &Packed) -> Result<Segment, Fault> {
        read(packed.number, &packed.checksum, &packed.content)
    }

    fn body(number: usize) -> Vec<u8> {
        format!("{{\n  \"id\": \"evt_{number}\",\n  \"object\": \"event\",\n  \"amount\": {number}\n}}")
            .into()
    }

    /// A source of bytes that look random and are the same every time.
    fn noise(seed: u64) -> impl FnMut(usize) -> usize {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        }
    }

    #[test]
    fn whatever_is_packed_is_unpacked_byte_for_byte() {
        let mut random = noise(7);
        for round in 0..300 {
            let bodies: Vec<Option<Vec<u8>>> = (0..random(40))
                .map(|_| match random(4) {
                    0 => None,
                    1 => Some(body(random(1_000))),
                    _ => Some((0..random(3_000)).map(|_| u8::try_from(random(256)).unwrap()).collect()),
                })
                .collect();
            let given: Vec<Option<&[u8]>> = bodies.iter().map(Option::as_deref).collect();
            let packed = packed_of(round, &given);
            let segment = unpacked(&packed).unwrap();
            assert_eq!(segment.occupied(), bodies.iter().flatten().count());
            for (place, body) in bodies.iter().enumerate() {
                let found = segment.body(i64::try_from(place).unwrap());
                assert_eq!(found.as_deref(), body.as_deref(), "round {round}, place {place}");
            }
            for strange in [-1, i64::try_from(bodies.len()).unwrap(), i64::MAX, i64::MIN] {
                assert_eq!(segment.body(strange), None);
            }
        }
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is_and_so_is_another_number() {
        let bodies: Vec<Vec<u8>> = (0..5).map(body).collect();
        let given: Vec<Option<&[u8]>> = bodies.iter().map(|body| Some(&body[..])).collect();
        let packed = packed_of(9, &given);
        for place in 0..packed.content.len() {
            for bit in 0..8 {
                let mut content = packed.content.clone();
                content[place] ^= 1 << bit;
                assert_eq!(read(9, &packed.checksum, &content).unwrap_err(), Fault::Checksum);
            }
            let cut = &packed.content[..place];
            assert_eq!(read(9, &packed.checksum, cut).unwrap_err(), Fault::Checksum);
        }
        let of_another = read(8, &packed.checksum, &packed.content);
        assert_eq!(of_another.unwrap_err(), Fault::Checksum, "rows that changed places");
        assert_eq!(read(9, &[], &packed.content).unwrap_err(), Fault::Checksum);
    }

    /// Who can write the table can write a checksum, too.
    #[test]
    fn whatever_stands_under_a_good_checksum_panics_nothing_and_needs_little_memory() {
        let given = body(1);
        let packed = packed_of(1, &[Some(&given), None, Some(&given)]);
        let read = Segment::unpack;
        let mut random = noise(11);
        for _ in 0..20_000 {
            let mut content = packed.content.clone();
            content.truncate(content.len() - random(3).min(content.len()));
            for _ in 0..=random(3) {
                let place = random(content.len());
                content[place] = u8::try_from(random(256)).unwrap();
            }
            if let Ok(segment) = read(&content) {
                for place in 0..4 {
                    drop(segment.body(place));
                }
            }
        }
        assert_eq!(read(&[]).unwrap_err(), Fault::Content);
        assert_eq!(read(&[FORM + 1]).unwrap_err(), Fault::Form);
        let plain = |plain: &[u8]| read(&compress(plain)).map(|segment| segment.occupied());
        assert_eq!(plain(&[]).unwrap_err(), Fault::Content);
        assert_eq!(plain(&[1, 0, 0, 0, 2, 0, 0, 0, b'x']).unwrap_err(), Fault::Content, "a body is cut off");
        assert_eq!(plain(&[1, 0, 0, 0, 0, 0, 0, 0, b'x']).unwrap_err(), Fault::Content, "more than bodies");
        assert_eq!(plain(&[255, 255, 255, 255]).unwrap_err(), Fault::Content, "places that are not there");
        assert_eq!(plain(&[1, 0, 0, 0, 1, 0, 0, 0, b'x']), Ok(1));
    }

    #[test]
    fn what_is_taken_out_is_in_no_byte_of_the_rest() {
        let (kept, erased) = (body(1), b"gesine.mustermann@example.com 4242".to_vec());
        let packed = packed_of(3, &[Some(&kept), Some(&erased), None]);
        let rest = unpacked(&packed).unwrap().without(3, 1, &BodyKeys::default());
        assert_eq!(rest.events, 1);
        let segment = unpacked(&rest).unwrap();
        assert_eq!((segment.body(0).as_deref(), segment.body(1)), (Some(&kept[..]), None));
        let plain = decompress(&rest.content[1..]).unwrap();
        assert!(!plain.windows(8).any(|window| erased.windows(8).any(|part| part == window)));
        assert_eq!(unpacked(&rest).unwrap().without(3, 0, &BodyKeys::default()).events, 0);
    }

    #[test]
    fn large_bodies_fill_several_segments_and_small_ones_share_one() {
        let mut last = 0;
        let mut number = || {
            last += 1;
            last
        };
        let of = |places: &[Place]| places.iter().map(|at| (at.segment, at.place)).collect::<Vec<_>>();
        let small = places([10, 0, 20].into_iter(), &mut number);
        assert_eq!(of(&small), [(1, 0), (1, 1), (1, 2)]);
        let large = places([LIMIT_BYTES + 1, 5, LIMIT_BYTES, LIMIT_BYTES - 5, 5].into_iter(), &mut number);
        assert_eq!(of(&large), [(2, 0), (3, 0), (4, 0), (5, 0), (5, 1)]);

        let (one, other) = (body(1), body(2));
        let bodies =
            [(small[0], None), (small[1], Some(&one[..])), (large[0], None), (large[1], Some(&other[..]))];
        let packed = pack(&bodies, &BodyKeys::default());
        let numbers: Vec<(i64, i64)> = packed.iter().map(|packed| (packed.number, packed.events)).collect();
        assert_eq!(numbers, [(1, 1), (3, 1)], "a segment without a new body is not stored");
        assert_eq!(unpacked(&packed[0]).unwrap().body(1).as_deref(), Some(&one[..]));
    }

    #[test]
    fn numbers_are_in_the_order_of_time() {
        let at = |ms| DateTime::from_timestamp_millis(ms).unwrap();
        let now = 1_795_862_400_123;
        assert!(number(at(now), u32::MAX) < number(at(now + 1), 0));
        assert!(
            number(at(now), u32::MAX) < number_after(at(now))
                && number_after(at(now)) <= number(at(now + 1), 0)
        );
        assert!(number(at(8_700_000_000_000), u32::MAX) > 0, "the year 2245");
    }

    /// Form 1 for ever: a segment that the first version packed.
    #[test]
    fn what_the_first_version_packed_is_still_read() {
        let packed = include_bytes!("segment/form_1.bin");
        let segment = Segment::unpack(packed).unwrap();
        assert_eq!(segment.body(0).as_deref(), Some(&body(4_711)[..]));
        assert_eq!(segment.body(1), None);
        assert_eq!(segment.body(2).as_deref(), Some(&DICTIONARY[1_000..3_000]), "from the dictionary");
    }

    #[test]
    #[ignore = "makes the file of a further form, in the folder for temporary files: cargo test --workspace --lib -- --ignored first_version_is_packed"]
    fn first_version_is_packed() {
        let (own, shared) = (body(4_711), &DICTIONARY[1_000..3_000]);
        let packed = packed_of(1, &[Some(&own), None, Some(shared)]);
        std::fs::write(std::env::temp_dir().join("form_1.bin"), packed.content).unwrap();
    }
}
