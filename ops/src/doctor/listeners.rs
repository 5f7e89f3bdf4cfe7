//! Checks the internal listeners: whether gateway and worker run here and are ready, and how many files they
//! may open.

use std::net::SocketAddr;

use rustix::process::{Resource, getrlimit};

use crate::finding::Finding;
use crate::probe::{self, Process, Samples};

const OPEN_FILES: &str = "open files";
/// Each connection of Stripe's is one.
const OPEN_FILES_LOOK: u64 = 4_096;

/// `None` where its address cannot be read.
pub type Asked = Option<(SocketAddr, Process)>;

pub async fn ask(address: Option<SocketAddr>) -> Asked {
    let address = address?;
    Some((address, probe::process(address).await))
}

pub fn check(name: &'static str, asked: &Asked, variable: &str) -> Option<Finding> {
    let (at, process) = asked.as_ref()?;
    Some(match process {
        Process::Ready(_) => Finding::ok(name, format!("ready at {at}")),
        Process::NotReady(why, _) => Finding::act(
            name,
            format!("not ready at {at}: {why}"),
            "fix the cause named above; it then continues by itself",
        ),
        Process::Absent => absent(name, *at, variable),
    })
}

/// Nobody listens: on this machine it is down.
pub fn absent(name: &'static str, at: SocketAddr, variable: &str) -> Finding {
    Finding::act(
        name,
        format!("is down: nothing listens at {at}"),
        format!(
            "start it. If it runs on another machine, set {variable} to its address, or pass --elsewhere {name}"
        ),
    )
}

/// What a process that runs counts.
pub fn samples(asked: &Asked) -> Option<&Samples> {
    match &asked.as_ref()?.1 {
        Process::Absent => None,
        Process::Ready(samples) | Process::NotReady(_, samples) => Some(samples),
    }
}

/// The gateway raises its own limit as far as it may; without one that runs, ours tells how far that is.
pub fn open_files(gateway: &Asked) -> Finding {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of files")]
    let told = |series| samples(gateway).and_then(|it| it.value(series)).map(|value| value as u64);
    let (limit, text) = match (told("process_max_fds"), told("process_open_fds")) {
        (Some(limit), Some(open)) => {
            (Some(limit), format!("the gateway has {open} open files of at most {limit}"))
        }
        _ => match getrlimit(Resource::Nofile).maximum {
            Some(limit) => (Some(limit), format!("a process started here may have {limit}")),
            None => (None, "a process started here may have any number".to_owned()),
        },
    };
    let is_few = limit.is_some_and(|limit| limit < OPEN_FILES_LOOK);
    let advice = "each connection needs one: raise the hard limit (LimitNOFILE, ulimit -Hn)";
    Finding::weighed(OPEN_FILES, text, (false, is_few), advice)
}
