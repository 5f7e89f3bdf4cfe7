//! What one process hands another is checked: bits that flip in queue.db, bodies that change their head, other
//! keys. Nothing of it is applied, all of it is found, and what verifies later can still be applied.

use std::time::Duration;

use harness::stack::{Combination, Stack};
use harness::stories::{SampleEvent, Stories};
use serde_json::Value;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

const PATIENCE: Duration = Duration::from_mins(1);
const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";
const GOOD: usize = 10;
const FLIPPED: usize = 64;

fn payments(count: usize) -> Vec<SampleEvent> {
    let mut stories = Stories::of_seed(13);
    (0..count).map(|_| stories.succeeded_payment()).collect()
}

/// Publishes as a gateway with this key does.
async fn publish(stack: &Stack, key: &str, events: &[SampleEvent]) {
    let url = format!("sqlite:{}", stack.folder().join("queue.db").display());
    let env = Env::of(&[("QUEUE_URL", &url), ("ENVELOPE_KEY", key)]);
    let queue = Queue::open(QueueConfig::from_env(&env).unwrap(), Role::Publish).await.unwrap();
    for event in events {
        queue.publish(&event.envelope()).await.unwrap();
    }
    queue.close().await;
}

/// A publisher that has the key, and a head that is not its body's.
async fn publish_misfit(stack: &Stack, key: &str, event: &SampleEvent) {
    let url = format!("sqlite:{}", stack.folder().join("queue.db").display());
    let env = Env::of(&[("QUEUE_URL", &url), ("ENVELOPE_KEY", key)]);
    let queue = Queue::open(QueueConfig::from_env(&env).unwrap(), Role::Publish).await.unwrap();
    let mut envelope = event.envelope();
    envelope.header.livemode = !envelope.header.livemode;
    queue.publish(&envelope).await.unwrap();
    queue.close().await;
}

async fn file(stack: &Stack) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(stack.folder().join("queue.db"));
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Flips one bit of a message, another in each.
async fn flip(file: &mut SqliteConnection, message: i64) {
    let (mut head, mut body): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT CAST(header AS BLOB), body FROM messages WHERE id = $1")
            .bind(message)
            .fetch_one(&mut *file)
            .await
            .unwrap();
    let whole = head.len() + body.len();
    let place = usize::try_from(message).unwrap() * 613 % (whole * 8);
    let (byte, bit) = (place / 8, 1 << (place % 8));
    if byte < head.len() {
        head[byte] ^= bit;
    } else {
        body[byte - head.len()] ^= bit;
    }
    sqlx::query("UPDATE messages SET header = CAST($1 AS TEXT), body = $2 WHERE id = $3")
        .bind(head)
        .bind(body)
        .bind(message)
        .execute(&mut *file)
        .await
        .unwrap();
}

