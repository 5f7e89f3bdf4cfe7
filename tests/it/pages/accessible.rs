//! Every page in a real browser, light and wide, dark and narrow: axe-core finds nothing, our script throws nothing,
//! and nothing is wider than the screen.

use std::io::Write;
use std::process::{Command, Stdio};

use harness::binaries::workspace;
use serde_json::Value;

use super::browser::each_console;
use super::looks::told;
use super::searching::put;

const LOOKS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page() {
    each_console("axe", async |console| {
        if !console.is_on_a_file() {
            return; // the same markup: what a page says on Postgres, the other tests compare
        }
        told(&console).await;
        put(&console, "lst_1", "user_1", "Free stuff").await;
        let token = console.person(None, "ada", "super_user");
        let base = format!("http://{}", console.address);
        look(
            &base,
            &token,
            &[
                "/payments/dashboard/?hours=8760&mode=live",
                "/payments/dashboard/?mode=test",
                "/payments/history",
                "/payments/failures",
                "/payments/refunds",
                "/payments/disputes?show=all",
                "/payments/invoices",
                "/payments/payouts",
                "/payout/po_sent",
                "/payments/blocks",
                "/payments/webhooks/",
                "/payments/dead-letters",
                "/payments/replays",
                "/payments/bans?show=all",
                "/payments/anomalies",
                "/payments/listings",
                "/payments/metrics/?hours=720",
                "/payments/audit",
                "/notices?preview=dispute_opened",
                "/payments/findings?show=all",
                "/payments/reconciliation",
                "/payments/reports?kind=day&of=2026-05-28",
                "/approvals?show=all",
                "/batches?payments=pi_plain",
                "/staff",
                "/staff/ada",
                "/tokens",
                "/policies",
                "/policy/refunds.confirm_above",
                "/policy/refunds.confirm_above?currency=usd&value=250.00",
                "/workers",
                "/me",
                "/payment/pi_lost",
                "/payment/pi_failed",
                "/charge/ch_lost",
                "/dispute/dp_open",
                "/invoice/in_lost",
                "/customer/cus_lost",
                "/user/user_1",
                "/listing/lst_1",
                "/event/evt_lost_payment_succeeded_1",
                "/search?q=colour:red",
                "/payment/pi_nobody",
            ],
        );
        let invited = console.tidegate(Some(&token), &["staff", "invite", "ada"]);
        let invitation = format!("/invitation?code={}", invited["code"].as_str().unwrap());
        look(&base, "", &["/login?to=/", &invitation, "/invitation?code=inv_none"]);
    })
    .await;
}

fn look(base: &str, cookie: &str, paths: &[&str]) {
    let (installed, script) =
        (workspace().join("target/peers/node"), workspace().join("tests/peers/axe.mjs"));
    assert!(installed.join("node_modules/axe-core").is_dir(), "axe-core is missing: run scripts/peers");
    let mut process = Command::new("node")
        .arg(script)
        .arg(installed)
        .args([base, cookie])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut input = process.stdin.take().expect("its input is a pipe");
    input.write_all(format!("{}\n", paths.join("\n")).as_bytes()).expect("it reads");
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "Chromium runs: install the package `chromium`");
    let text = String::from_utf8(output.stdout).expect("answers are text");
    let looks: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(looks.len(), paths.len() * LOOKS, "all were looked at");
    for look in looks {
        let is_clean = |name: &str| look[name].as_array().is_some_and(Vec::is_empty);
        assert!(is_clean("found") && is_clean("said") && look["wide"] == 0, "{look:#}");
    }
}
