//! The rows that a key of `BODY_KEYS_FILE` seals, in whichever of the four tables: how many each key has, whether a key
//! is missing, and how rows come under the newest one.

use std::collections::BTreeSet;

use domain::event::EventKey;
use domain::identity::Identity;
use domain::readable;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::body_keys::{BodyKeys, Kept, Row};
use crate::engine::query::query;
use crate::tables::bodies::{STORED, Stored, opened};
use crate::{Ledger, LedgerError, Transaction};

/// Each table with the column that has its bytes.
const SEALED: [(&str, &str); 4] =
    [("segments", "content"), ("bodies", "body"), ("replay_items", "body"), ("evidence_files", "content")];

/// In memory, and in one transaction, at once.
const SEGMENTS_AT_ONCE: i64 = 8;
const ROWS_AT_ONCE: i64 = 100;
const FILES_AT_ONCE: i64 = 4;
/// No body has this place in its segment.
const NOWHERE: i64 = -1;

readable! {
    /// How many rows of a table one key seals; `None`: they are stored as they are.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct SealedRows {
        pub held_in: String,
        pub sealed_by: Option<String>,
        pub held: i64,
    }
}

/// How far a walk through the rows that the newest key does not seal has come.
#[derive(Clone, Debug)]
pub enum ResealPlace {
    Segments(i64),
    Bodies(Identity),
    ReplayItems(String, i64),
    EvidenceFiles(String),
}

/// One step of such a walk.
#[derive(Debug, Default)]
pub struct Resealed {
    /// Rows that the newest key seals now.
    pub rows: u64,
    /// Rows that cannot be read, and stay as they are.
    pub unread: u64,
    /// Where it goes on; `None`: it is through.
    pub next: Option<ResealPlace>,
}

readable! {
    struct StaleBody {
        place: Identity,
        key: EventKey,
        body: Vec<u8>,
        sealed_by: Option<String>,
    }
}

readable! {
    struct StaleItem {
        replay: String,
        number: i64,
        body: Vec<u8>,
        sealed_by: Option<String>,
    }
}

readable! {
    struct StaleFile {
        id: String,
        content: Vec<u8>,
        sealed_by: Option<String>,
    }
}

impl ResealPlace {
    pub fn first() -> Self {
        Self::Segments(0)
    }

    fn following(&self) -> Option<Self> {
        match self {
            Self::Segments(_) => Some(Self::Bodies(Identity::first())),
            Self::Bodies(_) => Some(Self::ReplayItems(String::new(), 0)),
            Self::ReplayItems(..) => Some(Self::EvidenceFiles(String::new())),
            Self::EvidenceFiles(_) => None,
        }
    }
}

/// Bytes that the newest key is to seal; `None` where they cannot be read.
fn again(
    keys: &BodyKeys,
    content: &[u8],
    sealed_by: Option<&str>,
    row: Row<'_>,
) -> Result<Option<Kept>, LedgerError> {
    let plain = opened(keys.open(content, sealed_by, row))?;
    Ok(plain.ok().map(|plain| keys.seal(plain.into_owned(), row)))
}

impl Transaction {
    /// How many rows each key seals, table by table, and how many none does.
    #[shared::built_once]
    pub async fn sealed_rows(&mut self) -> Result<Vec<SealedRows>, LedgerError> {
        let mut found = Vec::new();
        for (table, content) in SEALED {
            let sealed = format!(
                "SELECT '{table}' AS held_in, sealed_by, COUNT(*) AS held FROM {table} \
                 WHERE sealed_by IS NOT NULL GROUP BY sealed_by ORDER BY sealed_by"
            );
            let sealed: Vec<SealedRows> = query(AssertSqlSafe(sealed)).all(self).await?;
            let all = format!("SELECT COUNT(*) FROM {table} WHERE {content} IS NOT NULL");
            let all: i64 = query(AssertSqlSafe(all)).one(self).await?;
            let held = all - sealed.iter().map(|rows| rows.held).sum::<i64>();
            found.extend(sealed);
            found.push(SealedRows { held_in: table.to_owned(), sealed_by: None, held });
        }
        found.retain(|rows| rows.held > 0);
        Ok(found)
    }

