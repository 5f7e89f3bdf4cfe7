//! The tables `segments` and `bodies`: what Stripe sent, byte for byte. A batch's bodies are one segment; a body has a
//! row of its own if it outlives its segment. Everything that reads bodies does so here, and reads a segment once for
//! all of its events.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::event::EventKey;
use domain::readable;
use domain::row::{At, Cells, Read, Unreadable};

use crate::body_keys::{BodyKeys, NotOpened, Row};
use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::segment::{Fault, Packed, Segment, checksum};
use crate::tables::events::{keyed, named};
use crate::{Ledger, LedgerError, Transaction};

/// So many segments are in memory at once, packed.
const SEGMENTS_AT_ONCE: usize = 16;
/// How often a segment is rewritten anew because somebody else did so meanwhile.
const REWRITES: usize = 20;

/// The columns that a `Body` is read from, of `events e` and what `WITH_BODIES` joins.
pub(crate) const BODY: &str = "e.segment, e.place, b.body, b.sealed_by";
pub(crate) const WITH_BODIES: &str = "LEFT JOIN bodies b ON b.id_hash = e.id_hash \
    AND b.rest_hash = e.rest_hash AND b.created_at = e.created_at";

/// The bytes of an event, as far as they are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Bytes(Bytes),
    /// Somewhere in a segment, which was not read.
    Packed {
        segment: i64,
        place: i64,
    },
    /// In a segment that is damaged.
    Damaged {
        segment: i64,
        fault: Fault,
    },
    /// In a row of its own, which was not opened.
    Sealed {
        by: String,
        content: Vec<u8>,
    },
    /// In a row of its own that does not open.
    Unopened {
        fault: Fault,
    },
    /// Removed after its retention, or erased.
    Gone,
}

impl Body {
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Reads it from its segment, if it is packed.
    pub(crate) fn take_from(&mut self, unpacked: &Result<Segment, Fault>) {
        if let Self::Packed { segment, place } = *self {
            *self = match unpacked {
                Ok(unpacked) => unpacked.body(place).map_or(Self::Gone, Self::Bytes),
                Err(fault) => Self::Damaged { segment, fault: *fault },
            };
        }
    }
}

impl Read for Body {
    fn read(_: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
        if let Some(content) = Option::<Vec<u8>>::read(At::Named("body"), cells)? {
            let by = Option::read(At::Named("sealed_by"), cells)?;
            return Ok(match by {
                Some(by) => Self::Sealed { by, content },
                None => Self::Bytes(content.into()),
            });
        }
        let segment = Option::read(At::Named("segment"), cells)?;
        let place = Option::read(At::Named("place"), cells)?;
        Ok(segment.zip(place).map_or(Self::Gone, |(segment, place)| Self::Packed { segment, place }))
    }
}

readable! {
    /// A segment as it is stored.
    #[derive(Debug)]
    pub(crate) struct Stored {
        pub(crate) number: i64,
        pub(crate) checksum: Vec<u8>,
        pub(crate) content: Vec<u8>,
        pub(crate) sealed_by: Option<String>,
    }
}

/// The columns that a `Stored` is read from.
pub(crate) const STORED: &str = "number, checksum, content, sealed_by";

readable! {
    /// Where an event's body is, and whether it was erased before.
    struct Erasable {
        segment: Option<i64>,
        place: Option<i64>,
        erased_at: Option<DateTime<Utc>>,
    }
}

/// The fault of bytes is an answer; only a key that is missing is an error.
pub(crate) fn opened<T>(opened: Result<T, NotOpened>) -> Result<Result<T, Fault>, LedgerError> {
    match opened {
        Ok(plain) => Ok(Ok(plain)),
        Err(NotOpened::Altered) => Ok(Err(Fault::Seal)),
        Err(NotOpened::KeyLost) => Ok(Err(Fault::KeyLost)),
        Err(NotOpened::KeyMissing(id)) => Err(LedgerError::KeyMissing { id }),
    }
}

/// What a body was read with.
pub(crate) trait HasBody {
    fn key(&self) -> EventKey;
    fn body(&mut self) -> &mut Body;
}

impl Stored {
    /// The fault of a segment is an answer; only a key that is missing is an error.
    pub(crate) fn unpack(&self, keys: &BodyKeys) -> Result<Result<Segment, Fault>, LedgerError> {
        if checksum(self.number, &self.content)[..] != self.checksum[..] {
            return Ok(Err(Fault::Checksum));
        }
        let opened = opened(keys.open(&self.content, self.sealed_by.as_deref(), Row::Segment(self.number)))?;
        Ok(opened.and_then(|content| Segment::unpack(&content)))
    }
}

