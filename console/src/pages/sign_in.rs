//! Signing in and out: by name and password, then by a code; or by a token. Whoever signed in is known by a cookie.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use desk::actor::{Actor, Asks, NotAuthenticated, authenticate_session, authenticate_token};
use desk::acts::login::{Attempt, LoggedIn, LoginRefused, Second, Step, login, second_factor};
use desk::acts::sessions;
use hyper::header::HeaderName;
use hyper::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::cookies::{Cookie, SECRET_LIMIT_BYTES};
use super::faults::PageFault;
use super::form_fields::FormFields;
use super::page_responses::{Browsed, elsewhere, html as page_of, with_cookie};
pub use super::sign_in_page::{CODE, PATH};
use super::sign_in_page::{Shown, code_page, page};
use super::{address, shell};
use crate::client::Client;
use crate::{Console, authenticate, responses};

pub const END: &str = "/logout";
/// What every token begins with; a session's cookie does not.
const TOKEN: &str = "tdg_";
/// The script sends it where a page renews itself.
const REFRESH: HeaderName = HeaderName::from_static("tidegate-refresh");
/// No refusal comes sooner: how long it took tells nothing.
const REFUSED_AFTER: Duration = Duration::from_millis(400);

/// Who signed in, if anybody. That the ledger does not answer, and that they ask too often, are pages of their own.
pub(super) async fn actor(
    console: &Console,
    client: &Client,
    headers: &HeaderMap,
    now: DateTime<Utc>,
) -> Result<Option<Actor>, Browsed> {
    let known = match (&client.signed_on, Cookie::SignedIn.read(headers)) {
        (Some(name), _) => desk::actor::authenticate_signed_on(&console.ledger, name).await,
        (None, Some(secret)) if secret.starts_with(TOKEN) => {
            authenticate_token(&console.ledger, secret, now).await
        }
        (None, Some(secret)) => {
            let asks = if headers.contains_key(REFRESH) { Asks::Page } else { Asks::Person };
            authenticate_session(&console.ledger, secret, asks, now).await
        }
        (None, None) => return Ok(None),
    };
    match known {
        Ok(actor) => within_rate(console, &actor, now).await.map(|()| Some(actor)),
        Err(NotAuthenticated::Ledger(error)) => Err(away(&error)),
        Err(_) => Ok(None),
    }
}

async fn within_rate(console: &Console, actor: &Actor, now: DateTime<Utc>) -> Result<(), Browsed> {
    authenticate::take_rate(console, actor, now).await.map_err(|secs| {
        let fault = PageFault::TooOften { secs };
        let mut response = page_of(StatusCode::TOO_MANY_REQUESTS, shell::bare(fault.title(), &fault.body()));
        responses::retry_after(&mut response, secs);
        Browsed::by(Some(actor), response)
    })
}

/// Where whoever is not known is led: back to where they were, afterwards.
pub(super) fn leads_to(headers: &HeaderMap, target: &str) -> Browsed {
    Browsed::by(None, elsewhere(&place(headers, target)))
}

/// The page on which they sign in.
pub(super) fn place(headers: &HeaderMap, target: &str) -> String {
    let ended = has_ended(headers).then_some(("ended", "1"));
    address::link(PATH, [("to", target)].into_iter().chain(ended))
}

/// Of whoever is not known, whether they were.
pub(super) fn has_ended(headers: &HeaderMap) -> bool {
    Cookie::SignedIn.read(headers).is_some()
}

/// The form of the first step.
pub(super) fn look(address: &address::Address) -> Browsed {
    let ended = "Your session has ended. Sign in again.";
    let told = address.get("ended").map(|_| Shown::Told(ended));
    let told = told.or_else(|| {
        address.get("changed").map(|_| Shown::Told("Your password was changed. Sign in with the new one."))
    });
    shown(StatusCode::OK, &page(address.get("to").unwrap_or("/"), told))
}

/// The form of the second step.
pub(super) fn look_at_code(headers: &HeaderMap, address: &address::Address) -> Browsed {
    match Cookie::Login.read(headers) {
        Some(_) => shown(StatusCode::OK, &code_page(address.get("to").unwrap_or("/"), None)),
        None => Browsed::by(None, elsewhere(PATH)),
    }
}

/// Takes the form of the first step: a name and a password, or a token.
pub(super) async fn begin(
    console: &Arc<Console>,
    client: &Client,
    headers: &HeaderMap,
    fields: &FormFields,
    now: DateTime<Utc>,
) -> Browsed {
    let to = fields.get("to").filter(|to| is_ours(to)).unwrap_or("/");
    if let Some(token) = fields.get("token").map(str::trim) {
        return by_token(console, headers, token, to, now).await;
    }
    let began = Instant::now();
    let attempt = Attempt {
        name: fields.get("name").unwrap_or_default(),
        password: fields.secret("password"),
        address: &client.address,
    };
    match login(&console.ledger, attempt, now).await {
        Ok(Step::LoggedIn(logged_in)) => logged_in_to(console, headers, &logged_in, to, now).await,
        Ok(Step::NeedsSecondFactor(challenge)) => {
            let place = address::link(CODE, [("to", to)]);
            let cookie = Cookie::Login.set(headers, challenge.expose_secret());
            Browsed::by(None, with_cookie(elsewhere(&place), &cookie))
        }
        Err(refused) => refuse(&refused, began, |why| page(to, Some(Shown::Refused(why)))).await,
    }
}