    /// The names of all keys that seal a row, each found by one look into an index.
    async fn keys_in_use(&mut self) -> Result<BTreeSet<String>, LedgerError> {
        let mut names = BTreeSet::new();
        for (table, _) in SEALED {
            let sql = format!(
                "WITH RECURSIVE found (name) AS (SELECT MIN(sealed_by) FROM {table} WHERE sealed_by IS NOT NULL \
                 UNION ALL SELECT (SELECT MIN(sealed_by) FROM {table} WHERE sealed_by > found.name) FROM found \
                 WHERE found.name IS NOT NULL) SELECT name FROM found WHERE name IS NOT NULL"
            );
            names.extend(query(AssertSqlSafe(sql)).all::<String>(self).await?);
        }
        Ok(names)
    }

    /// Refuses to go on where a row needs a key that is not configured: whoever has no key would store the next bytes as
    /// they are.
    pub(crate) async fn check_body_keys(&mut self) -> Result<(), LedgerError> {
        let in_use = self.keys_in_use().await?;
        let keys = self.body_keys();
        match in_use.into_iter().find(|id| !keys.knows(id) && !keys.is_lost(id)) {
            Some(id) => Err(LedgerError::KeyMissing { id }),
            None => Ok(()),
        }
    }

    /// Seals some rows anew by the newest key: those that it does not seal yet, after a place. What erases or removes
    /// a row meanwhile counts.
    #[shared::built_once]
    pub async fn reseal(&mut self, after: &ResealPlace) -> Result<Resealed, LedgerError> {
        let keys = self.body_keys().clone();
        let Some(newest) = keys.newest() else { return Ok(Resealed::default()) };
        self.overwrite_what_is_freed().await?;
        let mut resealed = match after {
            ResealPlace::Segments(number) => self.reseal_segments(&keys, newest, *number).await?,
            ResealPlace::Bodies(place) => self.reseal_bodies(&keys, newest, *place).await?,
            ResealPlace::ReplayItems(replay, number) => {
                self.reseal_items(&keys, newest, replay, *number).await?
            }
            ResealPlace::EvidenceFiles(id) => self.reseal_files(&keys, newest, id).await?,
        };
        resealed.next = resealed.next.or_else(|| after.following());
        Ok(resealed)
    }

    async fn reseal_segments(
        &mut self,
        keys: &BodyKeys,
        newest: &str,
        after: i64,
    ) -> Result<Resealed, LedgerError> {
        let sql = format!(
            "SELECT {STORED} FROM segments WHERE number > $1 AND (sealed_by IS NULL OR sealed_by <> $2) \
             ORDER BY number LIMIT $3"
        );
        let found: Vec<Stored> =
            query(AssertSqlSafe(sql)).bind(after).bind(newest).bind(SEGMENTS_AT_ONCE).all(self).await?;
        let mut resealed = Resealed::default();
        for stored in found {
            let written = match stored.unpack(keys)? {
                Ok(segment) => {
                    let again = segment.without(stored.number, NOWHERE, keys);
                    Some(self.rewrite_segment(again, stored.checksum).await?)
                }
                Err(_) => None,
            };
            resealed.count(written, ResealPlace::Segments(stored.number));
        }
        Ok(resealed)
    }

