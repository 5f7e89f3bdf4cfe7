//! Reads a body within its limits: its own bytes, the bytes of all bodies together, and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

/// What is set aside for a body of several pieces before it has come; from there on it grows as it arrives.
const FIRST_BUFFER_LIMIT_BYTES: usize = 65_536;

/// A whole body. The memory counts against the common limit until this is dropped.
pub struct Taken<'r> {
    pub bytes: Bytes,
    _room: Option<SemaphorePermit<'r>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    TooLarge,
    Slow,
    /// Cut off, or chunks that are none.
    Broken,
    /// All bodies together take as much as they may.
    NoRoom,
}

/// Whether the body declares itself too large, before a byte of it is asked for.
pub fn declares_more_than(body: &Incoming, limit_bytes: usize) -> bool {
    body.size_hint().lower() > limit_bytes as u64
}

/// Reads the body. `room` has a permit for every byte that bodies may take together; they are taken as
/// bytes arrive, not as they are announced, so that announcements alone use up nothing.
pub async fn read(
    body: Incoming,
    limit_bytes: usize,
    deadline: Duration,
    room: &Semaphore,
) -> Result<Taken<'_>, BodyFault> {
    match tokio::time::timeout(deadline, collect(body, limit_bytes, room)).await {
        Ok(taken) => taken,
        Err(_) => Err(BodyFault::Slow),
    }
}

async fn collect(body: Incoming, limit_bytes: usize, room: &Semaphore) -> Result<Taken<'_>, BodyFault> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(FIRST_BUFFER_LIMIT_BYTES);
    let first_buffer = declared.min(FIRST_BUFFER_LIMIT_BYTES);
    let mut body = Limited::new(body, limit_bytes);
    let mut whole = Whole::Nothing;
    let mut reserved: Option<SemaphorePermit<'_>> = None;
    while let Some(frame) = body.frame().await {
        let over_limit = frame.as_ref().is_err_and(|error| error.is::<LengthLimitError>());
        let fault = if over_limit { BodyFault::TooLarge } else { BodyFault::Broken };
        let frame = frame.map_err(|_| fault)?;
        let Ok(data) = frame.into_data() else { continue };
        let length = u32::try_from(data.len()).map_err(|_| BodyFault::TooLarge)?;
        let more = room.try_acquire_many(length).map_err(|_| BodyFault::NoRoom)?;
        match &mut reserved {
            Some(reserved) => reserved.merge(more),
            None => reserved = Some(more),
        }
        whole.add(data, first_buffer);
    }
    Ok(Taken { bytes: whole.into_bytes(), _room: reserved })
}

/// A body of one piece, as most are, stays the buffer it came in; only several are put together.
enum Whole {
    Nothing,
    One(Bytes),
    Several(BytesMut),
}

impl Whole {
    fn add(&mut self, data: Bytes, first_buffer_bytes: usize) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                let mut buffer = BytesMut::with_capacity(first_buffer_bytes.max(first.len() + data.len()));
                buffer.extend_from_slice(&first);
                buffer.extend_from_slice(&data);
                Self::Several(buffer)
            }
            Self::Several(mut buffer) => {
                buffer.extend_from_slice(&data);
                Self::Several(buffer)
            }
        };
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Several(buffer) => buffer.freeze(),
        }
    }
}
