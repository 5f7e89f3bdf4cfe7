//! A process that is down is said, and ends `doctor` and `status` with 1: scripts look at nothing else.

use harness::stack::{Combination, Stack};

use super::{json, marks, told};

/// `checks` of the doctor, `lines` of the screen.
const COMMANDS: [(&str, &str); 2] = [("doctor", "checks"), ("status", "lines")];

#[tokio::test]
async fn a_process_that_is_down_needs_a_person_unless_it_runs_elsewhere() {
    let mut stack = Stack::start(Combination::SqliteSqlite).await;
    for (command, _) in COMMANDS {
        assert_eq!(stack.run(&[command], &[]).status.code(), Some(0), "{command}: all is up");
    }
    stack.kill("tidegate");
    for (command, findings) in COMMANDS {
        let output = stack.run(&[command, "--json"], &[]);
        let findings = &json(&output)[findings];
        assert_eq!(output.status.code(), Some(1), "{command}: {findings:#}");
        for name in ["gateway", "worker"] {
            assert_eq!(marks(findings, name), ["act"], "{command}: {findings:#}");
            let told = told(findings, name);
            assert!(told.contains("is down: nothing listens at 127.0.0.1:"), "{told}");
            assert!(told.contains(&format!("--elsewhere {name}")), "{told}");
        }
        let page = String::from_utf8(stack.run(&[command], &[]).stdout).unwrap();
        assert!(
            page.contains("ACT   gateway") && !page.contains("ell;") && !page.contains("All is well"),
            "{page}"
        );
    }
    for (command, key) in COMMANDS {
        let output = stack.run(&[command, "--json", "--elsewhere", "gateway,worker"], &[]);
        let findings = &json(&output)[key];
        assert_eq!(output.status.code(), Some(0), "{command}: {findings:#}");
        assert_eq!(marks(findings, "worker"), ["unknown"], "{command}: {findings:#}");
        let one = stack.run(&[command, "--elsewhere", "worker"], &[]);
        assert_eq!(one.status.code(), Some(1), "{command}: the gateway is still missed");
        assert_eq!(stack.run(&[command, "--elsewhere", "broker"], &[]).status.code(), Some(2), "{command}");
    }
    stack.spawn("tidegate").unwrap();
    stack.wait_until_ready("tidegate").await.unwrap();
    stack.end().await;
}

#[tokio::test]
async fn a_queue_and_a_ledger_that_are_gone_need_a_person() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let nowhere = [
        ("QUEUE_URL", "sqlite:nowhere/queue.db", "queue"),
        ("DATABASE_URL", "sqlite:nowhere/ledger.db", "ledger"),
    ];
    for (variable, url, name) in nowhere {
        for (command, findings) in COMMANDS {
            let output = stack.run(&[command, "--json"], &[(variable, url)]);
            assert_eq!(output.status.code(), Some(1), "{command} without its {name}");
            assert_eq!(marks(&json(&output)[findings], name), ["act"], "{command} without its {name}");
        }
    }
    stack.end().await;
}

#[tokio::test]
async fn the_help_says_what_the_exit_codes_are() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    for (command, _) in COMMANDS {
        let help = String::from_utf8(stack.run(&[command, "--help"], &[]).stdout).unwrap();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            help.contains("Exit codes: 0 ") && help.contains(", 1 ") && help.contains("Stripe"),
            "{help}"
        );
    }
    stack.end().await;
}
