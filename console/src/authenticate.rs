//! Who asks: by a token in the header, `Authorization: Bearer tdg_…`.

use chrono::{DateTime, Utc};
use desk::actor::{Actor, KnownBy, NotAuthenticated, authenticate_token};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::Console;
use crate::metrics::{NotKnown, RatedBy};
use crate::problem::{Code, Problem};

const SCHEME: &str = "bearer";
/// What every token begins with. Nothing else is looked up.
const BEGINNING: &str = "tdg_";
const LIMIT_BYTES: usize = 128;

/// The member of staff or the program that the header proves.
pub(crate) async fn actor(
    console: &Console,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Result<Actor, Problem> {
    let Some(token) = token(headers) else {
        console.metrics.not_known(NotKnown::Missing);
        let detail = "send a token: `Authorization: Bearer tdg_…`; `tidegate tokens create` makes one";
        return Err(Problem::new(Code::Unauthenticated, detail));
    };
    match authenticate_token(&console.ledger, token, now).await {
        Ok(actor) => Ok(actor),
        Err(NotAuthenticated::Ledger(error)) => Err(error.into()),
        Err(refused) => {
            console.metrics.not_known(NotKnown::Refused);
            Err(Problem::new(Code::Unauthenticated, refused.to_string()))
        }
    }
}

/// Counts a request of whoever is known. `Err`: it is one too many; after so many seconds there is room again.
pub(crate) async fn take_rate(console: &Console, actor: &Actor, now: DateTime<Utc>) -> Result<(), u64> {
    let taken = console.actor_rate.take(&console.ledger, rated(actor), now).await;
    taken.inspect_err(|_| console.metrics.rate_limited(RatedBy::Token))
}

/// What a rate is counted by: a token by itself, a person for all sessions together.
fn rated(actor: &Actor) -> String {
    match actor.known_by() {
        KnownBy::Token { id } => format!("token {id}"),
        KnownBy::Session | KnownBy::SignedOn | KnownBy::Declared | KnownBy::Clock => {
            format!("staff {}", actor.staff())
        }
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    let is_token = |token: &&str| token.starts_with(BEGINNING) && token.len() <= LIMIT_BYTES;
    Some(token.trim()).filter(is_token).filter(|_| scheme.eq_ignore_ascii_case(SCHEME))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn one_header_with_one_scheme_is_read() {
        let read = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AUTHORIZATION, HeaderValue::from_static(line));
            }
            token(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer tdg_1"]).as_deref(), Some("tdg_1"));
        assert_eq!(read(&["bearer  tdg_1"]).as_deref(), Some("tdg_1"));
        for lines in [
            &[][..],
            &["Basic eDp5"],
            &["Bearer"],
            &["Bearer "],
            &["tdg_1"],
            &["Bearer eyJh"],
            &["Bearer tdg_a", "Bearer tdg_b"],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }
}
