//! The state of the Stripe account: whether it is reachable, whose key we have, and which events its endpoints
//! receive. Asked only if a key is set; it shows no secret.

mod judge;

use gateway::GatewayConfig;
use gateway::endpoints::Mode;
use shared::env::Env;
use stripe_api::{Account, Api, StripeConfig, StripeError, WebhookEndpoint};
use tokio_util::sync::CancellationToken;

pub use self::judge::judged;
use crate::dev_secret;

/// What Stripe answered.
#[derive(Clone, Debug)]
pub struct Asked {
    pub livemode: bool,
    pub account: Result<Account, StripeError>,
    pub endpoints: Result<Vec<WebhookEndpoint>, StripeError>,
}

/// What Stripe's endpoints are compared with: the gateway's configuration, as far as it can be read here.
#[derive(Clone, Debug, Default)]
pub struct Ours {
    /// The names of its endpoints with the modes whose events have an effect; empty where they are not known.
    pub endpoints: Vec<(String, Mode)>,
    /// Without a slash at its end.
    pub public_url: Option<String>,
}

/// `None`: no key is set. A bad value is found with the configuration.
pub async fn ask(env: &Env) -> Option<Asked> {
    let config = StripeConfig::from_env(env).ok()??;
    let livemode = config.key.livemode();
    Some(match Api::for_a_screen(&config, CancellationToken::new()) {
        Ok(api) => {
            let (account, endpoints) = tokio::join!(api.account(), api.webhook_endpoints());
            Asked { livemode, account, endpoints }
        }
        Err(error) => Asked { livemode, account: Err(error.clone()), endpoints: Err(error) },
    })
}

impl Ours {
    pub fn of(env: &Env) -> Self {
        let is_known = dev_secret::is_configured(env);
        // The names do not depend on the secret, which may be that for development.
        let filled = env.clone().or("STRIPE_WEBHOOK_SECRET", "whsec_0000000000000000000000000000000000");
        let Ok(config) = GatewayConfig::from_env(if is_known { env } else { &filled }) else {
            return Self::default();
        };
        let endpoints = config.endpoints.values().map(|endpoint| (endpoint.name.clone(), endpoint.mode));
        Self {
            endpoints: if is_known { endpoints.collect() } else { Vec::new() },
            public_url: config.public_url,
        }
    }
}
