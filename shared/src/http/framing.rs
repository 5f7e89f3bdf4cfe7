//! Rejects what hyper accepts and RFC 9112 does not: a missing or repeated Host, and unknown transfer codings.
//! A proxy in front may read such a request differently.

use hyper::Version;
use hyper::header::{HOST, HeaderMap, TRANSFER_ENCODING};

const HOST_LIMIT_BYTES: usize = 255;

/// Why a request is not answered as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misframed {
    /// RFC 9112, 3.2: no host, several, or one that is none: "MUST respond with a 400".
    Host,
    /// RFC 9112, 6.1: chunked may be applied once. Where such a body ends is in doubt: 400.
    ChunkedTwice,
    /// RFC 9112, 6.1: a coding that is not understood: "SHOULD respond with 501".
    UnknownCoding,
}

/// What is wrong with a head that hyper took. hyper refuses by itself codings that do not end in `chunked`, any
/// coding in HTTP/1.0, and lengths that differ or are no numbers.
pub fn fault(version: Version, headers: &HeaderMap) -> Option<Misframed> {
    let mut hosts = headers.get_all(HOST).iter();
    let is_good = match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host.as_bytes()),
        // HTTP/1.0 knows no hosts, and probes of load balancers still speak it.
        (None, _) => version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    if is_good { coding(headers) } else { Some(Misframed::Host) }
}

/// A name, an address or `[…]`, with a port or without; or empty, as for a target that has none (RFC 9112, 3.2).
/// A comma may be the trace of two lines that were made one.
fn is_host(text: &[u8]) -> bool {
    let is_of_a_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%[]:".contains(byte);
    text.len() <= HOST_LIMIT_BYTES && text.iter().all(is_of_a_host)
}

fn coding(headers: &HeaderMap) -> Option<Misframed> {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let mut codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    if !codings.next().is_none_or(is_chunked) {
        return Some(Misframed::UnknownCoding);
    }
    codings.next().map(
        |coding| {
            if is_chunked(coding) { Misframed::ChunkedTwice } else { Misframed::UnknownCoding }
        },
    )
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn of(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_host_is_needed_and_one_is_enough() {
        for host in ["a.example", "a.example:8443", "127.0.0.1:80", "[::1]:80", "a_b", ""] {
            assert_eq!(fault(Version::HTTP_11, &of(&[("host", host)])), None, "{host}");
        }
        for host in ["a b", "a,b", "a/b", "u@a", "a?b", "a#b", "a\tb"] {
            assert_eq!(fault(Version::HTTP_11, &of(&[("host", host)])), Some(Misframed::Host), "{host}");
        }
        assert_eq!(fault(Version::HTTP_11, &of(&[])), Some(Misframed::Host));
        assert_eq!(fault(Version::HTTP_10, &of(&[])), None);
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(fault(version, &of(&[("host", "a"), ("host", "a")])), Some(Misframed::Host));
        }
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        let table = [
            (&["chunked"][..], None),
            (&["Chunked "], None),
            (&["gzip, chunked"], Some(Misframed::UnknownCoding)),
            (&["gzip", "chunked"], Some(Misframed::UnknownCoding)),
            (&["identity, chunked"], Some(Misframed::UnknownCoding)),
            (&["chunked;a=b"], Some(Misframed::UnknownCoding)),
            (&[", chunked"], Some(Misframed::UnknownCoding)),
            (&["chunked, chunked"], Some(Misframed::ChunkedTwice)),
            (&["chunked", "chunked"], Some(Misframed::ChunkedTwice)),
            (&["chunked, gzip, chunked"], Some(Misframed::UnknownCoding)),
        ];
        for (lines, expected) in table {
            let mut headers = of(&[("host", "a")]);
            for line in lines {
                headers.append(TRANSFER_ENCODING, HeaderValue::from_static(line));
            }
            assert_eq!(fault(Version::HTTP_11, &headers), expected, "{lines:?}");
        }
    }
}
