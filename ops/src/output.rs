//! Where commands write: results to standard output, remarks to standard error. A reader that closes the pipe
//! is not a failure.

mod document;

use std::io::Write;

use serde::Serialize;

pub use self::document::{json, json_line, json_whole};

/// A result, as it stands.
pub fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// A server's message at its start. If nobody reads it, the server neither waits nor ends.
pub fn announce(text: String) {
    let told = move || {
        let mut out = std::io::stdout();
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    };
    drop(std::thread::Builder::new().name("greeting".to_owned()).spawn(told));
}

pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// A result for machines: one JSON document, an object that says its form.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&json(value)?)
}

/// A remark for people. Nobody may be there to read it.
pub fn remark(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// That a list is empty, and why. `first` is the command that makes the first row, or tells more, and what it does.
pub fn nothing(what: &str, ledger: &str, is_filtered: bool, first: &str) {
    remark(&if is_filtered {
        format!("no {what} in {ledger} matches; widen the filters")
    } else {
        format!("no {what} in {ledger} yet; `{} {first}", me())
    });
}

/// A count for a column that is left out where it is 0 everywhere.
pub fn count_if_any(number: i64) -> String {
    if number == 0 { String::new() } else { crate::money::count(number.unsigned_abs()) }
}

/// This program as its user called it, so that what we propose can be copied and run.
pub fn me() -> String {
    let called = std::env::args().next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if called.is_empty() || !called.chars().all(plain) { "tidegate".to_owned() } else { called }
}
