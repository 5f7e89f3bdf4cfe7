//! The listeners: they take requests apart, let go wrong what is to go wrong, and answer. One more task lets time pass
//! and delivers events.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Reply};
use crate::courier::{Round, locked};
use crate::error::Refusal;
use crate::faults::Fault;
use crate::state::{Admission, State, busy};
use crate::{admin, form};

const BODY_LIMIT_BYTES: usize = 8_000_000;
const PAUSE: Duration = Duration::from_millis(20);

/// Which of Stripe's hosts a listener is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    Api,
    Files,
}

pub(crate) async fn serve(
    listener: TcpListener,
    host: Host,
    state: Arc<Mutex<State>>,
    end: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (state, end) = (Arc::clone(&state), end.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, host, Arc::clone(&state)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = end.cancelled() => {}
                _ended = connection => {}
            }
        });
    }
}

/// What happens without a request.
pub(crate) async fn live(state: Arc<Mutex<State>>, end: CancellationToken) {
    let round = Round::new();
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
        let due = {
            let mut state = locked(&state);
            state.pass_time();
            state.courier.take_due()
        };
        for delivery in due {
            let state = Arc::clone(&state);
            round.begin(delivery, move |delivery, is_taken| {
                let mut state = locked(&state);
                if is_taken {
                    state.mark_delivered(&delivery.account, delivery.livemode, &delivery.event, true);
                }
                state.courier.settle(delivery, is_taken);
            });
        }
    }
}

/// An error cuts the connection.
async fn answer(
    request: Request<Incoming>,
    host: Host,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (request_id, date) = {
        let mut state = locked(&state);
        (state.new_request_id(), state.clock.own_date())
    };
    let call = match read(request, host, request_id.clone()).await {
        Ok(call) => call,
        Err(words) => return response(&Refusal::new(words).reply(), &request_id, date, None),
    };
    if let Some(path) = call.path.strip_prefix("/_fake") {
        return response(
            &admin::answer(&mut locked(&state), &call.method, path, &call.parameters),
            &request_id,
            date,
            None,
        );
    }
    let admission = locked(&state).admit(&call);
    let reply = match admission {
        Admission::Refused(reply) => reply,
        Admission::Admitted { livemode, fault } => {
            let (state, call) = (Arc::clone(&state), call.clone());
            // A caller who hangs up stops nothing: what began is done.
            let running = tokio::spawn(async move { run(state, call, livemode, fault).await });
            running.await.map_err(io::Error::other)??
        }
    };
    response(&reply, &request_id, date, call.idempotency_key.as_deref())
}

async fn run(
    state: Arc<Mutex<State>>,
    call: Call,
    livemode: bool,
    fault: Option<Fault>,
) -> Result<Reply, io::Error> {
    let execute = |instead| locked(&state).execute(&call, livemode, instead);
    Ok(match fault {
        None => execute(None),
        Some(Fault::Slow(late)) => {
            tokio::time::sleep(late).await;
            execute(None)
        }
        Some(Fault::CutBefore) => {
            locked(&state).release(&call, livemode);
            return Err(io::Error::other("cut before"));
        }
        Some(Fault::CutDuring(late)) => {
            let (state, call) = (Arc::clone(&state), call.clone());
            tokio::spawn(async move {
                tokio::time::sleep(late).await;
                locked(&state).execute(&call, livemode, None);
            });
            return Err(io::Error::other("cut during"));
        }
        Some(Fault::CutAfter) => {
            execute(None);
            return Err(io::Error::other("cut after"));
        }
        Some(Fault::Trouble(status)) => locked(&state).keep(&call, livemode, trouble(status, &call)),
        Some(Fault::TroubleAfter(status)) => {
            execute(Some(trouble(status, &call)));
            trouble(status, &call)
        }
        Some(Fault::Busy(wait_secs)) => {
            locked(&state).release(&call, livemode);
            busy(wait_secs)
        }
        Some(Fault::LockTimeout) => {
            locked(&state).release(&call, livemode);
            let words = "This object cannot be accessed right now because another API request or Stripe process is currently \
                         accessing it. If you see this error intermittently, retry the request. If you see this error \
                         frequently and are making multiple concurrent requests to a single object, make your requests \
                         serially or at a lower rate.";
            Refusal::new(words).status(429).code("lock_timeout").reply()
        }
        Some(Fault::ApprovalRequired) => {
            let mut state = locked(&state);
            let reply = state.approvals.ask(&call, livemode);
            state.keep(&call, livemode, reply)
        }
        Some(Fault::Malformed) => {
            let mut reply = execute(None);
            let half = (0..=reply.body.len() / 2).rev().find(|at| reply.body.is_char_boundary(*at));
            reply.body.truncate(half.unwrap_or(0));
            reply
        }
    })
}

fn trouble(status: u16, call: &Call) -> Reply {
    let reply = Refusal::new("An unknown error occurred").status(status).kind("api_error").reply();
    // Whoever repeats it with its key is told the same again.
    if call.kept_key().is_some() { reply.with("stripe-should-retry", "false") } else { reply }
}

async fn read(request: Request<Incoming>, host: Host, id: String) -> Result<Call, String> {
    let (head, body) = request.into_parts();
    let body =
        Limited::new(body, BODY_LIMIT_BYTES).collect().await.map_err(|error| error.to_string())?.to_bytes();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let query = head.uri.query().unwrap_or_default();
    let content_type = header("content-type").unwrap_or_default();
    let (parameters, file) = if let Some((_, boundary)) = content_type.split_once("boundary=") {
        form::multipart(&body, boundary.trim_matches('"'))
    } else {
        let text = std::str::from_utf8(&body).map_err(|_| "Invalid request: the body is no text.")?;
        (form::tree([query, text]), None)
    };
    let path = head.uri.path();
    let authorization = header("authorization").unwrap_or_default();
    let key = authorization.strip_prefix("Bearer ").map(str::to_owned).or_else(|| basic(&authorization));
    Ok(Call {
        method: head.method.to_string(),
        path: path.strip_prefix("/v1").unwrap_or(path).to_owned(),
        parameters: if parameters.is_object() { parameters } else { Value::Object(serde_json::Map::new()) },
        file,
        key: key.unwrap_or_default(),
        account: header("stripe-account").unwrap_or_default(),
        idempotency_key: header("idempotency-key"),
        version: header("stripe-version").unwrap_or_default(),
        is_to_files_host: host == Host::Files,
        id,
    })
}

/// The user of Basic is the key, as in `curl -u sk_test_…:`.
fn basic(authorization: &str) -> Option<String> {
    let (mut bits, mut have, mut bytes) = (0_u32, 0, Vec::new());
    for letter in authorization.strip_prefix("Basic ")?.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from((bits >> have) & 0xff).unwrap_or(0));
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    text.split(':').next().map(str::to_owned)
}

fn response(
    reply: &Reply,
    request_id: &str,
    date: Option<i64>,
    idempotency_key: Option<&str>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let mut response = Response::builder()
        .status(reply.status)
        .header("content-type", "application/json")
        .header("request-id", request_id);
    if let Some(secs) = date.and_then(|date| u64::try_from(date).ok()) {
        response = response.header("date", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(secs)));
    }
    if let Some(key) = idempotency_key {
        response = response.header("idempotency-key", key);
    }
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Full::new(Bytes::from(reply.body.clone()))).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::basic;

    #[test]
    fn a_key_comes_as_the_user_of_basic_too() {
        assert_eq!(basic("Basic c2tfdGVzdF8xMjM6").as_deref(), Some("sk_test_123"));
        assert_eq!(basic("Bearer sk_test_123"), None);
    }
}
