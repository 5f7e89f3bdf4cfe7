//! Whether a user is banned, by whose word, and why: which disputes count against the user and which do not, what
//! staff decided, and the events behind it all.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::bans::{Act, Ban, Status};
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::notices::Notice;
use domain::{Key, Object};
use ledger::graph::users::{read_disputes_of, users_of_name};
use ledger::tables::audit::Line;
use ledger::tables::blocks::Block;
use ledger::tables::overrides::Override;
use ledger::views::lists::BanFilter;
use ledger::views::page::{Page, Part};
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::dispute_item::counts_because;
use super::story::{Happening, story};
use super::timeline::timeline;
use crate::wording;

/// So many notices about a user and the disputes are told.
const NOTICES_LIMIT: i64 = 1_000;

/// How a user stands at one moment.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub banned: bool,
    /// Who says so.
    pub by: DecidedBy,
    /// When staff's decision ends, where it does.
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DecidedBy {
    Staff,
    Disputes,
}

/// The page of a user.
#[derive(Debug, Serialize)]
pub struct BanView {
    #[serde(flatten)]
    pub ban: Ban,
    pub standing: Standing,
    pub why: String,
    pub disputes: Vec<JudgedDispute>,
    pub overrides: Vec<Override>,
    pub timeline: Vec<Line>,
    /// What people and programs were told of it.
    pub notices: Vec<Notice>,
    /// The ledger was derived under other policies than this program was given.
    pub stale: bool,
    /// A person's word that nothing is charged to the user.
    pub block: Option<Block>,
}

/// A dispute, and whether it counts.
#[derive(Debug, Serialize)]
pub struct JudgedDispute {
    #[serde(flatten)]
    pub dispute: Dispute,
    pub payment: Option<String>,
    pub counts: bool,
    pub because: &'static str,
}

/// A line of the list of bans.
#[derive(Debug, Serialize)]
pub struct ListedBan {
    #[serde(flatten)]
    pub ban: Ban,
    pub standing: Standing,
}

impl Standing {
    pub fn of(ban: &Ban, now: DateTime<Utc>) -> Self {
        let by = if ban.override_in_force(now) == Act::None { DecidedBy::Disputes } else { DecidedBy::Staff };
        let until = if by == DecidedBy::Staff { ban.override_until } else { None };
        Self { banned: ban.is_banned(now), by, until }
    }

    pub fn word(&self) -> &'static str {
        if self.banned { "banned" } else { "not banned" }
    }
}

