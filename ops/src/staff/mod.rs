//! `tidegate staff`: who may act, in which roles, and what waits for a second administrator.

mod credentials;
pub mod key;
pub mod pending;
pub mod tokens;

use anyhow::bail;
use desk::actor::{Actor, NotAuthenticated};
use desk::acts::staff::{self, Changed};
use desk::views::cards::Cards;
use desk::views::staff::{ListedMember, StaffPage, list, page};
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use crate::cli::{AddOptions, RolesOptions, StaffCommand, StaffReasonOptions, StaffShowOptions};
use crate::failure::{not_authenticated, refused};
use crate::table::{Table, clean};
use crate::{open, output, when};

pub async fn run(env: &Env, command: &StaffCommand) -> anyhow::Result<()> {
    match command {
        StaffCommand::Add(options) => add(env, options).await,
        StaffCommand::List(shape) => list_all(env, shape.json).await,
        StaffCommand::Show(options) => show(env, options).await,
        StaffCommand::Roles(options) => roles(env, options).await,
        StaffCommand::Disable(options) => disable(env, options).await,
        StaffCommand::Enable(options) => enable(env, options).await,
        StaffCommand::Invite(options) => credentials::invite(env, options).await,
        StaffCommand::Accept(options) => credentials::accept(env, options).await,
        StaffCommand::Sessions(shape) => credentials::sessions(env, shape.json).await,
        StaffCommand::Logout(options) => credentials::logout(env, options).await,
        StaffCommand::Pending(shape) => pending::list(env, shape.json).await,
        StaffCommand::Approve(options) => pending::approve(env, options).await,
        StaffCommand::Reject(options) => pending::reject(env, options).await,
    }
}

/// Whether this reader sees which card was charged.
pub async fn cards(ledger: &Ledger, env: &Env) -> anyhow::Result<Cards> {
    let now = clock::now();
    let by = Actor::of_environment(ledger, env, None, now).await;
    let cards = match by {
        Ok(by) => Cards::at_command_line(ledger, &by, now).await,
        // Somebody whom nothing names may look, too.
        Err(NotAuthenticated::Nameless(_)) => Cards::unnamed(ledger, now).await,
        Err(refused) => return Err(not_authenticated(refused)),
    };
    Ok(cards?)
}

async fn add(env: &Env, options: &AddOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let roles = options.roles.read();
    let changed = staff::add(&ledger, &options.name, &roles, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    told(&changed, "added", options.shape.json)
}

async fn roles(env: &Env, options: &RolesOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let (name, roles) = (&options.name, options.roles.read());
    let changed = staff::set_roles(&ledger, name, &roles, &options.reason, &by, clock::now()).await;
    let changed = changed.map_err(refused)?;
    ledger.close().await;
    told(&changed, "changed", options.shape.json)
}

async fn disable(env: &Env, options: &StaffReasonOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let changed = staff::disable(&ledger, &options.name, &options.reason, &by, clock::now()).await;
    let changed = changed.map_err(refused)?;
    ledger.close().await;
    told(&changed, "disabled; sessions and tokens have ended", options.shape.json)
}

async fn enable(env: &Env, options: &StaffReasonOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let changed = staff::enable(&ledger, &options.name, &options.reason, &by, clock::now()).await;
    let changed = changed.map_err(refused)?;
    ledger.close().await;
    told(&changed, "enabled", options.shape.json)
}

fn told(changed: &Changed, done: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return output::print_json(changed);
    }
    let name = &changed.member.name;
    match &changed.pending {
        Some(change) => output::print(&format!("{name}: {}", pending::in_words(change))),
        None => output::print(&format!("{name} {done}  ({})\n", changed.member.roles)),
    }
}

async fn list_all(env: &Env, json: bool) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let members = open::answer(&ledger, list(&ledger, clock::now())).await?;
    ledger.close().await;
    if json {
        return output::print_json(&members);
    }
    if members.is_empty() {
        output::nothing("staff", &ledger.shown(), false, "staff add NAME --role super_user` adds the first");
        return Ok(());
    }
    output::print(&table(&members).render())
}

fn table(members: &[ListedMember]) -> Table {
    let mut table = Table::default()
        .text("NAME")
        .text("ROLES")
        .text("CAN ACT")
        .number("TOKENS")
        .text("LAST USED")
        .text("ADDED")
        .text("DISABLED");
    for ListedMember { member, can_act, tokens, last_used_at } in members {
        table.row([
            member.name.clone(),
            member.roles.to_string(),
            if *can_act { "yes" } else { "no" }.to_owned(),
            tokens.to_string(),
            last_used_at.map(when::whole).unwrap_or_default(),
            when::whole(member.added_at),
            member.disabled_at.map(when::whole).unwrap_or_default(),
        ]);
    }
    table
}

async fn show(env: &Env, options: &StaffShowOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let name = options.name.trim().to_ascii_lowercase();
    let found = open::answer(&ledger, page(&ledger, &name, clock::now())).await?;
    ledger.close().await;
    let Some(page) = found else {
        bail!("there is no member of staff {name}; `{} staff list` lists them", output::me());
    };
    if options.shape.json {
        return output::print_json(&page);
    }
    output::print(&text(&page))
}

fn text(page: &StaffPage) -> String {
    let StaffPage { listed, permissions, all_tokens, history } = page;
    let member = &listed.member;
    let state = match (member.disabled_at, listed.can_act) {
        (Some(at), _) => format!("disabled since {}", when::whole(at)),
        (None, true) => "can act".to_owned(),
        (None, false) => "has neither a password nor a token that works".to_owned(),
    };
    let may = if permissions.is_empty() { "nothing".to_owned() } else { permissions.join(", ") };
    let mut text = format!("{}  {state}\nroles {}, hence {may}\n", member.name, member.roles);
    if !all_tokens.is_empty() {
        text += "\n";
        text += &tokens::table(all_tokens).render();
    }
    let mut steps = Table::default().text("WHEN").text("WHAT").prose("AFTER", 60).text("BY");
    for line in history {
        let after = match (&line.before, &line.after) {
            (Some(before), Some(after)) => format!("{before}: {after}"),
            (before, after) => before.clone().or_else(|| after.clone()).unwrap_or_default(),
        };
        steps.row([when::whole(line.at), line.what.clone(), clean(&after), clean(&line.actor)]);
    }
    text + "\n" + &steps.render()
}
