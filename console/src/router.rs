//! Finds the endpoint of a request. Where a path fits several rows, the one with the longest text of its own counts.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::endpoint::Endpoint;
use crate::fields;

pub(crate) enum Routed {
    To(&'static Endpoint, Vec<String>),
    /// The address is known, for these methods.
    OtherMethod(Vec<&'static Method>),
    Nowhere,
}

pub(crate) fn route(
    endpoints: impl Iterator<Item = &'static Endpoint>,
    method: &Method,
    path: &str,
) -> Routed {
    let mut fitting: Vec<(&'static Endpoint, Vec<String>)> =
        endpoints.filter_map(|endpoint| Some((endpoint, names(endpoint.path, path)?))).collect();
    let Some(fewest) = fitting.iter().map(|(_, names)| names.len()).min() else { return Routed::Nowhere };
    fitting.retain(|(_, names)| names.len() == fewest);
    let asked = if method == Method::HEAD { &Method::GET } else { method };
    let known: Vec<&'static Method> = fitting.iter().map(|(endpoint, _)| &endpoint.method).collect();
    match fitting.into_iter().find(|(endpoint, _)| endpoint.method == *asked) {
        Some((endpoint, names)) => Routed::To(endpoint, names),
        None => Routed::OtherMethod(known),
    }
}

/// What stands for `{…}`, if the path fits the pattern.
fn names(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut patterns, mut parts, mut names) = (pattern.split('/'), path.split('/'), Vec::new());
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return Some(names),
            (Some(pattern), Some(part)) if pattern.starts_with('{') => {
                let name = percent_decode_str(part).decode_utf8().ok()?;
                names.push(fields::name(&name).ok().filter(|name| !name.is_empty())?);
            }
            (Some(pattern), Some(part)) if pattern == part => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::endpoints;

    fn routed(method: &Method, path: &str) -> String {
        match route(endpoints(), method, path) {
            Routed::To(endpoint, names) => {
                format!("{} {}", endpoint.name, names.join(" ")).trim_end().to_owned()
            }
            Routed::OtherMethod(known) => format!("{known:?}"),
            Routed::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn paths_are_exact_and_names_are_decoded() {
        for (path, expected) in [
            ("/api/v1/payments", "list_payments"),
            ("/api/v1/payments/pi_1", "get_payment pi_1"),
            ("/api/v1/bans/a%20b%2Fc", "get_ban a b/c"),
            ("/api/v1/disputes/summary", "summarise_disputes"),
            ("/api/v1/payments/", "nowhere"),
            ("/api/v1/payments/pi_1/x", "nowhere"),
            ("/api/v1/payments/%00", "nowhere"),
            ("/api/v1/payments/%ff", "nowhere"),
            ("/api/v2/payments", "nowhere"),
            ("/", "nowhere"),
            ("*", "nowhere"),
        ] {
            assert_eq!(routed(&Method::GET, path), expected, "{path}");
        }
        assert_eq!(routed(&Method::HEAD, "/api/v1/payments"), "list_payments");
        assert_eq!(routed(&Method::DELETE, "/api/v1/payments"), "[GET]");
        assert_eq!(routed(&Method::POST, "/api/v1/dead-letters/discard"), "discard_dead_letters");
    }

    #[test]
    fn every_row_is_reached_by_its_own_path() {
        for endpoint in endpoints() {
            let path = endpoint.path.replace(['{', '}'], "");
            let Routed::To(found, _) = route(endpoints(), &endpoint.method, &path) else {
                panic!("{} {} leads nowhere", endpoint.method, endpoint.path)
            };
            assert_eq!(found.name, endpoint.name);
        }
    }
}
