//! A stack with targets, and the mail server and library of others beside it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::binaries::workspace;
use harness::client::Answer;
use harness::ports::loopback;
use harness::process_guard::{ProcessGuard, Server, until};
use harness::receiver::Received;
use harness::stack::{Combination, Stack};
use rustix::process::Signal;
use serde_json::{Value, json};

pub(super) const OF_BOTH: [Combination; 2] = [Combination::SqliteSqlite, Combination::RabbitPostgres];
pub(super) const PATIENCE: Duration = Duration::from_secs(40);
pub(super) const KEY: (&str, &str) = ("STAFF_KEY", "a key of the tests, of more than 32 characters");

pub(super) fn peer(name: &str) -> PathBuf {
    let installed = workspace().join("target/peers");
    assert!(installed.join("installed").is_file(), "the peers are missing: run scripts/peers");
    installed.join(name)
}

/// A mail server of others, aiosmtpd.
pub(super) struct MailServer {
    guard: ProcessGuard,
    address: SocketAddr,
    certificate: Option<(PathBuf, PathBuf)>,
    process: Option<Server>,
}

impl MailServer {
    pub(super) async fn start(with_tls: bool) -> Self {
        let guard = ProcessGuard::new("smtp", Signal::KILL).unwrap();
        let certificate = with_tls.then(|| certify(&guard));
        let mut server = Self { guard, address: loopback(), certificate, process: None };
        server.restart().await;
        server
    }

    /// What a worker needs to know of it.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        match &self.certificate {
            None => vec![("NOTICE_SMTP_URL", format!("smtp+plain://{}", self.address))],
            Some((certificate, _)) => vec![
                ("NOTICE_SMTP_URL", format!("smtp://mailer-of-tests@localhost:{}", self.address.port())),
                ("NOTICE_SMTP_PASSWORD", "hunter2".to_owned()),
                ("SSL_CERT_FILE", certificate.display().to_string()),
            ],
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal(Signal::KILL);
            drop(process);
        }
    }

    pub(super) async fn restart(&mut self) {
        self.kill();
        let script = workspace().join("tests/peers/smtp.py");
        let mut command = self.guard.command(peer("python/bin/python"));
        command.arg(script).arg(self.address.port().to_string()).arg(self.file());
        if let Some((certificate, key)) = &self.certificate {
            command.args([certificate, key]);
        }
        self.process = Some(self.guard.spawn(command.stdout(Stdio::null())).unwrap());
        let answers = until("the mail server to answer", PATIENCE, async || {
            Ok(tokio::net::TcpStream::connect(self.address).await.is_ok())
        });
        answers.await.unwrap();
    }

    /// Every mail that it took.
    pub(super) fn mails(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn file(&self) -> PathBuf {
        self.guard.folder().join("mails.jsonl")
    }
}

fn certify(guard: &ProcessGuard) -> (PathBuf, PathBuf) {
    let (certificate, key) = (guard.folder().join("mail.pem"), guard.folder().join("mail.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=mail", "-addext", "subjectAltName=DNS:localhost", "-addext"])
        .args(["basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// What the library of Standard Webhooks says about each.
pub(super) fn verdicts(secret: &str, received: &[Received]) -> Vec<String> {
    let mut process = Command::new("node")
        .arg(workspace().join("tests/peers/standard_webhooks.mjs"))
        .arg(peer("node"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = received
        .iter()
        .map(|one| json!({"secret": secret, "headers": one.headers, "body": one.body}).to_string() + "\n")
        .collect::<String>();
    process.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Sends an event about an object, so many seconds ago.
pub(super) async fn tell(stack: &Stack, kind: &str, object: &Value, seconds_ago: i64) {
    let created = shared::clock::now().timestamp() - seconds_ago;
    let id = format!("evt_{}", shared::trace::random_hex::<8>());
    let event = json!({ "id": id, "object": "event", "api_version": "2024-09-30.acacia", "created": created,
        "data": { "object": object }, "livemode": true, "pending_webhooks": 1, "type": kind });
    assert_eq!(stack.client().send(&event.to_string().into()).await, Answer::Status(200));
}

/// A payment that succeeded so many seconds ago.
pub(super) fn paid(id: &str, seconds_ago: i64) -> Value {
    let created = shared::clock::now().timestamp() - seconds_ago;
    json!({ "id": id, "object": "payment_intent", "amount": 1999, "amount_received": 1999, "currency": "usd",
        "status": "succeeded", "created": created, "livemode": true, "metadata": {} })
}

/// What a command prints, as JSON.
pub(super) async fn json_of(stack: &Stack, arguments: &[&str]) -> Value {
    let printed = stack.tidegate(&[arguments, &["--json"]].concat()).await.unwrap();
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{arguments:?} printed {printed}"))
}

/// Waits until something is so, or fails with the logs.
pub(super) async fn wait(stack: &Stack, what: &str, is_so: impl AsyncFn() -> bool) {
    let waited = until(what, PATIENCE, async || Ok(is_so().await)).await;
    assert!(waited.is_ok(), "{what}: {}", stack.logs());
}

/// Changes the ledger from outside.
pub(super) async fn execute(stack: &Stack, statement: &'static str) {
    use sqlx::Connection;
    let url = stack.ledger_url();
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        // A worker that writes the same rows in another order may be the one that Postgres lets go on.
        while let Err(error) = sqlx::query(statement).execute(&mut connection).await {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            assert_eq!(code.as_deref(), Some("40P01"), "{error}");
        }
    }
}
