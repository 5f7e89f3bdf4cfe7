//! A browser without scripts: it keeps one cookie, follows nothing, and sends forms.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use harness::binaries::binary;
use harness::ports::free_port;
use harness::process::Process;
use harness::process_guard::{ProcessGuard, until};
use ledger::Ledger;
use rustix::process::Signal;
use serde_json::Value;

use crate::ledgers::each_ledger;
use crate::raw_http::{Reply, ask};

const PATIENCE: Duration = Duration::from_mins(1);

/// A console that runs on a ledger.
pub(super) struct Console {
    pub(super) ledger: Ledger,
    pub(super) address: SocketAddr,
    url: String,
    _guard: ProcessGuard,
}

/// Whoever holds a token, or nobody.
pub(super) struct Browser<'a> {
    console: &'a Console,
    cookie: Option<String>,
}

/// For whoever looks at more pages than a person does.
pub(super) const UNLIMITED: [(&str, &str); 2] =
    [("CONSOLE_TOKEN_REQUESTS_PER_MINUTE", "100000"), ("CONSOLE_ADDRESS_REQUESTS_PER_MINUTE", "100000")];

/// The key of second factors.
pub(super) const STAFF_KEY: &str = "0123456789abcdef0123456789abcdef";

pub(super) async fn each_console(name: &str, story: impl AsyncFn(Console)) {
    each_console_with(name, &[], story).await;
}

/// With these variables, too.
pub(super) async fn each_console_with(name: &str, more: &[(&str, &str)], story: impl AsyncFn(Console)) {
    each_ledger(&format!("pages_{name}"), async |ledger, url| {
        let guard = ProcessGuard::new("pages", Signal::KILL).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let queue = format!("sqlite:{}", guard.folder().join("queue.db").display());
        let own =
            [("DATABASE_URL", url.clone()), ("QUEUE_URL", queue), ("CONSOLE_ADDR", address.to_string())];
        let more =
            more.iter().chain([&("STAFF_KEY", STAFF_KEY)]).map(|(name, value)| (*name, (*value).to_owned()));
        let settings = own.into_iter().chain(more).map(|(name, value)| (name.to_owned(), value)).collect();
        let mut process = Process::new("console", guard.folder(), settings);
        process.spawn(&guard).unwrap();
        let is_ready = async || Ok(tokio::net::TcpStream::connect(address).await.is_ok());
        until("the console listens", PATIENCE, is_ready).await.unwrap();
        story(Console { ledger, address, url, _guard: guard }).await;
        process.terminate();
    })
    .await;
}

impl Console {
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether its ledger is a SQLite file.
    pub(super) fn is_on_a_file(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// A command at a terminal.
    pub(super) fn tidegate(&self, token: Option<&str>, arguments: &[&str]) -> Value {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).arg("--json").env_clear();
        command.env("DATABASE_URL", &self.url).env("TIDEGATE_STAFF", "ops");
        command.envs(token.map(|token| ("TIDEGATE_TOKEN", token)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command prints that is no JSON.
    pub(super) fn printed(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).env_clear().env("DATABASE_URL", &self.url);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A person with a token of this role; the first one is made by whoever holds the database.
    pub(super) fn person(&self, by: Option<&str>, name: &str, role: &str) -> String {
        self.tidegate(by, &["staff", "add", name, "--role", role]);
        let made = self.tidegate(by, &["tokens", "create", "--for", name, "--role", role]);
        made["token"].as_str().unwrap().to_owned()
    }

    pub(super) fn browser(&self, token: Option<&str>) -> Browser<'_> {
        Browser { console: self, cookie: token.map(|token| format!("tidegate={token}")) }
    }
}

impl Browser<'_> {
    pub(super) async fn get(&self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    /// Asks for it unless it is as it was.
    pub(super) async fn get_knowing(&self, path: &str, tag: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nif-none-match: {tag}\r\n"), "").await
    }

    /// Asks as the script does where a page renews itself.
    pub(super) async fn refresh(&self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\ntidegate-refresh: 1\r\n"), "").await
    }

    /// A page that must be there.
    pub(super) async fn page(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    }

    /// Sends a form from a page of the console itself.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_from("sec-fetch-site: same-origin\r\n", path, fields).await
    }

    /// Sends a form in another coding, from a page of the console itself.
    pub(super) async fn send_form(&self, media_type: &str, path: &str, body: &str) -> Reply {
        let head = format!(
            "POST {path} HTTP/1.1\r\nsec-fetch-site: same-origin\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.send(head, body).await
    }

    pub(super) async fn post_from(&self, from: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(value));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        let head = format!(
            "POST {path} HTTP/1.1\r\n{from}content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            body.len()
        );
        self.send(head, &body).await
    }

    /// The same browser, with the cookie that an answer set.
    pub(super) fn keeping(&self, reply: &Reply) -> Self {
        let set = reply.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {reply:?}"));
        let cookie = set.split(';').next().unwrap().to_owned();
        Self { console: self.console, cookie: Some(cookie) }
    }

    pub(super) fn with_cookie(&self, cookie: &str) -> Self {
        Self { console: self.console, cookie: Some(cookie.to_owned()) }
    }

    pub(super) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    async fn send(&self, head: String, body: &str) -> Reply {
        let address = self.console.address;
        let cookie = self.cookie.as_ref().map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
        let request = format!("{head}host: {address}\r\n{cookie}connection: close\r\n\r\n{body}");
        ask(address, request.into_bytes()).await
    }
}

/// The form of a page whose action has these words: its action, and the fields that it brings itself.
pub(super) fn form(page: &str, action: &str) -> (String, Vec<(String, String)>) {
    let mut forms = page.split("<form").skip(1).map(|form| form.split("</form>").next().unwrap());
    let form = forms.find(|form| form.contains(action)).unwrap_or_else(|| panic!("no form {action}: {page}"));
    let target = attribute(form, "action");
    let inputs = form.split("<input").skip(1).map(|input| input.split('>').next().unwrap());
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    (target, hidden.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect())
}

fn attribute(tag: &str, name: &str) -> String {
    let start = tag.split(&format!("{name}=\"")).nth(1).unwrap_or_default();
    start.split('"').next().unwrap().replace("&amp;", "&")
}

pub(super) fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}
