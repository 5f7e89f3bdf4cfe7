//! Finds the end of a request's head. hyper also ends lines at a bare LF, which other servers pass on as part
//! of a value; servers that disagree about lines disagree about requests. Here a line ends with CRLF.

/// Put in the place of a bare LF: hyper refuses it wherever it stands in a head, and answers 400.
const NUL: u8 = 0;

/// What comes next on a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Framing {
    #[default]
    Head,
    /// A head is complete; the service says how long its body is.
    HeadRead,
    /// So many bytes of a body.
    Body(u64),
    /// Chunks, or something that is refused: the connection ends with this request.
    ToTheEnd,
}

/// Splits what arrives into heads and bodies, so that hyper is handed no head together with what follows it.
#[derive(Debug, Default)]
pub(crate) struct HeadFilter {
    pub(crate) framing: Framing,
    /// Of the line that is being read.
    line_bytes: usize,
    previous: u8,
    has_lines: bool,
}

/// How many of the bytes may be handed on now; the others wait. `bare_line_feed`: the last of them was one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HandedOn {
    pub(crate) bytes: usize,
    pub(crate) bare_line_feed: bool,
}

impl HeadFilter {
    /// The service has seen a head: so long is its body, `None` where it comes in chunks.
    pub(crate) fn body_follows(&mut self, length: Option<u64>) {
        self.framing = match length {
            Some(0) => Framing::Head,
            Some(length) => Framing::Body(length),
            None => Framing::ToTheEnd,
        };
    }

    /// Looks at the next bytes of the connection; never stops before the first of them.
    pub(crate) fn advance(&mut self, bytes: &mut [u8]) -> HandedOn {
        let whole = HandedOn { bytes: bytes.len(), bare_line_feed: false };
        match self.framing {
            Framing::ToTheEnd => whole,
            Framing::Body(left) => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - taken as u64;
                self.framing = if left == 0 { Framing::Head } else { Framing::Body(left) };
                HandedOn { bytes: taken, ..whole }
            }
            Framing::Head | Framing::HeadRead => self.advance_in_head(bytes).unwrap_or(whole),
        }
    }

    /// `None`: the head goes on after these bytes. Empty lines before a request are no head (RFC 9112, 2.2).
    fn advance_in_head(&mut self, bytes: &mut [u8]) -> Option<HandedOn> {
        self.framing = Framing::Head;
        let mut at = 0;
        while let Some(found) = bytes[at..].iter().position(|byte| *byte == b'\n') {
            let line_feed = at + found;
            at = line_feed + 1;
            let before = if line_feed == 0 { self.previous } else { bytes[line_feed - 1] };
            if before != b'\r' {
                bytes[line_feed] = NUL;
                self.framing = Framing::ToTheEnd;
                return Some(HandedOn { bytes: at, bare_line_feed: true });
            }
            let is_empty = self.line_bytes.saturating_add(found + 1) == 2;
            if is_empty && self.has_lines {
                *self = Self { framing: Framing::HeadRead, ..Self::default() };
                return Some(HandedOn { bytes: at, bare_line_feed: false });
            }
            self.has_lines |= !is_empty;
            self.line_bytes = 0;
        }
        self.line_bytes = self.line_bytes.saturating_add(bytes.len() - at);
        self.previous = bytes.last().copied().unwrap_or(self.previous);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed on, in pieces, when it arrives so many bytes at a time.
    fn handed_on(text: &str, piece_bytes: usize, lengths: &[Option<u64>]) -> Vec<String> {
        let (mut head_filter, mut lengths) = (HeadFilter::default(), lengths.iter());
        let mut pieces = vec![String::new()];
        for piece in text.as_bytes().chunks(piece_bytes) {
            let mut left = piece.to_vec();
            while !left.is_empty() {
                if head_filter.framing == Framing::HeadRead {
                    head_filter.body_follows(*lengths.next().unwrap());
                    pieces.push(String::new());
                }
                let was_body = matches!(head_filter.framing, Framing::Body(_));
                let HandedOn { bytes, .. } = head_filter.advance(&mut left);
                assert!(bytes > 0, "there is always progress");
                pieces.last_mut().unwrap().push_str(std::str::from_utf8(&left[..bytes]).unwrap());
                left.drain(..bytes);
                if was_body && head_filter.framing == Framing::Head {
                    pieces.push(String::new());
                }
            }
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    #[test]
    fn heads_and_bodies_are_told_apart_however_they_arrive() {
        let one = "POST / HTTP/1.1\r\nhost: a\r\n\r\n";
        let two = "\r\nGET / HTTP/1.1\r\n\r\n";
        let text = format!("{one}a\nb\n\n{two}{one}");
        for piece_bytes in 1..=text.len() {
            let pieces = handed_on(&text, piece_bytes, &[Some(5), Some(0), Some(0)]);
            assert_eq!(pieces, [one, "a\nb\n\n", two, one], "{piece_bytes} at a time");
        }
    }

    #[test]
    fn chunks_are_handed_on_to_the_end() {
        let text = "POST / HTTP/1.1\r\n\r\n1\r\n\n\r\n0\r\n\r\nGET / HTTP/1.1\n\n";
        let pieces = handed_on(text, 7, &[None]);
        assert_eq!(pieces.concat(), text);
    }

    #[test]
    fn a_bare_line_feed_becomes_a_nul_wherever_it_stands_in_a_head() {
        let good = "\r\nGET / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n";
        for (at, _) in good.match_indices("\r\n") {
            let bad = format!("{}\n{}", &good[..at], &good[at + 2..]);
            for piece_bytes in 1..=bad.len() {
                let (mut head_filter, mut seen) = (HeadFilter::default(), Vec::new());
                for piece in bad.as_bytes().chunks(piece_bytes) {
                    let mut piece = piece.to_vec();
                    let HandedOn { bytes, bare_line_feed } = head_filter.advance(&mut piece);
                    seen.extend_from_slice(&piece[..bytes]);
                    if bare_line_feed {
                        break;
                    }
                }
                let expected = format!("{}\0", &good[..at]);
                assert_eq!(String::from_utf8(seen).unwrap(), expected, "{at}, {piece_bytes} at a time");
                assert_eq!(head_filter.framing, Framing::ToTheEnd);
            }
        }
    }
}
