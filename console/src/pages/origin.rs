//! Whether a form was sent by a page of ours. Browsers say so: by `Sec-Fetch-Site`, older ones by `Origin`. Who says
//! neither is no browser that another site could lead here, and brings no cookie of ours: they are `SameSite=Lax`.

use hyper::HeaderMap;
use hyper::header::ORIGIN;

const SITE: &str = "sec-fetch-site";

pub(crate) fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    let mut sites = headers.get_all(SITE).iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => return site != "same-origin" && site != "none",
        (Some(_), Some(_)) => return true,
        (None, _) => {}
    }
    match headers.get(ORIGIN) {
        None => false,
        // A proxy may speak TLS for us: the host counts, which it must pass on.
        Some(origin) => {
            let of_origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            of_origin.is_none_or(|(_, of_origin)| !of_origin.eq_ignore_ascii_case(host))
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_our_own_pages_send_forms() {
        let foreign = |headers: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            is_foreign(&map, "127.0.0.1:8083")
        };
        for ours in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://127.0.0.1:8083")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://127.0.0.1:8083")],
            &[],
        ] {
            assert!(!foreign(ours), "{ours:?}");
        }
        for theirs in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "http://127.0.0.1:8084")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:8083")],
        ] {
            assert!(foreign(theirs), "{theirs:?}");
        }
    }
}
