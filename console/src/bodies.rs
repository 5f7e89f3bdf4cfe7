//! Reads the body of a request within the limits of its endpoint: JSON, or a form with a file.

use bytes::Bytes;
use domain::evidence::sha256;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use hyper::http::request::Parts;
use serde_json::{Map, Value, json};
use shared::http::body::{self, Taken};

use crate::Console;
use crate::endpoint::{BODY_LIMIT_BYTES, Endpoint};
use crate::fields::Kind;
use crate::multipart::{self, Part};
use crate::problem::{Code, Problem};

/// So much longer than another body a file may take to arrive.
const FILE_DEADLINE_FACTOR: u32 = 4;

/// What a body holds: its members, and the content of its file. It takes its room until it is dropped.
#[derive(Default)]
pub(crate) struct Given<'c> {
    pub(crate) members: Map<String, Value>,
    pub(crate) file: Option<Bytes>,
    pub(crate) room: Option<Taken<'c>>,
}

/// The body's members. No body is an empty object.
pub(crate) async fn read<'c>(
    console: &'c Console,
    endpoint: &Endpoint,
    parts: &Parts,
    incoming: Incoming,
) -> Result<Given<'c>, Problem> {
    let is_encoded = parts.headers.contains_key(CONTENT_ENCODING);
    let media_type = parts.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if endpoint.takes_file() {
        let boundary = media_type.and_then(multipart::boundary).filter(|_| !is_encoded);
        let boundary = boundary.ok_or_else(|| {
            let detail = "send a file as multipart/form-data, without a content encoding";
            Problem::new(Code::UnsupportedMediaType, detail)
        })?;
        let taken = bytes(console, endpoint.body_limit_bytes(), incoming).await?;
        let form = multipart::read(&taken.bytes, boundary);
        let form = form.ok_or_else(|| Problem::new(Code::InvalidBody, "not a whole form with a file"))?;
        return Ok(Given { room: Some(taken), ..of_form(endpoint, form)? });
    }
    let is_json = media_type.is_none_or(|text| {
        text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    });
    if is_encoded || !is_json {
        let detail = "send JSON as application/json, without a content encoding";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let taken = bytes(console, endpoint.body_limit_bytes(), incoming).await?;
    if taken.bytes.is_empty() {
        return Ok(Given::default());
    }
    if media_type.is_none() {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "say what the body is: Content-Type: application/json",
        ));
    }
    // What is wrong with it is told by place only: it may hold what no log may.
    let members = serde_json::from_slice(&taken.bytes).map_err(|fault| {
        let (line, column) = (fault.line(), fault.column());
        Problem::new(Code::InvalidBody, format!("not one JSON object: see line {line}, column {column}"))
    })?;
    Ok(Given { members, file: None, room: Some(taken) })
}

/// The bytes of a body within its limits of size, of room and of time.
pub(crate) async fn bytes(
    console: &Console,
    limit_bytes: usize,
    incoming: Incoming,
) -> Result<Taken<'_>, Problem> {
    let too_large =
        || Problem::new(Code::BodyTooLarge, format!("a body has at most {limit_bytes} bytes here"));
    if body::declares_more_than(&incoming, limit_bytes) {
        return Err(too_large());
    }
    let deadline = console.limits.body_deadline;
    let (room, deadline) = if limit_bytes > BODY_LIMIT_BYTES {
        (&console.file_room, deadline * FILE_DEADLINE_FACTOR)
    } else {
        (&console.room, deadline)
    };
    let taken = body::read(incoming, limit_bytes, deadline, room).await;
    taken.map_err(|fault| match fault {
        body::BodyFault::TooLarge => too_large(),
        body::BodyFault::Slow => Problem::new(Code::SlowBody, "the body did not arrive in time"),
        body::BodyFault::Broken => Problem::new(Code::InvalidBody, "the body was cut off or badly framed"),
        body::BodyFault::NoRoom => {
            Problem::new(Code::Unavailable, "too many bodies are in progress: try again in a second")
        }
    })
}

/// The parts of a form as members: of a file its name and its hash, so that a repetition is known.
fn of_form(endpoint: &Endpoint, form: Vec<Part>) -> Result<Given<'static>, Problem> {
    let mut given = Given::default();
    for Part { name, file_name, content } in form {
        let kind = endpoint.body.unwrap_or_default().iter().find(|field| field.name == name);
        let value = match kind.map(|field| field.kind) {
            // Nothing was chosen.
            Some(Kind::File) if content.is_empty() => continue,
            Some(Kind::File) => {
                let hash = sha256(&content);
                given.file = Some(content);
                json!({"name": file_name.unwrap_or_default(), "sha256": hash})
            }
            kind => {
                let text = std::str::from_utf8(&content).ok();
                let text = text.ok_or_else(|| Problem::invalid("form", "one of its fields is not text"))?;
                match (kind, text) {
                    (Some(Kind::Flag), "true" | "false") => Value::Bool(text == "true"),
                    _ => Value::String(text.to_owned()),
                }
            }
        };
        if given.members.insert(name.clone(), value).is_some() {
            return Err(Problem::invalid(
                &name.chars().take(64).collect::<String>(),
                "it is given more than once",
            ));
        }
    }
    Ok(given)
}

/// The fields of a page's form in their order, and its file.
pub(crate) type PageForm = (Vec<(String, String)>, Option<Part>);

pub(crate) fn of_page(endpoint: &Endpoint, form: Vec<Part>) -> Result<PageForm, Problem> {
    let (mut fields, mut file) = (Vec::new(), None);
    for part in form {
        let is_file = endpoint
            .body
            .unwrap_or_default()
            .iter()
            .any(|field| field.name == part.name && matches!(field.kind, Kind::File));
        if is_file {
            file = Some(part).filter(|part| !part.content.is_empty());
            continue;
        }
        let text = String::from_utf8(part.content.to_vec());
        fields
            .push((part.name, text.map_err(|_| Problem::invalid("form", "one of its fields is not text"))?));
    }
    Ok((fields, file))
}
