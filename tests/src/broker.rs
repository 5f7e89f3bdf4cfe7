//! A private RabbitMQ from the installed binaries: own node, ports, cookie and folder. What concerns the
//! whole broker (`kill`, `restart`, `block`, `close_connections`) needs one of your own; everything else
//! shares one per run and is kept apart by virtual hosts.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::guardian::{Guardian, Server, until};
use crate::ports::free_port;

/// Other suites of tests may be building on the same cores.
const BOOT_PATIENCE: Duration = Duration::from_secs(90);
const NAMES_PATIENCE: Duration = Duration::from_secs(10);
const HTTP_PATIENCE: Duration = Duration::from_secs(20);
/// guest:guest, which RabbitMQ accepts from the loopback only.
const AUTHORIZATION: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

pub struct Broker {
    server: Option<Server>,
    _epmd: Server,
    guardian: Guardian,
    scripts: PathBuf,
    ports: Ports,
    /// What the server runs under, such as `strace`; nothing for most.
    wrapper: Vec<String>,
}

struct Ports {
    amqp: u16,
    management: u16,
    distribution: u16,
    epmd: u16,
}

impl Broker {
    /// Starts a broker and waits until it answers. Ports may be lost to somebody else, hence three attempts.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_under(&[]).await
    }

    /// The same under another program, given with its arguments.
    pub async fn start_under(wrapper: &[String]) -> anyhow::Result<Self> {
        let mut result = Self::attempt(wrapper).await;
        for _ in 0..2 {
            if result.is_err() {
                result = Self::attempt(wrapper).await;
            }
        }
        result
    }

    /// The one that all tests of this run share. It ends with the test process.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Broker> = OnceCell::const_new();
        SHARED.get_or_init(async || Self::start().await.expect("RabbitMQ starts")).await
    }

    /// The address of the default virtual host.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Where its data and logs are.
    pub fn folder(&self) -> &std::path::Path {
        self.guardian.folder()
    }

    /// The process, for those who measure it.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// The management API, without credentials (guest, guest).
    pub fn management(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.management)
    }

    /// The address of a new, empty virtual host, whose name begins as given.
    pub async fn vhost(&self, name: &str) -> anyhow::Result<String> {
        let name = format!("{name}-{}", shared::trace::random_hex::<4>());
        self.api(Method::PUT, &format!("/api/vhosts/{name}"), "{}").await?;
        let everything = r#"{"configure":".*","write":".*","read":".*"}"#;
        self.api(Method::PUT, &format!("/api/permissions/{name}/guest"), everything).await?;
        Ok(format!("amqp://guest:guest@127.0.0.1:{}/{name}", self.ports.amqp))
    }

    /// Puts a policy on the queues of a virtual host, such as `{"max-length":10}`.
    pub async fn policy(&self, url: &str, queues: &str, definition: &str) -> anyhow::Result<()> {
        let vhost = url.rsplit('/').next().unwrap_or_default();
        let policy = format!(r#"{{"pattern":"{queues}","apply-to":"queues","definition":{definition}}}"#);
        self.api(Method::PUT, &format!("/api/policies/{vhost}/test"), &policy).await.map(drop)
    }

    /// SIGKILL. RabbitMQ buffers the names of new quorum queues for up to some seconds, and after a kill
    /// in between it begins such a queue anew, empty; so this waits for the names to be written first.
    pub fn kill(&mut self) {
        let begun = Instant::now();
        while self.server.is_some() && !self.has_written_names() && begun.elapsed() < NAMES_PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.server = None;
    }

    /// It neither answers nor goes away, like a machine that hangs.
    pub fn freeze(&self) {
        self.server.iter().for_each(|server| server.signal(Signal::STOP));
    }

    pub fn thaw(&self) {
        self.server.iter().for_each(|server| server.signal(Signal::CONT));
    }

    /// Starts it again on the same data and ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.boot().await
    }

    /// Makes the broker believe that it is short of memory, so that it blocks those who publish.
    pub async fn block(&self) -> anyhow::Result<()> {
        self.ctl(&["set_vm_memory_high_watermark", "absolute", "1"]).await
    }

    pub async fn unblock(&self) -> anyhow::Result<()> {
        self.ctl(&["set_vm_memory_high_watermark", "0.4"]).await
    }

    /// The broker closes all connections; clients may come back at once.
    pub async fn close_connections(&self) -> anyhow::Result<()> {
        self.ctl(&["close_all_connections", "a test asks for it"]).await
    }

    /// The same for one virtual host, which does not disturb the others.
    pub async fn close_connections_of(&self, url: &str) -> anyhow::Result<()> {
        let vhost = url.rsplit('/').next().unwrap_or_default();
        self.ctl(&["close_all_connections", "--vhost", vhost, "a test asks for it"]).await
    }

    /// One request to the management API.
    pub async fn api(&self, method: Method, path: &str, body: &str) -> anyhow::Result<Bytes> {
        let exchange = async {
            let stream = TcpStream::connect(("127.0.0.1", self.ports.management)).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let request = Request::builder()
                .method(&method)
                .uri(path)
                .header("host", "localhost")
                .header("authorization", AUTHORIZATION)
                .header("content-type", "application/json")
                .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
            let response = sender.send_request(request).await?;
            let status = response.status();
            let answer = response.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, answer))
        };
        let (status, answer) = tokio::time::timeout(HTTP_PATIENCE, exchange).await??;
        let is_good = status.is_success() || status == StatusCode::NOT_FOUND && method == Method::DELETE;
        ensure!(is_good, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    async fn attempt(wrapper: &[String]) -> anyhow::Result<Self> {
        let scripts = scripts()?;
        let guardian = Guardian::new("rabbitmq", Signal::KILL)?;
        let ports = Ports {
            amqp: free_port(),
            management: free_port(),
            distribution: free_port(),
            epmd: free_port(),
        };
        let folder = guardian.folder();
        std::fs::write(folder.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\n\
             disk_free_limit.absolute = 1MB\nraft.wal_max_size_bytes = 32000000\nlog.file.level = warning\n",
            ports.amqp, ports.management
        );
        std::fs::write(folder.join("rabbitmq.conf"), config)?;
        // In the foreground and under the guardian; one that the node starts would outlive it.
        let mut epmd = guardian.command("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &ports.epmd.to_string()]);
        let epmd = guardian.spawn(epmd.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let mut broker =
            Self { server: None, _epmd: epmd, guardian, scripts, ports, wrapper: wrapper.to_vec() };
        let epmd_port = broker.ports.epmd;
        until("epmd", HTTP_PATIENCE, async || Ok(TcpStream::connect(("127.0.0.1", epmd_port)).await.is_ok()))
            .await?;
        broker.boot().await?;
        Ok(broker)
    }

    async fn boot(&mut self) -> anyhow::Result<()> {
        let log = std::fs::File::create(self.guardian.folder().join("output"))?;
        let script = self.scripts.join("rabbitmq-server");
        let mut words = self.wrapper.iter().map(OsStr::new).chain([script.as_os_str()]);
        let mut command = self.guardian.command(words.next().expect("there is the script at least"));
        command.args(words);
        self.environment(&mut command);
        // "Input allowed" makes the script exec Erlang instead of staying as its parent.
        command.env("RABBITMQ_ALLOW_INPUT", "1").arg("-noinput");
        command.stdout(log.try_clone()?).stderr(log);
        let mut server = self.guardian.spawn(&mut command)?;
        let answers = async || {
            if server.has_exited() {
                let output = std::fs::read_to_string(self.guardian.folder().join("output"))?;
                bail!("RabbitMQ ended while starting: {output}");
            }
            Ok(self.speaks_amqp().await && self.api(Method::GET, "/api/vhosts", "").await.is_ok())
        };
        until("RabbitMQ to answer", BOOT_PATIENCE, answers).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Every quorum queue has a folder, whose name is in a table of all.
    fn has_written_names(&self) -> bool {
        let node = self.node();
        let folder = self.guardian.folder().join("data").join(&node).join("quorum").join(&node);
        let names = std::fs::read(folder.join("names.dets")).unwrap_or_default();
        let is_named = |queue: &[u8]| names.windows(queue.len()).any(|window| window == queue);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().is_dir())
            .all(|queue| is_named(queue.file_name().as_encoded_bytes()))
    }

    fn node(&self) -> String {
        format!("tidegate{}@localhost", self.ports.amqp)
    }

    async fn speaks_amqp(&self) -> bool {
        let greeting = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports.amqp)).await.ok()?;
            stream.write_all(b"AMQP\0\0\x09\x01").await.ok()?;
            stream.read_u8().await.ok()
        };
        // 1 is the type of a method frame: connection.start.
        matches!(tokio::time::timeout(Duration::from_secs(2), greeting).await, Ok(Some(1)))
    }

    fn environment(&self, command: &mut Command) {
        let folder = self.guardian.folder();
        let path = shared::env::Env::of_process().given("PATH").unwrap_or("/usr/bin:/bin").to_owned();
        command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").env("HOME", folder);
        for (name, value) in [
            ("ERL_EPMD_PORT", self.ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", self.node()),
            ("RABBITMQ_DIST_PORT", self.ports.distribution.to_string()),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}".to_owned(),
            ),
        ] {
            command.env(name, value);
        }
        for (name, file) in [
            ("RABBITMQ_CONF_ENV_FILE", "no-such-file"), // else that of the machine counts
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "no-such-file.config"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq.conf"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_PID_FILE", "pid"),
        ] {
            command.env(name, folder.join(file));
        }
    }

    async fn ctl(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let log = self.guardian.folder().join(format!("ctl-{}", shared::trace::random_hex::<4>()));
        let output = std::fs::File::create(&log)?;
        let mut command = self.guardian.command(self.scripts.join("rabbitmqctl"));
        self.environment(&mut command);
        command.args(arguments).stdout(output.try_clone()?).stderr(output);
        let mut tool = self.guardian.spawn(&mut command)?;
        until("rabbitmqctl", BOOT_PATIENCE, async || Ok(tool.has_exited())).await?;
        ensure!(tool.succeeded(), "rabbitmqctl {arguments:?}: {}", std::fs::read_to_string(log)?);
        Ok(())
    }
}

/// Where the real scripts are: the wrapper in the PATH insists on the package's own user.
fn scripts() -> anyhow::Result<PathBuf> {
    let debian = PathBuf::from("/usr/lib/rabbitmq/bin");
    if debian.join("rabbitmq-server").exists() {
        return Ok(debian);
    }
    let versions = std::fs::read_dir("/usr/lib/rabbitmq/lib").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("sbin"))
        .find(|folder| folder.join("rabbitmq-server").exists())
        .context("RabbitMQ is not installed: `apt-get install rabbitmq-server`, or run scripts/test")
}
