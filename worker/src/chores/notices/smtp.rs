//! Hands mails to a mail server: as much of SMTP as that takes, over TLS unless the server is on this machine. A session
//! is kept for the next mail and given up after any fault.

use std::fmt::{self, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use shared::tls::{self, Duplex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use super::config::{Security, SmtpConfig};

const DEADLINE: Duration = Duration::from_secs(30);
/// All lines of one reply together.
const REPLY_LIMIT_BYTES: u64 = 8_192;

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTaken {
    /// The recipient's address is refused for good.
    #[error("the mail server refuses the address for good ({0})")]
    Address(Reply),
    /// This mail is refused for good.
    #[error("the mail server refuses the mail for good ({0})")]
    Mail(Reply),
    #[error("{0}")]
    Later(String),
}

/// What the server says to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// Class, subject and detail (RFC 3463), where it says them.
    status: Option<[u16; 3]>,
}

impl Reply {
    /// Whether it means that nothing ever reaches this address: there is no such mailbox or system, it has moved, or it
    /// is disabled. Whatever else is refused may be about us: no relaying, a block list, a policy.
    fn is_about_the_mailbox(self) -> bool {
        (500..600).contains(&self.code)
            && matches!(self.status, Some([5, 1, 1 | 2 | 3 | 4 | 6 | 10] | [5, 2, 1]))
    }

    /// Whether asking again is no use, whatever the reason: it is neither about us, as a policy or the sender may be, nor
    /// will it pass, as a full mailbox may.
    fn is_for_good(self) -> bool {
        let may_pass = matches!(self.status, Some([4, ..] | [5, 7, _] | [5, 1, 7 | 8] | [5, 2, 2]));
        (500..600).contains(&self.code) && !may_pass
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, status } = self;
        match status {
            Some([class, subject, detail]) => write!(f, "{code} {class}.{subject}.{detail}"),
            None => write!(f, "{code}"),
        }
    }
}

pub(super) struct Mailer {
    config: SmtpConfig,
    session: Mutex<Option<Session>>,
}

struct Session {
    stream: BufReader<Box<dyn Duplex>>,
    is_fresh: bool,
}

impl Mailer {
    pub(super) fn new(config: SmtpConfig) -> Self {
        Self { config, session: Mutex::new(None) }
    }

    /// Returns when the server has taken the mail over.
    pub(super) async fn send(&self, from: &str, to: &str, mail: &str) -> Result<(), NotTaken> {
        // One mail at a time. What waits for the others is no silence of the server's.
        let mut kept = self.session.lock().await;
        let sent = async {
            if let Some(session) = kept.take() {
                // A server ends a session that rests; that is no fault of this mail.
                match session.hand_over(from, to, mail).await {
                    Err((NotTaken::Later(_), None)) => {}
                    Ok(session) => {
                        *kept = Some(session);
                        return Ok(());
                    }
                    Err((why, session)) => {
                        *kept = session;
                        return Err(why);
                    }
                }
            }
            match Session::open(&self.config).await?.hand_over(from, to, mail).await {
                Ok(session) => {
                    *kept = Some(session);
                    Ok(())
                }
                Err((why, session)) => {
                    *kept = session;
                    Err(why)
                }
            }
        };
        let late = |_| later(&format!("the mail server did not answer within {} s", DEADLINE.as_secs()));
        tokio::time::timeout(DEADLINE, sent).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    /// Says goodbye: a server counts the sessions that rest.
    pub(super) async fn rest(&self) {
        if let Some(mut session) = self.session.lock().await.take() {
            tokio::time::timeout(Duration::from_secs(1), session.say("QUIT\r\n")).await.ok();
        }
    }
}

fn later(why: &str) -> NotTaken {
    NotTaken::Later(why.to_owned())
}

impl Session {
    async fn open(config: &SmtpConfig) -> Result<Self, NotTaken> {
        let unreachable =
            |error: std::io::Error| later(&format!("the mail server cannot be reached: {error}"));
        let untrusted = |error: std::io::Error| later(&format!("TLS with the mail server failed: {error}"));
        let stream = TcpStream::connect((config.host.as_str(), config.port)).await.map_err(unreachable)?;
        let mut session = match config.security {
            Security::None => Self::over(Box::new(stream)),
            Security::Tls => {
                Self::over(Box::new(tls::secured(stream, &config.host).await.map_err(untrusted)?))
            }
            Security::StartTls => {
                let mut plain = PlainStart { stream: BufReader::new(stream) };
                plain.begin_tls().await?;
                // What came before TLS is forgotten, as are the bytes that somebody may have put there.
                let stream = plain.stream.into_inner();
                let mut session =
                    Self::over(Box::new(tls::secured(stream, &config.host).await.map_err(untrusted)?));
                session.greet().await?;
                session.log_in(config).await?;
                return Ok(session);
            }
        };
        session.expect(220).await?;
        session.greet().await?;
        session.log_in(config).await?;
        Ok(session)
    }

