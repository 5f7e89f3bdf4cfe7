//! Files: taken by multipart on their own host, shown everywhere.

use serde_json::{Value, json};

use crate::books::Books;
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::lists::{self, PAGING};
use crate::params::Params;

const SIZE_LIMIT_BYTES: usize = 5_000_000;

pub(crate) fn create(books: &mut Books, call: &Call) -> Answer {
    let params = Params(&call.parameters).allow(&["purpose", "file_link_data"])?;
    let purpose = params.required("purpose")?;
    let Some(file) = &call.file else {
        return Err(Refusal::invalid("file", "Missing required param: file.").code("parameter_missing"));
    };
    let Some(kind) = kind(&file.bytes) else {
        let words = "Invalid file: we expect evidence as PDF, JPEG or PNG.";
        return Err(Refusal::invalid("file", words));
    };
    if file.bytes.len() > SIZE_LIMIT_BYTES {
        return Err(Refusal::invalid("file", "The file is larger than the limit of 5 MB for its purpose."));
    }
    let id = format!("file_1{}", books.random_text(23));
    books.put(json!({
        "id": id, "object": "file", "created": books.now, "expires_at": null, "filename": file.name,
        "links": { "object": "list", "data": [], "has_more": false, "url": format!("/v1/file_links?file={id}") },
        "purpose": purpose, "size": file.bytes.len(), "title": null, "type": kind,
        "url": format!("https://files.stripe.com/v1/files/{id}/contents"),
    }));
    retrieve(books, &id)
}

/// By its first bytes, whatever its name says.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'%', b'P', b'D', b'F', ..] => Some("pdf"),
        [0xff, 0xd8, 0xff, ..] => Some("jpg"),
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        _ => None,
    }
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Answer {
    books.find("file", id, "file").cloned()
}

pub(crate) fn list(books: &Books, params: Params<'_>) -> Answer {
    let params = params.allow(&[PAGING, &["purpose"]].concat())?;
    let mut files: Vec<&Value> = books.all("file");
    files.retain(|file| params.text("purpose").is_none_or(|purpose| file["purpose"] == purpose));
    lists::of_objects(files, params, "file upload", "/v1/files")
}
