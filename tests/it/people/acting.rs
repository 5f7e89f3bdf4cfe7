//! Every command that acts takes its actor from the token: who lacks the permission is refused, whoever has it stands in the
//! audit.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use harness::binaries::binary;
use ledger::views::audit_list::AuditFilter;
use ledger::views::page::Part;
use serde_json::json;
use shared::clock;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role};
use shared::trace::random_hex;

use super::desk::{People, each_people, text};
use crate::ledgers::{envelope, payment, together};

/// What acts without a token, too. Beside it the lowest role that may do it, and whom a line of the audit is about.
const PERMITTED: &[(&str, &str, &[&str])] = &[
    ("billing_manager", "user_1", &["bans", "ban", "user_1", "--live", "--reason", "x"]),
    ("billing_manager", "user_1", &["bans", "lift", "user_1", "--live", "--reason", "x"]),
    ("billing_manager", "user_1", &["bans", "clear", "user_1", "--live", "--reason", "x"]),
    ("billing_manager", "cus_1", &["block", "add", "cus_1", "--reason", "x"]),
    ("billing_manager", "cus_1", &["block", "lift", "cus_1", "--reason", "x"]),
    ("billing_manager", "pi_1", &["hold", "add", "pi_1", "--reason", "x"]),
    ("billing_manager", "pi_1", &["hold", "lift", "pi_1", "--reason", "x"]),
    ("billing_manager", "consumption", &["worker", "pause", "--reason", "x"]),
    ("billing_manager", "consumption", &["worker", "resume"]),
    ("billing_manager", "charges", &["checkout", "close", "--reason", "x"]),
    ("support", "dp_1", &["disputes", "note", "dp_1", "x"]),
    ("billing_manager", "dp_1", &["disputes", "resolve", "dp_1", "--reason", "x"]),
    ("billing_manager", "dp_1", &["disputes", "reopen", "dp_1", "--reason", "x"]),
    ("support", "pi_1", &["note", "pi_1", "x"]),
    ("support", "pi_1", &["assign", "pi_1", "support"]),
    ("billing_manager", "PLAN", &["replay", "plan", "evt_dead"]),
    ("billing_manager", "PLAN", &["replay", "run", "PLAN"]),
    ("billing_manager", "evt_dead", &["dead-letters", "discard", "evt_dead", "--reason", "x", "--yes"]),
    ("billing_manager", "evt_dead", &["events", "erase", "evt_dead", "--reason", "x", "--yes"]),
];

/// The same, of which nothing comes on this ledger: no row differs, no key is set, nothing was found.
const NOTHING_COMES: &[(&str, &[&str])] = &[
    ("billing_manager", &["rebuild", "--yes"]),
    ("billing_manager", &["bodies", "reseal", "--yes"]),
    ("support", &["findings", "note", "fnd_1", "--note", "x"]),
    ("support", &["findings", "assign", "fnd_1", "--to", "support"]),
    ("support", &["findings", "acknowledge", "fnd_1", "--reason", "x"]),
    ("support", &["findings", "snooze", "fnd_1", "--until", "7d", "--reason", "x"]),
    ("billing_manager", &["findings", "resolve", "fnd_1", "--reference", "x"]),
    ("billing_manager", &["findings", "accept", "fnd_1", "--reason", "x"]),
    ("billing_manager", &["findings", "reopen", "fnd_1", "--reason", "x"]),
];

