//! A private Postgres from the installed binaries: own folder, port and password, durable as in production.
//! One is shared by the tests of a run; who kills and restarts needs one of their own.

mod standby;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::empty_ledger;
use crate::ports::free_port;
use crate::process_guard::{ProcessGuard, Server, until};
use crate::servers;

const INSTALLED_UNDER: &str = "/usr/lib/postgresql";
const BOOT_PATIENCE: Duration = Duration::from_mins(1);
const KILL_PATIENCE: Duration = Duration::from_secs(20);
/// Small, so that several fit on one machine; everything that durability rests on stays as it is.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=64MB",
    "max_wal_size=512MB",
    "jit=off",
];

/// The database that new ledgers are copies of.
const EMPTY_LEDGER: &str = "empty_ledger";
/// For what is copied again and again.
const SMALL_LOG: &[&str] = &["wal_recycle=off", "min_wal_size=32MB"];

pub struct Postgres {
    server: Option<Server>,
    guard: ProcessGuard,
    binaries: PathBuf,
    user: Option<User>,
    port: u16,
    password: String,
    databases: AtomicU32,
    /// Further `name=value`, of which the later counts.
    settings: Vec<String>,
}

/// Whom the server runs as, where the tests run as root, which it refuses.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts a cluster of its own and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }

    /// The same with further settings, each `name=value`.
    pub async fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        let pattern = Self::pattern().await?;
        let mut postgres = Self::lay_out(pattern.password.clone(), settings)?;
        let copied = Command::new("cp").arg("-a").arg(pattern.data()).arg(postgres.data()).output()?;
        ensure!(copied.status.success(), "no copy: {}", String::from_utf8_lossy(&copied.stderr));
        postgres.boot().await?;
        Ok(postgres)
    }

    /// What each server of this run begins as a copy of: a cluster at rest, in which there is an empty ledger.
    async fn pattern() -> anyhow::Result<&'static Self> {
        static PATTERN: OnceCell<Postgres> = OnceCell::const_new();
        let make = async || {
            let mut pattern = Self::lay_out(shared::trace::random_hex::<16>(), SMALL_LOG)?;
            pattern.create_cluster().await?;
            pattern.boot().await?;
            pattern.create(EMPTY_LEDGER, "").await?;
            empty_ledger::migrate(&pattern.address(EMPTY_LEDGER))?;
            pattern.stop().await?;
            Ok(pattern)
        };
        PATTERN.get_or_try_init(make).await
    }

    /// Folder, port and password; no cluster is there yet.
    fn lay_out(password: String, settings: &[&str]) -> anyhow::Result<Self> {
        servers::expect("Postgres")?;
        let binaries = binaries()?;
        let guard = ProcessGuard::new("postgres", Signal::QUIT)?;
        let user = if getuid().is_root() { Some(User::unprivileged()?) } else { None };
        if let Some(User { uid, gid }) = user {
            guard.give_to(uid, gid)?;
        }
        let port = free_port();
        let databases = AtomicU32::new(0);
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        Ok(Self { server: None, guard, binaries, user, port, password, databases, settings })
    }

    /// The one that all tests of this run share. It ends with the test process.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(async || Self::start().await.expect("Postgres starts")).await
    }

    /// The first of its processes, for those who measure it.
    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.guard.folder().join("output")).unwrap_or_default()
    }

    /// The address of a new, empty database, whose name begins as given.
    pub async fn database(&self, name: &str) -> anyhow::Result<String> {
        self.create(&self.unused(name), "").await
    }

    /// The address of a new database that is an empty ledger.
    pub async fn ledger(&self, name: &str) -> anyhow::Result<String> {
        self.create(&self.unused(name), &format!("TEMPLATE {EMPTY_LEDGER}")).await
    }

    fn unused(&self, name: &str) -> String {
        format!("{name}_{}", self.databases.fetch_add(1, Ordering::Relaxed))
    }

    async fn create(&self, name: &str, how: &str) -> anyhow::Result<String> {
        let mut connection = PgConnection::connect(&self.address("postgres")).await?;
        let statement = format!("CREATE DATABASE \"{name}\" {how}");
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.address(name))
    }

    /// From now on it speaks TLS, and shows this certificate.
    pub async fn secure(&self, certificate: &Path, key: &Path) -> anyhow::Result<()> {
        for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let to = self.data().join(name);
            fs::copy(from, &to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
            if let Some(User { uid, gid }) = self.user {
                chown(&to, Some(uid), Some(gid))?;
            }
        }
        let mut connection = PgConnection::connect(&self.address("postgres")).await?;
        sqlx::query("ALTER SYSTEM SET ssl = on").execute(&mut connection).await?;
        sqlx::query("SELECT pg_reload_conf()").execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// SIGKILL to the server and every process of its own at once: nothing is flushed, nothing is said
    /// goodbye to. The backends are in sessions of their own, but all work inside the data folder.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
        until("the processes of Postgres to end", KILL_PATIENCE, async || {
            let left = processes_inside(&self.data());
            for process in &left {
                let _ended_just_now = kill_process(*process, Signal::KILL);
            }
            Ok(left.is_empty())
        })
        .await
    }

    /// In peace: everything is on disk, and nothing has to be recovered.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        server.signal(Signal::INT);
        until("Postgres to stop", KILL_PATIENCE, async || Ok(server.has_exited())).await
    }

    /// Starts it again on the same data and port.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.kill().await?;
        self.boot().await
    }

    /// The address of a database of this server.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    fn data(&self) -> PathBuf {
        self.guard.folder().join("data")
    }

    async fn create_cluster(&self) -> anyhow::Result<()> {
        let password = self.guard.folder().join("password");
        fs::write(&password, &self.password)?;
        if let Some(User { uid, gid }) = self.user {
            chown(&password, Some(uid), Some(gid))?;
        }
        let output = self.guard.folder().join("initdb");
        let mut command = self.command("initdb", &output)?;
        command.arg("--pgdata").arg(self.data()).arg("--pwfile").arg(password);
        command.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        command.arg("--no-sync"); // only of this first state, which nobody misses
        let mut initdb = self.guard.spawn(&mut command)?;
        until("initdb", BOOT_PATIENCE, async || Ok(initdb.has_exited())).await?;
        ensure!(initdb.succeeded(), "initdb failed: {}", fs::read_to_string(output)?);
        Ok(())
    }

    async fn boot(&mut self) -> anyhow::Result<()> {
        let output = self.guard.folder().join("output");
        let mut command = self.command("postgres", &output)?;
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let given = self.settings.iter().map(String::as_str);
        for setting in SETTINGS.iter().copied().chain(given) {
            command.args(["-c", setting]);
        }
        let mut server = self.guard.spawn(&mut command)?;
        let address = self.address("postgres");
        until("Postgres to answer", BOOT_PATIENCE, async || {
            if server.has_exited() {
                bail!("Postgres ended while starting: {}", fs::read_to_string(&output)?);
            }
            let connecting = tokio::time::timeout(Duration::from_secs(5), PgConnection::connect(&address));
            Ok(matches!(connecting.await, Ok(Ok(_))))
        })
        .await?;
        self.server = Some(server);
        Ok(())
    }

    fn command(&self, program: &str, output: &Path) -> anyhow::Result<Command> {
        let mut command = self.guard.command(self.binaries.join(program));
        let output = fs::File::create(output)?;
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.stdout(output.try_clone()?).stderr(output).stdin(Stdio::null());
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        Ok(command)
    }
}

impl User {
    /// The package's own user where there is one.
    fn unprivileged() -> anyhow::Result<Self> {
        let accounts = fs::read_to_string("/etc/passwd")?;
        let named = |name: &str| {
            let account = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut numbers = account.split(':').skip(2).map(str::parse);
            Some(Self { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
        };
        named("postgres").or_else(|| named("nobody")).context("there is neither a user postgres nor nobody")
    }
}

/// The newest of the installed versions.
fn binaries() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(INSTALLED_UNDER).into_iter().flatten().flatten();
    versions
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, binaries)| binaries.join("postgres").exists())
        .max()
        .map(|(_, binaries)| binaries)
        .context("Postgres is not installed: `apt-get install postgresql`, or run scripts/test")
}

/// Living processes that work inside the folder.
fn processes_inside(folder: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .filter_map(|process| process.file_name().to_str()?.parse().ok().and_then(Pid::from_raw))
        .collect()
}