/// What the program says, as JSON or for people.
async fn json(stack: &Stack, arguments: &[&str]) -> Value {
    serde_json::from_str(&stack.tidegate(arguments).await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bit_that_flips_in_the_queue_passes_unnoticed_and_none_of_it_is_applied() {
    let settings = [("ENVELOPE_KEY", KEY)];
    let mut stack = Stack::prepare(Combination::SqliteSqlite, &settings, None, None).await.unwrap();
    let events = payments(GOOD + FLIPPED + 5);
    publish(&stack, KEY, &events[..GOOD + FLIPPED + 3]).await;
    publish_misfit(&stack, KEY, &events[GOOD + FLIPPED + 3]).await;
    publish(&stack, OTHER_KEY, &events[GOOD + FLIPPED + 4..]).await;
    let mut queue = file(&stack).await;
    for message in GOOD..GOOD + FLIPPED {
        flip(&mut queue, i64::try_from(message).unwrap() + 1).await;
    }
    // The next two have the bodies of others, and one loses its digest.
    for statement in [
        "UPDATE messages SET body = (SELECT o.body FROM messages o WHERE o.id = messages.id - 70) WHERE id IN (75, 76)",
        "UPDATE messages SET header = substr(header, 1, instr(header, ',\"digest\"') - 1) || '}' WHERE id = 77",
    ] {
        assert!(sqlx::query(statement).execute(&mut queue).await.unwrap().rows_affected() > 0);
    }
    queue.close().await.unwrap();
    stack.begin().await.unwrap();
    let all = GOOD + FLIPPED + 5;
    stack.ledger().has_handled(all, PATIENCE).await.unwrap();

    let rows = stack.ledger().events().await.unwrap();
    let suspects = rows.iter().filter(|row| row.outcome == "dead" && row.id.starts_with("suspect_")).count();
    assert_eq!((rows.len(), suspects), (all, FLIPPED + 5));
    assert_eq!(stack.ledger().payments().await.unwrap().len(), GOOD, "no altered event moved anything");
    let reason = |words: &str| {
        rows.iter().filter(|row| row.reason.as_deref().unwrap_or_default().contains(words)).count()
    };
    // A flipped bit may also hit the digest's own name.
    let (unsigned, altered) =
        (reason("has no digest under the envelope key"), reason("its digest does not match"));
    assert!(unsigned >= 1 && altered > 0 && unsigned + altered >= FLIPPED, "{unsigned} {altered}");
    assert_eq!(reason("its header and its body name different events"), 1);
    let groups = stack.tidegate(&["dead-letters", "groups"]).await.unwrap();
    for cause in ["suspect: digest", "suspect: unsigned", "suspect: head"] {
        assert!(groups.contains(cause), "{groups}");
    }
    let metrics = stack.metrics("tidegate").await.unwrap();
    let counted = format!("tidegate_dead_letters_total{{class=\"suspect\"}} {}", FLIPPED + 5);
    assert!(metrics.contains(&counted), "{counted}");
    assert_eq!(json(&stack, &["audit", "verify", "--json"]).await["right"], true);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_under_a_key_that_came_late_is_applied_by_a_replay_and_what_is_damaged_is_not() {
    let guard = harness::process_guard::ProcessGuard::new("keys", rustix::process::Signal::KILL).unwrap();
    let keys = guard.folder().join("keys");
    std::fs::write(&keys, KEY).unwrap();
    let settings = [("ENVELOPE_KEY_FILE", keys.to_str().unwrap())];
    let mut stack = Stack::prepare(Combination::SqliteSqlite, &settings, None, None).await.unwrap();
    let events = payments(4);
    publish(&stack, KEY, &events[..1]).await;
    publish(&stack, OTHER_KEY, &events[1..3]).await;
    let mut queue = file(&stack).await;
    flip(&mut queue, 3).await;
    queue.close().await.unwrap();
    stack.begin().await.unwrap();
    stack.ledger().has_handled(3, PATIENCE).await.unwrap();
    assert_eq!(stack.ledger().payments().await.unwrap().len(), 1);

    // First all must verify the new key, then it may sign.
    std::fs::write(&keys, format!("{KEY}\n{OTHER_KEY}\n")).unwrap();
    let plan =
        json(&stack, &["replay", "plan", "--fingerprint", "suspect: digest", "--by", "jane", "--json"]).await;
    let (foretold, replay) = (&plan["look_ahead"], plan["plan"].as_str().unwrap().to_owned());
    assert_eq!((&foretold["suspects"], &foretold["would_fail"]), (&plan["events"], &serde_json::json!({})));
    let page = stack
        .tidegate(&["replay", "plan", "--fingerprint", "suspect: digest", "--by", "jane"])
        .await
        .unwrap();
    assert!(page.contains("are suspects: they are checked again when it runs"), "{page}");
    stack.tidegate(&["replay", "run", &replay, "--by", "jane"]).await.unwrap();
    stack.ledger().has_handled(4, PATIENCE).await.unwrap();
    assert!(stack.ledger().payments().await.unwrap().len() == 2, "what verifies is applied as what it is");
    let applied = stack.ledger().event(&events[1].id).await.unwrap();
    assert_eq!(applied.outcome, "applied");
    let rows = stack.ledger().events().await.unwrap();
    let suspects: Vec<_> = rows.iter().filter(|row| row.id.starts_with("suspect_")).collect();
    let cleared = format!("verified since, and replayed as {}", events[1].id);
    assert_eq!(suspects.iter().filter(|row| row.reason.as_deref() == Some(&*cleared)).count(), 1);
    assert_eq!(suspects.iter().filter(|row| row.outcome == "dead").count(), 1, "the damaged one stays dead");

    // The process reads its file again by itself.
    std::fs::write(&keys, format!("{OTHER_KEY}\n{KEY}\n")).unwrap();
    publish(&stack, OTHER_KEY, &events[3..]).await;
    stack.ledger().has_handled(5, PATIENCE).await.unwrap();
    assert_eq!(stack.ledger().event(&events[3].id).await.unwrap().outcome, "applied");
    assert_eq!(json(&stack, &["audit", "verify", "--json"]).await["right"], true);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_setting_a_key_is_made_for_the_queue_and_an_older_queue_is_emptied() {
    let mut stack = Stack::prepare(Combination::SqliteSqlite, &[], None, None).await.unwrap();
    let events = payments(3);
    // As the version before left it: without a digest.
    let url = format!("sqlite:{}", stack.folder().join("queue.db").display());
    let queue = Queue::open(QueueConfig::from_env(&Env::of(&[("QUEUE_URL", &url)])).unwrap(), Role::Publish);
    let queue = queue.await.unwrap();
    queue.publish(&events[0].envelope()).await.unwrap();
    queue.close().await;
    let mut open = file(&stack).await;
    let strip = "UPDATE messages SET header = substr(header, 1, instr(header, ',\"digest\"') - 1) || '}'";
    sqlx::query(strip).execute(&mut open).await.unwrap();
    open.close().await.unwrap();
    stack.begin().await.unwrap();
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();
    assert_eq!(stack.ledger().event(&events[0].id).await.unwrap().outcome, "applied");
    stack.stop("tidegate").unwrap();

    // The next start knows the key, and takes nothing that it did not sign.
    let key = std::fs::read_to_string(stack.folder().join("dev-envelope-key")).unwrap();
    publish(&stack, key.trim(), &events[1..2]).await;
    publish(&stack, OTHER_KEY, &events[2..]).await;
    stack.spawn("tidegate").unwrap();
    stack.wait_until_ready("tidegate").await.unwrap();
    stack.ledger().has_handled(3, PATIENCE).await.unwrap();
    assert_eq!(stack.ledger().payments().await.unwrap().len(), 2);
    stack.end().await;
}
