//! `tidegate bans ban`, `lift` and `clear`: what staff decide about a user.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts::bans::{Decision, decide_on_user, may_decide};
use desk::views::ban::{Standing, why};
use domain::Key;
use domain::bans::{Act, Ban};
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::graph::users::users_of_name;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::{ClearOptions, DecisionOptions, WhoseOptions};
use crate::events::belongs_to;
use crate::failure::{refused, wrongly_called};
use crate::table::clean;
use crate::{open, output, time_option};

/// The form of `--json`.
#[derive(Serialize)]
struct DecisionReport {
    ban: Ban,
    standing: Standing,
}

pub async fn decide(env: &Env, act: Act, options: &DecisionOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let decision = Decision { act, until: end(options, now)?, reason: options.reason.clone() };
    let act = if act == Act::Ban { "bans ban" } else { "bans lift" };
    let desk = options.by.permitted(env, act, Permission::Manage).await?;
    run(desk, &options.user, &options.whose, &decision, options.shape.json).await
}

pub async fn clear(env: &Env, options: &ClearOptions) -> anyhow::Result<()> {
    let decision = Decision { act: Act::None, until: None, reason: options.reason.clone() };
    let desk = options.by.permitted(env, "bans clear", Permission::Manage).await?;
    run(desk, &options.user, &options.whose, &decision, options.shape.json).await
}

async fn run(
    (ledger, by): (Ledger, Actor),
    user: &str,
    whose: &WhoseOptions,
    decision: &Decision,
    json: bool,
) -> anyhow::Result<()> {
    let key = the_one(&ledger, user, whose).await?;
    let now = clock::now();
    may_decide(&ledger, &key, &by, now).await.map_err(refused)?;
    // Bounded by the database's own deadlines: to cut an act off would leave open whether it was done.
    let ban = decide_on_user(&ledger, &key, decision, &by.person(), now).await.map_err(refused)?;
    ledger.close().await;
    let standing = Standing::of(&ban, now);
    if json {
        return output::print_json(&DecisionReport { ban, standing });
    }
    let owner = belongs_to(&key.account, key.livemode);
    let (id, word) = (clean(&key.id), standing.word());
    output::print(&format!("{id}  {word}  ({})\n{}\n", clean(&owner), clean(&why(&ban, now))))
}

fn end(options: &DecisionOptions, now: DateTime<Utc>) -> anyhow::Result<Option<DateTime<Utc>>> {
    if let Some(text) = &options.until {
        let end = time_option::future(text, now);
        return end.map(Some).map_err(|fault| wrongly_called(format!("--until: {fault}")));
    }
    let end = options.span.as_deref().map(|text| time_option::ahead(text, now)).transpose();
    end.map_err(|fault| wrongly_called(format!("--for: {fault}")))
}

/// The user who is meant, who must be one. Of somebody whom nobody has heard of the mode must be said: a ban
/// in the wrong one would do nothing.
async fn the_one(ledger: &Ledger, id: &str, whose: &WhoseOptions) -> anyhow::Result<Key> {
    let id = id.trim();
    if id.is_empty() {
        return Err(wrongly_called("the user's id is empty"));
    }
    let restriction = whose.read();
    let read = async { users_of_name(&mut ledger.read().await?, id).await };
    let mut known: BTreeSet<Key> = open::answer(ledger, read).await?;
    known.retain(|key| restriction.admits(key));
    if known.len() > 1 {
        let owners: Vec<String> = known.iter().map(|key| belongs_to(&key.account, key.livemode)).collect();
        return Err(wrongly_called(format!(
            "{id} exists several times ({}): choose one with --account, --live or --test-mode",
            owners.join("; ")
        )));
    }
    if let Some(key) = known.pop_first() {
        return Ok(key);
    }
    let Some(livemode) = restriction.livemode else {
        return Err(wrongly_called(format!(
            "no dispute or customer names {id}: check the id. If it is right, pass --live or --test-mode"
        )));
    };
    Ok(Key { id: id.to_owned(), account: restriction.account.unwrap_or_default(), livemode })
}
