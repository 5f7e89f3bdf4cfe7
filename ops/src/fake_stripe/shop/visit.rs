//! A visit to the shop: which button was pressed, what the homepage asks of Tidegate then, and which page comes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use shared::trace::random_hex;

use super::homepage::{Homepage, HttpAnswer, USER};
use super::page::{self, Step};

const FORM_LIMIT_BYTES: usize = 4_096;
/// So often a page looks again by itself, once a second, while something is on its way.
const LOOKS: usize = 20;
/// Nothing is loaded, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

enum Shown {
    Page(String),
    /// After a button: a reload presses none.
    To(String),
}

pub async fn answer(homepage: &Homepage, peer: IpAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let shown = match take(homepage, peer, request).await {
        Ok(shown) => shown,
        Err((status, words)) => return response(status, page::fault(&words, &homepage.asked())),
    };
    match shown {
        Shown::Page(page) => response(StatusCode::OK, page),
        Shown::To(path) => {
            let mut response = response(StatusCode::SEE_OTHER, String::new());
            response.headers_mut().insert(LOCATION, path.parse().expect("the shop's own paths are plain"));
            response
        }
    }
}

fn response(status: StatusCode, page: String) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(CACHE_CONTROL, "no-store")
        .body(Full::new(page.into()))
        .expect("constant headers")
}

type Refused = (StatusCode, String);

async fn take(homepage: &Homepage, peer: IpAddr, request: Request<Incoming>) -> Result<Shown, Refused> {
    let (head, body) = request.into_parts();
    if !is_own(&head.headers) {
        return Err((StatusCode::FORBIDDEN, "This button is on another site.".to_owned()));
    }
    let body = Limited::new(body, FORM_LIMIT_BYTES).collect().await;
    let body = body
        .map_err(|_| (StatusCode::BAD_REQUEST, "This is no form of the homepage.".to_owned()))?
        .to_bytes();
    let form = read(&body);
    let words: Vec<&str> = head.uri.path().split('/').filter(|word| !word.is_empty()).collect();
    let looks = head.uri.query().and_then(|query| query.strip_prefix("look=")?.parse().ok());
    let looks: usize = looks.unwrap_or(0).min(LOOKS);
    match (&head.method, &words[..]) {
        (&Method::GET, []) => Ok(Shown::Page(page::front(&listed(homepage).await?, &homepage.asked()))),
        (&Method::POST, ["post"]) => post(homepage, &form).await,
        (&Method::GET, [id]) if is_id(id) => show(homepage, id, looks).await,
        (&Method::POST, [id, step]) if is_id(id) => press(homepage, peer, id, step, &form).await,
        _ => Err((StatusCode::NOT_FOUND, "There is no such page.".to_owned())),
    }
}

/// Buttons of other sites are not pressed here, nor names that lead here by somebody's trick.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok());
    let Some(host) = text(HOST) else { return false };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost"].contains(&name)
        && text(ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host))
}

fn is_id(id: &str) -> bool {
    id.strip_prefix("lst_").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn read(body: &Bytes) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn listing(id: &str) -> String {
    format!("/api/v1/marketplace/listings/{id}")
}

/// A page of the shop: it looks again by itself.
fn back(id: &str) -> Shown {
    Shown::To(format!("/{id}?look={LOOKS}"))
}

async fn asks(
    homepage: &Homepage,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<Value, Refused> {
    match homepage.ask(method, path, body).await {
        Ok(HttpAnswer { status: 200..300, body }) => Ok(body),
        Ok(HttpAnswer { status, body }) => {
            let words = body["detail"].as_str().unwrap_or("It says nothing more.");
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            Err((status, format!("Tidegate refuses it: {words}")))
        }
        Err(error) => Err((StatusCode::BAD_GATEWAY, format!("Tidegate does not answer: {error}"))),
    }
}

async fn listed(homepage: &Homepage) -> Result<Vec<Value>, Refused> {
    let found =
        asks(homepage, Method::GET, "/api/v1/marketplace/listings?status=active&limit=20", None).await?;
    Ok(found["items"].as_array().cloned().unwrap_or_default())
}

async fn post(homepage: &Homepage, form: &BTreeMap<String, String>) -> Result<Shown, Refused> {
    let category = form.get("category").map_or("Housing", String::as_str);
    let id = format!("lst_{}", random_hex::<6>());
    let body = json!({ "user_id": USER, "category_id": category });
    asks(homepage, Method::PUT, &listing(&id), Some(body)).await?;
    Ok(back(&id))
}

async fn show(homepage: &Homepage, id: &str, looks: usize) -> Result<Shown, Refused> {
    let found = asks(homepage, Method::GET, &listing(id), None).await?;
    let looks = if page::is_on_its_way(&found) { looks } else { 0 };
    Ok(Shown::Page(page::listing(&found, looks, &homepage.asked())))
}

async fn press(
    homepage: &Homepage,
    peer: IpAddr,
    id: &str,
    step: &str,
    form: &BTreeMap<String, String>,
) -> Result<Shown, Refused> {
    let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let of_user = json!({ "user_id": USER, "customer_ip": peer.to_string() });
    let Some(step) = Step::named(step) else {
        return Err((StatusCode::NOT_FOUND, "There is no such button.".to_owned()));
    };
    match step {
        Step::Checkout => {
            let path = format!("{}/checkout", listing(id));
            Ok(Shown::Page(page::to_pay(id, &asks(homepage, Method::POST, &path, Some(of_user)).await?)))
        }
        Step::Feature | Step::Bump => {
            let mut body = of_user;
            body["type"] = json!(if step == Step::Feature { "featured" } else { "bump" });
            let path = format!("{}/promote", listing(id));
            Ok(Shown::Page(page::to_pay(id, &asks(homepage, Method::POST, &path, Some(body)).await?)))
        }
        Step::Pay => {
            let intent = given("intent");
            let is_intent = intent
                .strip_prefix("pi_")
                .is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_alphanumeric()));
            if !is_intent {
                return Err((StatusCode::BAD_REQUEST, "This is no form of the homepage.".to_owned()));
            }
            let card = if given("card") == "declined" { "pm_card_chargeDeclined" } else { "pm_card_visa" };
            homepage
                .pay(intent, card)
                .map_err(|words| (StatusCode::PAYMENT_REQUIRED, format!("Stripe says: {words}")))?;
            Ok(back(id))
        }
        Step::Reject => {
            let body = json!({ "reason": "it breaks the rules of the demo" });
            asks(homepage, Method::POST, &format!("{}/reject", listing(id)), Some(body)).await?;
            Ok(back(id))
        }
        Step::Delete => {
            let path = format!("{}?user_id={USER}", listing(id));
            asks(homepage, Method::DELETE, &path, None).await?;
            Ok(back(id))
        }
    }
}
