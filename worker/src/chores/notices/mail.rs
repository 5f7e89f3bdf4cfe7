//! A message as a mail: text and HTML, in ASCII whatever letters are in them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::notices::texts::{Facts, Message};
use domain::notices::{Audience, Notice};

const LINE_CHARS: usize = 76;
/// An encoded word holds at most so many bytes of text: 75 letters with its marks.
const WORD_BYTES: usize = 42;

/// The same notice has the same Message-ID however often it is sent: mailboxes that compare show it once.
pub(super) fn mail(
    notice: &Notice,
    target: &str,
    (from, to): (&str, &str),
    (message, facts): (&Message, &Facts),
    now: DateTime<Utc>,
) -> String {
    let host = from.split_once('@').map_or("localhost", |(_, host)| host);
    let id = notice.id();
    let boundary = format!("=_{id}");
    let unsubscribe = match &facts.unsubscribe {
        Some(url) => format!("List-Unsubscribe: <{url}>\n"),
        None => String::new(),
    };
    let sender = match notice.kind.audience() {
        Audience::Customers => format!("{} <{from}>", name(&facts.merchant)),
        Audience::Staff | Audience::Programs => format!("Tidegate <{from}>"),
    };
    format!(
        "From: {sender}\nTo: <{to}>\nSubject: {}\nDate: {}\nMessage-ID: <{id}.{target}@{host}>\n{unsubscribe}\
         Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=\"{boundary}\"\n\n\
         --{boundary}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}\n\
         --{boundary}\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}\n\
         --{boundary}--\n",
        words(&message.subject),
        now.to_rfc2822(),
        lines(&message.text),
        lines(&message.html),
    )
}

/// A name before an address: in quotes, where it is plain text, for a comma would begin another address.
fn name(text: &str) -> String {
    let words = words(text);
    if words.starts_with("=?") { words } else { format!("\"{words}\"") }
}

/// Plain text where it is that, and encoded words where it is not.
fn words(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .,:-!'/#+".contains(&byte);
    if text.bytes().all(is_plain) && text.len() <= LINE_CHARS {
        return text.to_owned();
    }
    let (mut encoded, mut word) = (Vec::new(), String::new());
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if word.len() + letter.len_utf8() > WORD_BYTES {
            encoded.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    encoded.push(word);
    let encoded = encoded.into_iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    encoded.collect::<Vec<_>>().join("\n ")
}

fn lines(text: &str) -> String {
    let encoded = STANDARD.encode(text.replace('\n', "\r\n"));
    let lines = encoded.as_bytes().chunks(LINE_CHARS).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::notices::samples;
    use domain::notices::texts::Templates;

    #[test]
    fn a_mail_is_ascii_in_short_lines_and_has_one_id() {
        let now = DateTime::UNIX_EPOCH;
        let (_, notice) = &samples::all(now)[0];
        let facts = Facts { merchant: "Bücher & Söhne\r\nBcc: x@y".to_owned(), ..samples::facts(now) };
        let message = Templates::built_in().message(notice, &facts);
        let made = mail(notice, "customers", ("shop@example.com", "a@example.com"), (&message, &facts), now);
        assert!(made.is_ascii() && made.lines().all(|line| line.len() <= 200), "{made}");
        assert!(!made.lines().any(|line| line.starts_with("Bcc:")), "{made}");
        assert!(made.contains(&format!("Message-ID: <{}.customers@example.com>", notice.id())));
    }
}