    fn over(stream: Box<dyn Duplex>) -> Self {
        Self { stream: BufReader::new(stream), is_fresh: true }
    }

    async fn greet(&mut self) -> Result<(), NotTaken> {
        self.say("EHLO tidegate\r\n").await?;
        self.expect(250).await
    }

    async fn log_in(&mut self, config: &SmtpConfig) -> Result<(), NotTaken> {
        let Some((user, password)) = &config.user else { return Ok(()) };
        let proof = STANDARD.encode(format!("\0{user}\0{}", password.expose_secret()));
        self.say(&format!("AUTH PLAIN {proof}\r\n")).await?;
        match self.reply().await? {
            Reply { code: 235, .. } => Ok(()),
            reply => Err(later(&format!("the mail server refuses the login ({reply})"))),
        }
    }

    /// Gives the session back where it is good for another mail.
    async fn hand_over(mut self, from: &str, to: &str, mail: &str) -> Result<Self, (NotTaken, Option<Self>)> {
        match self.try_hand_over(from, to, mail).await {
            Ok(()) => Ok(self),
            Err(why @ NotTaken::Later(_)) => Err((why, None)),
            Err(why) => Err((why, Some(self))),
        }
    }

    async fn try_hand_over(&mut self, from: &str, to: &str, mail: &str) -> Result<(), NotTaken> {
        if !std::mem::take(&mut self.is_fresh) {
            self.say("RSET\r\n").await?;
            self.expect(250).await?;
        }
        self.say(&format!("MAIL FROM:<{from}>\r\n")).await?;
        self.expect(250).await?;
        self.say(&format!("RCPT TO:<{to}>\r\n")).await?;
        match self.reply().await? {
            Reply { code: 250 | 251, .. } => {}
            reply if reply.is_about_the_mailbox() => return Err(NotTaken::Address(reply)),
            reply if reply.is_for_good() => return Err(NotTaken::Mail(reply)),
            reply => return Err(later(&format!("the mail server does not take the recipient ({reply})"))),
        }
        self.say("DATA\r\n").await?;
        self.expect(354).await?;
        self.say(&stuffed(mail)).await?;
        match self.reply().await? {
            Reply { code: 250, .. } => Ok(()),
            reply @ Reply { code: 500..=599, .. } => Err(NotTaken::Mail(reply)),
            reply => Err(later(&format!("the mail server puts the mail off ({reply})"))),
        }
    }

    async fn say(&mut self, line: &str) -> Result<(), NotTaken> {
        let hung_up = |_| later("the mail server hung up");
        self.stream.get_mut().write_all(line.as_bytes()).await.map_err(hung_up)?;
        self.stream.get_mut().flush().await.map_err(hung_up)
    }

    async fn expect(&mut self, code: u16) -> Result<(), NotTaken> {
        match self.reply().await? {
            found if found.code == code => Ok(()),
            found => Err(later(&format!("the mail server answered {found} instead of {code}"))),
        }
    }

