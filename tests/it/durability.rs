//! Accepted means durable, where killing a process cannot show it, for the page cache survives: by the
//! order of system calls, and by an fsync that fails.

mod system_calls;
mod traced;

use std::sync::Mutex;

use anyhow::Context;
use futures_util::future::join_all;
use harness::client::Answer;
use harness::process_guard::until;
use harness::stories::{SampleEvent, Stories};

use self::system_calls::Call;
use self::traced::{Home, PATIENCE};

const QUEUE_LOG: &str = "queue.db-wal";
const LEDGER_LOG: &str = "ledger.db-wal";

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_has_it_before_the_answer_and_the_ledger_before_the_queue_forgets() -> anyhow::Result<()> {
    let home = Home::new()?;
    let calls = "trace=pwrite64,fsync,fdatasync,read,recvfrom,write,writev,sendto,sendmsg";
    let running = home.start(&["-y", "-s", "8192", "-e", calls].map(str::to_owned)).await?;
    let events: Vec<SampleEvent> = {
        let mut stories = Stories::of_seed(11);
        (0..6).map(|_| stories.succeeded_payment()).collect()
    };
    let mut client = running.client();
    for (number, event) in (1..).zip(&events) {
        assert_eq!(client.send(&event.body).await, Answer::Status(200));
        home.ledger().has_handled(number, PATIENCE).await?;
        home.until_queue_is_empty().await?;
    }
    running.stop().await?;

    let calls = system_calls::read(&std::fs::read_to_string(home.path("trace"))?);
    let posts: Vec<&Call> =
        calls.iter().filter(|call| call.text.contains("\"POST /webhooks/stripe")).collect();
    assert_eq!(posts.len(), events.len());
    for (number, event) in events.iter().enumerate() {
        let post = posts[number];
        let until = posts.get(number + 1).map_or(usize::MAX, |next| next.begun);
        let during: Vec<&Call> =
            calls.iter().filter(|call| call.begun > post.begun && call.begun < until).collect();
        holds(&event.id, post, &during).with_context(|| format!("event {number}: {}", event.id))?;
    }
    Ok(())
}

/// Judges the calls from one event's arrival until the next one's.
fn holds(id: &str, post: &Call, during: &[&Call]) -> anyhow::Result<()> {
    let answered = first(during, "the answer 200", |call| {
        call.file() == post.file() && call.text.contains("\"HTTP/1.1 200 ")
    })?;
    let in_queue = stored(during, QUEUE_LOG, id)?;
    anyhow::ensure!(in_queue.ended < answered.begun, "answered before queue.db was on disk");

    // The last transaction on the queue before it was seen empty is the one that forgets the event.
    let in_ledger = stored(during, LEDGER_LOG, id)?;
    let last = during.iter().rfind(|call| call.writes_to(QUEUE_LOG)).context("the queue forgot it")?;
    let before = during.iter().rfind(|call| call.syncs(QUEUE_LOG) && call.ended < last.begun);
    let forgets = first(during, "the queue forgetting it", |call| {
        call.writes_to(QUEUE_LOG) && before.is_some_and(|sync| call.begun > sync.ended)
    })?;
    anyhow::ensure!(in_ledger.ended < forgets.begun, "the queue forgot it before ledger.db was on disk");
    Ok(())
}

/// The fsync that made durable what first carried this id into a log: the next one of the thread that
/// wrote it.
fn stored<'a>(calls: &[&'a Call], log: &str, id: &str) -> anyhow::Result<&'a Call> {
    let written = first(calls, "a write of the event", |call| call.writes_to(log) && call.text.contains(id))?;
    let synced = first(calls, "an fsync after the write", |call| {
        call.syncs(log) && call.thread == written.thread && call.begun > written.ended
    })?;
    anyhow::ensure!(synced.succeeded(), "the fsync failed: {synced:?}");
    Ok(synced)
}

fn first<'a>(calls: &[&'a Call], what: &str, which: impl Fn(&Call) -> bool) -> anyhow::Result<&'a Call> {
    calls.iter().find(|call| which(call)).copied().with_context(|| format!("there is no {what}"))
}

/// A file system that forgets the end of a log, or a backup that was put back: every figure of what is left is right.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_lost_its_last_commits_does_not_add_up() -> anyhow::Result<()> {
    const EVENTS: usize = 300;
    let home = Home::new()?;
    home.start(&[]).await?.stop().await?; // the schema is in the file itself
    let running = home.start(&[]).await?;
    let mut stories = Stories::of_seed(14);
    let mut client = running.client();
    for _ in 0..EVENTS {
        assert_eq!(client.send(&stories.succeeded_payment().body).await, Answer::Status(200));
    }
    home.ledger().has_handled(EVENTS, PATIENCE).await?;
    home.until_queue_is_empty().await?;
    assert!(home.audit().0, "nothing is lost yet: {}", home.audit().1);
    running.kill().await?;
    std::fs::write(home.path("ledger.db-wal"), "")?;
    std::fs::remove_file(home.path("ledger.db-shm"))?;

    let (adds_up, told) = home.audit();
    assert!(!adds_up && told.contains("They do not add up."), "{told}");
    let words =
        "this ledger has lost its last commits: the queue has handed over 300 messages, up to number 300";
    assert!(told.contains(words), "{told}");
    // It goes on, and what is lost stays found.
    let running = home.start(&[]).await?;
    let known = home.ledger().events().await?.len();
    assert_eq!(running.client().send(&stories.succeeded_payment().body).await, Answer::Status(200));
    home.ledger().has_handled(known + 1, PATIENCE).await?;
    home.until_queue_is_empty().await?;
    let (adds_up, told) = home.audit();
    assert!(!adds_up && told.contains("handed over 301 messages, up to number 301"), "{told}");
    running.stop().await?;
    let log = std::fs::read_to_string(home.path("log"))?;
    assert!(log.contains("the ledger has lost its last commits"), "the start said nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fsync_refuses_all_who_wait_and_ends_the_process() -> anyhow::Result<()> {
    const CLIENTS: usize = 8;
    let home = Home::new()?;
    // Late enough that it starts and accepts some. The failing call takes long, so that every client
    // waits when it fails.
    let failing = "inject=fsync,fdatasync:error=EIO:delay_enter=2000000:when=40+";
    let log = home.path(QUEUE_LOG);
    let running =
        home.start(&["-e", "trace=fsync,fdatasync", "-P", &log, "-e", failing].map(str::to_owned)).await?;
    let (stories, accepted) = (Mutex::new(Stories::of_seed(12)), Mutex::new(Vec::new()));
    let next = || stories.lock().unwrap().succeeded_payment();
    let send_while_accepted = async |mut client: harness::client::Client| {
        loop {
            let event = next();
            match client.send(&event.body).await {
                Answer::Status(200) => accepted.lock().unwrap().push(event.id),
                other => return other,
            }
        }
    };
    let last = join_all((0..CLIENTS).map(|_| send_while_accepted(running.client()))).await;
    assert_eq!(last, [Answer::Status(503); CLIENTS]);
    assert!(!running.ends_well().await?, "the process ended as if all were well");

    let accepted = accepted.into_inner()?;
    assert!(accepted.len() > CLIENTS, "too few were accepted to show anything");
    let running = home.start(&[]).await?;
    let ledger = home.ledger();
    until("all that was accepted", PATIENCE, async || {
        let rows = ledger.events().await?;
        Ok(accepted.iter().all(|id| rows.iter().any(|row| row.id == *id && row.outcome == "applied")))
    })
    .await?;
    running.stop().await
}
