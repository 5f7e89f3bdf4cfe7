//! Rates that processes share through the ledger: calls to Stripe, and what a token may ask of several consoles.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake_stripe::FakeStripe;
use harness::binaries::binary;
use ledger::Ledger;
use shared::clock;

use crate::ledgers::{each_ledger, open};

#[tokio::test(flavor = "multi_thread")]
async fn turns_and_requests_are_given_once_however_many_processes_ask() {
    each_ledger("rates", async |ledger, url| {
        let others = [open(&url).await, open(&url).await, open(&url).await];
        let now = clock::now();
        let distance = Duration::from_millis(100);
        let take = async |ledger: &Ledger| {
            let mut turns = Vec::new();
            for count in 1..=5 {
                turns.push((ledger.take_turns("pace", count, distance, now).await.unwrap(), count));
            }
            turns
        };
        let [one, other, third] = &others;
        let (one, other, third) = tokio::join!(take(one), take(other), take(third));
        let mut turns = [one, other, third].concat();
        turns.sort_unstable();
        // Every batch begins where another ends: none overlap, none is lost.
        let mut end = now;
        for (first, count) in turns {
            assert_eq!(first, end);
            end = first + distance * count;
        }
        assert_eq!(end, now + distance * 45);
        // Time passes; then a clock that ran ahead has written.
        let later = now + Duration::from_mins(1);
        assert_eq!(ledger.take_turns("pace", 1, distance, later).await.unwrap(), later);
        let ahead = now + Duration::from_hours(1);
        ledger.take_turns("pace", 1, distance, ahead).await.unwrap();
        assert_eq!(ledger.take_turns("pace", 1, distance, later).await.unwrap(), later);

        let ask = async |ledger: &Ledger| {
            let mut given = 0;
            for _ in 0..10 {
                given += ledger.take_requests("token", 7, 100, now).await.unwrap();
            }
            given
        };
        let [one, other, third] = &others;
        let (one, other, third) = tokio::join!(ask(one), ask(other), ask(third));
        assert_eq!(one + other + third, 100, "210 were asked for");
        assert_eq!(ledger.take_requests("other", 7, 100, now).await.unwrap(), 7);
        assert_eq!(ledger.take_requests("token", 7, 100, later).await.unwrap(), 7, "another minute");
        for ledger in others {
            ledger.close().await;
        }
    })
    .await;
}

/// Two commands at once, on either ledger: Stripe counts both together, and so do they.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_call_stripe_no_faster_than_one() {
    const RATE: usize = 10;
    each_ledger("paces", async |_, url| {
        let stripe = FakeStripe::start(true).await.unwrap();
        let call = || {
            let mut command = Command::new(binary("tidegate"));
            command.args(["backfill", "--objects", "--since", "30d", "--dry-run"]).env_clear();
            command.env("DATABASE_URL", &url).env("TIDEGATE_STAFF", "ops").envs(stripe.settings());
            command.env("STRIPE_RATE_PER_SEC", RATE.to_string());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let begun = Instant::now();
        let mut both = [call(), call()];
        assert!(both.iter_mut().all(|process| process.wait().unwrap().success()));
        let (took, calls) = (begun.elapsed(), stripe.requests().len());
        println!("{calls} calls of two processes in {took:?}");
        assert!(calls >= 10, "{:?}", stripe.requests());
        let least = Duration::from_secs(1) * u32::try_from(calls - 2).unwrap() / u32::try_from(RATE).unwrap();
        assert!(took >= least, "{calls} calls took {took:?}, at {RATE} a second {least:?}");
    })
    .await;
}
