//! Logs: text in a terminal, JSON lines elsewhere, always to standard error. A log that cannot be written stops
//! nothing: no panic, no waiting for a reader, no exit.

mod log_writer;
mod text;

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::log_writer::LogWriter;
pub(crate) use self::log_writer::lost;
use crate::env::{Env, Problem, Variable};
use crate::unreachable::Unreachable;

pub const LOG_LEVEL: Variable = Variable {
    name: "LOG_LEVEL",
    default: "info",
    example: "info,worker=debug",
    help: "Log level: error, warn, info, debug or trace; also per module.",
};
pub const LOG_FORMAT: Variable = Variable {
    name: "LOG_FORMAT",
    default: "auto",
    example: "json",
    help: "`text`, `json`, or `auto`: text in a terminal, JSON elsewhere.",
};
pub const VARIABLES: &[Variable] = &[LOG_LEVEL, LOG_FORMAT];

/// They tell of every hiccup that our own supervisors already report once.
const SILENT: [&str; 2] = ["lapin", "sqlx"];

static LINES: OnceLock<LogWriter> = OnceLock::new();
/// How long the end of a process waits for somebody to read why.
const LAST_WORDS_DEADLINE: Duration = Duration::from_secs(1);

/// While it lives, the process logs; its end waits a little for what was logged last.
#[must_use]
pub struct Logging(());

impl Drop for Logging {
    fn drop(&mut self) {
        flush();
    }
}

/// Starts logging for this process.
pub fn init(env: &Env) -> Result<Logging, Problem> {
    let filter = env.parse(&LOG_LEVEL, read_filter)?;
    let json = env.parse(&LOG_FORMAT, |text| match text {
        "json" => Ok(true),
        "text" => Ok(false),
        "auto" => Ok(!std::io::stderr().is_terminal()),
        _ => Err("not text, json or auto".to_owned()),
    })?;
    let Ok(lines) = LogWriter::start() else { return Ok(Logging(())) }; // no thread can be had: nothing is logged
    let lines = LINES.get_or_init(|| lines).clone();
    let format = tracing_subscriber::fmt::layer().with_writer(lines).log_internal_errors(false);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        let format = format.json().flatten_event(true).with_current_span(false).with_span_list(false);
        registry.with(format).init();
    } else {
        let has_colour = std::io::stderr().is_terminal() && env.given("NO_COLOR").is_none();
        registry.with(format.with_ansi(has_colour).event_format(text::Short)).init();
    }
    log_panics();
    Ok(Logging(()))
}

/// A level, or some for parts of the program. A word alone is a level: else a misspelt one would name a part, and
/// nothing else would be logged.
fn read_filter(text: &str) -> Result<Targets, String> {
    for word in text.split(',').map(str::trim).filter(|part| !part.contains('=')) {
        if word.is_empty() || word.parse::<LevelFilter>().is_err() {
            return Err("neither off, error, warn, info, debug nor trace".to_owned());
        }
    }
    let filter = text.parse::<Targets>().map_err(|error| error.to_string())?;
    Ok(filter.with_targets(SILENT.map(|part| (part, LevelFilter::OFF))))
}

/// For code that ends the process without unwinding.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush();
    }
}

/// Says why the process ends, where its log goes. If nobody takes that, it ends without.
pub fn last_words(text: &str) {
    let (said, heard) = sync_channel(1);
    let text = format!("{text}\n");
    let speak = move || {
        drop(std::io::stderr().write_all(text.as_bytes()));
        let _ = said.send(());
    };
    if std::thread::Builder::new().spawn(speak).is_ok() {
        let _ = heard.recv_timeout(LAST_WORDS_DEADLINE);
    }
}

/// An error in one sentence: each cause behind the one that it brought about, but for those whose words are told
/// already. What is said of a server out of reach is whole, and what its library adds may name a user.
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        next = cause.source().filter(|_| !cause.is::<Unreachable>());
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&words);
        }
    }
    text
}

/// A panic's message may quote an event; its place is enough to find the fault. And the hook that Rust has would
/// wait for a reader that does not read.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let why = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
        tracing::error!(location, why, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::unreachable::{Server, Why};

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Link {
        words: &'static str,
        source: Option<Box<dyn Error + Send + Sync>>,
    }

    fn link(words: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Link {
        Link { words, source: Some(source.into()) }
    }

    #[test]
    fn each_cause_is_told_once() {
        let whole = link("it does not start", link("queue.db: disk full", link("disk full", "device 8:1")));
        assert_eq!(told(&whole), "it does not start: queue.db: disk full: device 8:1");
    }

    #[test]
    fn what_a_server_says_of_a_user_is_not_told() {
        let refused =
            Unreachable::new(Server::Postgres, "db:5432", Why::WrongPassword, "no password for jane");
        let words = told(&link("the ledger cannot be asked", refused));
        assert!(words.contains("wrong user or password") && !words.contains("jane"), "{words}");
    }

    #[test]
    fn a_level_may_be_given_for_parts_of_the_program() {
        let filter = read_filter("warn,worker=debug").unwrap();
        assert!(filter.would_enable("worker::process", &Level::DEBUG));
        assert!(
            filter.would_enable("gateway", &Level::WARN) && !filter.would_enable("gateway", &Level::INFO)
        );
        let off = read_filter("off").unwrap();
        assert!(!off.would_enable("worker", &Level::ERROR));
    }

    #[test]
    fn libraries_that_repeat_what_we_report_stay_silent() {
        let filter = read_filter("trace").unwrap();
        for silent in ["lapin::connection", "sqlx::query"] {
            assert!(!filter.would_enable(silent, &Level::ERROR), "{silent}");
        }
    }

    #[test]
    fn a_misspelt_level_is_refused() {
        for wrong in ["inof", "info,debgu", "worker=loud", ""] {
            assert!(read_filter(wrong).is_err(), "{wrong:?}");
        }
    }
}
