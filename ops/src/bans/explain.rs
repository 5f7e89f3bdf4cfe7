//! `tidegate bans explain`: which disputes count against a user and which do not, what staff decided, and the
//! events behind it all.

use anyhow::bail;
use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::bans::{Act, Ban};
use domain::charges::Charge;
use domain::disputes::{Dispute, Status};
use domain::policy::Policy;
use domain::{Key, Object};
use ledger::graph::users::{read_disputes_of, who_is};
use ledger::tables::audit::Line;
use ledger::tables::overrides::Override;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::{Standing, why};
use crate::cli::ExplainOptions;
use crate::events::belongs_to;
use crate::show::history;
use crate::table::{Table, clean};
use crate::{money, open, output, span};

/// The form of `--json`: an array of these, one for each account and mode that has such a user.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    ban: Ban,
    standing: Standing,
    why: String,
    disputes: Vec<Judged>,
    overrides: Vec<Override>,
    timeline: Vec<Line>,
    /// The ledger was derived under other policies than this command was given.
    stale: bool,
}

/// A dispute, and whether it counts.
#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    dispute: Dispute,
    payment: Option<String>,
    counts: bool,
    because: &'static str,
}

pub async fn run(env: &Env, options: &ExplainOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let ledger = open::ledger(env).await?;
    let explained = open::answer(&ledger, find(&ledger, options, now)).await?;
    ledger.close().await;
    if explained.is_empty() {
        let (me, user) = (output::me(), &options.user);
        bail!(
            "nothing in the ledger at {} concerns a user {user}, so nobody is banned by that name. Disputes name \
             their users: `{me} disputes list`",
            ledger.shown()
        );
    }
    if options.shape.json {
        return output::print_json(&explained);
    }
    output::print(&explained.iter().map(|explained| page(explained, now)).collect::<Vec<_>>().join("\n"))
}

async fn find(
    ledger: &Ledger,
    options: &ExplainOptions,
    now: DateTime<Utc>,
) -> Result<Vec<Explained>, LedgerError> {
    let mut tx = ledger.read().await?;
    let whose = options.whose.read();
    let mut explained = Vec::new();
    for user in who_is(&mut tx, &options.user).await? {
        if whose.admits(&user) {
            explained.push(explain(&mut tx, ledger, user, now).await?);
        }
    }
    Ok(explained)
}

async fn explain(
    tx: &mut Transaction,
    ledger: &Ledger,
    user: Key,
    now: DateTime<Utc>,
) -> Result<Explained, LedgerError> {
    let keys = std::slice::from_ref(&user);
    let found = tx.look_up::<Ban>(keys).await?.pop();
    let ban = found.unwrap_or_else(|| Ban::placeholder(user.clone()));
    let mut world = ledger.world();
    read_disputes_of(tx, keys, &mut world).await?;
    let mut disputes: Vec<Judged> = world
        .disputes_of_user(&user)
        .map(|dispute| {
            let charge = dispute.owner().and_then(|charge| world.charges.get(&charge));
            Judged {
                payment: charge.and_then(Charge::owner).map(|payment| payment.id),
                counts: dispute.is_chargeback(ledger.policy()),
                because: because(dispute, ledger.policy()),
                dispute: dispute.clone(),
            }
        })
        .collect();
    disputes.sort_by_key(|judged| (judged.dispute.state.opened_at, judged.dispute.key.clone()));
    let subjects = disputes.iter().map(|judged| (Dispute::NAME, judged.dispute.key.clone()));
    let timeline = timeline(tx, subjects.chain([(Ban::NAME, user.clone())])).await?;
    let mut derived = ban.clone();
    derived.derive(disputes.iter().map(|judged| &judged.dispute), ledger.policy());
    Ok(Explained {
        standing: Standing::of(&ban, now),
        why: why(&ban, now),
        disputes,
        overrides: tx.overrides_of(&user).await?,
        timeline,
        stale: derived != ban,
        ban,
    })
}

/// Why a dispute counts for a ban, or does not; `Dispute::is_chargeback` decides.
pub fn because(dispute: &Dispute, policy: &Policy) -> &'static str {
    match dispute.status {
        _ if dispute.inquiry => "a question of the bank's is no dispute",
        _ if policy.is_returned_debit(dispute.state.reason.as_deref()) => {
            "the bank returned a direct debit, which is no chargeback"
        }
        Status::Opened => "it is open: it counts unless it is won",
        Status::UnderReview => "it is under review: it counts unless it is won",
        Status::Lost => "it was lost",
        Status::Won if policy.lift_on_won => "it was won",
        Status::Won => "it was won, which lifts nothing under this policy",
        Status::Closed => "it was prevented",
        Status::Unknown => "its status is not known",
    }
}

fn page(explained: &Explained, now: DateTime<Utc>) -> String {
    let Explained { ban, standing, why, disputes, overrides, timeline, stale } = explained;
    let owner = belongs_to(&ban.key.account, ban.key.livemode);
    let (id, word) = (clean(&ban.key.id), standing.word());
    let mut text = format!("user {id}  {word}  ({})\n{}\n", clean(&owner), clean(why));
    if *stale {
        text.push_str("The ledger was derived under another policy than this command was given (BAN_CHARGEBACKS, BAN_LIFT_ON_WON, BAN_NEVER_REASONS).\n");
    }
    text.push('\n');
    text.push_str(&judged_table(disputes));
    text.push_str(&decisions(overrides, now));
    text.push_str(&history((Ban::NAME, &ban.key), timeline));
    text
}

fn judged_table(disputes: &[Judged]) -> String {
    if disputes.is_empty() {
        return "No dispute is known of this user.\n".to_owned();
    }
    let mut table = Table::default()
        .text("OPENED")
        .text("DISPUTE")
        .text("STATUS")
        .number("AMOUNT")
        .text("COUNTS")
        .prose("BECAUSE", 60)
        .text("PAYMENT");
    for Judged { dispute, payment, counts, because } in disputes {
        table.row([
            dispute.state.opened_at.map(span::whole).unwrap_or_default(),
            dispute.key.id.clone(),
            dispute.status.as_str().to_owned(),
            money::shown(dispute.state.amount, &dispute.state.currency),
            if *counts { "yes" } else { "no" }.to_owned(),
            (*because).to_owned(),
            payment.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

fn decisions(overrides: &[Override], now: DateTime<Utc>) -> String {
    if overrides.is_empty() {
        return String::new();
    }
    let mut table =
        Table::default().text("DECIDED").text("DECISION").text("UNTIL").text("BY").prose("REASON", 80);
    let last = overrides.len() - 1;
    for (place, decision) in overrides.iter().enumerate() {
        let word = match decision.act {
            Act::None => "left to the disputes",
            Act::Ban => "ban",
            Act::Lift => "lift",
        };
        let has_ended = decision.until.is_some_and(|until| until <= now);
        let state = match () {
            () if place < last => " (replaced)",
            () if has_ended => " (ended)",
            () => "",
        };
        table.row([
            span::whole(decision.decided_at),
            format!("{word}{state}"),
            decision.until.map(span::whole).unwrap_or_default(),
            decision.decided_by.clone(),
            decision.reason.clone(),
        ]);
    }
    format!("\n{}", table.render())
}
