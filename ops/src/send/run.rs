//! Drives a run: one task creates stories, several connections send them, and a tally counts.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use stripe_sim::{Random, Signer};
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::client::{self, Client};
use super::scene::Named;
use super::stories::{Story, Style};
use super::tally::{Reply, Tally};
use super::target::Target;
use crate::{money, output};

/// Stories that are shuffled among each other at a time: about 10,000 events, 40 MB.
const SHUFFLED_STORIES: u64 = 1_000;
const TOLD_AHEAD: usize = 64;
/// How many stories the report can name.
const REMEMBERED_STORIES: usize = 1_000;
/// So many events in a row without an answer mean that nobody is there any more.
const SILENCE_LIMIT: u32 = 200;
const SILENCE_PAUSE: Duration = Duration::from_millis(100);
const PROGRESS_PAUSE: Duration = Duration::from_millis(500);

pub struct Plan {
    pub stories: Vec<&'static Story>,
    pub until: Option<String>,
    /// How many stories, taking turns.
    pub count: u64,
    pub style: Style,
    pub repeat: u16,
    pub shuffle: bool,
    pub rate: Option<f64>,
    pub concurrency: u16,
}

/// What a run leaves behind.
pub struct Done {
    pub tally: Tally,
    pub took: Duration,
    pub stories: u64,
    /// The first of them, by name.
    pub told: Vec<Telling>,
    /// Why it ended early, if it did.
    pub stopped: Option<&'static str>,
}

pub struct Telling {
    pub story: &'static str,
    pub cast: Vec<Named>,
    pub first_event: String,
    pub last_event: String,
}

/// Events that one connection sends in this order.
type InOrder = Vec<Bytes>;

pub async fn run(
    plan: Plan,
    target: Target,
    signer: Signer,
    stop: CancellationToken,
) -> anyhow::Result<Done> {
    if !client::reach(&target).await {
        bail!("nothing listens at {}: start `{} up` first, or pass --url", target.address, output::me());
    }
    let (sender, receiver) = mpsc::channel(TOLD_AHEAD);
    let shared = Arc::new(Shared {
        work: Mutex::new(receiver),
        tally: Mutex::default(),
        pace: plan.rate.map(|rate| Pace::new(Duration::from_secs_f64(1.0 / rate))),
        silence: AtomicU32::new(0),
        stop: stop.clone(),
    });
    let started = Instant::now();
    let senders: Vec<_> = (0..plan.concurrency)
        .map(|_| tokio::spawn(send_all(Arc::clone(&shared), Client::new(target.clone(), signer.clone()))))
        .collect();
    let progress = tokio::spawn(show_progress(Arc::clone(&shared), started));
    let (stories, told) = tell_all(&plan, &sender).await;
    drop(sender);
    for sender in senders {
        sender.await?;
    }
    let took = started.elapsed();
    progress.abort();
    drop(progress.await); // its last line is out, or will not come
    let stopped = if shared.silence.load(Ordering::Relaxed) >= SILENCE_LIMIT {
        Some("the gateway no longer answers")
    } else {
        stop.is_cancelled().then_some("interrupted")
    };
    let tally = std::mem::take(&mut *shared.tally.lock().await);
    Ok(Done { tally, took, stories, told, stopped })
}

struct Shared {
    work: Mutex<mpsc::Receiver<InOrder>>,
    tally: Mutex<Tally>,
    pace: Option<Pace>,
    silence: AtomicU32,
    stop: CancellationToken,
}

/// Tells the stories, as fast as they are sent, until the last or until nobody takes them.
async fn tell_all(plan: &Plan, work: &mpsc::Sender<InOrder>) -> (u64, Vec<Telling>) {
    let mut remembered = Vec::new();
    let mut mixed: Vec<Bytes> = Vec::new();
    let mut random = Random::of_sequence(plan.style.seed, u64::MAX);
    for (number, story) in (0..plan.count).zip(plan.stories.iter().cycle()) {
        let told = story.told(plan.style, number, plan.until.as_deref());
        if let ([first, ..], [.., last], true) =
            (&told.samples[..], &told.samples[..], remembered.len() < REMEMBERED_STORIES)
        {
            let (first_event, last_event) = (first.id.clone(), last.id.clone());
            remembered.push(Telling { story: told.story, cast: told.cast, first_event, last_event });
        }
        let repeated = told
            .samples
            .into_iter()
            .flat_map(|sample| std::iter::repeat_n(sample.body, usize::from(plan.repeat)));
        if !plan.shuffle {
            if work.send(repeated.collect()).await.is_err() {
                return (number, remembered);
            }
            continue;
        }
        mixed.extend(repeated);
        if (number + 1) % SHUFFLED_STORIES == 0 || number + 1 == plan.count {
            random.shuffle(&mut mixed);
            for body in mixed.drain(..) {
                if work.send(vec![body]).await.is_err() {
                    return (number, remembered);
                }
            }
        }
    }
    (plan.count, remembered)
}

async fn send_all(shared: Arc<Shared>, mut client: Client) {
    loop {
        let next = {
            let mut work = shared.work.lock().await;
            if shared.stop.is_cancelled() || shared.silence.load(Ordering::Relaxed) >= SILENCE_LIMIT {
                work.close(); // what is told but not sent falls away
                return;
            }
            tokio::select! {
                next = work.recv() => next,
                () = shared.stop.cancelled() => continue,
            }
        };
        let Some(bodies) = next else { return };
        for body in bodies {
            if let Some(pace) = &shared.pace {
                tokio::select! {
                    () = pace.turn() => {}
                    () = shared.stop.cancelled() => {}
                }
            }
            if shared.stop.is_cancelled() {
                break;
            }
            let started = Instant::now();
            let answer = client.send(&body).await;
            shared.tally.lock().await.count(answer, started.elapsed());
            match answer {
                Reply::Status(_) => shared.silence.store(0, Ordering::Relaxed),
                Reply::Nothing(_) => {
                    shared.silence.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(SILENCE_PAUSE).await; // do not hammer what is down
                }
            }
        }
    }
}

/// Hands out moments at even distances, to all connections together.
struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    fn new(gap: Duration) -> Self {
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let turn = *next;
            *next = turn + self.gap;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

/// One line that rewrites itself, for people who wait; nothing for short runs, and nothing without a terminal.
async fn show_progress(shared: Arc<Shared>, started: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let _clear = ClearLine;
    loop {
        tokio::time::sleep(PROGRESS_PAUSE).await;
        let (sent, accepted) = {
            let tally = shared.tally.lock().await;
            (tally.sent(), tally.accepted)
        };
        let secs = started.elapsed().as_secs().max(1);
        let (sent, accepted, rate) = (money::count(sent), money::count(accepted), money::count(sent / secs));
        draw(&format!("\r\x1b[K{sent} sent, {accepted} accepted, {rate}/s"));
    }
}

struct ClearLine;

impl Drop for ClearLine {
    fn drop(&mut self) {
        draw("\r\x1b[K");
    }
}

/// The terminal may be gone.
fn draw(line: &str) {
    drop(std::io::stderr().write_all(line.as_bytes()));
}
