//! Files for disputes, sent as multipart to the host that takes them.

use bytes::{BufMut, Bytes, BytesMut};

use super::answer::Answer;
use super::sending::Sending;
use super::transport::Outgoing;
use super::{Api, StripeError};

/// As large as Stripe takes a file of evidence.
pub const FILE_LIMIT_BYTES: usize = 5 * 1024 * 1024;
const NAME_LIMIT_CHARS: usize = 120;

/// A file of evidence.
#[derive(Clone)]
pub struct EvidenceFile<'a> {
    pub name: &'a str,
    pub kind: FileKind,
    pub content: &'a [u8],
}

/// What Stripe takes as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Pdf,
    Jpeg,
    Png,
}

impl FileKind {
    /// By the first bytes of the content.
    pub fn of(content: &[u8]) -> Option<Self> {
        let begins: [(&[u8], Self); 3] =
            [(b"%PDF-", Self::Pdf), (b"\xff\xd8\xff", Self::Jpeg), (b"\x89PNG\r\n\x1a\n", Self::Png)];
        begins.into_iter().find(|(start, _)| content.starts_with(start)).map(|(_, kind)| kind)
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

impl Api {
    pub async fn upload_evidence(
        &self,
        file: &EvidenceFile<'_>,
        sending: Sending<'_>,
    ) -> Result<Answer, StripeError> {
        if file.content.len() > FILE_LIMIT_BYTES {
            return Err(StripeError::Unsendable("the file is larger than 5 MiB"));
        }
        if !is_name(file.name) {
            return Err(StripeError::Unsendable(
                "the file's name has quotes, control characters or more than 120 characters",
            ));
        }
        let boundary = boundary_not_in(file.content);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        self.send(&Outgoing::upload(content_type, multipart(file, &boundary)), sending).await
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_LIMIT_CHARS).contains(&name.chars().count())
        && !name.chars().any(|character| character.is_control() || "\"\\/".contains(character))
}

/// The same for the same content, so that a repeated request is the same request.
fn boundary_not_in(content: &[u8]) -> String {
    let is_free =
        |boundary: &String| !content.windows(boundary.len()).any(|part| part == boundary.as_bytes());
    (0..=content.len())
        .map(|number| format!("tidegate-part-{number}"))
        .find(is_free)
        .expect("a file has fewer parts than bytes")
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
    fn a_boundary_is_not_in_the_content() {
        assert_eq!(boundary_not_in(b"a"), "tidegate-part-0");
        assert_eq!(boundary_not_in(b"x tidegate-part-0 y"), "tidegate-part-1");
    }

    #[test]
    fn a_file_is_what_it_begins_like() {
        assert_eq!(FileKind::of(b"\x89PNG\r\n\x1a\nx"), Some(FileKind::Png));
        assert_eq!(FileKind::of(b"\xff\xd8\xff\xe0"), Some(FileKind::Jpeg));
        assert_eq!(FileKind::of(b"<html>"), None);
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert!(is_name("invoice 1.pdf") && !is_name("a\".pdf") && !is_name("a\r\nb") && !is_name(""));
    }
}
