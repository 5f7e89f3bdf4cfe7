//! `tidegate tokens`: make, list and revoke what programs, and people at the command line, prove who they are by.

use desk::acts::tokens::{self, Made, NewToken};
use desk::views::staff::{self, ListedToken};
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::tokens::Token;
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::pending;
use crate::cli::{CreateOptions, RevokeOptions, TokensCommand, TokensListOptions};
use crate::failure::{refused, wrongly_called};
use crate::table::Table;
use crate::{open, output, time_option, when};

/// The form of `--json` of `create`: the only place where the secret stands.
#[derive(Serialize)]
struct Created<'a> {
    token: &'a str,
    #[serde(flatten)]
    about: &'a Token,
    pending: &'a Option<PendingChange>,
}

pub async fn run(env: &Env, command: &TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::Create(options) => create(env, options).await,
        TokensCommand::List(options) => list(env, options).await,
        TokensCommand::Revoke(options) => revoke(env, options).await,
    }
}

async fn create(env: &Env, options: &CreateOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let end = options.expires.as_deref().map(|text| time_option::ahead(text, now)).transpose();
    let expires_at = end.map_err(|fault| wrongly_called(format!("--expires: {fault}")))?;
    let (ledger, by) = options.by.actor(env).await?;
    let roles = options.roles.read();
    let wanted = NewToken { staff: &options.staff, roles: &roles, is_program: options.program, expires_at };
    let made = tokens::create(&ledger, &wanted, &by, now).await.map_err(refused)?;
    ledger.close().await;
    let Made { secret, token: about, pending } = &made;
    let token = secret.expose_secret();
    if options.shape.json {
        return output::print_json(&Created { token, about, pending });
    }
    output::print(&format!("{token}\n"))?;
    output::remark(&format!("{} for {}: keep it now, it is not shown again", about.id, about.staff));
    if let Some(change) = pending {
        output::remark(pending::in_words(change).trim_end());
    }
    Ok(())
}

async fn list(env: &Env, options: &TokensListOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let staff = options.staff.as_deref().map(|name| name.trim().to_ascii_lowercase());
    let tokens = open::answer(&ledger, staff::tokens(&ledger, staff.as_deref(), clock::now())).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&tokens);
    }
    if tokens.is_empty() {
        let first = "tokens create --for NAME --role ROLE` makes one";
        output::nothing("token", &ledger.shown(), staff.is_some(), first);
        return Ok(());
    }
    output::print(&table(&tokens).render())
}

pub fn table(tokens: &[ListedToken]) -> Table {
    let mut table = Table::default()
        .text("TOKEN")
        .text("BEGINS")
        .text("FOR")
        .text("ROLES")
        .text("PROGRAM")
        .text("STATE")
        .text("CREATED")
        .text("EXPIRES")
        .text("LAST USED");
    for ListedToken { token, state } in tokens {
        table.row([
            token.id.clone(),
            format!("{}…", token.prefix),
            token.staff.clone(),
            token.roles.to_string(),
            if token.is_program { "yes" } else { "" }.to_owned(),
            state.word().to_owned(),
            when::whole(token.created_at),
            token.expires_at.map(when::whole).unwrap_or_default(),
            token.last_used_at.map(when::whole).unwrap_or_default(),
        ]);
    }
    table
}

async fn revoke(env: &Env, options: &RevokeOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let token = tokens::revoke(&ledger, &options.id, &options.reason, &by, clock::now()).await;
    let token = token.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&token);
    }
    output::print(&format!("{} for {} has ended\n", token.id, token.staff))
}
