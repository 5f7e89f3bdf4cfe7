//! One node of RabbitMQ from the installed binaries, in a folder and on ports of its own: laid out, started,
//! killed, asked. A broker is one of them, a cluster several.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use rustix::process::Signal;
use shared::http_client::{HttpAnswer, HttpConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ports::free_port;
use crate::process_guard::{ProcessGuard, Server, until};

/// Other suites of tests may be building on the same cores.
pub(crate) const BOOT_PATIENCE: Duration = Duration::from_mins(3);
const NAMES_PATIENCE: Duration = Duration::from_secs(10);
const HTTP_PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// guest:guest, which RabbitMQ accepts from the loopback only.
const AUTHORIZATION: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

pub struct Node {
    server: Option<Server>,
    name: String,
    /// Below the guard's; its own is where the cookie is.
    folder: PathBuf,
    home: PathBuf,
    scripts: PathBuf,
    ports: Ports,
    erlang: String,
    /// What the server runs under; nothing for most.
    wrapper: Vec<String>,
}

struct Ports {
    amqp: u16,
    management: u16,
    distribution: u16,
    epmd: u16,
}

impl Node {
    /// Writes its configuration; nothing runs yet. `config` are further lines of rabbitmq.conf, `erlang`
    /// further arguments of the virtual machine.
    pub fn lay_out(
        guard: &ProcessGuard,
        folder: &str,
        epmd: u16,
        config: &str,
        erlang: &str,
    ) -> anyhow::Result<Self> {
        let folder = guard.folder().join(folder);
        std::fs::create_dir_all(&folder)?;
        let ports = Ports { amqp: free_port(), management: free_port(), distribution: free_port(), epmd };
        std::fs::write(folder.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {}\n\
             disk_free_limit.absolute = 1MB\nraft.wal_max_size_bytes = 32000000\n{config}\n",
            ports.amqp, ports.management
        );
        std::fs::write(folder.join("rabbitmq.conf"), config)?;
        Ok(Self {
            server: None,
            name: format!("tidegate{}@localhost", ports.amqp),
            folder,
            home: guard.folder().to_owned(),
            scripts: scripts()?,
            ports,
            erlang: erlang.to_owned(),
            wrapper: Vec::new(),
        })
    }

    #[must_use]
    pub fn under(self, wrapper: &[String]) -> Self {
        Self { wrapper: wrapper.to_vec(), ..self }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// As Erlang knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// The management API, without credentials (guest, guest).
    pub fn management(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.management)
    }

    pub fn runs(&self) -> bool {
        self.server.is_some()
    }

    /// By itself, since it was started.
    pub fn has_ended(&mut self) -> bool {
        self.server.as_mut().is_some_and(Server::has_exited)
    }

    pub fn signal(&self, signal: Signal) {
        self.server.iter().for_each(|server| server.signal(signal));
    }

    /// Begins to start; `answers` is waited for apart, because nodes may have to wait for each other.
    pub fn spawn(&mut self, guard: &ProcessGuard) -> anyhow::Result<()> {
        let log = std::fs::File::create(self.folder.join("output"))?;
        let script = self.scripts.join("rabbitmq-server");
        let mut words = self.wrapper.iter().map(OsStr::new).chain([script.as_os_str()]);
        let mut command = guard.command(words.next().expect("there is the script at least"));
        command.args(words);
        self.environment(&mut command);
        // "Input allowed" makes the script exec Erlang instead of staying as its parent.
        command.env("RABBITMQ_ALLOW_INPUT", "1").arg("-noinput");
        command.stdout(log.try_clone()?).stderr(log);
        self.server = Some(guard.spawn(&mut command)?);
        Ok(())
    }

    /// Waits until it takes connections and answers questions.
    pub async fn answers(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { bail!("{} does not run", self.name) };
        let answers = until("RabbitMQ to answer", BOOT_PATIENCE, async || {
            if server.has_exited() {
                let output = std::fs::read_to_string(self.folder.join("output"))?;
                bail!("RabbitMQ ended while starting: {output}");
            }
            Ok(self.speaks_amqp().await && self.api(Method::GET, "/api/vhosts", "").await.is_ok())
        });
        answers.await?;
        self.server = Some(server);
        Ok(())
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

    /// SIGKILL, whatever the broker still has to write.
    pub fn kill_at_once(&mut self) {
        self.server = None;
    }

    /// Ends in peace, as under a supervisor.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.signal(Signal::TERM);
        until("RabbitMQ to stop", BOOT_PATIENCE, async || Ok(server.has_exited())).await
    }

    /// One request to the management API.
    pub async fn api(&self, method: Method, path: &str, body: &str) -> anyhow::Result<Bytes> {
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", AUTHORIZATION)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
        let address = ("127.0.0.1", self.ports.management);
        let mut connection = HttpConnection::open(address, HTTP_PATIENCE).await?;
        let HttpAnswer { status, body: answer, .. } =
            connection.exchange(request, ANSWER_LIMIT_BYTES, HTTP_PATIENCE).await?;
        let is_good = status.is_success() || status == StatusCode::NOT_FOUND && method == Method::DELETE;
        ensure!(is_good, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    /// Runs one of RabbitMQ's own tools on this node.
    pub async fn tool(&self, guard: &ProcessGuard, tool: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let log = self.folder.join(format!("tool-{}", shared::trace::random_hex::<4>()));
        let output = std::fs::File::create(&log)?;
        let mut command = guard.command(self.scripts.join(tool));
        self.environment(&mut command);
        command.args(arguments).stdout(output.try_clone()?).stderr(output);
        let mut running = guard.spawn(&mut command)?;
        until(tool, BOOT_PATIENCE, async || Ok(running.has_exited())).await?;
        let output = std::fs::read_to_string(log)?;
        ensure!(running.succeeded(), "{tool} {arguments:?}: {output}");
        Ok(output)
    }

    /// What it wrote to its log, and to its output while starting.
    pub fn log(&self) -> String {
        let logs = std::fs::read_dir(self.folder.join("log")).into_iter().flatten().flatten();
        let written = logs.filter_map(|file| std::fs::read_to_string(file.path()).ok()).collect::<Vec<_>>();
        format!("--- {}\n{}\n---", self.name, written.join("\n"))
    }

    /// Every quorum queue has a folder, whose name is in a table of all.
    fn has_written_names(&self) -> bool {
        let folder = self.folder.join("data").join(&self.name).join("quorum").join(&self.name);
        let names = std::fs::read(folder.join("names.dets")).unwrap_or_default();
        let is_named = |queue: &[u8]| names.windows(queue.len()).any(|window| window == queue);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.path().is_dir())
            .all(|queue| is_named(queue.file_name().as_encoded_bytes()))
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
        let path = shared::env::Env::of_process().given("PATH").unwrap_or("/usr/bin:/bin").to_owned();
        command.env_clear().env("PATH", path).env("LANG", "C.UTF-8").env("HOME", &self.home);
        for (name, value) in [
            ("ERL_EPMD_PORT", self.ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", self.name.clone()),
            ("RABBITMQ_DIST_PORT", self.ports.distribution.to_string()),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                format!("+S 1:1 -kernel inet_dist_use_interface {{127,0,0,1}} {}", self.erlang),
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
            command.env(name, self.folder.join(file));
        }
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
