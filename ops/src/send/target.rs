//! Where samples go. They are invented, and must never reach a real ledger by accident.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use hyper::Uri;
use shared::env::Env;

use crate::failure::wrongly_called;
use crate::{probe, variables};

const DEFAULT_PATH: &str = "/webhooks/stripe";
const RESOLVE_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct Target {
    pub url: String,
    pub address: SocketAddr,
    /// For the `Host` header.
    pub authority: String,
    pub path: String,
}

impl Target {
    pub async fn resolve(env: &Env, url: Option<&str>, anyway: bool) -> anyhow::Result<Self> {
        let gateway = variables::address(env, "GATEWAY_ADDR")?;
        if !anyway && !gateway.ip().is_loopback() {
            return Err(wrongly_called(format!(
                "GATEWAY_ADDR is {gateway}, so this looks like a deployment, and sample events do not belong in its ledger. Pass --yes-i-know to send them anyway"
            )));
        }
        let url = match url {
            Some(url) => url.to_owned(),
            None => format!("http://{}{DEFAULT_PATH}", probe::reachable(gateway)),
        };
        let target = Self::of(&url).await?;
        if !anyway && !target.address.ip().is_loopback() {
            return Err(wrongly_called(format!(
                "{} is not on this machine, and sample events do not belong in a real ledger. Pass --yes-i-know to send them anyway",
                target.authority
            )));
        }
        Ok(target)
    }

    async fn of(url: &str) -> anyhow::Result<Self> {
        let fault =
            |why: &str| wrongly_called(format!("--url: {why}. Example: http://127.0.0.1:8080{DEFAULT_PATH}"));
        let uri: Uri = url.parse().map_err(|_| fault("not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(fault("samples are sent over http:// only"));
        }
        let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else {
            return Err(fault("it has no host, or it has a user"));
        };
        let path = match uri.path_and_query() {
            Some(path) if path.as_str() != "/" => path.as_str().to_owned(),
            _ => DEFAULT_PATH.to_owned(),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(80);
        let lookup = tokio::net::lookup_host((host.to_owned(), port));
        let address = match tokio::time::timeout(RESOLVE_DEADLINE, lookup).await {
            // `localhost` may mean ::1 first, where the gateway does not listen by default.
            Ok(Ok(found)) => found.min_by_key(SocketAddr::is_ipv6),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(address) = address else { bail!("the host of {url} cannot be found") };
        Ok(Self { url: url.to_owned(), address, authority: authority.to_string(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(pairs: &[(&str, &str)], url: Option<&str>, anyway: bool) -> Result<String, String> {
        let target = Target::resolve(&Env::of(pairs), url, anyway).await;
        target.map(|target| format!("{}{}", target.address, target.path)).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn samples_stay_on_this_machine() {
        let remote = Some("http://192.0.2.1/webhooks/stripe");
        assert!(resolved(&[], remote, false).await.unwrap_err().contains("--yes-i-know"));
        assert_eq!(resolved(&[], remote, true).await.unwrap(), "192.0.2.1:80/webhooks/stripe");
    }

    #[tokio::test]
    async fn inside_a_deployment_even_this_machine_is_refused() {
        let refusal = resolved(&[("GATEWAY_ADDR", "0.0.0.0:8080")], None, false).await.unwrap_err();
        assert!(refusal.contains("looks like a deployment"), "{refusal}");
    }

    #[tokio::test]
    async fn the_gateway_of_the_environment_is_the_default() {
        let here = [("GATEWAY_ADDR", "127.0.0.1:9999")];
        assert_eq!(resolved(&here, None, false).await.unwrap(), "127.0.0.1:9999/webhooks/stripe");
    }

    #[tokio::test]
    async fn a_url_is_taken_apart_or_refused() {
        for (url, expected) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080/webhooks/stripe"),
            ("http://127.0.0.1:8080/webhooks/stripe/eu", "127.0.0.1:8080/webhooks/stripe/eu"),
            ("http://[::1]:8080/x", "[::1]:8080/x"),
        ] {
            assert_eq!(resolved(&[], Some(url), false).await.unwrap(), expected);
        }
        for bad in ["", "127.0.0.1", "https://127.0.0.1/", "http://user:pass@127.0.0.1/", "http:///x"] {
            assert!(resolved(&[], Some(bad), false).await.is_err(), "{bad}");
        }
    }
}