impl Transaction {
    /// Stores segments. Numbers that are taken end the transaction, which then begins anew with others.
    pub(crate) async fn keep_segments(
        &mut self,
        segments: &[Packed],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let kept = Rows::of(segments)
            .int("number", |segment| segment.number)
            .time("recorded_at", |_| Some(now))
            .int("events", |segment| segment.events)
            .bytes("checksum", |segment| &segment.checksum)
            .bytes("content", |segment| &segment.content)
            .maybe_text("sealed_by", |segment| segment.sealed_by.as_deref())
            .run(
                self,
                "INSERT INTO segments (number, recorded_at, events, checksum, content, sealed_by) \
                 SELECT number, recorded_at, events, checksum, content, sealed_by FROM input \
                 WHERE TRUE ON CONFLICT (number) DO NOTHING",
            )
            .await?;
        if kept == segments.len() as u64 { Ok(()) } else { Err(LedgerError::NumberTaken) }
    }

    /// Gives bodies rows of their own, where they have none: they are to outlive their segments. One that was erased
    /// gets none, whatever brought it back into its segment.
    #[shared::built_once]
    pub async fn keep_bodies(&mut self, bodies: &[(EventKey, Bytes)]) -> Result<(), LedgerError> {
        let keys = self.body_keys();
        let kept: Vec<_> =
            bodies.iter().map(|(key, body)| (key, keys.seal(body.to_vec(), Row::Body(key)))).collect();
        keyed(Rows::of(&kept), |(key, _)| key)
            .bytes("body", |(_, kept)| &kept.content)
            .maybe_text("sealed_by", |(_, kept)| kept.sealed_by.as_deref())
            .run(
                self,
                "INSERT INTO bodies (id_hash, rest_hash, created_at, id, account, livemode, content_hash, body, sealed_by) \
                 SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash, body, sealed_by FROM input \
                 WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id_hash = input.id_hash AND e.rest_hash = input.rest_hash \
                 AND e.created_at = input.created_at AND e.erased_at IS NOT NULL) \
                 ON CONFLICT (id_hash, rest_hash, created_at) DO NOTHING",
            )
            .await?;
        Ok(())
    }

    /// Opens what is sealed, and reads what is packed, each segment once.
    pub(crate) async fn unpack<T: HasBody>(&mut self, found: &mut [T]) -> Result<(), LedgerError> {
        let keys = self.body_keys().clone();
        let mut packed: BTreeMap<i64, Vec<&mut Body>> = BTreeMap::new();
        for one in found {
            if let Body::Sealed { by, content } = one.body() {
                let (by, content) = (std::mem::take(by), std::mem::take(content));
                let plain = opened(keys.open(&content, Some(&by), Row::Body(&one.key())))?;
                *one.body() = plain.map_or_else(
                    |fault| Body::Unopened { fault },
                    |plain| Body::Bytes(plain.into_owned().into()),
                );
            }
            let body = one.body();
            if let Body::Packed { segment, .. } = *body {
                packed.entry(segment).or_default().push(body);
            }
        }
        let numbers: Vec<i64> = packed.keys().copied().collect();
        for numbers in numbers.chunks(SEGMENTS_AT_ONCE) {
            for stored in self.segments(numbers).await? {
                let segment = stored.unpack(&keys)?;
                for body in packed.remove(&stored.number).into_iter().flatten() {
                    body.take_from(&segment);
                }
            }
        }
        for body in packed.into_values().flatten() {
            *body = Body::Gone;
        }
        Ok(())
    }

    /// Keeps a segment as it is until this transaction ends. Retention may be copying bodies out of it: these are seen
    /// once it has committed.
    async fn lock_segment(&mut self, number: i64) -> Result<(), LedgerError> {
        if !self.is_alone() {
            let lock = query("SELECT number FROM segments WHERE number = $1 FOR UPDATE").bind(number);
            let _locked: Option<i64> = lock.optional(self).await?;
        }
        Ok(())
    }

    async fn segments(&mut self, numbers: &[i64]) -> Result<Vec<Stored>, LedgerError> {
        let sql = format!("SELECT {STORED} FROM segments JOIN input ON number = wanted");
        Rows::of(numbers).int("wanted", |number| *number).fetch(self, &sql).await
    }

    /// Erases an event's body wherever the ledger has it, and notes when; `false` where there was none left, or the event
    /// waits to be handled again. It keeps its place: a segment that a backup brings back has the body again.
    #[shared::built_once]
    pub async fn erase_body(&mut self, key: &EventKey, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        self.overwrite_what_is_freed().await?;
        let found: Option<Erasable> = query(
            "SELECT segment, place, erased_at FROM events WHERE id_hash = $1 AND rest_hash = $2 AND created_at = $3 \
             AND outcome <> 'waiting'",
        )
        .at(key.identity())
        .optional(self)
        .await?;
        let Some(Erasable { segment, place, erased_at }) = found else { return Ok(false) };
        if let Some(segment) = segment {
            self.lock_segment(segment).await?;
        }
        let erased = std::slice::from_ref(key);
        let mut removed = self.remove_bodies(erased).await?;
        removed += named(Rows::of(erased), |key| key)
            .run(
                self,
                "UPDATE replay_items SET header = NULL, body = NULL, sealed_by = NULL WHERE body IS NOT NULL \
                 AND (id, account, livemode, content_hash) IN \
                 (SELECT id, account, livemode, content_hash FROM input)",
            )
            .await?;
        if let Some((segment, place)) = segment.zip(place) {
            removed += self.rewrite_without(segment, place).await?;
        }
        if removed == 0 && erased_at.is_some() {
            return Ok(false);
        }
        Rows::of(erased)
            .identities(EventKey::identity)
            .time("now_erased_at", |_| Some(now))
            .run(
                self,
                "UPDATE events AS e SET erased_at = input.now_erased_at FROM input WHERE e.id_hash = input.id_hash \
                 AND e.rest_hash = input.rest_hash AND e.created_at = input.created_at",
            )
            .await?;
        Ok(true)
    }

