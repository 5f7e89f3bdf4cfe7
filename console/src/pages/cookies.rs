//! Cookies: what a browser brings back. No script reads them, no other site sends a form with them, and they end with the
//! browser.

use hyper::HeaderMap;
use hyper::header::{COOKIE, HOST};

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// A session, or a token.
    SignedIn,
    /// The first step of a login, whose second factor is still to come.
    Login,
}

/// Longer is no secret of ours.
pub(super) const SECRET_LIMIT_BYTES: usize = 512;
/// A browser takes this name from this host alone, over TLS alone.
const SECURE: &str = "__Host-";

impl Cookie {
    /// On loopback there is no TLS.
    fn name(self, headers: &HeaderMap) -> String {
        let prefix = if is_loopback(headers) { "" } else { SECURE };
        format!("{prefix}{}", if self == Self::SignedIn { "tidegate" } else { "tidegate-login" })
    }

    /// The secret that the browser brings back; none where two go by one name.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let name = self.name(headers);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(given, _)| *given == name).map(|(_, value)| value);
        let first = found.next()?;
        (found.next().is_none() && !first.is_empty() && first.len() <= SECRET_LIMIT_BYTES).then_some(first)
    }

    /// A line for `Set-Cookie`.
    pub(super) fn set(self, headers: &HeaderMap, secret: &str) -> String {
        let name = self.name(headers);
        let secure = if name.starts_with(SECURE) { "; Secure" } else { "" };
        format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}")
    }

    pub(super) fn clear(self, headers: &HeaderMap) -> String {
        self.set(headers, "") + "; Max-Age=0"
    }
}

/// Whether the browser and the console are on one machine.
pub(super) fn is_loopback(headers: &HeaderMap) -> bool {
    let host = host(headers);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

pub(super) fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
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
        let read = |host, cookie| Cookie::SignedIn.read(&headers(host, cookie)).map(str::to_owned);
        assert_eq!(read("127.0.0.1:8083", "a=b; tidegate=tdg_1").as_deref(), Some("tdg_1"));
        assert_eq!(read("pay.example", "tidegate=tdg_1"), None, "set without TLS");
        assert_eq!(read("pay.example", "__Host-tidegate=tdg_1").as_deref(), Some("tdg_1"));
        assert_eq!(read("pay.example", "__Host-tidegate-login=tdg_1"), None, "half a login is none");
        assert_eq!(read("pay.example", "__Host-tidegate=a; __Host-tidegate=b"), None);
        let set = Cookie::SignedIn.set(&headers("pay.example", ""), "tdg_1");
        assert_eq!(set, "__Host-tidegate=tdg_1; Path=/; HttpOnly; SameSite=Lax; Secure");
        let plain = Cookie::Login.set(&headers("localhost:1", ""), "x");
        assert_eq!(plain, "tidegate-login=x; Path=/; HttpOnly; SameSite=Lax");
    }
}