/// Whose act asks for the permission itself, also of somebody without a token.
const ASKED_BY_THE_ACT: &[&[&str]] = &[
    &["checkout", "open"],
    &["charge", "cus_1", "--amount", "10.00", "--yes"],
    &["subscribe", "cus_1", "--price", "price_1", "--yes"],
    &["unsubscribe", "sub_1", "--yes"],
    &["invoices", "retry", "in_1", "--yes"],
    &["payments", "capture", "pi_1", "--yes"],
    &["payments", "cancel", "pi_1", "--yes"],
    &["refunds", "request", "pi_1", "--yes"],
    &["refunds", "batch", "FILE", "--yes"],
    &["customers", "credit", "cus_1", "--amount", "1.00", "--yes"],
    &["disputes", "accept", "dp_1", "--yes"],
    &["disputes", "evidence", "draft", "dp_1", "--goods", "digital"],
    &["disputes", "evidence", "attach", "dp_1", "receipt", "PDF"],
    &["disputes", "evidence", "stage", "dp_1", "--yes"],
    &["disputes", "evidence", "submit", "dp_1", "--yes"],
    &["operations", "confirm", "OP", "--yes"],
    &["operations", "cancel", "OP", "--reason", "x"],
    &["operations", "settle", "OP", "--not-done", "--reason", "x"],
    &["approvals", "approve", "OP", "--yes"],
    &["approvals", "reject", "OP", "--reason", "x"],
    &["notices", "replay", "--target", "shop", "--since", "1d"],
    &["notices", "lift", "--reason", "x"],
    &["notices", "targets", "add", "shop", "webhook", "https://example.com"],
    &["notices", "targets", "disable", "shop", "--reason", "x"],
    &["notices", "targets", "enable", "shop", "--reason", "x"],
    &["notices", "targets", "rotate", "shop"],
    &["notices", "targets", "test", "shop"],
    &["staff", "add", "eve", "--role", "support"],
    &["staff", "roles", "support", "--role", "super_user", "--reason", "x"],
    &["staff", "disable", "support", "--reason", "x"],
    &["staff", "enable", "support", "--reason", "x"],
    &["staff", "invite", "support"],
    &["tokens", "create", "--for", "auditor", "--role", "auditor"],
    &["policy", "set", "operations.approval_days", "3", "--reason", "x", "--yes"],
];

/// The same, of what is not there: that is said first. `people::two` and `operations` try them on what is.
const NOT_THERE: &[&[&str]] = &[
    &["operations", "retry", "op_1", "--yes"],
    &["staff", "logout", "ses_1"],
    &["staff", "approve", "chg_1"],
    &["staff", "reject", "chg_1", "--reason", "x"],
    &["tokens", "revoke", "tok_1", "--reason", "x"],
];

/// Takes a name to say what its owner could do, and does nothing.
const LOOKS: &[&[&str]] = &[&["refunds", "eligible"]];

fn help(path: &[String]) -> String {
    let mut command = Command::new(binary("tidegate"));
    text(&command.args(path).arg("--help").env_clear().output().unwrap().stdout)
}

/// The commands whose help has `--by NAME`.
fn with_a_name(path: &[String], found: &mut BTreeSet<String>) {
    let help = help(path);
    if help.contains("--by <NAME>") {
        found.insert(path.join(" "));
    }
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let overview = help.lines().filter(|_| path.is_empty());
    let inner = listed.take_while(|line| !line.is_empty()).chain(overview);
    for line in inner.filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let name = line.split_whitespace().next().unwrap();
        if name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && !["help", "tidegate"].contains(&name)
        {
            with_a_name(&[path, &[name.to_owned()]].concat(), found);
        }
    }
}

#[test]
fn every_command_that_names_who_acts_is_tried_below() {
    let (mut named, mut tried) = (BTreeSet::new(), BTreeSet::new());
    with_a_name(&[], &mut named);
    let permitted = PERMITTED.iter().map(|(_, _, words)| *words);
    let nothing_comes = NOTHING_COMES.iter().map(|(_, words)| *words);
    for words in
        permitted.chain(nothing_comes).chain(ASKED_BY_THE_ACT.iter().chain(NOT_THERE).chain(LOOKS).copied())
    {
        let command =
            (1..=3).rev().map(|count| words.iter().take(count).copied().collect::<Vec<_>>().join(" "));
        tried.extend(command.into_iter().find(|command| named.contains(command)));
    }
    assert!(named.len() > 60, "{named:?}");
    assert_eq!(named, tried);
}

