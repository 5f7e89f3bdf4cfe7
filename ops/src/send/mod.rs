//! `tidegate send`: signed sample events, so that anyone can try the whole product without Stripe.

mod acts;
mod client;
mod report;
mod run;
mod scene;
mod sign;
mod stories;
mod tally;
mod target;

use std::process::ExitCode;

use shared::env::Env;
use shared::{clock, shutdown};
use stripe_sim::Random;

use self::run::Plan;
use self::stories::{BROKEN, STORIES, Story, Style};
use self::target::Target;
use crate::cli::SendOptions;
use crate::failure::wrongly_called;
use crate::output;

/// What asks for every story that ends as a dead letter.
const ALL_BROKEN: &str = "broken";
/// When the stories of a seeded run end: fixed, so that the same seed gives the same bytes for ever.
const SEEDED_END: i64 = 1_793_491_200; // 2026-11-01

pub async fn run(env: &Env, options: SendOptions) -> anyhow::Result<ExitCode> {
    let style = Style {
        seed: options.seed.unwrap_or_else(Random::new_seed),
        api_version: options.api_version,
        livemode: options.livemode,
        end: if options.seed.is_some() { SEEDED_END } else { clock::now().timestamp() },
    };
    if options.list {
        return report::list(style, options.shape.json);
    }
    let (stories, until) = choose(options.what.as_deref(), style)?;
    let target = Target::resolve(env, options.url.as_deref(), options.yes_i_know).await?;
    let signer = sign::signer(env)?;
    let plan = Plan {
        count: options.count.unwrap_or(stories.len() as u64),
        stories,
        until,
        style,
        repeat: options.repeat,
        shuffle: options.shuffle,
        rate: options.rate,
        concurrency: options.concurrency,
    };
    let url = target.url.clone();
    let done = run::run(plan, target, signer, shutdown::on_signal()?).await?;
    report::tell(&url, &done, options.shape.json)
}

/// Which stories, and the event type to stop at where one was asked for.
fn choose(what: Option<&str>, style: Style) -> anyhow::Result<(Vec<&'static Story>, Option<String>)> {
    let Some(what) = what else { return Ok((STORIES.iter().collect(), None)) };
    if what == ALL_BROKEN {
        return Ok((BROKEN.iter().collect(), None));
    }
    if let Some(story) = stories::named(what) {
        return Ok((vec![story], None));
    }
    if let Some(story) = stories::with_event(what, style) {
        return Ok((vec![story], Some(what.to_owned())));
    }
    let near: Vec<&str> = stories::all_kinds(style).into_iter().filter(|kind| near(kind, what)).collect();
    let advice = if near.is_empty() { String::new() } else { format!(" Near to it: {}.", near.join(", ")) };
    let me = output::me();
    Err(wrongly_called(format!(
        "`{what}` is neither a story nor an event type of one.{advice} `{me} send --list` lists both"
    )))
}

/// Whether one may have meant the other: a common beginning, or the same last word.
fn near(kind: &str, what: &str) -> bool {
    let last = |text: &str| text.rsplit('.').next().map(str::to_owned);
    kind.starts_with(what) || (what.contains('.') && last(kind) == last(what))
}

#[cfg(test)]
mod tests {
    use stripe_sim::ApiVersion;

    use super::*;

    const STYLE: Style = Style { seed: 1, api_version: ApiVersion::Endive, livemode: false, end: SEEDED_END };

    #[test]
    fn an_event_type_is_told_by_the_first_story_that_has_it() {
        let (stories, until) = choose(Some("charge.dispute.created"), STYLE).unwrap();
        assert_eq!(stories[0].name, "dispute-lost");
        assert_eq!(until.as_deref(), Some("charge.dispute.created"));
    }

    #[test]
    fn nothing_asked_for_is_one_of_each() {
        assert_eq!(choose(None, STYLE).unwrap().0.len(), STORIES.len());
    }

    #[test]
    fn what_is_broken_is_told_only_when_asked_for() {
        let (stories, until) = choose(Some("broken"), STYLE).unwrap();
        assert_eq!((stories.len(), until), (BROKEN.len(), None));
        assert_eq!(choose(Some("broken-refund"), STYLE).unwrap().0[0].name, "broken-refund");
        let all = choose(None, STYLE).unwrap().0;
        assert!(all.iter().all(|story| !story.name.starts_with(ALL_BROKEN)));
    }

    #[test]
    fn a_wrong_name_is_answered_with_what_is_near() {
        let refusal = choose(Some("dispute.created"), STYLE).map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains("charge.dispute.created"), "{refusal}");
    }
}
