//! `tidegate bans check`: the answer for other programs, by exit code and as JSON.

use std::process::ExitCode;

use desk::views::ban::{Standing, why};
use domain::bans::Ban;
use domain::{Key, Object};
use ledger::graph::users::users_of_name;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::CheckOptions;
use crate::events::belongs_to;
use crate::failure::wrongly_called;
use crate::table::clean;
use crate::{open, output};

const BANNED: u8 = 3;

/// The form of `--json`.
#[derive(Serialize)]
struct BanCheck<'a> {
    user: &'a str,
    account: &'a str,
    livemode: bool,
    #[serde(flatten)]
    standing: Standing,
    chargebacks: i64,
    /// Whether a dispute, a customer or staff ever named this user in the mode and account asked about.
    known: bool,
    /// Where else a user of this id is known: to ask in the wrong mode is a common mistake.
    known_elsewhere: &'a [Elsewhere],
}

#[derive(Serialize)]
struct Elsewhere {
    account: String,
    livemode: bool,
}

pub async fn run(env: &Env, options: &CheckOptions) -> anyhow::Result<ExitCode> {
    if options.user.trim().is_empty() {
        // A program that lost its user's id must not hear that nobody is banned.
        return Err(wrongly_called("the user's id is empty"));
    }
    let now = clock::now();
    let key =
        Key { id: options.user.clone(), account: options.account.clone(), livemode: !options.test_mode };
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.look_up::<Ban>(std::slice::from_ref(&key)).await };
    let found = open::answer(&ledger, read).await?.pop();
    let namesakes = open::answer(&ledger, ledger.find::<Ban>(&key.id)).await?;
    let read = async { users_of_name(&mut ledger.read().await?, &key.id).await };
    let mut known = open::answer(&ledger, read).await?;
    ledger.close().await;
    let is_known = known.remove(&key) || found.is_some();
    let known_elsewhere: Vec<Elsewhere> =
        known.into_iter().map(|Key { account, livemode, .. }| Elsewhere { account, livemode }).collect();
    let ban = found.unwrap_or_else(|| Ban::placeholder(key.clone()));
    let standing = Standing::of(&ban, now);
    let code = if standing.banned { ExitCode::from(BANNED) } else { ExitCode::SUCCESS };
    if options.shape.json {
        let Key { id: user, account, livemode } = &key;
        output::print_json(&BanCheck {
            user,
            account,
            livemode: *livemode,
            standing,
            chargebacks: ban.chargebacks,
            known: is_known,
            known_elsewhere: &known_elsewhere,
        })?;
        return Ok(code);
    }
    let owner = belongs_to(&key.account, key.livemode);
    let (id, word) = (clean(&key.id), standing.word());
    output::print(&format!("{id}  {word}  ({})\n{}\n", clean(&owner), clean(&why(&ban, now))))?;
    for other in namesakes.iter().filter(|other| other.key != key && other.is_banned(now)) {
        let owner = belongs_to(&other.key.account, other.key.livemode);
        output::remark(&format!("a user of the same id is banned elsewhere: {owner}"));
    }
    if !is_known && !known_elsewhere.is_empty() {
        let owners: Vec<String> =
            known_elsewhere.iter().map(|other| belongs_to(&other.account, other.livemode)).collect();
        output::remark(&format!(
            "nobody of that id is known in {}, but in {}: ask there by --live, --test-mode or --account",
            belongs_to(&key.account, key.livemode),
            owners.join("; ")
        ));
    }
    Ok(code)
}