async fn shop(people: &People) -> Vec<(&'static str, String)> {
    let root = people.person(None, "root", "super_user");
    let tokens =
        ["support", "billing_manager", "auditor"].map(|role| (role, people.person(Some(&root), role, role)));
    let malformed = json!({"id": "pi_9", "object": "payment_intent", "status": "succeeded", "amount": "x"});
    let charge = json!({ "id": "ch_1", "object": "charge", "status": "succeeded", "amount": 500, "currency": "usd",
        "amount_captured": 500, "amount_refunded": 0, "captured": true, "created": 1_780_000_000,
        "payment_intent": "pi_1" });
    let dispute = json!({ "id": "dp_1", "object": "dispute", "status": "needs_response", "amount": 500,
        "currency": "usd", "charge": "ch_1", "created": 1_780_000_100, "reason": "fraudulent",
        "evidence_details": { "due_by": 1_980_900_000 } });
    let paid = json!({ "id": "pi_2", "object": "payment_intent", "status": "succeeded", "amount": 500,
        "amount_received": 500, "currency": "usd", "created": clock::now().timestamp(), "latest_charge": "ch_2",
        "metadata": {} });
    let events = [
        payment("pi_1", 0, "succeeded", "own_1"),
        envelope("evt_paid", "payment_intent.succeeded", 0, &paid),
        envelope("evt_charge", "charge.succeeded", 1, &charge),
        envelope("evt_dispute", "charge.dispute.created", 100, &dispute),
        envelope("evt_dead", "payment_intent.succeeded", 0, &malformed),
    ];
    together(&people.ledger, &events.iter().collect::<Vec<_>>()).await;
    tokens.into()
}

