//! The product as users run it, on one of the four combinations of queue and ledger: started, killed,
//! restarted and stopped from outside. Dropping a stack fails the test if something went wrong unseen.

mod tools;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use crate::broker::Broker;
use crate::client::{Client, get};
use crate::empty_ledger;
use crate::ledger::Ledger;
use crate::ports::{credentials, loopback};
use crate::postgres::Postgres;
use crate::process::Process;
use crate::process_guard::{ProcessGuard, until};
use crate::queue::Queue;
use crate::servers;

/// A cold start next to other work on the same cores.
const READY_PATIENCE: Duration = Duration::from_mins(1);
/// What no log may show, besides the secrets of the configuration: the people of the invented objects.
const PERSONAL: &[&str] = &["Jane Example", "buyer@example.com", "+15555550123", "Evergreen", "_secret_"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    SqliteSqlite,
    SqlitePostgres,
    RabbitSqlite,
    RabbitPostgres,
}

impl Combination {
    pub const ALL: [Self; 4] =
        [Self::SqliteSqlite, Self::SqlitePostgres, Self::RabbitSqlite, Self::RabbitPostgres];

    pub fn has_broker(self) -> bool {
        matches!(self, Self::RabbitSqlite | Self::RabbitPostgres)
    }

    pub fn has_postgres(self) -> bool {
        matches!(self, Self::SqlitePostgres | Self::RabbitPostgres)
    }

    /// With a queue in a file there is one process; else a SQLite ledger, which has one writer, has one worker.
    fn processes(self) -> &'static [&'static str] {
        match self {
            Self::SqliteSqlite | Self::SqlitePostgres => &["tidegate"],
            Self::RabbitSqlite => &["gateway", "worker-1"],
            Self::RabbitPostgres => &["gateway", "worker-1", "worker-2"],
        }
    }
}

/// Runs the same story on every combination whose servers may start; the output names the one at which it ended.
pub async fn each_combination(story: impl AsyncFn(Combination)) {
    let embedded = [Combination::SqliteSqlite];
    for combination in if servers::are_away() { embedded.to_vec() } else { Combination::ALL.to_vec() } {
        eprintln!("on {combination:?}");
        story(combination).await;
    }
}

pub struct Stack {
    pub combination: Combination,
    processes: Vec<Process>,
    settings: Vec<(String, String)>,
    gateway: SocketAddr,
    console: SocketAddr,
    secret: String,
    pub queue: Queue,
    ledger: Ledger,
    stopped: bool,
    guard: ProcessGuard,
}

impl Stack {
    /// Starts on a queue and a ledger of its own, inside the servers that all tests share.
    pub async fn start(combination: Combination) -> Self {
        Self::start_with(combination, &[]).await
    }

    /// The same, with further environment variables for every process.
    pub async fn start_with(combination: Combination, settings: &[(&str, &str)]) -> Self {
        let broker = if combination.has_broker() { Some(Broker::shared().await) } else { None };
        let postgres = if combination.has_postgres() { Some(Postgres::shared().await) } else { None };
        let mut stack =
            Self::prepare(combination, settings, broker, postgres).await.expect("a stack is laid out");
        stack.begin().await.expect("a stack starts");
        stack
    }

