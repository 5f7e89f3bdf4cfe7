//! A private RabbitMQ from the installed binaries: own node, ports, cookie and folder. What concerns the
//! whole broker (`kill`, `restart`, `block`, `close_connections`) needs one of your own; everything else
//! shares one per run and is kept apart by virtual hosts.

pub mod node;

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use self::node::Node;
use crate::ports::free_port;
use crate::process_guard::{ProcessGuard, Server, until};
use crate::servers;

const EPMD_PATIENCE: Duration = Duration::from_secs(20);

pub struct Broker {
    node: Node,
    _epmd: Server,
    guard: ProcessGuard,
}

impl Broker {
    /// Starts a broker and waits until it answers. Ports may be lost to somebody else, hence three attempts.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with("", "").await
    }

    /// The same under another program, such as `strace`, given with its arguments.
    pub async fn start_under(wrapper: &[String]) -> anyhow::Result<Self> {
        Self::start_as("", "", wrapper).await
    }

    /// The same, with further lines of rabbitmq.conf and further arguments of Erlang's virtual machine.
    pub async fn start_with(config: &str, erlang: &str) -> anyhow::Result<Self> {
        Self::start_as(config, erlang, &[]).await
    }

    async fn start_as(config: &str, erlang: &str, wrapper: &[String]) -> anyhow::Result<Self> {
        servers::expect("RabbitMQ")?;
        let mut result = Self::attempt(config, erlang, wrapper).await;
        for _ in 0..2 {
            if result.is_err() {
                result = Self::attempt(config, erlang, wrapper).await;
            }
        }
        result
    }

    /// The process, for those who measure it.
    pub fn id(&self) -> Option<u32> {
        self.node.id()
    }

    /// The one that all tests of this run share. It ends with the test process.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Broker> = OnceCell::const_new();
        SHARED.get_or_init(async || Self::start().await.expect("RabbitMQ starts")).await
    }

    /// The address of the default virtual host.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.node.port())
    }

    /// Where its data and logs are.
    pub fn folder(&self) -> &std::path::Path {
        self.node.folder()
    }

    /// The management API, without credentials (guest, guest).
    pub fn management(&self) -> String {
        self.node.management()
    }

    /// The address of a new, empty virtual host, whose name begins as given.
    pub async fn vhost(&self, name: &str) -> anyhow::Result<String> {
        let name = new_vhost(&self.node, name).await?;
        Ok(format!("amqp://guest:guest@127.0.0.1:{}/{name}", self.node.port()))
    }

    /// Puts a policy on the queues of a virtual host, such as `{"max-length":10}`.
    pub async fn policy(&self, url: &str, queues: &str, definition: &str) -> anyhow::Result<()> {
        let vhost = url.rsplit('/').next().unwrap_or_default();
        let policy = format!(r#"{{"pattern":"{queues}","apply-to":"queues","definition":{definition}}}"#);
        self.api(Method::PUT, &format!("/api/policies/{vhost}/test"), &policy).await.map(drop)
    }

    /// SIGKILL, once what must be on the disk is there.
    pub fn kill(&mut self) {
        self.node.kill();
    }

    /// SIGKILL, whatever it still has to write.
    pub fn kill_at_once(&mut self) {
        self.node.kill_at_once();
    }

    /// It neither answers nor goes away, like a machine that hangs.
    pub fn freeze(&self) {
        self.node.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.node.signal(Signal::CONT);
    }

    /// Starts it again on the same data and ports.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.node.spawn(&self.guard)?;
        self.node.answers().await
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
        self.node.api(method, path, body).await
    }

    async fn attempt(config: &str, erlang: &str, wrapper: &[String]) -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("rabbitmq", Signal::KILL)?;
        let epmd_port = free_port();
        let config = format!("log.file.level = warning\n{config}");
        let node = Node::lay_out(&guard, "node", epmd_port, &config, erlang)?.under(wrapper);
        // In the foreground and under the guard; one that the node starts would outlive it.
        let mut epmd = guard.command("epmd");
        epmd.args(["-address", "127.0.0.1", "-port", &epmd_port.to_string()]);
        let epmd = guard.spawn(epmd.stdout(Stdio::null()).stderr(Stdio::null()))?;
        let mut broker = Self { node, _epmd: epmd, guard };
        until("epmd", EPMD_PATIENCE, async || Ok(TcpStream::connect(("127.0.0.1", epmd_port)).await.is_ok()))
            .await?;
        broker.node.spawn(&broker.guard)?;
        broker.node.answers().await?;
        Ok(broker)
    }

    async fn ctl(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.node.tool(&self.guard, "rabbitmqctl", arguments).await.map(drop)
    }
}

/// Makes a virtual host, whose name begins as given, and returns the whole name.
pub(crate) async fn new_vhost(node: &Node, name: &str) -> anyhow::Result<String> {
    let name = format!("{name}-{}", shared::trace::random_hex::<4>());
    node.api(Method::PUT, &format!("/api/vhosts/{name}"), "{}").await?;
    let everything = r#"{"configure":".*","write":".*","read":".*"}"#;
    node.api(Method::PUT, &format!("/api/permissions/{name}/guest"), everything).await?;
    Ok(name)
}