/// How many lines about this were written by the owner of a token.
async fn lines_by(people: &People, name: &str, subject: &str) -> usize {
    let filter = AuditFilter { subject: Some(subject.to_owned()), ..AuditFilter::default() };
    let mut tx = people.ledger.read().await.unwrap();
    let page = tx.audit_lines(&filter, &Part { after: None, limit: 500 }).await.unwrap();
    page.rows.iter().filter(|line| line.actor.starts_with(&format!("{name} (token tok_"))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_permission_is_refused_and_whoever_has_it_stands_in_the_audit() {
    each_people("acting", async |people| {
        let tokens = shop(&people).await;
        let token_of = |role| tokens.iter().find(|(name, _)| *name == role).unwrap().1.as_str();
        let folder = std::env::temp_dir().join(format!("tidegate-acting-{}", random_hex::<8>()));
        std::fs::create_dir(&folder).unwrap();
        let queue = format!("sqlite:{}/queue.db", folder.display());
        let config = QueueConfig::from_env(&Env::of(&[("QUEUE_URL", &queue)])).unwrap();
        Queue::open(config, Role::Both).await.unwrap().close().await;
        let mut plan = String::new();
        for (role, subject, words) in PERMITTED {
            let words: Vec<&str> =
                words.iter().map(|word| if *word == "PLAN" { &plan } else { *word }).collect();
            let lacking = if *role == "support" { "auditor" } else { "support" };
            let refused_before = lines_by(&people, lacking, lacking).await;
            let said = people.refusal(Some(token_of(lacking)), &words);
            assert!(said.contains(&format!("{lacking} lacks the permission billing:")), "{words:?}: {said}");
            assert_eq!(lines_by(&people, lacking, lacking).await, refused_before + 1, "{words:?}");

            let subject = if *subject == "PLAN" && !plan.is_empty() { plan.as_str() } else { *subject };
            let before = lines_by(&people, role, subject).await;
            if words[..2] == ["replay", "run"] {
                // No worker runs: what it queued is left to the workers, and waiting for them is cut off.
                let settings = [("TIDEGATE_TOKEN", token_of(role)), ("QUEUE_URL", &queue)];
                let mut running = people.begin(&settings, &words);
                while lines_by(&people, role, subject).await == before {
                    assert!(running.try_wait().unwrap().is_none(), "it ended");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                running.kill().unwrap();
                running.wait().unwrap();
            } else if words[..2] == ["replay", "plan"] {
                let planned = people.json(Some(token_of(role)), &words);
                plan = planned["plan"].as_str().unwrap().to_owned();
                assert_eq!(lines_by(&people, role, &plan).await, 1);
                continue;
            } else {
                people.said(Some(token_of(role)), &words);
            }
            assert_eq!(lines_by(&people, role, subject).await, before + 1, "{words:?}");
        }
        let whose = AuditFilter { actor: Some("billing_manager".to_owned()), ..AuditFilter::default() };
        let lines = people.ledger.read().await.unwrap().audit_lines(&whose, &Part::first(100)).await.unwrap();
        let done: Vec<_> = lines.rows.iter().map(|line| line.what.as_str()).collect();
        assert!(done.contains(&"discarded") && done.contains(&"erased"), "also of events: {done:?}");
        for (role, words) in NOTHING_COMES {
            let lacking = if *role == "support" { "auditor" } else { "support" };
            let said = people.refusal(Some(token_of(lacking)), words);
            assert!(said.contains("lacks the permission billing:"), "{words:?}: {said}");
            let allowed = text(&people.run(Some(token_of(role)), words).stderr);
            assert!(!allowed.contains("lacks the permission"), "{words:?}: {allowed}");
        }
        let list = folder.join("list.csv");
        std::fs::write(&list, "pi_1,1.00,usd\n").unwrap();
        let pdf = folder.join("receipt.pdf");
        std::fs::write(&pdf, "%PDF-1.4\n%%EOF\n").unwrap();
        let request = ["refunds", "request", "pi_2", "--amount", "1.00", "--yes"];
        let asked = people.json(Some(token_of("support")), &request);
        let operation = asked["operation"]["id"].as_str().unwrap();
        let mut others = Vec::new();
        for words in ASKED_BY_THE_ACT {
            let place = |word: &&'static str| match *word {
                "OP" => operation.to_owned(),
                "FILE" => list.display().to_string(),
                "PDF" => pdf.display().to_string(),
                word => word.to_owned(),
            };
            let words: Vec<String> = words.iter().map(place).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let settings = [("TIDEGATE_TOKEN", token_of("auditor")), ("STAFF_KEY", &"ab".repeat(32))];
            let said = text(&people.run_with(&settings, &words).stderr);
            if !said.contains("auditor lacks the permission ") {
                others.push(format!("{words:?}: {said}"));
            }
        }
        assert_eq!(others, [""; 0]);
        std::fs::remove_dir_all(&folder).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_beside_a_token_must_be_its_owners_and_a_name_alone_is_marked() {
    each_people("acting_names", async |people| {
        let tokens = shop(&people).await;
        let manager = &tokens[1].1;
        let block = ["block", "add", "cus_7", "--reason", "x", "--by"];
        let said = people.refusal(Some(manager), &[&block[..], &["jane"]].concat());
        assert!(said.contains("the token is billing_manager's, not jane's"), "{said}");
        people.said(Some(manager), &[&block[..], &["billing_manager"]].concat());
        people.said(None, &["block", "lift", "cus_7", "--reason", "x", "--by", "jane"]);
        let lines = people.audit_of("block", "cus_7").await;
        assert!(lines[0].2.starts_with("billing_manager (token tok_"), "{lines:?}");
        assert_eq!(lines[1].2, "cli:jane");

        // What another person decided about a user, an administrator alone replaces; by whatever door.
        let ban = |act| ["bans", act, "user_7", "--live", "--reason", "x"];
        people.said(None, &[&ban("ban")[..], &["--by", "jane"]].concat());
        let said = people.refusal(Some(manager), &ban("lift"));
        assert!(said.contains("billing_manager lacks the permission admin"), "{said}");
        people.said(None, &[&ban("clear")[..], &["--by", "jane"]].concat());
        people.said(Some(manager), &ban("lift"));
        people.said(Some(manager), &ban("ban"));
    })
    .await;
}
