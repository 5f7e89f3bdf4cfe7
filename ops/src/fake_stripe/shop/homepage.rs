//! The homepage's own program: what it asks of Tidegate, with its token, and what its customers' browsers ask of Stripe.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use desk::actor::Actor;
use desk::acts::tokens::NewToken;
use desk::acts::{Person, staff, tokens};
use domain::permissions::Role;
use fake_stripe::FakeStripe;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use ledger::Ledger;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shared::clock;
use shared::http_client::HttpConnection;

/// Whoever opens the page is this user of the homepage.
pub const USER: &str = "user_you";
/// The service whose token it has.
const SERVICE: &str = "homepage";
const DEADLINE: Duration = Duration::from_secs(35);
const ANSWER_LIMIT_BYTES: usize = 1024 * 1024;
/// So many requests are shown.
const SHOWN: usize = 8;

pub struct Homepage {
    console: SocketAddr,
    token: SecretString,
    /// The customer's browser pays there.
    stripe: Arc<FakeStripe>,
    /// What was asked of Tidegate, the last first.
    asked: Mutex<VecDeque<String>>,
}

/// What Tidegate answered.
pub struct HttpAnswer {
    pub status: u16,
    pub body: Value,
}

impl Homepage {
    /// Makes the service and its token.
    pub async fn new(console: SocketAddr, ledger: &Ledger, stripe: Arc<FakeStripe>) -> anyhow::Result<Self> {
        let (by, now) = (Actor::declared(&Person::named("demo")?), clock::now());
        staff::add(ledger, SERVICE, &Role::Support.into(), &by, now).await?;
        let wanted =
            NewToken { staff: SERVICE, roles: &Role::Support.into(), is_program: true, expires_at: None };
        let token = tokens::create(ledger, &wanted, &by, now).await?.secret;
        Ok(Self { console, token, stripe, asked: Mutex::default() })
    }

    /// Asks Tidegate, as any program would.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<HttpAnswer> {
        let request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header(HOST, self.console.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token.expose_secret()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.map_or_else(Bytes::new, |body| body.to_string().into())))?;
        let mut connection = HttpConnection::open(self.console, DEADLINE).await?;
        let answer = connection.exchange(request, ANSWER_LIMIT_BYTES, DEADLINE).await?;
        let status = answer.status.as_u16();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push_front(format!("{method} {path} → {status}"));
        asked.truncate(SHOWN);
        Ok(HttpAnswer { status, body: serde_json::from_slice(&answer.body).unwrap_or_default() })
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What the customer's browser does with the secret. `Err`: what Stripe says.
    pub fn pay(&self, intent: &str, card: &str) -> Result<(), String> {
        let path = format!("/payment_intents/{intent}/confirm");
        let paid = self.stripe.ask("POST", &path, &json!({ "payment_method": card }));
        paid.map(|_| ()).map_err(|error| {
            let error: Value = serde_json::from_str(&error).unwrap_or_default();
            error["error"]["message"].as_str().unwrap_or("the payment failed").to_owned()
        })
    }
}
