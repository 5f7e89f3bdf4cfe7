//! A rebuild writes nothing while it does not know what an applied event did: its objects would be made as if it had never
//! been. What is applied again without a body is kept, or its objects are left out.

use std::process::Command;

use desk::acts::Person;
use desk::acts::erasure::erase;
use domain::payments::Payment;
use envelope::{Envelope, Source};
use harness::binaries::binary;
use shared::clock;

use super::{count, made_again};
use crate::attempts::tamper;
use crate::ledgers::{each_ledger, payment, the_event, together};
use crate::replays::forget;
use crate::segments::{body, three, verified};

/// What `tidegate rebuild --yes` says, and how it ends.
fn rebuild_yes(url: &str) -> (bool, String) {
    let mut command = Command::new(binary("tidegate"));
    command.args(["rebuild", "--yes", "--by", "jane"]).env_clear().env("DATABASE_URL", url);
    let told = command.output().unwrap();
    (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
}

/// The event as a replay brings it from a file.
fn from_a_file(event: &Envelope) -> Envelope {
    let mut again = event.clone();
    (again.header.source, again.header.replay) = (Source::Replay, Some("replay_1".to_owned()));
    again.header.trace_parent = shared::trace::child_of(None);
    again
}

#[tokio::test(flavor = "multi_thread")]
async fn an_applied_event_that_a_rule_refuses_now_stops_a_rebuild() {
    each_ledger("refused_now", async |ledger, url| {
        let [good, _, refused] = three("now");
        together(&ledger, &[&good, &refused]).await;
        tamper(&url, "UPDATE events SET outcome = 'applied', reason = NULL WHERE outcome = 'dead'").await;
        tamper(&url, "UPDATE payments SET amount_received = 7 WHERE id = 'pi_now'").await;
        let (rebuilt, _) = made_again(&ledger, 1).await;
        assert_eq!(rebuilt.unreadable.len(), 1);
        let (done, said) = rebuild_yes(&url);
        assert!(!done && said.contains("nothing was written"), "{said}");
        assert!(said.contains(&refused.header.id) && said.contains("refused by a rule"), "{said}");
        assert_eq!(ledger.find::<Payment>("pi_now").await.unwrap()[0].state.amount_received, 7);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_rule_refuses_of_what_was_ignored_stops_nothing() {
    each_ledger("ignored_and_refused", async |ledger, url| {
        let [good, _, refused] = three("ignored");
        together(&ledger, &[&good, &refused]).await;
        tamper(
            &url,
            "UPDATE events SET outcome = 'ignored', reason = 'no rule for this type' WHERE outcome = 'dead'",
        )
        .await;
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert!(rebuilt.unreadable.is_empty() && rebuilt.revived.is_empty());
        assert!(comparison.differences.is_empty(), "{comparison:?}");
        let (done, said) = rebuild_yes(&url);
        assert!(done, "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_body_stops_a_rebuild_until_a_file_brings_it_back() {
    each_ledger("lost_and_found", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        tamper(&url, "DELETE FROM segments").await;
        let (rebuilt, _) = made_again(&ledger, 1).await;
        assert_eq!((rebuilt.lost.len(), rebuilt.without_bytes), (1, 0));
        let (done, said) = rebuild_yes(&url);
        assert!(!done && said.contains("nothing was written"), "{said}");
        assert!(said.contains(&event.header.id) && said.contains("are lost"), "{said}");
        assert_eq!(ledger.find::<Payment>("pi_1").await.unwrap()[0].state.amount_received, 500);

        together(&ledger, &[&from_a_file(&event)]).await;
        assert_eq!(body(&ledger, &event).await.as_ref(), Some(&event.body));
        assert!(verified(&ledger).await.without_segment.is_empty());
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert!(rebuilt.lost.is_empty() && rebuilt.events == 1 && comparison.differences.is_empty());
        let (done, said) = rebuild_yes(&url);
        assert!(done, "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_event_did_stays_once_the_event_is_given_up() {
    each_ledger("given_up", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        tamper(&url, "DELETE FROM segments").await;
        let (found, jane) = (ledger.event(&event.header.id).await.unwrap(), Person::named("jane").unwrap());
        assert_eq!(erase(&ledger, &found, "nobody has it", &jane, clock::now()).await.unwrap(), 1);
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert_eq!((rebuilt.without_bytes, rebuilt.lost.len()), (1, 0));
        assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences.first());
        let (done, said) = rebuild_yes(&url);
        assert!(done, "{said}");
        assert_eq!(ledger.find::<Payment>("pi_1").await.unwrap()[0].state.amount_received, 500);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_dead_letter_that_a_file_brings_back_stays_erased_and_its_objects_are_left_out() {
    each_ledger("erased_and_applied", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        forget(&url).await;
        let (found, jane) = (ledger.event(&event.header.id).await.unwrap(), Person::named("jane").unwrap());
        assert_eq!(erase(&ledger, &found, "ticket 4711", &jane, clock::now()).await.unwrap(), 1);

        together(&ledger, &[&from_a_file(&event)]).await;
        assert_eq!(the_event(&ledger, &event.header.id).await.outcome.as_str(), "applied");
        assert_eq!(body(&ledger, &event).await, None, "nobody brings back what was erased");
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert_eq!((rebuilt.without_bytes, rebuilt.lost.len()), (1, 0));
        assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences.first());
        assert_eq!(count(&comparison, "payments"), (0, 0, 1));
    })
    .await;
}