    /// Says how many bodies it took out. Whoever rewrites a segment at the same moment is waited for, and what came
    /// of it is read again.
    async fn rewrite_without(&mut self, number: i64, place: i64) -> Result<u64, LedgerError> {
        for _ in 0..REWRITES {
            let Some(stored) = self.segments(&[number]).await?.pop() else { return Ok(0) };
            let unpacked = stored.unpack(self.body_keys())?;
            let segment = unpacked.map_err(|fault| LedgerError::Segment { number, fault })?;
            if segment.body(place).is_none() {
                return Ok(0);
            }
            let rest = segment.without(number, place, self.body_keys());
            let written = if rest.events == 0 {
                query("DELETE FROM segments WHERE number = $1 AND checksum = $2")
                    .bind(number)
                    .bind(stored.checksum)
                    .run(self)
                    .await?
            } else {
                self.rewrite_segment(rest, stored.checksum).await?
            };
            if written == 1 {
                return Ok(1);
            }
        }
        Err(LedgerError::Contended)
    }

    /// Writes a segment anew, unless somebody else did so since it had this checksum.
    pub(crate) async fn rewrite_segment(
        &mut self,
        segment: Packed,
        checksum: Vec<u8>,
    ) -> Result<u64, LedgerError> {
        query(
            "UPDATE segments SET events = $1, checksum = $2, content = $3, sealed_by = $4 \
             WHERE number = $5 AND checksum = $6",
        )
        .bind(segment.events)
        .bind(&segment.checksum[..])
        .bind(segment.content)
        .bind(segment.sealed_by)
        .bind(segment.number)
        .bind(checksum)
        .run(self)
        .await
    }

    /// Removes the rows that these bodies have of their own.
    #[shared::built_once]
    pub async fn remove_bodies(&mut self, keys: &[EventKey]) -> Result<u64, LedgerError> {
        Rows::of(keys)
            .new_identities(EventKey::identity)
            .run(
                self,
                "DELETE FROM bodies WHERE (id_hash, rest_hash, created_at) IN \
                 (SELECT id_hash, rest_hash, created_at FROM input)",
            )
            .await
    }
}

impl Ledger {
    /// The bytes of an event, unless retention removed them or somebody had them erased.
    #[shared::built_once]
    pub async fn body(&self, event: &EventKey) -> Result<Option<Bytes>, LedgerError> {
        let mut tx = self.read().await?;
        let Some(archived) = tx.archived(std::slice::from_ref(event)).await?.pop() else { return Ok(None) };
        match archived.body {
            Body::Bytes(bytes) => Ok(Some(bytes)),
            Body::Damaged { segment, fault } => Err(LedgerError::Segment { number: segment, fault }),
            Body::Unopened { fault } => Err(LedgerError::unopened("the body", &event.id, fault)),
            Body::Packed { .. } | Body::Sealed { .. } | Body::Gone => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LedgerConfig;
    use shared::env::Env;

    #[tokio::test(flavor = "current_thread")]
    async fn a_number_that_is_taken_is_drawn_anew_and_overwrites_nothing() {
        let folder = std::env::temp_dir().join(format!("tidegate-{}", shared::trace::random_hex::<8>()));
        let url = format!("sqlite:{}", folder.join("ledger.db").display());
        let config = LedgerConfig::from_env(&Env::of(&[("DATABASE_URL", &url)])).unwrap();
        let ledger = Ledger::open(&config).await.unwrap();
        ledger.migrate().await.unwrap();
        let keep = async |body: &[u8]| {
            let mut tx = ledger.begin().await?;
            tx.keep_segments(&[Packed::of(7, &[Some(body)], tx.body_keys())], DateTime::UNIX_EPOCH).await?;
            tx.commit().await
        };
        keep(b"one").await.unwrap();
        let taken = keep(b"other").await;
        assert!(matches!(taken, Err(LedgerError::NumberTaken)) && LedgerError::NumberTaken.is_transient());
        let mut tx = ledger.read().await.unwrap();
        let segment =
            tx.segments(&[7]).await.unwrap().pop().unwrap().unpack(tx.body_keys()).unwrap().unwrap();
        assert_eq!(segment.body(0).as_deref(), Some(&b"one"[..]));
        drop(tx);
        ledger.close().await;
        std::fs::remove_dir_all(folder).unwrap();
    }
}
