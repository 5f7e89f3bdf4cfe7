//! What those hear who watch over processes: containers by their health check, systemd by its socket. Both are told
//! by the real binaries, by the very commands that images and units name.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use harness::binaries::binary;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, Server, until};
use rustix::process::Signal;

use crate::manifests::images::health_checks;

const PATIENCE: Duration = Duration::from_mins(1);
const WATCHDOG_USEC: &str = "2000000";

/// A machine with free addresses for one gateway and one worker.
struct Machine {
    guard: ProcessGuard,
    settings: Vec<(&'static str, String)>,
}

impl Machine {
    fn new() -> Self {
        let address = || SocketAddr::from(([127, 0, 0, 1], free_port())).to_string();
        let names = [
            "GATEWAY_ADDR",
            "GATEWAY_INTERNAL_ADDR",
            "WORKER_INTERNAL_ADDR",
            "CONSOLE_ADDR",
            "CONSOLE_INTERNAL_ADDR",
        ];
        Self {
            guard: ProcessGuard::new("supervised", Signal::KILL).unwrap(),
            settings: names.map(|name| (name, address())).into(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.guard.folder().join(name)
    }

    /// Starts one of our binaries, as a supervisor would.
    fn start(&self, program: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Server {
        let mut command = self.guard.command(binary(program));
        let log = std::fs::File::create(self.file("log")).unwrap();
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command.envs(settings.iter().copied()).stdout(Stdio::null()).stderr(log);
        self.guard.spawn(&mut command).unwrap()
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary(program));
        command.args(arguments).current_dir(self.guard.folder()).env_clear();
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command.output().unwrap()
    }

    /// Waits until a health check says so, and gives what it says.
    async fn says(&self, program: &str, arguments: &[&str], code: i32, words: &str) -> String {
        let mut said = String::new();
        let waited = until("the health check", PATIENCE, async || {
            let output = self.ask(program, arguments);
            said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            Ok(output.status.code() == Some(code) && said.contains(words))
        });
        let waited = waited.await;
        assert!(waited.is_ok(), "{program} {arguments:?} says {said:?}, and not {words:?} with {code}");
        said
    }
}

async fn ends(mut server: Server) {
    until("the end", PATIENCE, async || Ok(server.has_exited())).await.unwrap();
    assert!(server.succeeded(), "it ended with an error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_of_the_start_of_life_and_of_the_stop() {
    let machine = Machine::new();
    let socket = UnixDatagram::bind(machine.file("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = Vec::new();
    let mut hear = |word: &str| {
        let mut message = [0; 1_024];
        loop {
            let length =
                socket.recv(&mut message).unwrap_or_else(|error| panic!("no {word}: {error}, but {heard:?}"));
            let text = String::from_utf8(message[..length].to_vec()).unwrap();
            heard.push(text.clone());
            if text.lines().any(|line| line == word) {
                return text;
            }
        }
    };
    let name = machine.file("notify").to_str().unwrap().to_owned();
    let up =
        machine.start("tidegate", &["up"], &[("NOTIFY_SOCKET", &name), ("WATCHDOG_USEC", WATCHDOG_USEC)]);
    hear("READY=1");
    let ready = machine.ask("tidegate", &["healthcheck"]);
    assert!(ready.status.success(), "it was said to have started");
    assert_eq!(String::from_utf8(ready.stdout).unwrap(), "ready: gateway, worker\n");
    hear("WATCHDOG=1");
    hear("WATCHDOG=1");
    up.signal(Signal::TERM);
    hear("STOPPING=1");
    ends(up).await;
    assert!(heard.iter().any(|text| text.lines().any(|line| line == "STATUS=ready")), "{heard:?}");
    assert_eq!(heard.iter().filter(|text| text.contains("READY=1")).count(), 1, "{heard:?}");
}

/// Each beside the files that `up` has made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binary_of_one_role_tells_systemd_and_its_health_check_the_same() {
    let machine = Machine::new();
    let up = machine.start("tidegate", &["up"], &[]);
    machine.says("tidegate", &["healthcheck"], 0, "ready: gateway, worker").await;
    up.signal(Signal::TERM);
    ends(up).await;
    for program in ["tidegate-gateway", "tidegate-worker"] {
        let socket = UnixDatagram::bind(machine.file(program)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        machine.says(program, &["healthcheck"], 1, "nothing listens at 127.0.0.1:").await;
        let name = machine.file(program).to_str().unwrap().to_owned();
        let secret = ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ");
        let process = machine.start(program, &[], &[("NOTIFY_SOCKET", &name), secret]);
        let hear = |word: &str| {
            let mut message = [0; 1_024];
            loop {
                let length =
                    socket.recv(&mut message).unwrap_or_else(|error| panic!("{program}: no {word}: {error}"));
                if std::str::from_utf8(&message[..length]).unwrap().lines().any(|line| line == word) {
                    return;
                }
            }
        };
        hear("READY=1");
        machine.says(program, &["healthcheck"], 0, "").await;
        process.signal(Signal::TERM);
        hear("STOPPING=1");
        ends(process).await;
    }
}

/// The commands are the images' own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_image_can_tell_whether_its_process_is_ready() {
    let machine = Machine::new();
    let checks = health_checks();
    assert_eq!(checks.len(), 2, "{checks:?}");
    let arguments = |words: &[String]| words.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let ask = async |words: &[String], code, told: &str| {
        let (program, rest) = words.split_first().unwrap();
        let program = program.rsplit('/').next().unwrap();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let said = machine.says(program, &rest, code, told).await;
        assert!(said.lines().count() <= 1, "{}: one line, not {said:?}", arguments(words));
    };
    for words in checks.values() {
        ask(words, 1, "nothing listens at 127.0.0.1:").await;
    }
    let up = machine.start("tidegate", &["up"], &[]);
    for words in checks.values() {
        ask(words, 0, "").await;
    }
    machine.says("tidegate", &["healthcheck"], 0, "ready: gateway, worker").await;
    up.signal(Signal::TERM);
    ends(up).await;
    for words in checks.values() {
        ask(words, 1, "nothing listens at 127.0.0.1:").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_waits_for_its_broker_says_so_in_one_line() {
    let machine = Machine::new();
    let queue = format!("amqp://127.0.0.1:{}/%2f", free_port());
    let settings = [("QUEUE_URL", queue.as_str()), ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ")];
    let gateway = machine.start("tidegate-gateway", &[], &settings);
    for (program, arguments) in
        [("tidegate-gateway", &["healthcheck"] as &[&str]), ("tidegate", &["healthcheck", "gateway"])]
    {
        let said = machine.says(program, arguments, 1, "cannot publish at amqp://127.0.0.1:").await;
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(!said.contains("nothing listens at"), "{said}");
    }
    gateway.signal(Signal::TERM);
    ends(gateway).await;
}
