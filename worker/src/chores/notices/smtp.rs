//! Hands mails to a mail server: as much of SMTP as that takes, over TLS unless the server is on this machine. A session
//! is kept for the next mail and given up after any fault.

use std::fmt::Write;
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
    Address(u16),
    /// This mail is refused for good.
    #[error("the mail server refuses the mail for good ({0})")]
    Mail(u16),
    #[error("{0}")]
    Later(String),
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
            235 => Ok(()),
            code => Err(later(&format!("the mail server refuses the login ({code})"))),
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
            250 | 251 => {}
            // Others are about us, not about the address: no login, no relaying.
            code @ (550 | 551 | 553) => return Err(NotTaken::Address(code)),
            code => return Err(later(&format!("the mail server puts the recipient off ({code})"))),
        }
        self.say("DATA\r\n").await?;
        self.expect(354).await?;
        self.say(&stuffed(mail)).await?;
        match self.reply().await? {
            250 => Ok(()),
            code @ 500..=599 => Err(NotTaken::Mail(code)),
            code => Err(later(&format!("the mail server puts the mail off ({code})"))),
        }
    }

    async fn say(&mut self, line: &str) -> Result<(), NotTaken> {
        let hung_up = |_| later("the mail server hung up");
        self.stream.get_mut().write_all(line.as_bytes()).await.map_err(hung_up)?;
        self.stream.get_mut().flush().await.map_err(hung_up)
    }

    async fn expect(&mut self, code: u16) -> Result<(), NotTaken> {
        match self.reply().await? {
            found if found == code => Ok(()),
            found => Err(later(&format!("the mail server answered {found} instead of {code}"))),
        }
    }

    async fn reply(&mut self) -> Result<u16, NotTaken> {
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
            if found != code {
                return Err(later(&format!("the mail server offers no STARTTLS ({found})")));
            }
        }
        Ok(())
    }
}

/// The code of a reply, however many lines it has.
async fn read_reply(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Result<u16, NotTaken> {
    let mut limited = stream.take(REPLY_LIMIT_BYTES);
    loop {
        let mut line = Vec::new();
        let read = limited.read_until(b'\n', &mut line).await;
        let is_whole = read.is_ok_and(|read| read >= 4) && line.ends_with(b"\n");
        if !is_whole {
            return Err(later("the mail server hung up"));
        }
        let code = std::str::from_utf8(&line[..3]).ok().and_then(|code| code.parse().ok());
        let Some(code) = code else { return Err(later("the mail server does not speak SMTP")) };
        if line[3] != b'-' {
            return Ok(code);
        }
    }
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
        assert_eq!(read(b"250-mail.example\r\n250-SIZE\r\n250 OK\r\n").await, Ok(250));
        assert!(read(b"250-mail.example\r\n").await.is_err());
        assert!(read(b"HTTP/1.1 400\r\n").await.is_err());
    }
}
