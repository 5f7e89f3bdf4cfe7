//! Pages and files as HTTP: what a browser may run, show and keep.

use desk::actor::Actor;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use maud::Markup;

use super::assets::Asset;
use crate::response_body::ResponseBody;
use crate::responses::HttpResponse;

/// Nothing but what we serve, nothing inline, in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// What a browser gets, and who asked for it.
pub(crate) struct Browsed {
    pub response: HttpResponse,
    pub actor: Option<String>,
    /// For the log alone.
    pub cause: Option<String>,
    pub is_fatal: bool,
}

impl Browsed {
    pub(super) fn by(actor: Option<&Actor>, response: HttpResponse) -> Self {
        Self { response, actor: actor.map(Actor::name), cause: None, is_fatal: false }
    }
}

pub(super) fn html(status: StatusCode, page: Markup) -> HttpResponse {
    of(status, "text/html; charset=utf-8", page.into_string())
}

/// Its name changes with what is in it.
pub(super) fn asset(asset: &'static Asset) -> HttpResponse {
    let mut response = of(StatusCode::OK, asset.content_type, asset.text);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(CACHE_CONTROL, forever);
    response
}

/// After a form, or where an old address leads; read anew with GET.
pub(super) fn elsewhere(place: &str) -> HttpResponse {
    let mut response = of(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    // An address of ours is made of letters that a header takes.
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, place);
    response
}

/// To be kept by the browser under this name.
pub(super) fn file(name: &str, content_type: &'static str, body: ResponseBody) -> HttpResponse {
    let mut response = of(StatusCode::OK, content_type, body);
    let kept_as = format!("attachment; filename=\"{name}\"");
    let kept_as = HeaderValue::from_str(&kept_as).unwrap_or(HeaderValue::from_static("attachment"));
    response.headers_mut().insert(CONTENT_DISPOSITION, kept_as);
    response
}

/// With what stands for it, for whoever asks again.
pub(super) fn with_tag(mut response: HttpResponse, tag: Option<&str>) -> HttpResponse {
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// For whoever has it as it is.
pub(super) fn unchanged(tag: &str) -> HttpResponse {
    with_tag(of(StatusCode::NOT_MODIFIED, "text/html; charset=utf-8", ""), Some(tag))
}

pub(super) fn with_cookie(mut response: HttpResponse, cookie: &str) -> HttpResponse {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn of(status: StatusCode, content_type: &'static str, body: impl Into<ResponseBody>) -> HttpResponse {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_kept_nowhere_and_a_file_for_ever() {
        let page = html(StatusCode::OK, maud::html! { "x" });
        assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
        assert!(!page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("unsafe"));
        let file = asset(&super::super::assets::STYLE);
        assert!(file.headers()[CACHE_CONTROL].to_str().unwrap().ends_with("immutable"));
        assert_eq!(elsewhere("/\n").headers()[LOCATION], "/");
    }
}
