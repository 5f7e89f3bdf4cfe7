//! What systemd is told of a process (`Type=notify`): that it has started, how it is, that it lives, that it stops.
//! Each is one datagram to the socket that `NOTIFY_SOCKET` names; without that name nothing is sent.

use std::io;
use std::os::unix::net::{SocketAddr as SocketName, UnixDatagram};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::env::Env;
use crate::healthcheck;

/// Set by systemd, never by people: where it listens, and how often it wants to hear from which process.
const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Between two looks at the listeners until the process has started.
const STARTING_PAUSE: Duration = Duration::from_millis(250);
/// Between two looks afterwards, unless the watchdog wants more.
const STEADY_PAUSE: Duration = Duration::from_secs(5);
/// A process that lives but is not ready by then has started all the same: a broker that is away must not hold up
/// the boot of a machine, and a restart would not bring it back.
const START_PATIENCE: Duration = Duration::from_secs(10);
/// One look might fall between the opening of a listener and the finding that the schema is missing.
const LOOKS_UNTIL_STARTED: u32 = 2;
const STATUS_LIMIT_CHARS: usize = 200;

/// Tells systemd how the process is that listens at these internal addresses, until it stops. Does nothing if systemd
/// did not start it.
pub fn attend(env: &Env, listens_at: &[std::net::SocketAddr], shutdown: CancellationToken) {
    let Some(name) = env.given(SOCKET) else { return };
    let opened = socket_name(name).and_then(|to| Ok((to, UnixDatagram::unbound()?)));
    let opened = opened.and_then(|(to, from)| from.set_nonblocking(true).map(|()| (to, from)));
    match opened {
        Ok((to, from)) => {
            let listeners = listens_at.iter().copied().map(healthcheck::reachable).collect();
            let news = News { watchdog: watchdog(env), ..News::default() };
            tokio::spawn(run(Manager { to, from }, news, listeners, shutdown));
        }
        Err(error) => tracing::warn!(%error, "systemd cannot be told how the process is"),
    }
}

struct Manager {
    to: SocketName,
    from: UnixDatagram,
}

impl Manager {
    /// Systemd that is away or busy is not waited for: it hears the next one.
    fn tell(&self, message: &str) {
        if !message.is_empty() {
            drop(self.from.send_to_addr(message.as_bytes(), &self.to));
        }
    }
}

/// What one look at all listeners found.
struct Look {
    is_alive: bool,
    ready: Result<(), String>,
}

/// What there is to tell, by what was told before.
#[derive(Default)]
struct News {
    /// How often systemd wants to hear that the process lives.
    watchdog: Option<Duration>,
    ready_looks: u32,
    has_started: bool,
    status: String,
}

impl News {
    fn of(&mut self, look: &Look, running_for: Duration) -> String {
        let mut lines = Vec::new();
        self.ready_looks = if look.ready.is_ok() { self.ready_looks + 1 } else { 0 };
        let starts =
            self.ready_looks >= LOOKS_UNTIL_STARTED || look.is_alive && running_for >= START_PATIENCE;
        if starts && !self.has_started {
            self.has_started = true;
            lines.push("READY=1".to_owned());
        }
        let status = match &look.ready {
            Ok(()) => "ready".to_owned(),
            Err(why) => one_line(&format!("not ready: {why}")),
        };
        if status != self.status {
            lines.push(format!("STATUS={status}"));
            self.status = status;
        }
        if look.is_alive && self.watchdog.is_some() {
            lines.push("WATCHDOG=1".to_owned());
        }
        lines.join("\n")
    }

    fn pause(&self) -> Duration {
        if !self.has_started {
            return STARTING_PAUSE;
        }
        self.watchdog.map_or(STEADY_PAUSE, |period| (period / 4).clamp(STARTING_PAUSE, STEADY_PAUSE))
    }
}

async fn run(
    manager: Manager,
    mut news: News,
    listeners: Vec<std::net::SocketAddr>,
    stop: CancellationToken,
) {
    let since = Instant::now();
    loop {
        let next = async {
            tokio::time::sleep(news.pause()).await;
            look(&listeners).await
        };
        // Also in the middle of a look: an idle process has stopped before that ends.
        let found = tokio::select! {
            biased;
            () = stop.cancelled() => return manager.tell("STOPPING=1\nSTATUS=stopping: work in hand is finished first"),
            found = next => found,
        };
        manager.tell(&news.of(&found, since.elapsed()));
    }
}