    /// Chooses ports and makes an empty queue and an empty ledger; nothing runs yet.
    pub async fn prepare(
        combination: Combination,
        settings: &[(&str, &str)],
        broker: Option<&Broker>,
        postgres: Option<&Postgres>,
    ) -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("stack", Signal::KILL)?;
        let queue_url = match broker {
            Some(broker) => broker.vhost("stack").await?,
            None => format!("sqlite:{}", guard.folder().join("queue.db").display()),
        };
        Self::lay_out(combination, settings, guard, queue_url, postgres).await
    }

    /// The same on a queue that is there already.
    pub async fn prepare_at(
        combination: Combination,
        settings: &[(&str, &str)],
        queue_url: String,
        postgres: Option<&Postgres>,
    ) -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("stack", Signal::KILL)?;
        Self::lay_out(combination, settings, guard, queue_url, postgres).await
    }

    async fn lay_out(
        combination: Combination,
        settings: &[(&str, &str)],
        guard: ProcessGuard,
        queue_url: String,
        postgres: Option<&Postgres>,
    ) -> anyhow::Result<Self> {
        let ledger_url = match postgres {
            Some(postgres) => postgres.ledger("stack").await?,
            None => empty_ledger::copy_to(&guard.folder().join("ledger.db"))?,
        };
        let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
        let (gateway, console) = (loopback(), loopback());
        // Of two values for one variable the later counts.
        let all: Vec<(String, String)> = [
            ("QUEUE_URL", queue_url.as_str()),
            ("DATABASE_URL", ledger_url.as_str()),
            ("GATEWAY_ADDR", &gateway.to_string()),
            ("CONSOLE_ADDR", &console.to_string()),
            ("STRIPE_WEBHOOK_SECRET", &secret),
            ("RUST_BACKTRACE", "1"),
            ("RUST_LIB_BACKTRACE", "0"), // of panics only: errors say enough
        ]
        .iter()
        .chain(settings)
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let processes = combination
            .processes()
            .iter()
            .map(|name| Process::new(name, guard.folder(), all.clone()))
            .collect();
        Ok(Self {
            combination,
            processes,
            settings: all,
            gateway,
            console,
            secret,
            queue: Queue::at(&queue_url),
            ledger: Ledger::at(&ledger_url),
            stopped: false,
            guard,
        })
    }

    /// Declares what the separate processes only check, then starts everything.
    pub async fn begin(&mut self) -> anyhow::Result<()> {
        self.begin_only(&self.names()).await
    }

    /// The same, but starts only some of its processes.
    pub async fn begin_only(&mut self, names: &[&str]) -> anyhow::Result<()> {
        if self.combination.has_broker() {
            self.tidegate(&["topology", "--no-wait"]).await?;
        }
        for name in names {
            self.spawn(name)?;
        }
        for name in names {
            self.wait_until_ready(name).await?;
        }
        Ok(())
    }

    /// A further gateway, on its own address, or a further worker. It does not run yet.
    pub fn add(&mut self, name: &str) -> SocketAddr {
        let (address, mut settings) = (loopback(), self.settings.clone());
        settings.push(("GATEWAY_ADDR".to_owned(), address.to_string()));
        self.processes.push(Process::new(name, self.guard.folder(), settings));
        address
    }

    /// Where gateway and workers answer their operators.
    pub fn listeners(&self) -> Vec<SocketAddr> {
        self.processes.iter().flat_map(Process::internal_addresses).collect()
    }

    /// The virtual host of its queue.
    pub fn vhost(&self) -> String {
        match &self.queue {
            Queue::RabbitMq(url) => url.rsplit('/').next().unwrap_or_default().to_owned(),
            Queue::Sqlite(_) => String::new(),
        }
    }

    /// What its webhooks are signed with.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The folder that its processes run in.
    pub fn folder(&self) -> &std::path::Path {
        self.guard.folder()
    }

    /// What every listener of a process answers to Prometheus.
    pub async fn metrics(&mut self, name: &str) -> anyhow::Result<String> {
        let mut all = String::new();
        for listener in self.process(name).internal_addresses() {
            all += &get(listener, "/metrics").await?.1;
        }
        Ok(all)
    }

    /// The value of `DATABASE_URL`.
    pub fn ledger_url(&self) -> String {
        match &self.ledger {
            Ledger::Postgres(url) => url.clone(),
            Ledger::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }

    /// Where its first gateway takes webhooks in.
    pub fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    /// Where its console answers: that of `up`, or one that was added.
    pub fn console(&self) -> SocketAddr {
        self.console
    }

    pub fn client(&self) -> Client {
        Client::new(self.gateway, &self.secret)
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many messages are in the queue; those that a worker at RabbitMQ has in hand are not counted.
    pub async fn waiting(&self) -> anyhow::Result<u64> {
        self.queue.waiting().await
    }

    /// The processes of this combination, the gateway's first.
    pub fn names(&self) -> Vec<&'static str> {
        self.combination.processes().to_vec()
    }

    /// SIGKILL.
    pub fn kill(&mut self, name: &str) {
        self.process(name).kill();
    }

    /// Starts a process that was killed or stopped; use `wait_until_ready` if it must be ready.
    pub fn spawn(&mut self, name: &str) -> anyhow::Result<()> {
        let number = self.number(name);
        self.processes[number].spawn(&self.guard)
    }

    pub fn has_ended(&mut self, name: &str) -> bool {
        self.process(name).has_ended()
    }

    /// SIGTERM; fails unless the process then ends cleanly in time.
    pub fn stop(&mut self, name: &str) -> anyhow::Result<()> {
        self.process(name).stop()
    }

    pub fn runs(&mut self, name: &str) -> bool {
        self.process(name).runs()
    }

    /// SIGTERM; who is interested in the end looks for it.
    pub fn terminate(&mut self, name: &str) {
        self.process(name).terminate();
    }

    /// Forgets a process that has ended; whether it ended well.
    pub fn bury(&mut self, name: &str) -> bool {
        let process = self.process(name);
        let ended_well = process.succeeded();
        process.kill();
        ended_well
    }

    /// SIGTERM, and waits for a clean end without holding up anybody else.
    pub async fn retire(&mut self, name: &str) -> anyhow::Result<()> {
        self.terminate(name);
        let number = self.number(name);
        let process = &mut self.processes[number];
        until(&format!("{name} to end"), READY_PATIENCE, async || Ok(process.has_ended())).await?;
        ensure!(self.bury(name), "{name} ended with an error after SIGTERM:\n{}", self.process(name).log());
        Ok(())
    }

    /// Waits until a process that was just started refuses to run, and returns what it said.
    pub async fn refusal(&mut self, name: &str) -> anyhow::Result<String> {
        let process = self.process(name);
        until(&format!("{name} to refuse"), READY_PATIENCE, async || Ok(process.has_ended())).await?;
        ensure!(!process.succeeded(), "{name} ended as if all were well:\n{}", process.log());
        process.kill();
        Ok(process.log())
    }

    /// Waits until every listener of a process says that it is ready.
    pub async fn wait_until_ready(&mut self, name: &str) -> anyhow::Result<()> {
        let number = self.number(name);
        let process = &mut self.processes[number];
        for listener in process.internal_addresses() {
            until(&format!("{name} to be ready"), READY_PATIENCE, async || {
                ensure!(!process.has_ended(), "{name} ended while starting:\n{}", process.log());
                Ok(get(listener, "/readyz").await.is_ok_and(|(status, _)| status == 200))
            })
            .await
            .with_context(|| process.log())?;
        }
        Ok(())
    }

    /// Stops everything in order, gateway first, and holds the end to what a good end is: clean exits, no
    /// panic, no secret in a log, and an empty queue.
    pub async fn end(mut self) {
        self.halt().await;
    }

    /// The same, for those who then look at the ledger.
    pub async fn halt(&mut self) {
        let problems = self.stop_all();
        assert!(problems.is_empty(), "the stack did not end well:\n{}", problems.join("\n"));
        let waiting = self.queue.waiting().await.expect("the queue can be asked");
        assert_eq!(waiting, 0, "events are left in the queue");
    }

    /// The ends of all logs, for people.
    pub fn logs(&self) -> String {
        self.processes.iter().map(Process::log).collect::<Vec<_>>().join("\n")
    }

    /// Ends a stack that is known to be in a bad state, without a word about it.
    pub fn abandon(&mut self) {
        self.stopped = true;
    }

    /// Stops what runs and says what was wrong, now or before.
    fn stop_all(&mut self) -> Vec<String> {
        self.stopped = true;
        let mut secrets: Vec<&str> = PERSONAL.to_vec();
        secrets.push(&self.secret);
        secrets.extend(self.settings.iter().filter_map(|(_, value)| credentials(value)));
        let keys = self.settings.iter().filter(|(name, _)| name == "STRIPE_SECRET_KEY");
        secrets.extend(keys.map(|(_, key)| key.as_str()));
        let mut problems = Vec::new();
        for process in &mut self.processes {
            if let Err(problem) = process.stop() {
                problems.push(format!("{problem:#}"));
            }
            problems.extend(process.faults(&secrets));
        }
        problems
    }

    fn process(&mut self, name: &str) -> &mut Process {
        let number = self.number(name);
        &mut self.processes[number]
    }

    fn number(&self, name: &str) -> usize {
        self.processes.iter().position(|known| known.name() == name).expect("a process of this stack")
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
            return; // the guardian ends what still runs
        }
        if !self.stopped {
            let problems = self.stop_all();
            assert!(problems.is_empty(), "the stack did not end well:\n{}", problems.join("\n"));
        }
    }
}