impl BanView {
    /// All that happened, the oldest first.
    pub fn story(&self) -> Vec<Happening<'_>> {
        story(&self.timeline, [], &self.notices)
    }

    /// Every user of this name: one for each account and mode that has one.
    #[shared::built_once]
    pub async fn read_all(
        ledger: &Ledger,
        tx: &mut Transaction,
        name: &str,
        whose: &Whose,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>, LedgerError> {
        let mut views = Vec::new();
        for user in users(tx, name, whose).await? {
            views.push(Self::read(ledger, tx, user, now).await?);
        }
        Ok(views)
    }

    #[shared::built_once]
    pub async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        user: Key,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let keys = std::slice::from_ref(&user);
        let ban = read_ban(tx, &user).await?;
        let mut graph = ledger.object_graph();
        read_disputes_of(tx, keys, &mut graph).await?;
        let mut disputes: Vec<JudgedDispute> = graph
            .disputes_of_user(&user)
            .map(|dispute| {
                let charge = dispute.owner().and_then(|charge| graph.charges.get(&charge));
                JudgedDispute {
                    payment: charge.and_then(Charge::owner).map(|payment| payment.id),
                    counts: dispute.is_chargeback(ledger.policy()),
                    because: counts_because(dispute, ledger.policy()),
                    dispute: dispute.clone(),
                }
            })
            .collect();
        disputes.sort_by_key(|judged| (judged.dispute.state.opened_at, judged.dispute.key.clone()));
        let subjects = disputes.iter().map(|judged| (Dispute::NAME, judged.dispute.key.clone()));
        let about: BTreeSet<(&'static str, Key)> = subjects.chain([(Ban::NAME, user.clone())]).collect();
        let timeline = timeline(tx, about.iter().cloned()).await?;
        let notices = tx.notices_about(&about.into_iter().collect::<Vec<_>>(), NOTICES_LIMIT).await?;
        let mut derived = ban.clone();
        derived.derive(disputes.iter().map(|judged| &judged.dispute), ledger.policy());
        Ok(Self {
            standing: Standing::of(&ban, now),
            why: why(&ban, now),
            disputes,
            overrides: tx.overrides_of(&user).await?,
            timeline,
            notices,
            stale: derived != ban,
            block: tx.blocks_of(std::slice::from_ref(&user.id)).await?.pop(),
            ban,
        })
    }

    /// What became of each decision of staff, oldest first.
    pub fn decisions(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&Override, DecisionState)> {
        let last = self.overrides.len().saturating_sub(1);
        self.overrides.iter().enumerate().map(move |(place, decision)| {
            let has_ended = decision.until.is_some_and(|until| until <= now);
            let state = match () {
                () if place < last => DecisionState::Replaced,
                () if has_ended => DecisionState::Ended,
                () => DecisionState::Stands,
            };
            (decision, state)
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionState {
    Stands,
    /// Its end has come.
    Ended,
    /// Staff decided otherwise since.
    Replaced,
}

impl ListedBan {
    /// Users banned now; with `all` every user with a dispute or an override. The latest decision comes first.
    #[shared::built_once]
    pub async fn read_list(
        tx: &mut Transaction,
        filter: &BanFilter,
        part: &Part,
        now: DateTime<Utc>,
    ) -> Result<Page<Self>, LedgerError> {
        Ok(tx.bans(filter, part, now).await?.map(|ban| Self { standing: Standing::of(&ban, now), ban }))
    }

    pub fn since(&self) -> Option<DateTime<Utc>> {
        if self.standing.by == DecidedBy::Staff { self.ban.override_at } else { self.ban.since }
    }

    /// Who of staff decided it, and why; `None` where the disputes did.
    pub fn decided(&self) -> Option<(&str, &str)> {
        let by_staff = self.standing.by == DecidedBy::Staff;
        let ban = &self.ban;
        let named = ban.override_by.as_deref().filter(|_| by_staff);
        named.map(|by| (by, ban.override_reason.as_deref().unwrap_or_default()))
    }
}

/// Every user of this name. A block names somebody in every account and mode: where nothing else names them, they are
/// shown as a user of the merchant's own account.
pub(crate) async fn users(
    tx: &mut Transaction,
    name: &str,
    whose: &Whose,
) -> Result<BTreeSet<Key>, LedgerError> {
    let mut users = users_of_name(tx, name).await?;
    users.retain(|user| whose.admits(user));
    if users.is_empty() && !tx.blocks_of(&[name.to_owned()]).await?.is_empty() {
        let (account, livemode) = (whose.account.clone().unwrap_or_default(), whose.livemode.unwrap_or(true));
        users.insert(Key { id: name.to_owned(), account, livemode });
    }
    Ok(users)
}

/// The row of a user; a placeholder where nothing concerned the user.
pub(super) async fn read_ban(tx: &mut Transaction, user: &Key) -> Result<Ban, LedgerError> {
    let found = tx.look_up::<Ban>(std::slice::from_ref(user)).await?.pop();
    Ok(found.unwrap_or_else(|| Ban::placeholder(user.clone())))
}

/// The standing in a sentence.
pub fn why(ban: &Ban, now: DateTime<Utc>) -> String {
    let by_disputes = match (ban.status, ban.chargebacks) {
        (Status::Banned, count) => {
            let since =
                ban.since.map(|since| format!(", reached at {}", wording::moment(since))).unwrap_or_default();
            format!("{count} chargebacks ban the user{since}")
        }
        (Status::Clear, 0) => "no chargeback counts against the user".to_owned(),
        (Status::Clear, 1) => "1 chargeback is too few for a ban".to_owned(),
        (Status::Clear, count) => format!("{count} chargebacks are too few for a ban"),
    };
    let who = ban.override_by.as_deref().unwrap_or("staff");
    let reason = ban.override_reason.as_deref().unwrap_or("no reason was recorded");
    let end =
        ban.override_until.map(|until| format!(" until {}", wording::moment(until))).unwrap_or_default();
    let decision = match ban.override_act {
        Act::None => return format!("By the disputes: {by_disputes}."),
        Act::Ban => "banned the user",
        Act::Lift => "lifted any ban",
    };
    if ban.override_in_force(now) == Act::None {
        return format!(
            "By the disputes: {by_disputes}. The decision of {who} expired at{}.",
            end.replace(" until", "")
        );
    }
    format!("By staff: {who} {decision}{end}: {reason}. Without that: {by_disputes}.")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn banned() -> Ban {
        let key = Key { id: "user_1".to_owned(), account: String::new(), livemode: true };
        Ban { status: Status::Banned, chargebacks: 2, since: Some(now()), ..Ban::placeholder(key) }
    }

    #[test]
    fn staff_decide_while_their_word_holds_and_the_disputes_before_and_after() {
        let (now, mut ban) = (now(), banned());
        let by_disputes = Standing { banned: true, by: DecidedBy::Disputes, until: None };
        assert_eq!(Standing::of(&ban, now), by_disputes);
        assert!(why(&ban, now).contains("2 chargebacks ban the user"));

        ban.override_act = Act::Lift;
        ban.override_by = Some("jane".to_owned());
        ban.override_reason = Some("the bank was wrong".to_owned());
        let until = now + TimeDelta::days(1);
        ban.override_until = Some(until);
        let by_staff = Standing { banned: false, by: DecidedBy::Staff, until: Some(until) };
        assert_eq!(Standing::of(&ban, now), by_staff);
        assert!(
            why(&ban, now).contains("jane lifted any ban") && why(&ban, now).contains("the bank was wrong")
        );
        assert_eq!(Standing::of(&ban, until), by_disputes);
        assert!(why(&ban, until).contains("expired"));
    }

    #[test]
    fn a_list_names_whoever_decides_now() {
        let (now, mut ban) = (now(), banned());
        ban.override_act = Act::Ban;
        ban.override_by = Some("jane".to_owned());
        ban.override_at = Some(now - TimeDelta::days(9));
        ban.override_until = Some(now + TimeDelta::days(1));
        let listed = |now| ListedBan { standing: Standing::of(&ban, now), ban: ban.clone() };
        let (before, after) = (listed(now), listed(now + TimeDelta::days(1)));
        assert_eq!((before.since(), before.decided()), (ban.override_at, Some(("jane", ""))));
        assert_eq!((after.since(), after.decided()), (ban.since, None), "the decision has ended");
    }

    #[test]
    fn of_several_decisions_only_the_last_can_stand() {
        let (now, end) = (now(), now() + TimeDelta::days(1));
        let decision = |number, until| Override {
            number,
            act: Act::Ban,
            until,
            reason: "r".to_owned(),
            decided_by: "jane".to_owned(),
            decided_at: now,
        };
        let ban = banned();
        let view = BanView {
            standing: Standing::of(&ban, now),
            why: why(&ban, now),
            disputes: Vec::new(),
            overrides: vec![decision(1, None), decision(2, Some(end))],
            timeline: Vec::new(),
            notices: Vec::new(),
            stale: false,
            block: None,
            ban,
        };
        let states = |at| view.decisions(at).map(|(_, state)| state).collect::<Vec<_>>();
        assert_eq!(states(now), [DecisionState::Replaced, DecisionState::Stands]);
        assert_eq!(states(end), [DecisionState::Replaced, DecisionState::Ended]);
    }
}
