//! The load: connections over which prepared requests go out and answers are read, by one thread and with no
//! HTTP library, so that the generator takes as little of the shared cores as it can.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures_util::future::try_join_all;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::events::Requests;
use crate::measure::latency::Latencies;
use crate::measure::process::Parts;
use crate::measure::sample::Sample;

/// Above every deadline of the gateway: what does not answer within it, hangs.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);
const ANSWER_LIMIT_BYTES: usize = 2_048;
const OPENING_AT_ONCE: usize = 64;
/// From here on an answer is a spike, and the report says when it was.
pub const SPIKE: Duration = Duration::from_millis(50);
/// Late answers that close together are one spike.
const SAME_SPIKE: Duration = Duration::from_millis(100);

/// Answers that came late together.
#[derive(Clone, Copy, Debug)]
pub struct Spike {
    /// Since the run's begin, when the first of them was due to be sent.
    pub at: Duration,
    pub worst: Duration,
    pub answers: u64,
}

/// What one run of load gave.
pub struct Run {
    pub sample: Sample,
    pub spikes: Vec<Spike>,
}

/// Every connection sends its next request when it has the answer to its last one, until the time is over or
/// the requests are all sent.
pub fn closed(
    address: SocketAddr,
    connections: usize,
    requests: &Requests,
    time: Duration,
    parts: &Parts,
) -> anyhow::Result<Sample> {
    let plan = Plan { address, connections, requests, time, every: None };
    Ok(plan.run(parts)?.sample)
}

/// Requests are due at a constant rate whatever the answers do, and their latency counts from when they were
/// due. The timer is good to a millisecond, which counts against the answers.
pub fn open(
    address: SocketAddr,
    connections: usize,
    requests: &Requests,
    time: Duration,
    per_second: f64,
    parts: &Parts,
) -> anyhow::Result<Run> {
    let every = Some(Duration::from_secs_f64(1.0 / per_second));
    Plan { address, connections, requests, time, every }.run(parts)
}

/// Opens so many connections, each of which has had one request answered, and leaves them open.
pub async fn idle(
    address: SocketAddr,
    connections: usize,
    requests: &Requests,
) -> anyhow::Result<Vec<TcpStream>> {
    let opened = (0..connections).map(async |number| {
        let mut stream = connect(address).await?;
        let request = requests.request(number % requests.len().max(1)).context("there are requests")?;
        within(ANSWER_DEADLINE, exchange(&mut stream, request)).await?;
        anyhow::Ok(stream)
    });
    futures_util::stream::iter(opened).buffer_unordered(OPENING_AT_ONCE).try_collect().await
}

struct Plan<'r> {
    address: SocketAddr,
    connections: usize,
    requests: &'r Requests,
    time: Duration,
    /// Between two requests of an open loop; `None` for a closed one.
    every: Option<Duration>,
}

/// What the connections of a run share; one thread has them all.
struct Shared<'r> {
    plan: Plan<'r>,
    began: Instant,
    next: Cell<usize>,
    latencies: RefCell<Latencies>,
    late: RefCell<Vec<(Duration, Duration)>>,
}

impl Plan<'_> {
    /// On a thread with its own runtime, whose work wakes nobody else.
    fn run(self, parts: &Parts) -> anyhow::Result<Run> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::scope(|scope| {
            scope.spawn(move || runtime.block_on(self.drive(parts))).join().expect("the load does not panic")
        })
    }

    async fn drive(self, parts: &Parts) -> anyhow::Result<Run> {
        let streams = try_join_all((0..self.connections).map(|_| connect(self.address))).await?;
        let before = parts.cpu();
        let shared = Shared {
            plan: self,
            began: Instant::now(),
            next: Cell::new(0),
            latencies: RefCell::default(),
            late: RefCell::default(),
        };
        let connections = try_join_all(streams.into_iter().map(|stream| shared.connection(stream)));
        within(shared.plan.time + ANSWER_DEADLINE, connections).await?;
        let took = shared.began.elapsed();
        let latencies = shared.latencies.into_inner();
        let mut sample = Sample::of(latencies.len(), took);
        sample.cpu = parts.cpu_since(&before);
        sample.peak = parts.peak();
        sample.latencies = latencies;
        Ok(Run { sample, spikes: spikes(shared.late.into_inner()) })
    }
}

impl Shared<'_> {
    async fn connection(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        loop {
            let number = self.next.get();
            self.next.set(number + 1);
            let Some(request) = self.plan.requests.request(number) else { return Ok(()) };
            let due = match self.plan.every {
                None => Instant::now(),
                Some(every) => {
                    self.began + every * u32::try_from(number).context("too many requests for one run")?
                }
            };
            if due.duration_since(self.began) >= self.plan.time {
                return Ok(());
            }
            if self.plan.every.is_some() {
                tokio::time::sleep_until(due.into()).await;
            }
            exchange(&mut stream, request).await?;
            let latency = due.elapsed();
            self.latencies.borrow_mut().note(latency);
            if latency >= SPIKE {
                self.late.borrow_mut().push((due - self.began, latency));
            }
        }
    }
}

async fn within<T>(time: Duration, done: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(time, done).await.context("no answer within the deadline")?
}

pub async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request and its answer, which must be 200: anything else would measure refusals. Its time is for the caller to
/// limit: a timer for every answer would cost the generator more than reading it.
pub async fn exchange(stream: &mut TcpStream, request: &[u8]) -> anyhow::Result<()> {
    stream.write_all(request).await?;
    let mut answer = [0; ANSWER_LIMIT_BYTES];
    let mut filled = 0;
    loop {
        match stream.read(&mut answer[filled..]).await? {
            0 => bail!("the connection was closed before the answer was whole"),
            read => filled += read,
        }
        if length(&answer[..filled])?.is_some_and(|whole| filled >= whole) {
            break;
        }
    }
    let status = answer.get(9..12).unwrap_or_default();
    ensure!(status == b"200", "answered {}", String::from_utf8_lossy(&answer[..filled.min(200)]));
    Ok(())
}

/// How long the whole answer is, once its head has come.
fn length(answer: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&answer[..head])?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut declared = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = declared.next().context("an answer without its length")?;
    Ok(Some(head + 4 + length.trim().parse::<usize>()?))
}

fn spikes(mut late: Vec<(Duration, Duration)>) -> Vec<Spike> {
    late.sort();
    let mut spikes: Vec<(Spike, Duration)> = Vec::new();
    for (at, latency) in late {
        match spikes.last_mut() {
            Some((spike, last)) if at.saturating_sub(*last) < SAME_SPIKE => {
                (spike.worst, spike.answers, *last) = (spike.worst.max(latency), spike.answers + 1, at);
            }
            _ => spikes.push((Spike { at, worst: latency, answers: 1 }, at)),
        }
    }
    spikes.into_iter().map(|(spike, _)| spike).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Le").unwrap(), None);
        assert_eq!(length(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").unwrap(), Some(43));
        assert!(length(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn answers_that_are_late_together_are_one_spike() {
        let ms = Duration::from_millis;
        let spikes = spikes(vec![(ms(500), ms(60)), (ms(10), ms(80)), (ms(90), ms(70)), (ms(150), ms(90))]);
        assert_eq!(spikes.len(), 2);
        assert_eq!((spikes[0].at, spikes[0].worst, spikes[0].answers), (ms(10), ms(90), 3));
    }
}
