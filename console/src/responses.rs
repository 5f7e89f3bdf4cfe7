//! Answers and problems as HTTP: status, headers, ETag.

use bytes::Bytes;
use envelope::hex::hex;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use hyper::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::answer::Answer;
use crate::problem::{Code, Problem};
use crate::response_body::ResponseBody;

pub(crate) type HttpResponse = Response<ResponseBody>;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
const ETAG_BYTES: usize = 16;
/// For what is temporary: a database that restarts is back by then.
const RETRY_SECS: u64 = 5;

/// For a connection too many, written without waiting for its request.
pub(crate) const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 88\r\n\r\n\
    {\"type\":\"about:blank\",\"status\":503,\"code\":\"unavailable\",\"detail\":\"too many connections\"}";

pub(crate) fn of(came: &Result<Answer, Problem>, request_id: &str, asked: &HeaderMap) -> HttpResponse {
    let mut response = match came {
        Ok(answer) => of_answer(answer, asked),
        Err(problem) => of_problem(problem, request_id),
    };
    let headers = response.headers_mut();
    // Nothing here is a page, nor for others to show; and what is about money stays in no cache.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn of_answer(answer: &Answer, asked: &HeaderMap) -> HttpResponse {
    let body = answer.document.to_string();
    if !answer.is_object {
        return with_body(answer.status, JSON, body);
    }
    let tag = format!("\"{}\"", hex(&Sha256::digest(&body)[..ETAG_BYTES]));
    let mut response = if is_known(&tag, asked) {
        let mut response = Response::new(ResponseBody::from(Bytes::new()));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        with_body(answer.status, JSON, body)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::from_str(&tag).expect("hex digits in quotes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Whether the client has what this tag stands for.
fn is_known(tag: &str, asked: &HeaderMap) -> bool {
    let lines = asked.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn of_problem(problem: &Problem, request_id: &str) -> HttpResponse {
    let status = problem.code.status();
    let mut response = with_body(status, PROBLEM, problem.document(request_id).to_string());
    match problem.code {
        Code::Unavailable => retry_after(&mut response, RETRY_SECS),
        Code::Unauthenticated => {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tidegate\""));
        }
        _ => {}
    }
    response
}

fn with_body(status: StatusCode, media_type: HeaderValue, body: String) -> HttpResponse {
    let mut response = Response::new(ResponseBody::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

pub(crate) fn mark_replayed(response: &mut HttpResponse) {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}

pub(crate) fn retry_after(response: &mut HttpResponse, secs: u64) {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
}

pub(crate) fn allow(response: &mut HttpResponse, methods: &[&Method]) {
    let names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    if let Ok(names) = HeaderValue::from_str(&names.join(", "))
        && !methods.is_empty()
    {
        response.headers_mut().insert(ALLOW, names);
    }
}

pub(crate) fn close(response: &mut HttpResponse) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_to_a_connection_too_many_states_its_length_rightly() {
        let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }

    #[test]
    fn an_object_that_is_known_is_not_sent_again() {
        let came = Ok(Answer::object(&json!({"id": "pi_1"})));
        let asked = |tag: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
            of(&came, "req_1", &headers).status()
        };
        let first = of(&came, "req_1", &HeaderMap::new());
        let tag = first.headers()[ETAG].to_str().unwrap();
        assert_eq!((first.status(), asked(tag)), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        assert_eq!(asked(&format!("\"other\", W/{tag}")), StatusCode::NOT_MODIFIED);
        assert_eq!((asked("*"), asked("\"other\"")), (StatusCode::NOT_MODIFIED, StatusCode::OK));
    }
}
