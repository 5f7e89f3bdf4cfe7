//! `scripts/page-times` in short: it fills a ledger, looks at every page, and prints a line for each. On a small ledger and a
//! loaded machine the figures say nothing: this only shows that no page fails, or takes seconds.

use std::process::Command;

use harness::binaries::{binary, workspace};

/// Far above what any page takes, far below what reading a table row by row would.
const SLOW_MS: f64 = 5_000.0;

#[test]
fn every_page_is_measured_and_none_takes_seconds() {
    let output = Command::new(workspace().join("scripts/page-times"))
        .arg("--binary")
        .arg(binary("tidegate"))
        .args(["--events", "300", "--looks", "4", "--minutes", "2"])
        .output()
        .expect("Python is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let pages: Vec<(&str, f64)> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1], cells[2].parse().expect("a median in milliseconds"))
        })
        .collect();
    for page in
        ["`/payments/dashboard/?hours=24`", "`/payments/findings?show=all`", "`/payment/…`", "`/event/…`"]
    {
        assert!(pages.iter().any(|(path, _)| *path == page), "{page}: {text}");
    }
    let slow: Vec<_> = pages.iter().filter(|(_, median)| *median > SLOW_MS).collect();
    assert!(slow.is_empty(), "{slow:?}");
}
