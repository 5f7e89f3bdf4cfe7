//! `Idempotency-Key`: a request that is repeated with its key is answered as it was, and does nothing. The key is
//! taken before the act begins and keeps the answer for a day. Where the process ended in between, nobody knows
//! whether the act was done: then a person looks, and the key is never used for a second try.

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, KnownBy};
use envelope::hex::hex;
use hyper::{HeaderMap, StatusCode};
use ledger::Ledger;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::problem::{Code, Problem};

const HEADER: &str = "idempotency-key";
const LIMIT_CHARS: usize = 255;
const KEPT: TimeDelta = TimeDelta::hours(24);
/// A request that has no answer after so long has lost its process: no act takes a tenth of that.
const RUNS_AT_MOST: TimeDelta = TimeDelta::minutes(10);
/// What is answered once, and never kept.
const SECRET: &[&str] = &["token", "secret", "client_secret", "link"];

/// A key that a request has taken.
pub(crate) struct Taken {
    owner: String,
    key: String,
}

pub(crate) enum Begun {
    /// It is this request's to do.
    Free(Taken),
    /// It was done before, and answered so.
    Answered(Result<Answer, Problem>),
}

/// The key of a request, if it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut lines = headers.get_all(HEADER).iter();
    let line = match (lines.next(), lines.next()) {
        (None, _) => return Ok(None),
        (Some(line), None) => line.to_str().ok(),
        (Some(_), Some(_)) => None,
    };
    let is_key = |key: &&str| !key.is_empty() && key.len() <= LIMIT_CHARS;
    let fault = || Problem::invalid("Idempotency-Key", format!("not one line of 1 to {LIMIT_CHARS} letters"));
    line.map(str::trim).filter(is_key).map(|key| Some(key.to_owned())).ok_or_else(fault)
}

/// What a request asks for, as one text that is the same for its repetition and for no other.
pub(crate) fn request_hash(method: &str, target: &str, body: &Value) -> String {
    let mut hash = Sha256::new();
    for part in [method, target, &body.to_string()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Whose keys these are: two programs may choose the same.
fn owner(actor: &Actor) -> String {
    match actor.known_by() {
        KnownBy::Token { id } => format!("token {id}"),
        KnownBy::Session | KnownBy::SignedOn | KnownBy::Declared | KnownBy::Clock => {
            format!("staff {}", actor.staff())
        }
    }
}

pub(crate) async fn begin(
    ledger: &Ledger,
    actor: &Actor,
    key: String,
    request_hash: &str,
    now: DateTime<Utc>,
) -> Result<Begun, Problem> {
    let owner = owner(actor);
    let mut tx = ledger.begin().await?;
    tx.forget_requests(now - KEPT).await?;
    let is_free = tx.begin_request(&owner, &key, request_hash, now).await?;
    let before = if is_free { None } else { tx.begun_request(&owner, &key).await? };
    tx.commit().await?;
    let Some(before) = before else { return Ok(Begun::Free(Taken { owner, key })) };
    if before.request_hash != request_hash {
        let detail = "this key was used for another request within 24 hours: use a new key for a new request";
        return Err(Problem::new(Code::KeyReused, detail));
    }
    match (before.status, before.answer) {
        (Some(status), Some(answer)) => Ok(Begun::Answered(read(status, &answer))),
        _ if now - before.begun_at < RUNS_AT_MOST => Err(Problem::new(
            Code::KeyInUse,
            "the first request with this key is in progress: repeat it later",
        )),
        _ => Err(Problem::new(
            Code::OutcomeUnknown,
            "the first request with this key has no answer, because its process ended: look whether it was done, \
             and use a new key only if it was not",
        )),
    }
}

/// Keeps what came of it. What did nothing frees the key; what may have been done keeps it.
pub(crate) async fn end(
    ledger: &Ledger,
    taken: Taken,
    came: &Result<Answer, Problem>,
) -> Result<(), Problem> {
    let Taken { owner, key } = taken;
    let kept = kept(came);
    if matches!(kept, Kept::InDoubt) {
        return Ok(());
    }
    let mut tx = ledger.begin().await?;
    match kept {
        Kept::Answer(status, document) => {
            tx.keep_answer(&owner, &key, i64::from(status.as_u16()), &document.to_string()).await?;
        }
        _ => tx.free_request(&owner, &key).await?,
    }
    Ok(tx.commit().await?)
}

/// What stays of a request under its key.
#[derive(Debug, PartialEq, Eq)]
enum Kept {
    Answer(StatusCode, Value),
    /// It was not done, and may be tried anew.
    Nothing,
    /// It may have been done: nobody repeats it under this key.
    InDoubt,
}

fn kept(came: &Result<Answer, Problem>) -> Kept {
    match came {
        Ok(answer) => Kept::Answer(answer.status, answer.clone().without(SECRET).document),
        Err(problem) if problem.code == Code::Unavailable || problem.code == Code::Internal => Kept::InDoubt,
        Err(problem) => {
            problem.kept().map_or(Kept::Nothing, |kept| Kept::Answer(problem.code.status(), kept))
        }
    }
}

fn read(status: i64, answer: &str) -> Result<Answer, Problem> {
    let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let document: Option<Value> = serde_json::from_str(answer).ok();
    let (Some(status), Some(document)) = (status, document) else {
        return Err(Problem::new(
            Code::OutcomeUnknown,
            "the answer that was kept for this key cannot be read",
        ));
    };
    if let Some(refused) = Problem::of_kept(&document).filter(|_| !status.is_success()) {
        return Err(refused);
    }
    Ok(Answer { status, document, is_object: false })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_one_line_of_letters() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HEADER, HeaderValue::from_static(line));
            }
            key(&headers)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[" a-1 "]), Ok(Some("a-1".to_owned())));
        assert!(read(&["a", "a"]).is_err() && read(&[""]).is_err());
    }

    #[test]
    fn what_may_have_been_done_is_neither_free_nor_answered() {
        let of = |code| kept(&Err(Problem::new(code, "why")));
        assert_eq!((of(Code::Unavailable), of(Code::Internal)), (Kept::InDoubt, Kept::InDoubt));
        assert_eq!(of(Code::NotFound), Kept::Nothing);
        assert!(matches!(of(Code::Refused), Kept::Answer(..)));
        let made = Answer {
            status: StatusCode::OK,
            document: json!({"id": "tok_1", "token": "tdg_1"}),
            is_object: false,
        };
        assert_eq!(kept(&Ok(made)), Kept::Answer(StatusCode::OK, json!({"id": "tok_1"})));
    }

    #[test]
    fn another_body_or_another_address_is_another_request() {
        let hash = |target, body| request_hash("POST", target, &body);
        let one = hash("/a", json!({"a": 1, "b": 2}));
        assert_eq!(one, hash("/a", json!({"b": 2, "a": 1})), "the order of members says nothing");
        assert_ne!(one, hash("/a", json!({"a": 1})));
        assert_ne!(one, hash("/b", json!({"a": 1, "b": 2})));
    }
}
