//! Reads `multipart/form-data`, as browsers and curl send a file: within limits, and nothing else of the format.

use bytes::Bytes;

const PARTS_LIMIT: usize = 16;
const HEAD_LIMIT_BYTES: usize = 4_096;
const BOUNDARY_LIMIT_CHARS: usize = 70;

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// Of a field that takes a file; empty where none was chosen.
    pub file_name: Option<String>,
    pub content: Bytes,
}

/// The boundary that a `Content-Type` names.
pub fn boundary(media_type: &str) -> Option<&str> {
    let mut parts = media_type.split(';').map(str::trim);
    parts.next().filter(|kind| kind.eq_ignore_ascii_case("multipart/form-data"))?;
    let (_, text) = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let text = text.trim_matches('"');
    let is_good =
        (1..=BOUNDARY_LIMIT_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then_some(text)
}

/// The fields in their order; `None` where it is not such a form.
pub fn read(body: &Bytes, boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("--{boundary}").into_bytes();
    let between = [b"\r\n", delimiter.as_slice()].concat();
    let mut at = body.starts_with(&delimiter).then_some(delimiter.len())?;
    let mut parts = Vec::new();
    loop {
        let rest = &body[at..];
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let rest = rest.strip_prefix(b"\r\n")?;
        let head = find(&rest[..rest.len().min(HEAD_LIMIT_BYTES)], b"\r\n\r\n")?;
        let begin = at + 2 + head + 4;
        let end = begin + find(&body[begin..], &between)?;
        let (name, file_name) = names(std::str::from_utf8(&rest[..head]).ok()?)?;
        parts.push(Part { name, file_name, content: body.slice(begin..end) });
        at = end + between.len();
        if parts.len() > PARTS_LIMIT {
            return None;
        }
    }
}

/// The name of a field, and of its file.
fn names(head: &str) -> Option<(String, Option<String>)> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut disposition = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-disposition"));
    let value = disposition.next()?.1.trim().strip_prefix("form-data")?;
    let file_name = quoted(value, "filename").map(|path| {
        // Old browsers send the whole path.
        path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    });
    Some((quoted(value, "name")?, file_name))
}

/// A quoted parameter. Browsers write a quote inside as `%22`, curl as `\"`.
fn quoted(value: &str, wanted: &str) -> Option<String> {
    let begin = format!("{wanted}=\"");
    let mut places = value.match_indices(&begin).map(|(at, _)| at);
    // `name` also ends `filename`.
    let at = places.find(|at| value[..*at].ends_with([' ', ';']))?;
    let text = &value[at + begin.len()..];
    let mut read = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some(read.replace("%22", "\"").replace("%0D", "").replace("%0A", "")),
            '\\' if letters.as_str().starts_with('"') => read.extend(letters.next()),
            letter => read.push(letter),
        }
    }
}

fn find(content: &[u8], wanted: &[u8]) -> Option<usize> {
    content.windows(wanted.len()).position(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &str) -> Bytes {
        Bytes::from(parts.replace('\n', "\r\n"))
    }

    #[test]
    fn fields_and_files_are_read_as_browsers_send_them() {
        let body = form(
            "--b\nContent-Disposition: form-data; name=\"field\"\n\nreceipt\n--b\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"C:\\a\\my %22 bill.pdf\"\nContent-Type: application/pdf\n\n%PDF-\n--c\n\n--b--\n",
        );
        let parts = read(&body, "b").unwrap();
        assert_eq!(
            (parts[0].name.as_str(), &parts[0].file_name, &parts[0].content[..]),
            ("field", &None, &b"receipt"[..])
        );
        assert_eq!(parts[1].name, "file");
        assert_eq!(parts[1].file_name.as_deref(), Some("my \" bill.pdf"));
        assert_eq!(&parts[1].content[..], b"%PDF-\r\n--c\r\n");
    }

    #[test]
    fn what_is_no_whole_form_is_refused() {
        for body in [
            "",
            "--b",
            "--b\n",
            "--b\nContent-Disposition: form-data; name=\"a\"\n\nx",
            "--b\nContent-Disposition: form-data\n\nx\n--b--",
            "--b\nContent-Disposition: form-data; name=\"a\n\nx\n--b--",
            "--b\nX: y\n\nx\n--b--",
        ] {
            assert_eq!(read(&form(body), "b"), None, "{body}");
        }
        let many = "--b\nContent-Disposition: form-data; name=\"a\"\n\nx\n".repeat(17) + "--b--";
        assert_eq!(read(&form(&many), "b"), None);
    }

    #[test]
    fn a_boundary_is_named_by_the_content_type() {
        assert_eq!(boundary("multipart/form-data; boundary=\"x-1\""), Some("x-1"));
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; Boundary=x"), Some("x"));
        for bad in ["multipart/form-data", "application/json; boundary=x", "multipart/form-data; boundary="] {
            assert_eq!(boundary(bad), None, "{bad}");
        }
    }
}
