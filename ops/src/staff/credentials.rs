//! `tidegate staff invite`, `accept`, `sessions` and `logout`: passwords, second factors and logins of the console.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::Context;
use desk::acts::invitations::{self as acts, Acceptance, Accepted};
use desk::acts::sessions as session_acts;
use desk::totp;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use super::{key, pending};
use crate::cli::{AcceptOptions, ByOptions, InviteOptions, LogoutOptions};
use crate::failure::refused;
use crate::table::Table;
use crate::{open, output, when};

/// The form of `--json` of `invite`: the only place where the code stands.
#[derive(Serialize)]
struct InvitedReport<'a> {
    code: &'a str,
    #[serde(flatten)]
    invitation: &'a ledger::tables::invitations::Invitation,
    pending: &'a Option<ledger::tables::pending_changes::PendingChange>,
}

pub async fn invite(env: &Env, options: &InviteOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let invited = acts::invite(&ledger, &options.name, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    let acts::Invited { code, invitation, pending } = &invited;
    let code = code.expose_secret();
    if options.shape.json {
        return output::print_json(&InvitedReport { code, invitation, pending });
    }
    let link = console::pages::invitation_link(&console::config::url(env)?, &invited.code);
    output::print(&format!("{}\n", link.expose_secret()))?;
    let until = when::whole(invitation.ends_at);
    output::remark(&format!(
        "good once, until {until}; it is not shown again. `{} staff accept` takes the code behind code=, too",
        output::me()
    ));
    if let Some(change) = pending {
        output::remark(pending::in_words(change).trim_end());
    }
    Ok(())
}

pub async fn accept(env: &Env, options: &AcceptOptions) -> anyhow::Result<()> {
    let ledger = open::ledger(env).await?;
    let code = line("code of the invitation: ", false)?;
    let asking = acts::asking(&ledger, code.expose_secret(), clock::now()).await.map_err(refused)?;
    let name = asking.name.as_deref().or(options.name.as_deref());
    let password = line("password, at least 12 characters: ", true)?;
    let second = if asking.needs_second_factor {
        let secret = totp::new_secret();
        let address = totp::address(&secret, name.unwrap_or("me"));
        output::remark(&format!("secret for the authenticator app: {}", secret.expose_secret()));
        output::remark(&format!("or as an address: {}", address.expose_secret()));
        Some((secret, line("its code now: ", false)?))
    } else {
        None
    };
    let acceptance = Acceptance {
        code: code.expose_secret(),
        name: options.name.as_deref(),
        password,
        totp: second.as_ref().map(|(secret, code)| (secret.clone(), code.expose_secret())),
    };
    let key = key::of(env)?;
    let accepted = acts::accept(&ledger, acceptance, key.as_ref(), clock::now()).await.map_err(refused)?;
    ledger.close().await;
    let Accepted { member, recovery_codes } = accepted;
    output::print(&format!("{} can log in  ({})\n", member.name, member.roles))?;
    if !recovery_codes.is_empty() {
        output::remark("each of these codes replaces the authenticator app once; they are not shown again:");
        let codes: Vec<&str> = recovery_codes.iter().map(ExposeSecret::expose_secret).collect();
        output::print(&format!("{}\n", codes.join("\n")))?;
    }
    Ok(())
}

/// One line of standard input. What is typed at a terminal is not shown where it is secret.
fn line(question: &str, is_hidden: bool) -> anyhow::Result<SecretString> {
    let terminal = stdin().is_terminal();
    if terminal {
        output::print(question)?;
    }
    let shown = (terminal && is_hidden).then(|| tcgetattr(stdin())).transpose()?;
    if let Some(shown) = &shown {
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &hidden)?;
    }
    let mut text = String::new();
    let read = stdin().lock().read_line(&mut text);
    if let Some(shown) = &shown {
        tcsetattr(stdin(), OptionalActions::Now, shown)?;
        output::print("\n")?;
    }
    read.context("standard input cannot be read")?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

pub async fn sessions(env: &Env, json: bool) -> anyhow::Result<()> {
    let (ledger, by) = ByOptions::default().actor(env).await?;
    let sessions = open::answer(&ledger, session_acts::open(&ledger, &by)).await?;
    ledger.close().await;
    if json {
        return output::print_json(&sessions);
    }
    if sessions.is_empty() {
        return output::print("nobody is logged in\n");
    }
    let mut table =
        Table::default().text("SESSION").text("OF").text("FROM").text("BEGAN").text("SEEN").text("ENDS");
    for session in sessions {
        table.row([
            session.id,
            session.staff,
            session.address,
            when::whole(session.begun_at),
            when::whole(session.seen_at),
            when::whole(session.ends_at),
        ]);
    }
    output::print(&table.render())
}

pub async fn logout(env: &Env, options: &LogoutOptions) -> anyhow::Result<()> {
    let (ledger, by) = options.by.actor(env).await?;
    let session = session_acts::end(&ledger, &options.id, &by, clock::now()).await.map_err(refused)?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&session);
    }
    output::print(&format!("{} of {} has ended\n", session.id, session.staff))
}
