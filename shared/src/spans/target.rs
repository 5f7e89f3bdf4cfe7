//! The collector's address: plain HTTP beside the process. There is no TLS on purpose: the collector speaks it,
//! with its own certificates, retries and batches.

use hyper::Uri;

/// The port that collectors take OTLP over HTTP at.
const PORT: u16 = 4_318;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// For the `Host` header.
    pub(super) authority: String,
    pub(super) path: String,
}

impl Target {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Err("TLS is not supported: run a collector beside the process and let it speak TLS to whatever is behind it".to_owned());
        }
        let plain = || "not an http:// address with a host, a port and an optional path".to_owned();
        let uri: Uri = text.parse().map_err(|_| plain())?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(plain());
        };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("it must not have a user, password or query".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(plain());
        }
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(PORT),
            authority: authority.to_string(),
            path: format!("{}/v1/traces", uri.path().trim_end_matches('/')),
        })
    }

    /// As logs show it.
    pub(super) fn shown(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_a_base_below_which_traces_have_their_path() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1", 4_318, "/v1/traces"),
            ("http://collector", "collector", 4_318, "/v1/traces"),
            ("http://[::1]:99/otlp/", "::1", 99, "/otlp/v1/traces"),
        ] {
            let target = Target::read(url).unwrap();
            assert_eq!((target.host.as_str(), target.port, target.path.as_str()), (host, port, path));
        }
    }
}