/// Takes the form of the second step.
pub(super) async fn finish(
    console: &Arc<Console>,
    client: &Client,
    headers: &HeaderMap,
    fields: &FormFields,
    now: DateTime<Utc>,
) -> Browsed {
    let to = fields.get("to").filter(|to| is_ours(to)).unwrap_or("/");
    let Some(challenge) = Cookie::Login.read(headers) else { return Browsed::by(None, elsewhere(PATH)) };
    let code = fields.get("code").unwrap_or_default().trim();
    // Those of an app are six digits; those of the list are longer.
    let is_of_app = code.chars().filter(|c| !c.is_whitespace()).count() <= 8;
    let second = if is_of_app { Second::Totp(code) } else { Second::Recovery(code) };
    let began = Instant::now();
    let key = console.staff_key.as_ref();
    match second_factor(&console.ledger, challenge, second, &client.address, key, now).await {
        Ok(logged_in) => {
            let done = logged_in_to(console, headers, &logged_in, to, now).await;
            Browsed { response: with_cookie(done.response, &Cookie::Login.clear(headers)), ..done }
        }
        Err(refused @ LoginRefused::TooLate) => {
            refuse(&refused, began, |why| page(to, Some(Shown::Refused(why)))).await
        }
        Err(refused) => refuse(&refused, began, |why| code_page(to, Some(why))).await,
    }
}

/// The session that the browser had before ends: its cookie may be known to another.
async fn logged_in_to(
    console: &Console,
    headers: &HeaderMap,
    logged_in: &LoggedIn,
    to: &str,
    now: DateTime<Utc>,
) -> Browsed {
    if let Err(unavailable) = end_session(console, headers, now).await {
        return unavailable;
    }
    let cookie = Cookie::SignedIn.set(headers, logged_in.cookie.expose_secret());
    let response = with_cookie(elsewhere(to), &cookie);
    Browsed { actor: Some(logged_in.session.staff.clone()), ..Browsed::by(None, response) }
}

async fn by_token(
    console: &Console,
    headers: &HeaderMap,
    token: &str,
    to: &str,
    now: DateTime<Utc>,
) -> Browsed {
    let is_cookie = token.len() <= SECRET_LIMIT_BYTES
        && token.starts_with(TOKEN)
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let known = if is_cookie {
        authenticate_token(&console.ledger, token, now).await
    } else {
        Err(NotAuthenticated::Unknown)
    };
    match known {
        Ok(actor) => {
            if let Err(too_often) = within_rate(console, &actor, now).await {
                return too_often;
            }
            if let Err(unavailable) = end_session(console, headers, now).await {
                return unavailable;
            }
            let cookie = Cookie::SignedIn.set(headers, token);
            Browsed::by(Some(&actor), with_cookie(elsewhere(to), &cookie))
        }
        Err(NotAuthenticated::Ledger(error)) => away(&error),
        Err(refused) => {
            let why = super::values::capitalised(&format!("{refused}."));
            shown(StatusCode::UNAUTHORIZED, &page(to, Some(Shown::Refused(&why))))
        }
    }
}

pub(super) async fn end(console: &Console, headers: &HeaderMap, now: DateTime<Utc>) -> Browsed {
    if let Err(unavailable) = end_session(console, headers, now).await {
        return unavailable;
    }
    Browsed::by(None, with_cookie(elsewhere(PATH), &Cookie::SignedIn.clear(headers)))
}

async fn end_session(console: &Console, headers: &HeaderMap, now: DateTime<Utc>) -> Result<(), Browsed> {
    match Cookie::SignedIn.read(headers).filter(|secret| !secret.starts_with(TOKEN)) {
        Some(secret) => sessions::log_out(&console.ledger, secret, now).await.map_err(|error| away(&error)),
        None => Ok(()),
    }
}

/// The form again, with why nobody is logged in.
async fn refuse(refused: &LoginRefused, began: Instant, form: impl FnOnce(&str) -> maud::Markup) -> Browsed {
    if let LoginRefused::Ledger(error) = refused {
        return away(error);
    }
    tokio::time::sleep_until(began + REFUSED_AFTER).await;
    let why = super::values::capitalised(&format!("{refused}."));
    let status = match refused {
        LoginRefused::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    };
    shown(status, &form(&why))
}

fn shown(status: StatusCode, body: &maud::Markup) -> Browsed {
    Browsed::by(None, page_of(status, shell::bare("Sign in", body)))
}

pub(super) fn away(error: &ledger::LedgerError) -> Browsed {
    let page = shell::bare(PageFault::Away.title(), &PageFault::Away.body());
    Browsed {
        cause: Some(shared::telemetry::told(error)),
        is_fatal: error.is_fatal(),
        ..Browsed::by(None, page_of(StatusCode::SERVICE_UNAVAILABLE, page))
    }
}

/// A path of ours, never another site's.
pub(super) fn is_ours(to: &str) -> bool {
    to.starts_with('/')
        && !to.starts_with("//")
        && !to.contains('\\')
        && to.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_says_when_a_page_renews_itself() {
        let script = crate::pages::assets::SCRIPT.text.to_ascii_lowercase();
        assert!(script.contains(REFRESH.as_str()));
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
