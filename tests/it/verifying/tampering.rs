//! Loss and alterations that leave every figure right: each is found, in words that say what to do.

use std::process::Command;

use chrono::TimeDelta;
use desk::acts::Person;
use desk::acts::bans::{Decision, decide_on_user};
use domain::Key;
use domain::bans::Act;
use harness::binaries::binary;
use ledger::Ledger;
use serde_json::json;
use shared::clock;
use worker::chores::seal::seal;

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, envelope, payment, together};

/// What `tidegate audit` says, and how it ends.
fn audit(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary("tidegate"));
    command.arg("audit").args(arguments).env_clear().env("DATABASE_URL", url);
    let told = command.env("QUEUE_URL", "sqlite:/nonexistent/queue.db").output().unwrap();
    (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
}

/// A payment with three lines, another event, and an act of staff; sealed in two blocks. Gives the head between.
async fn history(ledger: &Ledger) -> String {
    let of = |second, status| payment("pi_1", second, status, "in_1");
    together(ledger, &[&of(0, "processing"), &envelope("evt_other", "price.created", 0, &json!({}))]).await;
    seal(ledger, clock::now()).await.unwrap().expect("something was committed");
    let head = ledger.head().await.unwrap().unwrap().head().to_string();
    together(ledger, &[&of(5, "succeeded")]).await;
    let user = Key { id: "u1".to_owned(), account: String::new(), livemode: true };
    let decision = Decision {
        act: Act::Ban,
        until: Some(clock::now() + TimeDelta::days(1)),
        reason: "fraud".to_owned(),
    };
    let jane = Person::named("jane").unwrap();
    decide_on_user(ledger, &user, &decision, &jane, clock::now()).await.unwrap();
    seal(ledger, clock::now()).await.unwrap().expect("something was committed");
    assert_eq!(seal(ledger, clock::now()).await.unwrap(), None, "each commit is in one block");
    head
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untouched_ledger_verifies_and_a_kept_head_is_still_in_it() {
    each_ledger("untouched", async |ledger, url| {
        let (rang, told) = audit(&url, &["verify"]);
        assert!(rang && told.contains("0  lines in the audit"), "{told}");
        let head = history(&ledger).await;
        let (rang, told) = audit(&url, &["verify", "--since-head", &head]);
        assert!(rang && told.contains("The figures add up."), "{told}");
        let newest = audit(&url, &["head"]).1.trim().to_owned();
        assert!(
            newest.starts_with("2:") && told.contains(&format!("2  sealed blocks, the head is {newest}")),
            "{told}"
        );
        assert!(!told.contains("in no block"), "{told}");
        let strange = format!("2:{}", "0".repeat(64));
        let (rang, told) = audit(&url, &["verify", "--since-head", &strange]);
        assert!(!rang && told.contains("the given head is not in this ledger"), "{told}");
        assert!(!audit(&url, &["verify", "--since-head", "2"]).0);
    })
    .await;
}

/// What somebody does to the ledger, and the words that tell of it.
const TAMPERED: &[(&str, &[&str], &str)] = &[
    (
        "last_line",
        &[
            "DELETE FROM audit WHERE subject_kind = 'payment' AND revision = (SELECT MAX(revision) FROM audit \
           WHERE subject_kind = 'payment')",
        ],
        "payment pi_1 counts 2 lines, and the last line in the audit is not its last",
    ),
    (
        "actor",
        &["UPDATE audit SET actor = 'mallory' WHERE actor = 'jane'"],
        "line 1 of ban u1 is not the one that was written",
    ),
    (
        "payment",
        &["DELETE FROM payments WHERE id = 'pi_1'"],
        "payment pi_1 is gone: only its audit lines are left",
    ),
    (
        "payment_and_lines",
        &["DELETE FROM payments WHERE id = 'pi_1'", "DELETE FROM audit WHERE subject_id = 'pi_1'"],
        "2 committed events or audit lines are gone or changed, the first in block 1",
    ),
    (
        "event",
        &["DELETE FROM events WHERE id = 'evt_other'"],
        "1 committed events or audit lines are gone or changed, the first in block 1",
    ),
    (
        "last_event",
        &["DELETE FROM events WHERE id = 'evt_pi_1_succeeded_5'"],
        "1 committed events or audit lines are gone or changed, the first in block 2",
    ),
    ("body", &["DELETE FROM events WHERE id = 'evt_other'"], "1 bodies without an event"),
    (
        "hash_removed",
        &["UPDATE audit SET hash = NULL, actor = 'mallory' WHERE actor = 'jane'"],
        "ban u1 counts 1 lines, and the last line in the audit is not its last",
    ),
    (
        "seal",
        &["DELETE FROM audit_seals WHERE number = 1"],
        "1 blocks are not what was sealed, the first is 2",
    ),
    (
        "last_seal",
        &["DELETE FROM audit_seals WHERE number = 2"],
        "1 blocks are not what was sealed, the first is 2",
    ),
    (
        "commit",
        &["DELETE FROM audit_commits WHERE block = 1"],
        "1 blocks are not what was sealed, the first is 1",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_or_rewritten_is_found_and_said() {
    for (name, statements, words) in TAMPERED {
        each_ledger(&format!("tampered_{name}"), async |ledger, url| {
            history(&ledger).await;
            for statement in *statements {
                tamper(&url, statement).await;
            }
            let (rang, told) = audit(&url, &["verify"]);
            assert!(!rang && told.contains(words) && told.contains("They do not add up."), "{name}: {told}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_chain_verifies_and_is_said_to_be() {
    each_ledger("older", async |ledger, url| {
        history(&ledger).await;
        // As a version before the chain left it.
        for statement in [
            "UPDATE audit SET hash = NULL",
            "UPDATE payments SET audit_hash = ''",
            "UPDATE invoices SET audit_hash = ''",
            "UPDATE bans SET audit_hash = ''",
            "DELETE FROM audit_seals",
            "DELETE FROM audit_commits",
        ] {
            tamper(&url, statement).await;
        }
        let (rang, told) = audit(&url, &["verify"]);
        assert!(rang && told.contains("from before the chain began"), "{told}");
        // The chain begins behind the lines that are there.
        together(
            &ledger,
            &[&payment("pi_1", 9, "canceled", "in_1"), &payment("pi_2", 9, "succeeded", "in_2")],
        )
        .await;
        seal(&ledger, clock::now()).await.unwrap();
        let (rang, told) = audit(&url, &["verify"]);
        assert!(
            rang && told.contains("from before the chain began") && told.contains("1  sealed blocks"),
            "{told}"
        );
    })
    .await;
}
