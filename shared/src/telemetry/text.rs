//! Log lines for a person at a terminal: one short line each. What only machines need of an event's line is left to
//! the JSON format and to `tidegate trace`.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock;

/// Marks the line that tells of one event.
const EVENT_ID: &str = "event_id";
/// What such a line says, in this order, without the names: the values speak for themselves.
const EVENT_FIELDS: [&[&str]; 4] = [&[EVENT_ID], &["event_type", "kind"], &["outcome"], &["reason"]];
const HANDLED: &str = "event handled";

/// One line: time, level where it is not `info`, message, fields.
pub(super) struct Short;

impl<S, N> FormatEvent<S, N> for Short
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut values = Values::default();
        event.record(&mut values);
        let has_colour = writer.has_ansi_escapes();
        let time = clock::now().format("%H:%M:%SZ");
        writeln!(writer, "{time} {}", values.line(*event.metadata().level(), has_colour))
    }
}

/// The message of a line, and its fields by name.
#[derive(Default)]
struct Values {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Values {
    fn line(&self, level: Level, has_colour: bool) -> String {
        let (word, colour) = match level {
            Level::ERROR => ("ERROR ", "\x1b[1;31m"),
            Level::WARN => ("WARN ", "\x1b[1;33m"),
            Level::INFO => ("", ""),
            Level::DEBUG => ("DEBUG ", "\x1b[2m"),
            Level::TRACE => ("TRACE ", "\x1b[2m"),
        };
        let level =
            if has_colour && !word.is_empty() { format!("{colour}{word}\x1b[0m") } else { word.to_owned() };
        if self.message == HANDLED {
            let told = EVENT_FIELDS.iter().filter_map(|names| names.iter().find_map(|name| self.value(name)));
            return format!("{level}{}", told.collect::<Vec<_>>().join("  "));
        }
        format!("{level}{}{}", self.message, self.named())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    /// All fields, `name=value`, with quotes where a value has blanks in it.
    fn named(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.fields {
            let quote = if value.is_empty() || value.contains(' ') { "\"" } else { "" };
            write!(text, "  {name}={quote}{value}{quote}").expect("a String takes every write");
        }
        text
    }

    fn add(&mut self, field: &Field, value: &str) {
        // A line stays one line, whatever a value holds.
        let value =
            value.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
        match field.name() {
            "message" => self.message = value,
            name => self.fields.push((name, value)),
        }
    }
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(message: &str, fields: &[(&'static str, &str)]) -> Values {
        let fields = fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Values { message: message.to_owned(), fields }
    }

    #[test]
    fn the_line_of_an_event_says_what_it_was_and_what_became_of_it() {
        let handled = values(
            HANDLED,
            &[
                ("event_id", "evt_1"),
                ("kind", "charge.updated"),
                ("outcome", "dead"),
                ("reason", "the amount is missing"),
                ("latency_ms", "12"),
                ("trace_id", "0123"),
            ],
        );
        assert_eq!(handled.line(Level::INFO, false), "evt_1  charge.updated  dead  the amount is missing");
        let applied = values(
            HANDLED,
            &[("event_id", "evt_1"), ("event_type", "charge.updated"), ("outcome", "applied")],
        );
        assert_eq!(applied.line(Level::INFO, true), "evt_1  charge.updated  applied");
    }

    #[test]
    fn other_lines_have_their_message_first_and_their_fields_by_name() {
        let warning = values("the disk is full", &[("path", "data/queue.db"), ("error", "no room left")]);
        assert_eq!(
            warning.line(Level::WARN, false),
            "WARN the disk is full  path=data/queue.db  error=\"no room left\""
        );
        assert!(warning.line(Level::ERROR, true).starts_with("\x1b[1;31mERROR \x1b[0mthe disk"));
    }
}
