//! Signing in and out. A token proves who somebody is; the browser brings it back in a cookie that no script reads, no
//! other site sends a form with, and that ends with the browser.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use desk::actor::{Actor, NotAuthenticated, authenticate_token};
use hyper::header::{COOKIE, HOST};
use hyper::{HeaderMap, StatusCode};
use maud::{Markup, html};

use super::faults::Fault;
use super::page_responses::{Browsed, elsewhere, html as page_of, with_cookie};
use super::shell;
use crate::Console;

pub const PATH: &str = "/login";
pub const END: &str = "/logout";
/// `__Host-`: set by this host alone, over TLS alone.
const SECURE: &str = "__Host-tidegate";
/// On loopback there is no TLS.
const PLAIN: &str = "tidegate";
/// Longer is no secret of ours.
const SECRET_LIMIT_BYTES: usize = 512;

/// Who signed in, if anybody; a ledger that does not answer is a page of its own.
pub(super) async fn actor(
    console: &Console,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Result<Option<Actor>, Browsed> {
    let Some(secret) = cookie(headers) else { return Ok(None) };
    match authenticate_token(&console.ledger, secret, now).await {
        Ok(actor) => Ok(Some(actor)),
        Err(NotAuthenticated::Ledger(error)) => Err(away(&error)),
        Err(_) => Ok(None),
    }
}

pub fn page(to: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { "Sign in" }
        @if let Some(why) = refused { p.note.bad role="alert" { (why) } }
        form.form method="post" action=(PATH) {
            input type="hidden" name="to" value=(to);
            div.field {
                label for="token" { "Token" }
                input id="token" name="token" type="password" required autocomplete="current-password" autofocus spellcheck="false";
                span.hint { "It begins with " code { "tdg_" } ". An administrator makes one: " code { "tidegate tokens create --for NAME" } "." }
            }
            div { button.primary type="submit" { "Sign in" } }
        }
    }
}

/// Takes the form of that page.
pub(super) async fn begin(
    console: &Arc<Console>,
    headers: &HeaderMap,
    fields: &[(String, String)],
    now: DateTime<Utc>,
) -> Browsed {
    let field = |name: &str| fields.iter().find(|(given, _)| given == name).map(|(_, value)| value.trim());
    let to = field("to").filter(|to| is_ours(to)).unwrap_or("/");
    let token = field("token").filter(|token| token.len() <= SECRET_LIMIT_BYTES && is_cookie(token));
    let known = match token {
        Some(token) => authenticate_token(&console.ledger, token, now).await,
        None => Err(NotAuthenticated::Unknown),
    };
    match (known, token) {
        (Ok(actor), Some(token)) => {
            Browsed::by(Some(&actor), with_cookie(elsewhere(to), &set(headers, token)))
        }
        (Err(NotAuthenticated::Ledger(error)), _) => away(&error),
        (Err(refused), _) => {
            let why = super::values::capitalised(&format!("{refused}."));
            Browsed::by(
                None,
                page_of(StatusCode::UNAUTHORIZED, shell::bare("Sign in", &page(to, Some(&why)))),
            )
        }
        (Ok(_), None) => Browsed::by(None, elsewhere(PATH)),
    }
}

pub(super) fn end(headers: &HeaderMap) -> Browsed {
    Browsed::by(None, with_cookie(elsewhere(PATH), &(set(headers, "") + "; Max-Age=0")))
}

fn away(error: &ledger::LedgerError) -> Browsed {
    let page = shell::bare(Fault::Away.title(), &Fault::Away.body());
    Browsed {
        cause: Some(shared::telemetry::told(error)),
        is_fatal: error.is_fatal(),
        ..Browsed::by(None, page_of(StatusCode::SERVICE_UNAVAILABLE, page))
    }
}

/// The secret that the browser brings back; none where two go by one name.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = name(headers);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(given, _)| *given == name).map(|(_, value)| value);
    let first = found.next()?;
    (found.next().is_none() && !first.is_empty() && first.len() <= SECRET_LIMIT_BYTES).then_some(first)
}

fn set(headers: &HeaderMap, secret: &str) -> String {
    let name = name(headers);
    let secure = if name == SECURE { "; Secure" } else { "" };
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

fn name(headers: &HeaderMap) -> &'static str {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    if ["127.0.0.1", "localhost", "[::1]"].contains(&host) { PLAIN } else { SECURE }
}

/// A path of ours, never another site's.
fn is_ours(to: &str) -> bool {
    to.starts_with('/')
        && !to.starts_with("//")
        && !to.contains('\\')
        && to.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_cookie(secret: &str) -> bool {
    !secret.is_empty()
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(host: &'static str, cookie: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        headers.insert(COOKIE, HeaderValue::from_static(cookie));
        headers
    }

    #[test]
    fn a_cookie_is_bound_to_its_host_and_to_tls_wherever_there_is_any() {
        assert_eq!(cookie(&headers("127.0.0.1:8083", "a=b; tidegate=tdg_1")), Some("tdg_1"));
        assert_eq!(cookie(&headers("pay.example", "tidegate=tdg_1")), None, "set without TLS");
        assert_eq!(cookie(&headers("pay.example", "__Host-tidegate=tdg_1")), Some("tdg_1"));
        assert_eq!(cookie(&headers("pay.example", "__Host-tidegate=a; __Host-tidegate=b")), None);
        let set = set(&headers("pay.example", ""), "tdg_1");
        assert_eq!(set, "__Host-tidegate=tdg_1; Path=/; HttpOnly; SameSite=Lax; Secure");
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        for ours in ["/", "/payment/pi_1?mode=test"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a b", "/\r\nx"] {
            assert!(!is_ours(other), "{other:?}");
        }
    }
}
