//! How many and how long: connections, memory, the drain, and what changes while the gateway runs.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use harness::client::get;
use harness::process::Process;
use harness::process_guard::{ProcessGuard, until};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::net::TcpStream;

use crate::in_process_gateway::{Edge, PATH, SECRET, event, loopback, signed, signed_by};
use crate::raw_http::{Raw, ask, head, post};

const PATIENCE: Duration = Duration::from_secs(30);
const OTHER_SECRET: &str = "whsec_9876543210abcdefGHIJ";
const IDLE_CONNECTIONS: usize = 10_000;
/// 20 KB a connection. The first buffer that hyper reads into has 8 of them.
const IDLE_LIMIT_KIB: u64 = 200_000;

#[tokio::test]
async fn connections_over_the_limit_are_answered_503_and_closed() {
    let edge = Edge::start_with(&[("GATEWAY_LIMIT_CONNECTIONS", "2")]).await;
    let (mut one, mut two) = (Raw::open(edge.address).await, Raw::open(edge.address).await);
    for raw in [&mut one, &mut two] {
        assert_eq!(raw.exchange(head("GET", "/api/health", &[])).await.status, 200);
    }
    let mut three = Raw::open(edge.address).await;
    let reply = three.reply().await.expect("an answer without a request");
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
    assert!(three.reads_end().await);
    assert!((edge.metric("tidegate_connections_shed_total").await - 1.0).abs() < f64::EPSILON);
    drop(one);
    until("a connection to be let in again", PATIENCE, async || {
        let mut raw = Raw::open(edge.address).await;
        raw.send(head("GET", "/api/health", &[])).await;
        Ok(raw.reply().await.is_some_and(|reply| reply.status == 200))
    })
    .await
    .unwrap();
    assert_eq!(two.exchange(head("GET", "/api/health", &[])).await.status, 200);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn bodies_together_take_no_more_memory_than_they_may() {
    let edge = Edge::start_with(&[
        ("GATEWAY_BODIES_LIMIT_BYTES", "1048576"),
        ("GATEWAY_BODY_LIMIT_BYTES", "1048576"),
        ("GATEWAY_BODY_DEADLINE_SECS", "30"),
        ("GATEWAY_ANSWER_DEADLINE_SECS", "30"),
    ])
    .await;
    let body = event("evt_1", 700_000);
    let request = post(PATH, &[&signed(&body)], &body);
    let (most, rest) = request.split_at(request.len() - 1);
    let mut holding = Raw::open(edge.address).await;
    holding.send(most).await;
    until("most of the first body to be held", PATIENCE, async || {
        Ok(edge.metric("tidegate_bodies_bytes").await > 699_000.0)
    })
    .await
    .unwrap();
    assert_eq!(ask(edge.address, &request).await.status, 503);
    assert!(edge.metric("tidegate_webhooks_unavailable_total{reason=\"no_room\"}").await > 0.5);
    assert_eq!(holding.exchange(rest).await.status, 200);
    assert!(edge.metric("tidegate_bodies_bytes").await < 0.5, "what was held is given back");
    assert_eq!(ask(edge.address, &request).await.status, 200);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_stop_lets_requests_in_hand_end_and_nobody_new_in() {
    let edge = Edge::start().await;
    let body = event("evt_1", 1_000);
    let request = post(PATH, &[&signed(&body)], &body);
    let (first, second) = request.split_at(request.len() - 10);
    let (mut busy, mut idle) = (Raw::open(edge.address).await, Raw::open(edge.address).await);
    assert_eq!(idle.exchange(head("GET", "/api/health", &[])).await.status, 200);
    busy.send(first).await;
    until("the request to be in hand", PATIENCE, async || {
        Ok(edge.metric("tidegate_webhooks_in_flight").await > 0.5)
    })
    .await
    .unwrap();
    edge.stop.cancel();
    assert!(idle.reads_end().await, "an idle connection ends at once");
    let address = edge.address;
    until("nobody to be let in", PATIENCE, async || Ok(TcpStream::connect(address).await.is_err()))
        .await
        .unwrap();
    let (ready, why) = edge.ready().await;
    assert_eq!((ready, why.as_str()), (503, "not ready: stopping\n"));
    let reply = busy.exchange(second).await;
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert_eq!(edge.envelope().await.header.id, "evt_1");
    edge.end().await.unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_deadline_of_the_drain() {
    let edge = Edge::start_with(&[
        ("GATEWAY_DRAIN_DEADLINE_SECS", "1"),
        ("GATEWAY_BODY_DEADLINE_SECS", "60"),
        ("GATEWAY_ANSWER_DEADLINE_SECS", "60"),
    ])
    .await;
    let mut busy = Raw::open(edge.address).await;
    busy.send(head("POST", PATH, &[&signed(b""), "content-length: 10"])).await;
    until("the request to be in hand", PATIENCE, async || {
        Ok(edge.metric("tidegate_webhooks_in_flight").await > 0.5)
    })
    .await
    .unwrap();
    edge.end().await.unwrap();
    assert!(busy.reads_end().await);
}

/// A gateway that can no longer promise durability must not go on, nor answer with success on the way out.
#[tokio::test]
async fn a_queue_that_breaks_ends_the_gateway_with_an_error() {
    let edge = Edge::start().await;
    let body = event("evt_1", 0);
    let request = post(PATH, &[&signed(&body)], &body);
    let mut kept = Raw::open(edge.address).await;
    assert_eq!(kept.exchange(&request).await.status, 200);
    ruin(&edge.queue_file()).await;
    assert_eq!(kept.exchange(&request).await.status, 503);
    assert!(kept.reads_end().await);
    let error = edge.ended().await.expect_err("the process must not seem to have ended well");
    assert!(error.to_string().starts_with("queue.db is damaged: "), "{error:#}");
}

/// Makes what the gateway has in memory of the file worthless, then the file itself.
async fn ruin(queue_file: &Path) {
    let options = SqliteConnectOptions::new().filename(queue_file);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("CREATE TABLE another (id INTEGER)").execute(&mut other).await.unwrap();
    let log = queue_file.with_extension("db-wal");
    for file in [queue_file, &log] {
        let length = usize::try_from(std::fs::metadata(file).unwrap().len()).unwrap();
        std::fs::OpenOptions::new().write(true).open(file).unwrap().write_all(&vec![b'?'; length]).unwrap();
    }
    std::mem::forget(other); // to close it would be to find out
}

#[tokio::test]
async fn secrets_in_a_file_are_exchanged_while_requests_are_answered() {
    let folder = ProcessGuard::new("secrets", Signal::KILL).unwrap();
    let path = folder.folder().join("stripe");
    let replace = |text: &str| {
        let new = folder.folder().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    replace(&format!("{SECRET}\n"));
    let edge = Edge::start_with(&[
        ("STRIPE_WEBHOOK_SECRET_FILE", path.to_str().unwrap()),
        ("GATEWAY_SECRETS_INTERVAL_SECS", "1"),
    ])
    .await;
    let body = event("evt_1", 0);
    let status =
        async |secret: &str| ask(edge.address, post(PATH, &[&signed_by(secret, &body)], &body)).await.status;
    assert_eq!((status(SECRET).await, status(OTHER_SECRET).await), (200, 400));
    replace(&format!("old={SECRET}\nnew={OTHER_SECRET}\n"));
    until("the new secret to count", PATIENCE, async || Ok(status(OTHER_SECRET).await == 200)).await.unwrap();
    assert_eq!(status(SECRET).await, 200, "the old one still does");
    let faulty = "tidegate_secrets_file_faulty{endpoint=\"default\"}";
    for bad in ["new=whsec_short", &format!("new={OTHER_SECRET};until=2020-01-01T00:00:00Z")] {
        replace(bad);
        until("the bad file to be seen", PATIENCE, async || Ok(edge.metric(faulty).await > 0.5))
            .await
            .unwrap();
        assert_eq!(
            (status(SECRET).await, status(OTHER_SECRET).await),
            (200, 200),
            "a bad file changes nothing"
        );
        replace(&format!("old={SECRET}\nnew={OTHER_SECRET}\n\n"));
        until("the file to be right", PATIENCE, async || Ok(edge.metric(faulty).await < 0.5)).await.unwrap();
    }
    replace(&format!("new={OTHER_SECRET}"));
    until("the old secret to end", PATIENCE, async || Ok(status(SECRET).await == 400)).await.unwrap();
    assert!(edge.metric(faulty).await < 0.5);
    edge.end().await.unwrap();
}

#[tokio::test]
async fn ten_thousand_idle_connections_fit_into_little_memory() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("a soft limit may be raised");
    let enough = maximum.is_none_or(|files| files > IDLE_CONNECTIONS as u64 + 500);
    assert!(enough, "raise the hard limit on open files: {maximum:?} are too few for this test");
    let gateway = Lonely::start().await;
    let before = gateway.memory_kib();
    let mut idle = Vec::with_capacity(IDLE_CONNECTIONS);
    for number in 0..IDLE_CONNECTIONS {
        let mut raw = Raw::open(gateway.address).await;
        if number % 2 == 0 {
            // Half of them have been of use before, and have their buffers.
            assert_eq!(raw.exchange(head("GET", "/api/health", &[])).await.status, 200);
        }
        idle.push(raw);
    }
    until("all connections to be open", PATIENCE, async || {
        let (_, page) = get(gateway.internal, "/metrics").await?;
        Ok(page.contains(&format!("tidegate_connections_open {IDLE_CONNECTIONS}")))
    })
    .await
    .unwrap();
    let after = gateway.memory_kib();
    eprintln!("{before} KiB before, {after} KiB with {IDLE_CONNECTIONS} idle connections");
    assert!(
        after < IDLE_LIMIT_KIB,
        "{before} KiB before, {after} KiB with {IDLE_CONNECTIONS} idle connections"
    );
    let last = idle.last_mut().expect("there are connections");
    assert_eq!(last.exchange(head("GET", "/api/health", &[])).await.status, 200);
    gateway.stop();
}

/// The gateway's binary as its own process, without a queue within reach.
struct Lonely {
    address: SocketAddr,
    internal: SocketAddr,
    process: Process,
    guard: ProcessGuard,
}

impl Lonely {
    async fn start() -> Self {
        let guard = ProcessGuard::new("gateway", Signal::KILL).unwrap();
        let address = loopback();
        let settings = [
            ("GATEWAY_ADDR", address.to_string()),
            ("QUEUE_URL", format!("amqp://{}", loopback())),
            ("STRIPE_WEBHOOK_SECRET", SECRET.to_owned()),
            ("GATEWAY_HEADER_DEADLINE_SECS", "60".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let mut process = Process::new("gateway", guard.folder(), settings);
        let internal = process.internal_addresses()[0];
        process.spawn(&guard).unwrap();
        until("the gateway to listen", PATIENCE, async || Ok(get(internal, "/livez").await.is_ok()))
            .await
            .unwrap();
        Self { address, internal, process, guard }
    }

    fn memory_kib(&self) -> u64 {
        let record = std::fs::read_dir(self.guard.folder().join("groups")).unwrap().next().unwrap().unwrap();
        let status = Path::new("/proc").join(record.file_name()).join("status");
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse().expect("memory is a number")
    }

    fn stop(mut self) {
        self.process.stop().unwrap();
    }
}
