//! Files for disputes, sent as multipart to the host that takes them.

use bytes::{BufMut, Bytes, BytesMut};
use domain::evidence::{FileKind, check_file};
use serde::Deserialize;

use super::answer::Answer;
use super::sending::Sending;
use super::transport::Outgoing;
use super::{Api, StripeError};

/// A file of evidence.
#[derive(Clone)]
pub struct EvidenceFile<'a> {
    pub name: &'a str,
    pub kind: FileKind,
    pub content: &'a [u8],
}

/// What Stripe says of an uploaded file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FileNow {
    pub id: String,
    #[serde(default)]
    pub purpose: String,
    #[serde(default)]
    pub size: u64,
}

impl Api {
    #[shared::built_once]
    pub async fn upload_evidence(
        &self,
        file: &EvidenceFile<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        if check_file(file.name, file.content).is_err() {
            return Err(StripeError::Unsendable("the file is none that Stripe takes as evidence"));
        }
        let boundary = boundary_of(file.content);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        self.send(&Outgoing::upload(content_type, multipart(file, &boundary)), sending).await
    }
}

/// The same for the same content, so that a repeated request is the same request. No content has its own hash in it.
fn boundary_of(content: &[u8]) -> String {
    format!("tidegate-{}", &domain::evidence::sha256(content)[..40])
}

fn multipart(file: &EvidenceFile<'_>, boundary: &str) -> Bytes {
    let purpose = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n"
    );
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
        file.name,
        file.kind.content_type()
    );
    let end = format!("\r\n--{boundary}--\r\n");
    let mut body = BytesMut::with_capacity(purpose.len() + head.len() + file.content.len() + end.len());
    for part in [purpose.as_bytes(), head.as_bytes(), file.content, end.as_bytes()] {
        body.put_slice(part);
    }
    body.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_sent_as_it_is_between_its_boundaries() {
        let file = EvidenceFile { name: "receipt.pdf", kind: FileKind::Pdf, content: b"%PDF-\x00\r\n--" };
        let body = multipart(&file, "b");
        let expected = b"--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\ndispute_evidence\r\n\
            --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"receipt.pdf\"\r\n\
            Content-Type: application/pdf\r\n\r\n%PDF-\x00\r\n--\r\n--b--\r\n";
        assert_eq!(&body[..], &expected[..]);
    }

    #[test]
    fn a_boundary_is_the_contents_own() {
        assert_eq!(boundary_of(b"a"), boundary_of(b"a"));
        assert_ne!(boundary_of(b"a"), boundary_of(boundary_of(b"a").as_bytes()));
    }
}
