//! Worker, mail server and receiver are killed while notices flow: none is lost, and what comes twice has the same id.
//! `NOTICE_KILLS=1000` sends so many payments and kills as long as they flow.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::process_guard::until;
use harness::receiver::{Manner, Received, Receiver};
use harness::stack::{Combination, Stack};
use serde_json::Value;
use shared::env::Env;

use super::scene::{KEY, MailServer, OF_BOTH, execute, paid, tell};

/// In the suite; as many as that take a few seconds.
const PAYMENTS: usize = 36;
const PATIENCE: Duration = Duration::from_mins(12);

fn payments() -> usize {
    let given = Env::of_process();
    given.given("NOTICE_KILLS").and_then(|text| text.parse().ok()).unwrap_or(PAYMENTS)
}

/// How often each id came, of these headers or mails.
fn counted(ids: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    ids.fold(BTreeMap::new(), |mut counted, id| {
        *counted.entry(id).or_default() += 1;
        counted
    })
}

fn id_of_mail(mail: &Value) -> String {
    let data = mail["data"].as_str().unwrap_or_default();
    let (_, id) = data.split_once("Message-ID: <").unwrap_or_default();
    id.split('.').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_notice_is_lost_and_none_comes_twice_under_another_id() {
    for combination in OF_BOTH {
        battery(combination, payments()).await;
    }
}

async fn battery(combination: Combination, payments: usize) {
    let begun = Instant::now();
    let mut server = MailServer::start(false).await;
    let mut receiver = Receiver::start().await.unwrap();
    let of_server = server.settings();
    let settings: Vec<(&str, &str)> =
        [KEY].into_iter().chain(of_server.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    let mut stack = Stack::start_with(combination, &settings).await;
    let url = receiver.url();
    let add = ["notices", "targets", "add"];
    let kind = ["--kind", "payment.changed"];
    let hook = [&add[..], &["hook", "webhook", url.as_str(), "--allow-private"], &kind].concat();
    stack.tidegate(&hook).await.unwrap();
    stack.tidegate(&[&add[..], &["mail", "email", "staff@mail.example"], &kind].concat()).await.unwrap();

    let worker = *stack.names().last().unwrap();
    let (mut kills, mut sent) = ([0_usize; 3], 0);
    let rounds = (payments / 12).max(3);
    // The long waits between attempts are not what is tested here.
    let hurry = async |stack: &Stack| {
        execute(stack, "UPDATE notice_deliveries SET next_at = noted_at WHERE state = 'pending'").await;
        execute(stack, "UPDATE notice_targets SET open_until = NULL").await;
    };
    for round in 0..rounds {
        let (hooks, mails) = (receiver.received().len(), server.mails().len());
        if round % 3 == 1 {
            receiver.set(Manner::HangsUp);
        }
        let until_now = payments * (round + 1) / rounds;
        for number in sent..until_now {
            tell(&stack, "payment_intent.succeeded", &paid(&format!("pi_{number}"), 0), 0).await;
        }
        sent = until_now;
        let flows = until("notices to flow", PATIENCE, async || {
            hurry(&stack).await;
            Ok(if round % 3 == 2 { server.mails().len() > mails } else { receiver.received().len() > hooks })
        });
        flows.await.unwrap();
        match round % 3 {
            0 => {
                stack.kill(worker);
                stack.spawn(worker).unwrap();
                stack.wait_until_ready(worker).await.unwrap();
            }
            1 => {
                receiver.stop();
                receiver.restart().await.unwrap();
                receiver.set(Manner::Answers(200));
            }
            _ => server.restart().await,
        }
        kills[round % 3] += 1;
    }
    let count = |ids: BTreeMap<String, usize>| (ids.len(), ids.values().sum::<usize>() - ids.len());
    let arrived = until("every notice to arrive", PATIENCE, async || {
        hurry(&stack).await;
        let hooks = counted(receiver.received().iter().map(Received::id)).len();
        let mails = counted(server.mails().iter().map(id_of_mail)).len();
        let open = "SELECT count(*) FROM notice_deliveries WHERE state <> 'delivered'";
        Ok(hooks >= payments && mails >= payments && stack.ledger().count(open).await? == 0)
    });
    assert!(arrived.await.is_ok(), "{}", stack.logs());
    let (hooks, repeated) = count(counted(receiver.received().iter().map(Received::id)));
    let (mails, mailed_again) = count(counted(server.mails().iter().map(id_of_mail)));
    assert_eq!((hooks, mails), (payments, payments), "none lost, and no second id");
    let noted = "SELECT count(*) FROM notices";
    assert_eq!(stack.ledger().count(noted).await.unwrap(), i64::try_from(payments).unwrap());
    let [workers, receivers, servers] = kills;
    println!(
        "{combination:?}: {payments} payments, {workers} workers, {receivers} receivers and {servers} mail servers killed; \
         0 lost, {repeated} webhooks and {mailed_again} mails came twice with the same id; {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    stack.end().await;
}
