//! A request as it came, and the answer to it.

use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// Without `/v1`.
    pub path: String,
    /// Of the query and of the form, decoded, in their order.
    pub parameters: Vec<(String, String)>,
    pub authorization: String,
    /// The connected account that is asked for, or `""`.
    pub account: String,
    pub idempotency_key: Option<String>,
    /// The API's version that is asked for.
    pub version: String,
}

#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
}

impl Call {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// `name[]=…` and `name[0]=…`.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}[");
        self.parameters
            .iter()
            .filter(|(known, _)| known.starts_with(&prefix))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.parameter(name)?.parse().ok()
    }

    /// What must be alike when a key comes again.
    pub fn fingerprint(&self) -> String {
        format!("{} {} {} {:?}", self.method, self.path, self.account, self.parameters)
    }
}

impl Reply {
    pub fn ok(body: String) -> Self {
        Self { status: 200, body, headers: Vec::new() }
    }

    /// In the form of Stripe's errors.
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let body: Value = json!({ "error": { "type": kind, "code": code, "message": message } });
        Self { status, body: body.to_string(), headers: Vec::new() }
    }

    pub fn no_such(what: &str, id: &str) -> Self {
        let message = format!("No such {what}: '{id}'");
        Self::error(404, "invalid_request_error", "resource_missing", &message)
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Reads `a=1&b%5B%5D=2`.
pub(crate) fn parameters(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).unwrap_or(b'?')
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
