//! In debug builds, events of a few made-up types make the worker panic, abort or hang, so that tests see what
//! one bad event does to others. Empty in release builds.

use envelope::Envelope;

#[cfg(not(debug_assertions))]
pub(crate) fn before_rules(_: &Envelope) {}

#[cfg(debug_assertions)]
pub(crate) fn before_rules(envelope: &Envelope) {
    match envelope.header.kind.as_str() {
        "tidegate.failpoint.panic" => panic!("failpoint"),
        "tidegate.failpoint.abort" => std::process::abort(),
        "tidegate.failpoint.hang" => loop {
            std::thread::park();
        },
        _ => {}
    }
}
