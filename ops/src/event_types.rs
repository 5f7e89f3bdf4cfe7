//! `tidegate events types`: the event types that a Stripe endpoint should receive.

use std::fmt::Write;

use domain::event_families::{FAMILIES, OPTIONAL, recommended};
use serde::Serialize;

use crate::cli::TypesOptions;
use crate::output;

/// The form of `--json`.
#[derive(Serialize)]
struct Types {
    /// For Stripe's `enabled_events`.
    enabled_events: Vec<&'static str>,
    objects: Vec<Sent>,
}

#[derive(Serialize)]
struct Sent {
    object: &'static str,
    types: &'static [&'static str],
    /// Each of the sets suffices.
    enough: &'static [&'static [&'static str]],
    without: &'static str,
}

pub fn run(options: &TypesOptions) -> anyhow::Result<()> {
    if options.markdown {
        return output::print(&markdown());
    }
    if options.shape.json {
        let objects = FAMILIES.iter().map(|family| Sent {
            object: family.object,
            types: family.types,
            enough: family.enough,
            without: family.without,
        });
        return output::print_json(&Types { enabled_events: recommended(), objects: objects.collect() });
    }
    output::print(&(recommended().join("\n") + "\n"))
}

fn markdown() -> String {
    let mut text = String::from(
        "| object | these types are enough | unknown without them | recommended |\n|---|---|---|---|\n",
    );
    for family in FAMILIES {
        let enough: Vec<String> = family.enough.iter().map(|set| listed(set)).collect();
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            family.object,
            enough.join(" *or* "),
            family.without,
            listed(family.types)
        )
        .expect("a String takes every write");
    }
    text.push_str("\n| type | why it is not needed |\n|---|---|\n");
    for (kind, why) in OPTIONAL {
        writeln!(text, "| `{kind}` | {why} |").expect("a String takes every write");
    }
    text
}

fn listed(types: &[&str]) -> String {
    types.iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ")
}