/// Over the network, like everybody else: a runtime that hangs does not answer.
async fn look(listeners: &[std::net::SocketAddr]) -> Look {
    let mut found = Look { is_alive: true, ready: Ok(()) };
    for listener in listeners {
        found.is_alive &= healthcheck::alive(*listener).await.is_ok();
        found.ready = found.ready.and(healthcheck::ready(*listener).await);
    }
    found
}

/// The watchdog's period, if there is one and it watches this process.
fn watchdog(env: &Env) -> Option<Duration> {
    let pid = env.given(WATCHDOG_PID);
    let is_ours = pid.is_none_or(|pid| pid == std::process::id().to_string());
    let period: u64 = env.given(WATCHDOG_USEC)?.parse().ok()?;
    (is_ours && period > 0).then(|| Duration::from_micros(period))
}

/// A leading `@` is an address without a file, which only Linux knows.
fn socket_name(name: &str) -> io::Result<SocketName> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        return <SocketName as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketName::from_pathname(name)
}

fn one_line(text: &str) -> String {
    text.chars().take(STATUS_LIMIT_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_secs(1);

    fn ready() -> Look {
        Look { is_alive: true, ready: Ok(()) }
    }

    fn not_ready(is_alive: bool, why: &str) -> Look {
        Look { is_alive, ready: Err(why.to_owned()) }
    }

    #[test]
    fn a_process_has_started_when_two_looks_in_a_row_find_it_ready() {
        let mut news = News::default();
        assert_eq!(news.of(&ready(), MOMENT), "STATUS=ready");
        assert_eq!(
            news.of(&not_ready(true, "the ledger is away"), MOMENT),
            "STATUS=not ready: the ledger is away"
        );
        assert_eq!(news.of(&ready(), MOMENT), "STATUS=ready");
        assert_eq!(news.of(&ready(), MOMENT), "READY=1");
        assert_eq!(news.of(&ready(), MOMENT), "", "each thing is told once");
    }

    #[test]
    fn one_that_lives_but_waits_for_others_has_started_after_a_while_and_a_dead_one_never() {
        let mut news = News::default();
        news.of(&not_ready(false, "nobody listens"), START_PATIENCE);
        assert!(!news.has_started);
        assert_eq!(news.of(&not_ready(true, "a\nb"), START_PATIENCE), "READY=1\nSTATUS=not ready: a b");
    }

    #[test]
    fn the_watchdog_hears_of_the_living_only_and_often_enough() {
        let mut news = News { watchdog: Some(Duration::from_secs(8)), ..News::default() };
        assert_eq!(news.of(&ready(), MOMENT), "STATUS=ready\nWATCHDOG=1");
        assert_eq!(news.of(&not_ready(false, "x"), MOMENT), "STATUS=not ready: x");
        news.has_started = true;
        assert_eq!(news.pause(), Duration::from_secs(2));
        let env = |pid: &str| watchdog(&Env::of(&[("WATCHDOG_USEC", "8000000"), ("WATCHDOG_PID", pid)]));
        assert_eq!(env(&std::process::id().to_string()), Some(Duration::from_secs(8)));
        assert_eq!((env(""), env("1")), (Some(Duration::from_secs(8)), None));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_has_a_file_or_only_a_name() {
        let file = std::env::temp_dir().join(format!("tidegate-notify-{}", crate::trace::random_hex::<8>()));
        let file = file.to_str().unwrap().to_owned();
        for name in [file.clone(), format!("@{file}")] {
            let to = socket_name(&name).unwrap();
            let systemd = UnixDatagram::bind_addr(&to).unwrap();
            Manager { to, from: UnixDatagram::unbound().unwrap() }.tell("READY=1");
            let mut heard = [0; 32];
            let length = systemd.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1", "{name}");
        }
        std::fs::remove_file(file).unwrap();
    }
}
