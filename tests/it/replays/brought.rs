//! Bodies that a plan brings from a file are kept for as long as others.

use std::time::Duration;

use chrono::TimeDelta;
use desk::actor::Actor;
use desk::acts::Person;
use desk::replay::{Chosen, plan, run};
use domain::outcome::OutcomeKind;
use harness::ledger::Ledger as Rows;
use harness::process_guard::ProcessGuard;
use shared::clock;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};
use worker::chores::retention::forget_files;

use crate::ledgers::{each_ledger_sealed_too, payment};
use crate::segments::key;

const RETENTION: Duration = Duration::from_hours(24);
const BROUGHT: &str = "SELECT count(*) FROM replay_items WHERE body IS NOT NULL OR header IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_brought_is_removed_after_the_retention_and_cannot_run_then() {
    each_ledger_sealed_too("brought", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        let jane = Actor::declared(&Person::named("jane").unwrap());
        let (now, chosen) = (clock::now(), [Chosen { key: key(&event), brought: Some(event.clone()) }]);
        let name = plan(&ledger, "a file", &chosen, &jane, now).await.unwrap();
        let outside = Rows::at(&url);
        forget_files(&ledger, RETENTION, now + TimeDelta::hours(23)).await.unwrap();
        assert_eq!(outside.count(BROUGHT).await.unwrap(), 1);
        forget_files(&ledger, RETENTION, now + TimeDelta::hours(25)).await.unwrap();
        assert_eq!(outside.count(BROUGHT).await.unwrap(), 0);

        let guard = ProcessGuard::new("queue", rustix::process::Signal::KILL).unwrap();
        let queue_url = format!("sqlite:{}", guard.folder().join("queue.db").display());
        let config = QueueConfig::from_env(&Env::of(&[("QUEUE_URL", &queue_url)])).unwrap();
        let queue = Queue::open(config, Role::Publish).await.unwrap();
        assert_eq!(run(&ledger, &queue, &name, &jane, (None, 10), &mut |_| ()).await.unwrap(), 1);
        queue.close().await;
        let [came] = &ledger.results(&name).await.unwrap()[..] else { panic!("one result") };
        assert_eq!((came.outcome, came.events), (OutcomeKind::Ignored, 1));
        assert!(came.reason.as_deref().unwrap().contains("no longer stored"), "{came:?}");
    })
    .await;
}
