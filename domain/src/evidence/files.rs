//! Files of evidence: what they are by their bytes, whether they came whole, and how much of them Stripe takes.

use envelope::hex::hex;
use sha2::{Digest, Sha256};

use crate::row::words;

/// As large as Stripe takes all files of one answer together, and so each of them.
pub const SUM_LIMIT_BYTES: usize = 4_500_000;
/// All files together have fewer than 50 pages.
const PAGES_LIMIT: i64 = 49;
/// Mastercard takes fewer.
const MASTERCARD_PAGES_LIMIT: i64 = 19;
const NAME_LIMIT_CHARS: usize = 120;
/// So near to its end a whole file says that it ends.
const TAIL_BYTES: usize = 1_024;

words! {
    /// What Stripe takes as evidence.
    pub enum FileKind {
        Pdf = "pdf",
        Jpeg = "jpeg",
        Png = "png",
    }
}

/// A file that Stripe takes, as far as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    pub kind: FileKind,
    /// `None` where a PDF does not say so in plain bytes.
    pub pages: Option<i64>,
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error(
        "the file's name is empty, longer than {NAME_LIMIT_CHARS} characters, or has quotes, slashes or control characters"
    )]
    Name,
    #[error("the file is empty")]
    Empty,
    #[error("the file has {bytes} bytes; Stripe takes {SUM_LIMIT_BYTES} for all files of an answer together")]
    TooLarge { bytes: usize },
    #[error("the file is no PDF, JPEG or PNG, whatever its name says: its first bytes tell")]
    OfNoKind,
    #[error("the file is cut off: it does not end like a {kind}")]
    CutOff { kind: FileKind },
    #[error("the PDF is encrypted: a bank could not open it")]
    Encrypted,
    #[error("the files together have {bytes} bytes; Stripe takes {SUM_LIMIT_BYTES}")]
    TogetherTooLarge { bytes: i64 },
    #[error("the files together have {pages} pages; {whose} at most {limit}")]
    TooManyPages { pages: i64, limit: i64, whose: &'static str },
}

impl FileKind {
    /// By the first bytes of the content.
    pub fn of(content: &[u8]) -> Option<Self> {
        let begins: [(&[u8], Self); 3] =
            [(b"%PDF-", Self::Pdf), (b"\xff\xd8\xff", Self::Jpeg), (b"\x89PNG\r\n\x1a\n", Self::Png)];
        begins.into_iter().find(|(start, _)| content.starts_with(start)).map(|(_, kind)| kind)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    fn end(self) -> &'static [u8] {
        match self {
            Self::Pdf => b"%%EOF",
            Self::Jpeg => b"\xff\xd9",
            Self::Png => b"IEND",
        }
    }
}

/// What a file is known by, in hex.
pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub fn check_file(name: &str, content: &[u8]) -> Result<CheckedFile, FileFault> {
    let is_name = (1..=NAME_LIMIT_CHARS).contains(&name.chars().count())
        && !name.chars().any(|character| character.is_control() || "\"\\/".contains(character));
    if !is_name {
        return Err(FileFault::Name);
    }
    if content.is_empty() {
        return Err(FileFault::Empty);
    }
    if content.len() > SUM_LIMIT_BYTES {
        return Err(FileFault::TooLarge { bytes: content.len() });
    }
    let kind = FileKind::of(content).ok_or(FileFault::OfNoKind)?;
    let tail = &content[content.len().saturating_sub(TAIL_BYTES)..];
    if !contains(tail, kind.end()) {
        return Err(FileFault::CutOff { kind });
    }
    if kind != FileKind::Pdf {
        return Ok(CheckedFile { kind, pages: Some(1) });
    }
    if contains(content, b"/Encrypt ") {
        return Err(FileFault::Encrypted);
    }
    Ok(CheckedFile { kind, pages: pages_of(content) })
}

