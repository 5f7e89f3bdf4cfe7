//! Servers that cannot be used: real ones and dead ports. The message says where, why and what to do, and never shows
//! a user or a password.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::binaries::binary;
use harness::broker::Broker;
use harness::client::get;
use harness::ports::free_port;
use harness::postgres::Postgres;
use harness::process::Process;
use harness::process_guard::{ProcessGuard, until};
use hyper::Method;
use rustix::process::Signal;

const USER: &str = "jane_of_accounts";
const PASSWORD: &str = "hunter2";
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command says that cannot do its work.
fn refusal(
    guard: &ProcessGuard,
    arguments: &[&str],
    variable: &str,
    url: &str,
    deadline_secs: &str,
) -> String {
    let mut command = Command::new(binary("tidegate"));
    command.args(arguments).current_dir(guard.folder()).stdin(Stdio::null()).env_clear();
    command.env("DATABASE_DEADLINE_SECS", deadline_secs).env(variable, url);
    let output = command.output().expect("tidegate can be started");
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    let secret =
        url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map_or("", |(user, _)| user);
    for part in secret.split(':').filter(|part| !part.is_empty() && *part != "postgres") {
        assert!(!said.contains(part), "{part} is told: {said}");
    }
    assert!(!said.contains("pool timed out") && !said.contains("os error"), "{said}");
    said
}

/// Takes every connection and closes it at once.
fn hangs_up() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    port
}

fn port_of(url: &str) -> u16 {
    let after_host = url.rsplit_once("127.0.0.1:").unwrap().1;
    after_host.split('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn postgres_out_of_reach_is_explained() {
    let guard = ProcessGuard::new("unreachable", Signal::KILL).unwrap();
    let postgres = Postgres::shared().await;
    let (here, dead, rude) = (port_of(&postgres.address("x")), free_port(), hangs_up());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // nobody accepts, so nobody answers
    let mute = silent.local_addr().unwrap().port();
    let of = |at: &str| format!("postgres://{USER}:{PASSWORD}@{at}/ledger");
    for (url, parts) in [
        (
            of(&format!("127.0.0.1:{dead}")),
            [&*format!("connection refused at 127.0.0.1:{dead}"), "Start Postgres", "DATABASE_URL"],
        ),
        (of("nowhere.invalid:5432"), ["no address is known for the host of nowhere.invalid:5432", "DNS", ""]),
        (
            of(&format!("127.0.0.1:{mute}")),
            [&*format!("no answer from 127.0.0.1:{mute} within 1 s"), "firewall", ""],
        ),
        (
            of(&format!("127.0.0.1:{rude}")),
            [&*format!("what listens at 127.0.0.1:{rude} begins no session"), "TLS", ""],
        ),
        (
            of(&format!("127.0.0.1:{here}")),
            [
                &*format!("Postgres at 127.0.0.1:{here} refused the login"),
                "wrong user or password",
                "DATABASE_URL",
            ],
        ),
        (
            postgres.address("no_such_ledger"),
            [&*format!("Postgres at 127.0.0.1:{here} has no database `no_such_ledger`"), "Create it", ""],
        ),
        (
            postgres.address("postgres?sslmode=require"),
            [
                &*format!("no TLS with Postgres at 127.0.0.1:{here}"),
                "does not support TLS",
                "sslmode=disable",
            ],
        ),
    ] {
        // Only silence takes as long as the deadline; everything else is found out without waiting for the pool.
        let deadline_secs = if url.contains(&mute.to_string()) { "1" } else { "120" };
        let begun = Instant::now();
        let said = refusal(&guard, &["invoices", "list"], "DATABASE_URL", &url, deadline_secs);
        assert!(begun.elapsed() < Duration::from_mins(1), "{said}: it waited for the pool");
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
        assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    }
}

#[tokio::test]
async fn rabbitmq_out_of_reach_is_explained() {
    let guard = ProcessGuard::new("unreachable", Signal::KILL).unwrap();
    let broker = Broker::shared().await;
    let (here, dead, rude) = (port_of(&broker.url()), free_port(), hangs_up());
    let closed = broker.vhost("closed").await.unwrap().rsplit_once('/').unwrap().1.to_owned();
    broker.api(Method::DELETE, &format!("/api/permissions/{closed}/guest"), "").await.unwrap();
    let of = |scheme: &str, at: &str| format!("{scheme}://{USER}:{PASSWORD}@{at}/%2f");
    for (url, parts) in [
        (
            of("amqp", &format!("127.0.0.1:{dead}")),
            [&*format!("connection refused at 127.0.0.1:{dead}"), "Start RabbitMQ", "QUEUE_URL"],
        ),
        (
            of("amqp", "nowhere.invalid:5672"),
            ["no address is known for the host of nowhere.invalid:5672", "DNS", ""],
        ),
        (
            of("amqp", &format!("127.0.0.1:{rude}")),
            [&*format!("what listens at 127.0.0.1:{rude} begins no session"), "TLS", ""],
        ),
        (
            of("amqp", &format!("127.0.0.1:{here}")),
            [
                &*format!("RabbitMQ at 127.0.0.1:{here} refused the login"),
                "wrong user or password",
                "QUEUE_URL",
            ],
        ),
        (
            of("amqps", &format!("127.0.0.1:{here}")),
            [&*format!("no TLS with RabbitMQ at 127.0.0.1:{here}"), "5671", "amqp://"],
        ),
        (
            format!("amqp://guest:guest@127.0.0.1:{here}/no-such-host"),
            [&*format!("RabbitMQ at 127.0.0.1:{here} has no virtual host `no-such-host`"), "Create it", ""],
        ),
        (
            format!("amqp://guest:guest@127.0.0.1:{here}/{closed}"),
            [&*format!("does not let this user use the virtual host `{closed}`"), "right to", ""],
        ),
    ] {
        let said = refusal(&guard, &["topology", "--check"], "QUEUE_URL", &url, "1");
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }
}

/// As `/readyz` shows it, which is where people and Kubernetes look.
#[tokio::test]
async fn processes_that_wait_for_their_servers_say_for_which_and_why() {
    let guard = ProcessGuard::new("unreachable", Signal::KILL).unwrap();
    let (ledger, queue) = (free_port(), free_port());
    let settings = [
        ("DATABASE_URL", format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{ledger}/ledger")),
        ("DATABASE_DEADLINE_SECS", "1".to_owned()),
        ("QUEUE_URL", format!("amqp://{USER}:{PASSWORD}@127.0.0.1:{queue}/%2f")),
        ("GATEWAY_ADDR", format!("127.0.0.1:{}", free_port())),
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ".to_owned()),
    ];
    let settings: Vec<(String, String)> = settings.map(|(name, value)| (name.to_owned(), value)).into();
    for (name, port) in [("worker-1", ledger), ("gateway", queue)] {
        let mut process = Process::new(name, guard.folder(), settings.clone());
        process.spawn(&guard).unwrap();
        let [listener] = process.internal_addresses()[..] else { panic!("one listener") };
        let wanted = format!("connection refused at 127.0.0.1:{port}");
        until(name, PATIENCE, async || {
            let page = get(listener, "/readyz").await;
            Ok(page.is_ok_and(|(status, why)| status == 503 && why.contains(&wanted)))
        })
        .await
        .unwrap_or_else(|error| panic!("{error}: {}", process.log()));
        process.stop().unwrap();
        assert_eq!(process.faults(&[USER, PASSWORD]), Vec::<String>::new());
    }
}
