//! Sends one POST to a receiver outside: resolved once, checked, and connected to exactly the address that was checked,
//! so that a name cannot lead into the private network by changing its mind. Redirects are not followed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use domain::notices::delivery::Sent;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use shared::tls::{self, Duplex};
use tokio::net::{TcpStream, lookup_host};
use tokio_util::task::AbortOnDropHandle;

const DEADLINE: Duration = Duration::from_secs(15);
/// The receiver may ask for no longer pause than this.
const LONGEST_PAUSE_SECS: i64 = 86_400;

/// What came of it. An address or a header is never part of a message: either may be a secret.
pub(super) async fn post(
    url: &str,
    headers: &[(&'static str, String)],
    body: String,
    allows_private: bool,
) -> Sent {
    match tokio::time::timeout(DEADLINE, try_post(url, headers, body, allows_private)).await {
        Ok(Ok((status, headers))) => judged(status, &headers),
        Ok(Err(why)) => Sent::Later(why, None),
        Err(_) => Sent::Later(format!("no answer within {} s", DEADLINE.as_secs()), None),
    }
}

fn judged(status: StatusCode, headers: &HeaderMap) -> Sent {
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<i64>().ok());
    let asked = asked.map(|secs| TimeDelta::seconds(secs.clamp(0, LONGEST_PAUSE_SECS)));
    match status {
        _ if status.is_success() => Sent::Delivered,
        StatusCode::GONE => Sent::Gone("the receiver answered 410: it wants no more notices".to_owned()),
        _ if status.is_redirection() => Sent::Later(
            format!("the receiver answered {}: redirects are not followed", status.as_u16()),
            asked,
        ),
        _ => Sent::Later(format!("the receiver answered {}", status.as_u16()), asked),
    }
}

async fn try_post(
    url: &str,
    headers: &[(&'static str, String)],
    body: String,
    allows_private: bool,
) -> Result<(StatusCode, HeaderMap), String> {
    let uri: Uri = url.parse().map_err(|_| "the address is not a URL".to_owned())?;
    let (Some(host), Some(authority)) = (uri.host(), uri.authority()) else {
        return Err("the address has no host".to_owned());
    };
    let is_tls = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let stream = connect(host, port, allows_private).await?;
    let stream: Box<dyn Duplex> = if is_tls {
        Box::new(tls::secured(stream, host).await.map_err(|error| format!("TLS failed: {error}"))?)
    } else {
        Box::new(stream)
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let hung_up = |error: hyper::Error| format!("the receiver hung up: {error}");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(hung_up)?;
    // It ends with this request: the body of the answer interests nobody.
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request).await.map_err(hung_up)?;
    Ok((answer.status(), answer.headers().clone()))
}

async fn connect(host: &str, port: u16, allows_private: bool) -> Result<TcpStream, String> {
    let addresses: Vec<SocketAddr> = lookup_host((host.trim_matches(['[', ']']), port))
        .await
        .map_err(|error| format!("the receiver's name cannot be resolved: {error}"))?
        .collect();
    if !allows_private && addresses.iter().any(|address| is_private(address.ip())) {
        return Err("the receiver is in a private network: --allow-private permits that".to_owned());
    }
    TcpStream::connect(&addresses[..])
        .await
        .map_err(|error| format!("the receiver cannot be reached: {error}"))
}

/// Whether an address is one that the world cannot reach, or that leads to such a one.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        _ if address.is_loopback() || address.is_unspecified() || address.is_multicast() => true,
        // Mapped, compatible, translated and tunnelled IPv4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => inner(high, low),
        [0x64, 0xff9b, 1, ..] | [0x2001, 0 | 0xdb8, ..] | [0x100, 0, 0, 0, ..] => true,
        [first, ..] => (first & 0xfe00) == 0xfc00 || (first & 0xffc0) == 0xfe80 || (first & 0xffc0) == 0xfec0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_the_world_cannot_reach_is_private_however_it_is_written() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
            "::127.0.0.1",
            "fec0::1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::",
        ] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn only_a_success_is_a_delivery_and_410_ends_it() {
        let none = HeaderMap::new();
        let of = |status: u16| judged(StatusCode::from_u16(status).unwrap(), &none);
        assert_eq!(of(204), Sent::Delivered);
        assert!(matches!(of(410), Sent::Gone(_)));
        for status in [301, 308, 400, 401, 404, 429, 500, 503] {
            assert!(matches!(of(status), Sent::Later(_, None)), "{status}");
        }
        let asked = HeaderMap::from_iter([(RETRY_AFTER, "999999".parse().unwrap())]);
        let judged = judged(StatusCode::SERVICE_UNAVAILABLE, &asked);
        assert!(matches!(judged, Sent::Later(_, Some(pause)) if pause == TimeDelta::days(1)));
    }

    #[tokio::test]
    async fn a_private_receiver_is_refused_by_its_resolved_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let refused = connect(host, port, false).await.unwrap_err();
            assert!(refused.contains("private network"), "{refused}");
        }
        connect("localhost", port, true).await.unwrap();
    }
}