/// Sizes and pages of all files of one answer. Pages that nobody knows count as one.
pub fn check_together(
    files: impl Iterator<Item = (i64, Option<i64>)> + Clone,
    card_brand: Option<&str>,
) -> Result<(), FileFault> {
    let bytes: i64 = files.clone().map(|(bytes, _)| bytes).sum();
    if usize::try_from(bytes).unwrap_or(usize::MAX) > SUM_LIMIT_BYTES {
        return Err(FileFault::TogetherTooLarge { bytes });
    }
    let pages: i64 = files.map(|(_, pages)| pages.unwrap_or(1)).sum();
    let (limit, whose) = match card_brand {
        Some("mastercard") => (MASTERCARD_PAGES_LIMIT, "Mastercard takes"),
        _ => (PAGES_LIMIT, "Stripe takes"),
    };
    if pages > limit { Err(FileFault::TooManyPages { pages, limit, whose }) } else { Ok(()) }
}

/// The pages that a PDF names in plain bytes. Newer ones compress the objects that would say it.
fn pages_of(content: &[u8]) -> Option<i64> {
    if contains(content, b"/ObjStm") {
        return None;
    }
    let mut pages = 0;
    let mut rest = content;
    while let Some(at) = find(rest, b"/Type") {
        rest = &rest[at + b"/Type".len()..];
        let word = rest.trim_ascii_start();
        let is_page =
            word.starts_with(b"/Page") && word.get(5).is_none_or(|next| !next.is_ascii_alphanumeric());
        pages += i64::from(is_page);
    }
    (pages > 0).then_some(pages)
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    find(content, wanted).is_some()
}

fn find(content: &[u8], wanted: &[u8]) -> Option<usize> {
    content.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdf(pages: usize) -> Vec<u8> {
        let mut text = "%PDF-1.4\n1 0 obj << /Type /Pages /Count 1 >> endobj\n".to_owned();
        for _ in 0..pages {
            text.push_str("2 0 obj << /Type/Page /Parent 1 0 R >> endobj\n");
        }
        (text + "trailer\n%%EOF\n").into_bytes()
    }

    #[test]
    fn a_file_is_what_it_begins_and_ends_like() {
        let png = b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82";
        let one_page = |kind| Ok(CheckedFile { kind, pages: Some(1) });
        assert_eq!(check_file("a.pdf", png), one_page(FileKind::Png), "its name says nothing");
        assert_eq!(check_file("a", b"\xff\xd8\xff\xe0..\xff\xd9"), one_page(FileKind::Jpeg));
        assert_eq!(check_file("a", &pdf(3)), Ok(CheckedFile { kind: FileKind::Pdf, pages: Some(3) }));
        assert_eq!(check_file("a.pdf", b"<html>"), Err(FileFault::OfNoKind));
        assert_eq!(check_file("a.pdf", b""), Err(FileFault::Empty));
        assert_eq!(check_file("a.png", &png[..12]), Err(FileFault::CutOff { kind: FileKind::Png }));
        let large = [pdf(1), vec![b' '; SUM_LIMIT_BYTES]].concat();
        assert_eq!(check_file("a.pdf", &large), Err(FileFault::TooLarge { bytes: large.len() }));
        let locked = [pdf(1), b"/Encrypt 5 0 R %%EOF".to_vec()].concat();
        assert_eq!(check_file("a.pdf", &locked), Err(FileFault::Encrypted));
        let packed = [b"%PDF-1.7 /Type /ObjStm".to_vec(), pdf(1)].concat();
        assert_eq!(check_file("a.pdf", &packed).unwrap().pages, None);
    }

    #[test]
    fn a_name_cannot_end_its_quotes() {
        for name in ["a\".pdf", "a\r\nb", "", "../a.pdf", &"a".repeat(121)] {
            assert_eq!(check_file(name, &pdf(1)), Err(FileFault::Name), "{name}");
        }
    }

    #[test]
    fn all_files_together_have_a_size_and_pages() {
        let of = |files: &[(i64, Option<i64>)], brand| check_together(files.iter().copied(), brand);
        assert_eq!(of(&[(4_000_000, Some(30)), (500_000, Some(19))], Some("visa")), Ok(()));
        assert!(
            of(&[(4_000_000, None), (500_001, None)], None)
                .unwrap_err()
                .to_string()
                .contains("4500001 bytes")
        );
        assert!(
            of(&[(1, Some(49)), (1, None)], None).unwrap_err().to_string().contains("50 pages; Stripe takes")
        );
        let of_mastercard = of(&[(1, Some(20))], Some("mastercard")).unwrap_err().to_string();
        assert!(of_mastercard.contains("Mastercard takes at most 19"), "{of_mastercard}");
    }
}
