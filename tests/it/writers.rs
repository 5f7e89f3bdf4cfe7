//! Many write to one ledger.db without a pause, from several processes: whoever wants to write gets a turn soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::empty_ledger;
use harness::process_guard::ProcessGuard;
use ledger::{Ledger, LedgerConfig};
use shared::clock;
use shared::env::Env;

/// Each with connections of its own, as processes have them.
const BUSY: usize = 3;
const TASKS_OF_EACH: usize = 4;
const TURNS: usize = 60;
/// Of a dozen who write at once so many may come before somebody who comes seldom.
const OVERTAKEN_LIMIT: usize = 60;
const PATIENCE_SECS: &str = "30";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_seldom_gets_a_turn_beside_those_who_write_without_a_pause() {
    let folder = ProcessGuard::new("writers", rustix::process::Signal::KILL).unwrap();
    let url = empty_ledger::copy_to(&folder.folder().join("ledger.db")).unwrap();
    let seldom = open(&url, PATIENCE_SECS).await;
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
    // How many others wrote while one waited; a slow disk slows all of them down alike.
    let mut overtaken = Vec::new();
    let begun = Instant::now();
    for _ in 0..TURNS {
        let before = written.load(Ordering::Relaxed);
        write(&seldom, "seldom").await;
        overtaken.push(written.load(Ordering::Relaxed) - before);
    }
    let all = written.load(Ordering::Relaxed);
    stop.store(true, Ordering::Relaxed);
    busy.join_all().await;
    overtaken.sort_unstable();
    let (median, most) = (overtaken[TURNS / 2], overtaken[TURNS - 1]);
    println!("{all} other writes in {:?}; before a turn came {median}, at the most {most}", begun.elapsed());
    assert!(all >= TURNS, "{all}: nobody wrote beside it");
    assert!(most <= OVERTAKEN_LIMIT, "{most} wrote before its turn came");
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
