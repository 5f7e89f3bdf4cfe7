//! Who is at the other end of a request. A proxy in front that proves itself by a shared secret is believed: which address
//! it saw, and whom it has signed on. Without that proof those headers mean nothing.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use shared::env::{Env, Problem, Variable};
use shared::http::network;

pub const PROXY_SECRET: Variable = Variable {
    name: "CONSOLE_PROXY_SECRET",
    default: "",
    example: "64 random characters",
    help: "The secret by which a proxy in front of the console proves itself, at least 32 characters, in the header `Tidegate-Proxy-Secret`. With it the last address of `X-Forwarded-For` counts as the browser's.",
};
pub const PROXY_SECRET_FILE: Variable = Variable {
    name: "CONSOLE_PROXY_SECRET_FILE",
    default: "",
    example: "/run/secrets/console-proxy",
    help: "A file with that secret. Use it instead of CONSOLE_PROXY_SECRET.",
};
pub const SIGN_ON_HEADER: Variable = Variable {
    name: "CONSOLE_SIGN_ON_HEADER",
    default: "",
    example: "X-Auth-Request-User",
    help: "The header in which that proxy names the member of staff whom it has signed on. Unset, people sign in here. The proxy must remove the header from what browsers send.",
};

const PROOF: &str = "tidegate-proxy-secret";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A proxy that is believed.
#[derive(Clone)]
pub struct TrustedProxy {
    secret: SecretString,
    sign_on: Option<HeaderName>,
}

impl std::fmt::Debug for TrustedProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedProxy").field("sign_on", &self.sign_on).finish_non_exhaustive()
    }
}

/// The browser, as far as the console can know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its network: what is counted together.
    pub network: IpAddr,
    /// The same as text.
    pub address: String,
    /// Whom the proxy has signed on.
    pub signed_on: Option<String>,
}

impl TrustedProxy {
    /// `None` where none is configured.
    pub fn from_env(env: &Env) -> Result<Option<Self>, Problem> {
        let header = env.given(SIGN_ON_HEADER.name);
        let Some(secret) = env.long_secret(&PROXY_SECRET, &PROXY_SECRET_FILE)? else {
            if header.is_none() {
                return Ok(None);
            }
            let fault = format!("it needs {}: nobody else may name whom they sign on", PROXY_SECRET.name);
            return Err(SIGN_ON_HEADER.problem(fault));
        };
        let name = |text: &str| text.parse().map_err(|_| SIGN_ON_HEADER.problem("it is no name of a header"));
        Ok(Some(Self { secret, sign_on: header.map(name).transpose()? }))
    }

    /// Hashes are compared: how long that takes tells nothing of the secret.
    fn is(&self, headers: &HeaderMap) -> bool {
        let hash = |text: &[u8]| Sha256::digest(text);
        only(headers, PROOF)
            .is_some_and(|given| hash(given.as_bytes()) == hash(self.secret.expose_secret().as_bytes()))
    }
}

impl Client {
    pub(crate) fn of(proxy: Option<&TrustedProxy>, peer: IpAddr, headers: &HeaderMap) -> Self {
        let proxy = proxy.filter(|proxy| proxy.is(headers));
        // The last address is the one that the proxy saw itself; those before it, anybody can write.
        let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|line| line.to_str().ok());
        let forwarded = forwarded.and_then(|line| line.rsplit(',').next()?.trim().parse().ok());
        let network = network(proxy.and(forwarded).unwrap_or(peer));
        let sign_on = proxy.and_then(|proxy| proxy.sign_on.as_ref());
        let signed_on = sign_on.and_then(|header| only(headers, header.as_str())).map(str::to_owned);
        Self { network, address: network.to_string(), signed_on }
    }
}

/// The value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok().map(str::trim).filter(|text| !text.is_empty()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn client(
        settings: &[(&str, &str)],
        headers: &[(&'static str, &'static str)],
    ) -> (String, Option<String>) {
        let proxy = TrustedProxy::from_env(&Env::of(settings)).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let client = Client::of(proxy.as_ref(), "192.0.2.1".parse().unwrap(), &map);
        (client.address, client.signed_on)
    }

    #[test]
    fn only_a_proxy_that_proves_itself_is_believed() {
        let trusted = [("CONSOLE_PROXY_SECRET", SECRET), ("CONSOLE_SIGN_ON_HEADER", "X-User")];
        let (proof, told) = (("tidegate-proxy-secret", SECRET), ("x-forwarded-for", "10.0.0.9, 203.0.113.7"));
        let own = || "192.0.2.1".to_owned();
        let user = ("x-user", "jane");
        assert_eq!(client(&trusted, &[proof, told, user]), ("203.0.113.7".into(), Some("jane".into())));
        assert_eq!(client(&trusted, &[told, user]), (own(), None), "without its secret");
        let wrong = ("tidegate-proxy-secret", "0123456789abcdef0123456789abcdeX");
        assert_eq!(client(&trusted, &[wrong, told, user]), (own(), None));
        assert_eq!(client(&trusted, &[proof, proof, user]), (own(), None), "twice is not once");
        assert_eq!(client(&trusted, &[proof, user, user]), (own(), None), "two names are none");
        assert_eq!(client(&[], &[proof, told, user]), (own(), None), "off by default");
        assert_eq!(client(&trusted[..1], &[proof, told, user]).1, None, "sign-on is apart");
    }

    #[test]
    fn sign_on_without_a_secret_is_refused_and_no_secret_is_printed() {
        let problem = TrustedProxy::from_env(&Env::of(&[("CONSOLE_SIGN_ON_HEADER", "X-User")])).unwrap_err();
        assert_eq!(problem.name, "CONSOLE_SIGN_ON_HEADER");
        assert!(TrustedProxy::from_env(&Env::of(&[("CONSOLE_PROXY_SECRET", "short")])).is_err());
        let proxy = TrustedProxy::from_env(&Env::of(&[("CONSOLE_PROXY_SECRET", SECRET)])).unwrap();
        assert!(!format!("{proxy:?}").contains(SECRET));
    }
}
