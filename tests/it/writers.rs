//! Many write to one ledger.db without a pause, from several processes: whoever wants to write gets a turn soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::process_guard::ProcessGuard;
use ledger::{Ledger, LedgerConfig};
use shared::clock;
use shared::env::Env;

/// Each with connections of its own, as processes have them.
const BUSY: usize = 3;
const TASKS_OF_EACH: usize = 4;
const TURNS: usize = 60;
/// What somebody waits for a turn who comes seldom, at the most, beside a dozen who write at once.
const PATIENCE_SECS: &str = "2";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_seldom_gets_a_turn_beside_those_who_write_without_a_pause() {
    let folder = ProcessGuard::new("writers", rustix::process::Signal::KILL).unwrap();
    let url = format!("sqlite:{}", folder.folder().join("ledger.db").display());
    let seldom = open(&url, PATIENCE_SECS).await;
    seldom.migrate().await.unwrap();
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut busy = tokio::task::JoinSet::new();
    for process in 0..BUSY {
        let ledger = open(&url, "60").await;
        for task in 0..TASKS_OF_EACH {
            let (ledger, stop, written) = (ledger.clone(), Arc::clone(&stop), Arc::clone(&written));
            busy.spawn(async move {
                let name = format!("busy-{process}-{task}");
                while !stop.load(Ordering::Relaxed) {
                    write(&ledger, &name).await;
                    written.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
    let mut waited = Vec::new();
    for _ in 0..TURNS {
        let begun = Instant::now();
        write(&seldom, "seldom").await;
        waited.push(begun.elapsed());
        // As many others in between as there are: so the next turn begins in the midst of them.
        let before = written.load(Ordering::Relaxed);
        while written.load(Ordering::Relaxed) < before + BUSY {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    busy.join_all().await;
    waited.sort_unstable();
    let (median, longest) = (waited[TURNS / 2], waited[TURNS - 1]);
    println!(
        "{} other writes; a turn after {median:?}, {longest:?} at the longest",
        written.load(Ordering::Relaxed)
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    seldom.close().await;
}

async fn open(url: &str, deadline_secs: &str) -> Ledger {
    let env = Env::of(&[("DATABASE_URL", url), ("DATABASE_DEADLINE_SECS", deadline_secs)]);
    Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap()
}

async fn write(ledger: &Ledger, name: &str) {
    let now = clock::now();
    let until = now + Duration::from_secs(30);
    assert!(ledger.take_lease(name, name, now, until, until).await.unwrap());
}
