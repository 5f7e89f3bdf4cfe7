//! The account of a key, and its webhook endpoints.

use serde::{Deserialize, Serialize};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::Answer;
use super::{Api, StripeError};

/// Stripe allows fewer endpoints than that, so one page holds all.
const PAGE_ENDPOINTS: u32 = 100;

/// The account that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub id: String,
    #[serde(default)]
    pub country: Option<String>,
    /// Whether it may take payments; Stripe switches it off while it waits for documents.
    #[serde(default)]
    pub charges_enabled: Option<bool>,
}

/// Where Stripe sends events to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    pub id: String,
    pub url: String,
    /// `enabled` or `disabled`.
    pub status: String,
    pub enabled_events: Vec<String>,
    /// In which shape events come; the account's own where it is `None`.
    pub api_version: Option<String>,
    pub livemode: bool,
}

#[derive(Serialize)]
struct Page {
    limit: u32,
}

#[derive(Deserialize)]
struct Endpoints {
    data: Vec<WebhookEndpoint>,
}

impl Api {
    #[shared::built_once]
    pub async fn account(&self) -> Result<Account, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, "/account");
        self.read(request, "", |answer| parsed(answer, "it is not an account")).await
    }

    /// Those of the key's mode.
    #[shared::built_once]
    pub async fn webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, StripeError> {
        let request = RequestBuilder::new(StripeMethod::Get, "/webhook_endpoints")
            .query(&Page { limit: PAGE_ENDPOINTS });
        let endpoints: Endpoints =
            self.read(request, "", |answer| parsed(answer, "it is not a list of endpoints")).await?;
        Ok(endpoints.data)
    }
}

fn parsed<T: for<'a> Deserialize<'a>>(answer: &Answer, fault: &'static str) -> Result<T, StripeError> {
    serde_json::from_slice(&answer.body).map_err(|_| StripeError::Malformed(fault))
}
