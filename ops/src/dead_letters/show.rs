//! The page of one dead letter.

use desk::views::dead_letters::DeadLetterLabels;
use domain::outcome::OutcomeKind;
use ledger::views::stored_events::StoredEvent;
use shared::env::Env;

use super::amount;
use crate::cli::DeadShowOptions;
use crate::events::belongs_to;
use crate::table::{Table, clean};
use crate::{cause, open, output, when};

pub async fn show(env: &Env, options: &DeadShowOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let found = open::answer(&ledger, ledger.event(&options.id)).await?;
    ledger.close().await;
    let letters: Vec<StoredEvent> =
        found.iter().filter(|event| event.outcome == OutcomeKind::Dead).cloned().collect();
    if letters.is_empty() {
        let me = output::me();
        match found.first() {
            Some(event) => {
                anyhow::bail!("{} is not a dead letter, but {}: `{me} trace {0}`", event.id, event.outcome)
            }
            None => anyhow::bail!("no event {} in the ledger at {}", options.id, ledger.shown()),
        }
    }
    if options.shape.json {
        return output::print_json(&letters);
    }
    output::print(&letters.iter().map(page).collect::<Vec<_>>().join("\n"))
}

fn page(letter: &StoredEvent) -> String {
    let owner = belongs_to(&letter.account, letter.livemode);
    let mut facts = Table::default().text("").prose("", 400);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.row([name.to_owned(), value]);
        }
    };
    let named = |fingerprint: &String| format!("{}  {fingerprint}", cause::short(fingerprint));
    add("cause", letter.fingerprint.as_ref().map(named));
    add("about", letter.object_id.clone());
    add("money at risk", Some(amount(letter)));
    add("customer", letter.customer.clone());
    add("API version", letter.api_version.clone());
    add("attempts", Some(letter.attempts.to_string()));
    add("first failed", letter.first_failed_at.map(when::precise));
    add("last failed", letter.last_failed_at.map(when::precise));
    let mut text = format!(
        "dead letter {}  {}  ({})\n\n{}",
        clean(&letter.id),
        clean(&letter.kind),
        clean(&owner),
        facts.render_bare()
    );
    text.push_str("\nEvery failure, oldest first:\n");
    for failure in DeadLetterLabels::of(letter).failures {
        text.extend(["  ", &clean(failure), "\n"]);
    }
    let me = output::me();
    text.extend([
        "\nWhat Stripe sent:            ",
        &me,
        " events show ",
        &letter.id,
        " --body",
        "\nWhat a replay would change:  ",
        &me,
        " replay plan ",
        &letter.id,
        "\nDiscard it for good:         ",
        &me,
        " dead-letters discard ",
        &letter.id,
        " --reason …\n",
    ]);
    text
}
