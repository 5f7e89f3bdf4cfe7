//! `tidegate bans`: who is banned and why, and what staff decide about it.

mod check;
mod decide;
mod explain;
mod list;

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use domain::bans::{Act, Ban, Status};
use serde::Serialize;
use shared::env::Env;

pub use self::explain::because;
use crate::cli::BansCommand;
use crate::span;

pub async fn run(env: &Env, command: &BansCommand) -> anyhow::Result<ExitCode> {
    match command {
        BansCommand::List(options) => list::run(env, options).await?,
        BansCommand::Explain(options) => explain::run(env, options).await?,
        BansCommand::Ban(options) => decide::decide(env, Act::Ban, options).await?,
        BansCommand::Lift(options) => decide::decide(env, Act::Lift, options).await?,
        BansCommand::Clear(options) => decide::clear(env, options).await?,
        BansCommand::Check(options) => return check::run(env, options).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// How a user stands at one moment; part of every `--json` of these commands.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub banned: bool,
    /// Who says so.
    pub by: By,
    /// When staff's decision ends, where it does.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    Staff,
    Disputes,
}

impl Standing {
    pub fn of(ban: &Ban, now: DateTime<Utc>) -> Self {
        let by = if ban.override_in_force(now) == Act::None { By::Disputes } else { By::Staff };
        let until = if by == By::Staff { ban.override_until } else { None };
        Self { banned: ban.is_banned(now), by, until }
    }

    pub fn word(&self) -> &'static str {
        if self.banned { "banned" } else { "not banned" }
    }
}

/// The standing in a sentence.
pub fn why(ban: &Ban, now: DateTime<Utc>) -> String {
    let by_disputes = match (ban.status, ban.chargebacks) {
        (Status::Banned, count) => {
            let since =
                ban.since.map(|since| format!(", reached at {}", span::whole(since))).unwrap_or_default();
            format!("{count} chargebacks ban the user{since}")
        }
        (Status::Clear, 0) => "no chargeback counts against the user".to_owned(),
        (Status::Clear, 1) => "1 chargeback is too few for a ban".to_owned(),
        (Status::Clear, count) => format!("{count} chargebacks are too few for a ban"),
    };
    let who = ban.override_by.as_deref().unwrap_or("staff");
    let reason = ban.override_reason.as_deref().unwrap_or("no reason was kept");
    let end = ban.override_until.map(|until| format!(" until {}", span::whole(until))).unwrap_or_default();
    let decision = match ban.override_act {
        Act::None => return format!("By the disputes: {by_disputes}."),
        Act::Ban => "banned the user",
        Act::Lift => "lifted any ban",
    };
    if ban.override_in_force(now) == Act::None {
        return format!(
            "By the disputes: {by_disputes}. What {who} decided ended at{}.",
            end.replace(" until", "")
        );
    }
    format!("By staff: {who} {decision}{end}: {reason}. Without that: {by_disputes}.")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::{Key, Object};

    use super::*;

    #[test]
    fn staff_decide_while_their_word_holds_and_the_disputes_before_and_after() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let key = Key { id: "user_1".to_owned(), account: String::new(), livemode: true };
        let mut ban = Ban { status: Status::Banned, chargebacks: 2, ..Ban::placeholder(key) };
        assert_eq!(Standing::of(&ban, now), Standing { banned: true, by: By::Disputes, until: None });
        assert!(why(&ban, now).contains("2 chargebacks ban the user"));

        ban.override_act = Act::Lift;
        ban.override_by = Some("jane".to_owned());
        ban.override_reason = Some("the bank was wrong".to_owned());
        let until = now + TimeDelta::days(1);
        ban.override_until = Some(until);
        assert_eq!(Standing::of(&ban, now), Standing { banned: false, by: By::Staff, until: Some(until) });
        assert!(
            why(&ban, now).contains("jane lifted any ban") && why(&ban, now).contains("the bank was wrong")
        );
        assert_eq!(Standing::of(&ban, until), Standing { banned: true, by: By::Disputes, until: None });
        assert!(why(&ban, until).contains("ended"));
    }
}