    async fn reseal_bodies(
        &mut self,
        keys: &BodyKeys,
        newest: &str,
        after: Identity,
    ) -> Result<Resealed, LedgerError> {
        let found: Vec<StaleBody> = query(
            "SELECT * FROM bodies WHERE (id_hash, rest_hash, created_at) > ($1, $2, $3) \
             AND (sealed_by IS NULL OR sealed_by <> $4) ORDER BY id_hash, rest_hash, created_at LIMIT $5",
        )
        .at(after)
        .bind(newest)
        .bind(ROWS_AT_ONCE)
        .all(self)
        .await?;
        let mut resealed = Resealed::default();
        for StaleBody { place, key, body, sealed_by } in found {
            let written = match again(keys, &body, sealed_by.as_deref(), Row::Body(&key))? {
                Some(kept) => {
                    let update = query(
                        "UPDATE bodies SET body = $1, sealed_by = $2 \
                         WHERE id_hash = $3 AND rest_hash = $4 AND created_at = $5",
                    );
                    Some(update.bind(kept.content).bind(kept.sealed_by).at(place).run(self).await?)
                }
                None => None,
            };
            resealed.count(written, ResealPlace::Bodies(place));
        }
        Ok(resealed)
    }

    async fn reseal_items(
        &mut self,
        keys: &BodyKeys,
        newest: &str,
        replay: &str,
        after: i64,
    ) -> Result<Resealed, LedgerError> {
        let found: Vec<StaleItem> = query(
            "SELECT replay, number, body, sealed_by FROM replay_items WHERE (replay, number) > ($1, $2) \
             AND body IS NOT NULL AND (sealed_by IS NULL OR sealed_by <> $3) ORDER BY replay, number LIMIT $4",
        )
        .bind(replay)
        .bind(after)
        .bind(newest)
        .bind(ROWS_AT_ONCE)
        .all(self)
        .await?;
        let mut resealed = Resealed::default();
        for StaleItem { replay, number, body, sealed_by } in found {
            let row = Row::ReplayItem { replay: &replay, number };
            let written = match again(keys, &body, sealed_by.as_deref(), row)? {
                Some(kept) => {
                    let update = query(
                        "UPDATE replay_items SET body = $1, sealed_by = $2 WHERE replay = $3 AND number = $4 \
                         AND body IS NOT NULL",
                    );
                    let update = update.bind(kept.content).bind(kept.sealed_by).bind(&replay).bind(number);
                    Some(update.run(self).await?)
                }
                None => None,
            };
            resealed.count(written, ResealPlace::ReplayItems(replay, number));
        }
        Ok(resealed)
    }

    async fn reseal_files(
        &mut self,
        keys: &BodyKeys,
        newest: &str,
        after: &str,
    ) -> Result<Resealed, LedgerError> {
        let found: Vec<StaleFile> = query(
            "SELECT id, content, sealed_by FROM evidence_files WHERE id > $1 AND content IS NOT NULL \
             AND (sealed_by IS NULL OR sealed_by <> $2) ORDER BY id LIMIT $3",
        )
        .bind(after)
        .bind(newest)
        .bind(FILES_AT_ONCE)
        .all(self)
        .await?;
        let mut resealed = Resealed::default();
        for StaleFile { id, content, sealed_by } in found {
            let written = match again(keys, &content, sealed_by.as_deref(), Row::EvidenceFile(&id))? {
                Some(kept) => {
                    let update = query(
                        "UPDATE evidence_files SET content = $1, sealed_by = $2 \
                         WHERE id = $3 AND content IS NOT NULL",
                    );
                    Some(update.bind(kept.content).bind(kept.sealed_by).bind(&id).run(self).await?)
                }
                None => None,
            };
            resealed.count(written, ResealPlace::EvidenceFiles(id));
        }
        Ok(resealed)
    }
}

impl Resealed {
    /// `None`: the row cannot be read.
    fn count(&mut self, written: Option<u64>, place: ResealPlace) {
        match written {
            Some(written) => self.rows += written,
            None => self.unread += 1,
        }
        self.next = Some(place);
    }
}

impl Ledger {
    /// Refuses to go on where a row needs a key that is not configured.
    #[shared::built_once]
    pub async fn check_body_keys(&self) -> Result<(), LedgerError> {
        self.read().await?.check_body_keys().await
    }
}
