//! A client of the API: a token, requests, and answers with their headers.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request};
use serde_json::Value;
use shared::http_client::HttpConnection;

const DEADLINE: Duration = Duration::from_secs(40);
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Somebody at the API, with a token or with none.
#[derive(Clone, Debug)]
pub struct Api {
    pub address: SocketAddr,
    pub token: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The stable word of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Api {
    #[must_use]
    pub fn by(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// With an Idempotency-Key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Reply {
        let headers = [(CONTENT_TYPE.as_str(), "application/json"), ("idempotency-key", key)];
        self.send(Method::POST, path, &headers, body.to_string()).await
    }

    /// Over a connection of its own.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let sent = self.try_send(method, path, headers, body).await;
        sent.unwrap_or_else(|error| panic!("{path} is not answered: {error}"))
    }

    /// The same to a console that may be dead.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Result<Reply, String> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_ref()))).expect("a request");
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let mut connection =
            HttpConnection::open(self.address, DEADLINE).await.map_err(|error| said(&error))?;
        let answer =
            connection.exchange(request, LIMIT_BYTES, DEADLINE).await.map_err(|error| said(&error))?;
        Ok(Reply {
            status: answer.status.as_u16(),
            headers: answer.headers,
            text: String::from_utf8_lossy(&answer.body).into_owned(),
        })
    }
}