    async fn reply(&mut self) -> Result<Reply, NotTaken> {
        read_reply(&mut self.stream).await
    }
}

/// The beginning of a session, before TLS.
struct PlainStart {
    stream: BufReader<TcpStream>,
}

impl PlainStart {
    async fn begin_tls(&mut self) -> Result<(), NotTaken> {
        for (line, code) in [("", 220), ("EHLO tidegate\r\n", 250), ("STARTTLS\r\n", 220)] {
            let hung_up = |_| later("the mail server hung up");
            self.stream.get_mut().write_all(line.as_bytes()).await.map_err(hung_up)?;
            let found = read_reply(&mut self.stream).await?;
            if found.code != code {
                return Err(later(&format!("the mail server offers no STARTTLS ({found})")));
            }
        }
        Ok(())
    }
}

/// One reply, however many lines it has.
async fn read_reply(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<Reply, NotTaken> {
    let mut limited = stream.take(REPLY_LIMIT_BYTES);
    let mut status = None;
    loop {
        let mut line = Vec::new();
        let read = limited.read_until(b'\n', &mut line).await;
        let is_whole = read.is_ok_and(|read| read >= 4) && line.ends_with(b"\n");
        if !is_whole {
            return Err(later("the mail server hung up"));
        }
        let code = std::str::from_utf8(&line[..3]).ok().and_then(|code| code.parse().ok());
        let Some(code) = code else { return Err(later("the mail server does not speak SMTP")) };
        status = status.or_else(|| status_of(&line[4..]));
        if line[3] != b'-' {
            return Ok(Reply { code, status });
        }
    }
}

/// What a reply's text begins with, where that is a status as `5.1.1`.
fn status_of(text: &[u8]) -> Option<[u16; 3]> {
    let word = std::str::from_utf8(text.split(u8::is_ascii_whitespace).next()?).ok()?;
    let parts: Result<Vec<u16>, _> = word.split('.').map(str::parse).collect();
    parts.ok()?.try_into().ok()
}

/// A mail as DATA takes it: no line is its end but the last.
fn stuffed(mail: &str) -> String {
    let mut data = String::with_capacity(mail.len() + 8);
    for line in mail.lines() {
        let dot = if line.starts_with('.') { "." } else { "" };
        write!(data, "{dot}{line}\r\n").expect("a String takes every write");
    }
    data + ".\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_does_not_end_the_mail() {
        assert_eq!(stuffed("a\n.\r\n..b"), "a\r\n..\r\n...b\r\n.\r\n");
    }

    #[tokio::test]
    async fn a_reply_of_several_lines_is_one_code() {
        let read = async |mut text: &[u8]| read_reply(&mut text).await;
        let reply = |code, status| Ok(Reply { code, status });
        assert_eq!(read(b"250-mail.example\r\n250-SIZE\r\n250 OK\r\n").await, reply(250, None));
        let long = b"550-5.1.1 There is no such mailbox.\r\n550 5.1.1 Good bye\r\n";
        assert_eq!(read(long).await, reply(550, Some([5, 1, 1])));
        assert_eq!(read(b"220 \r\n").await, reply(220, None));
        assert_eq!(read(b"550 5.1 192.0.2.1 is blocked\r\n").await, reply(550, None));
        assert!(read(b"250-mail.example\r\n").await.is_err());
        assert!(read(b"HTTP/1.1 400\r\n").await.is_err());
    }
    #[tokio::test]
    async fn an_address_is_given_up_for_what_is_about_its_mailbox_alone() {
        for (said, what) in [
            ("550 5.1.1 no such user", "address"),
            ("550-5.1.1 no such user", "address"),
            ("550 5.1.2 no such domain", "address"),
            ("501 5.1.3 bad syntax", "address"),
            ("551 5.1.6 has moved", "address"),
            ("550 5.1.10 RESOLVER.ADR.RecipientNotFound", "address"),
            ("550 5.2.1 mailbox disabled", "address"),
            ("550 relay not permitted", "mail"),
            ("550 5.7.1 Unable to relay", "later"),
            ("550 5.7.1 192.0.2.1 is blocked", "later"),
            ("550 no such user", "mail"),
            ("551 user not local", "mail"),
            ("553 5.1.8 sender's domain does not exist", "later"),
            ("550 5.1.0 sender denied", "mail"),
            ("553 5.1.7 bad sender", "later"),
            ("552 5.2.2 mailbox full", "later"),
            ("450 4.1.1 unverified address", "later"),
            ("450 5.1.1 contradicts itself", "later"),
        ] {
            let text = format!("{said}\r\n{} bye\r\n", &said[..3]);
            let reply = read_reply(&mut text.as_bytes()).await.unwrap();
            let ends = match (reply.is_about_the_mailbox(), reply.is_for_good()) {
                (true, _) => "address",
                (false, true) => "mail",
                (false, false) => "later",
            };
            assert_eq!(ends, what, "{said}: {reply}");
        }
        let refused = Reply { code: 550, status: Some([5, 1, 1]) };
        let why = NotTaken::Address(refused).to_string();
        assert_eq!(why, "the mail server refuses the address for good (550 5.1.1)");
    }
}
