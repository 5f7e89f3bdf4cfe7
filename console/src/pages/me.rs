//! The page of whoever is signed in: who they are, what they may do, where they are logged in, and their password.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use desk::actor::{Actor, KnownBy};
use desk::acts::login::LoginRefused;
use desk::acts::password::{PasswordRefused, change_password as change};
use desk::acts::sessions;
use desk::views::dashboard::likely_mode;
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use ledger::LedgerError;
use ledger::tables::sessions::Session;
use maud::{Markup, html};
use secrecy::ExposeSecret;

use super::acts::{Act, done, form, hidden};
use super::address::Address;
use super::cookies::Cookie;
use super::form_fields::{BACK, FormFields};
use super::modes;
use super::page_responses::{Browsed, elsewhere, html as page_of, with_cookie};
use super::shell::{self, Frame};
use super::sign_in;
use super::tables::{section, text};
use super::values::{age, capitalised, moment, until};
use crate::Console;
use crate::client::Client;

pub(super) const PATH: &str = "/me";
pub(super) const PASSWORD: &str = "/me/password";

/// The page; with why the password was not changed, if it was not.
pub(super) async fn look(
    console: &Console,
    actor: &Actor,
    headers: &HeaderMap,
    address: &Address,
    refused: Option<&str>,
    now: DateTime<Utc>,
) -> Browsed {
    let (own, here) = match read(console, actor, headers).await {
        Ok(read) => read,
        Err(error) => return sign_in::away(&error),
    };
    // As on every other page: where nothing live has arrived, the test mode.
    let mode = match modes::named(address) {
        Some(livemode) => Ok(livemode),
        None => likely_mode(&console.ledger).await,
    };
    let livemode = match mode {
        Ok(livemode) => livemode,
        Err(error) => return sign_in::away(&error),
    };
    let frame = Frame { actor, address, livemode, now, account: None, saved: Vec::new(), waiting: 0 };
    let body = html! {
        div.title { h1 { (actor.staff()) } span.muted { (known_by(actor)) } }
        div.sided {
            div.stack { (own_sessions(&frame, &own, here.as_deref())) }
            div.stack {
                section.panel {
                    h2 { "What you may do" }
                    div.inner { ul.standing { @for permission in actor.permissions() { li { code { (permission) } } } } }
                }
                (password_form(actor, refused))
            }
        }
    };
    let status = if refused.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Browsed::by(Some(actor), page_of(status, shell::page(&frame, "You", &done(address), &body)))
}

/// The person's open sessions, and which of them this browser has.
async fn read(
    console: &Console,
    actor: &Actor,
    headers: &HeaderMap,
) -> Result<(Vec<Session>, Option<String>), LedgerError> {
    let mut own = sessions::open(&console.ledger, actor).await?;
    own.retain(|session| session.staff == actor.staff());
    let here = match Cookie::SignedIn.read(headers) {
        Some(cookie) => sessions::of_cookie(&console.ledger, cookie).await?.map(|session| session.id),
        None => None,
    };
    Ok((own, here))
}

fn known_by(actor: &Actor) -> &'static str {
    match actor.known_by() {
        KnownBy::Session => "signed in by password",
        KnownBy::SignedOn => "signed on by the proxy in front of the console",
        KnownBy::Token { .. } => "signed in by a token",
        KnownBy::Declared => "by their own word",
        KnownBy::Clock => "by the clock",
    }
}

/// Sessions as a table; each can be ended.
pub(super) fn sessions_table(frame: &Frame<'_>, sessions: &[Session], here: Option<&str>) -> Markup {
    let columns = [text("Began"), text("From"), text("Last seen"), text("Ends"), text("")];
    let rows = sessions.iter().map(|session| {
        let is_here = here == Some(session.id.as_str());
        vec![
            moment(session.begun_at),
            html! { (session.address) @if is_here { " " strong { "(this one)" } } },
            age(session.seen_at, frame.now),
            until(session.ends_at, frame.now),
            end(frame, session),
        ]
    });
    section("Sessions", &columns, rows.collect())
}

fn end(frame: &Frame<'_>, session: &Session) -> Markup {
    form(
        frame,
        &Act {
            endpoint: "end_session",
            path: &[session.id.as_str()],
            title: "End",
            consequence: html! { "Whoever has it, from " strong { (session.address) } ", must sign in again." },
            fields: html! {},
            button: "End the session",
            is_dangerous: true,
        },
    )
}

fn own_sessions(frame: &Frame<'_>, own: &[Session], here: Option<&str>) -> Markup {
    html! {
        @if own.is_empty() {
            section.panel { h2 { "Sessions" } div.empty { p { "You are not logged in by a password anywhere." } } }
        } @else { (sessions_table(frame, own, here)) }
    }
}

fn password_form(actor: &Actor, refused: Option<&str>) -> Markup {
    html! {
        section.panel {
            h2 { "Password" }
            div.inner {
                @if let Some(why) = refused { p.note.bad role="alert" { (why) } }
                details open[refused.is_some()] {
                    summary { "Change it" }
                    form.form method="post" action=(PASSWORD) {
                        (hidden(BACK, PATH))
                        p { "All your sessions end, this one too." }
                        input.hidden type="text" value=(actor.staff()) autocomplete="username" readonly tabindex="-1" aria-label="Name";
                        @for (name, label, complete) in [("old", "Old password", "current-password"), ("new", "New password", "new-password"), ("again", "The new one again", "new-password")] {
                            div.field {
                                label for={ "password-" (name) } { (label) }
                                input id={ "password-" (name) } name=(name) type="password" required autocomplete=(complete);
                            }
                        }
                        div { button.primary type="submit" { "Change the password" } }
                    }
                }
                p.muted.small { "A lost phone, or no recovery code left: an administrator invites you again, and you set password and app anew." }
            }
        }
    }
}

pub(super) async fn change_password(
    console: &Arc<Console>,
    client: &Client,
    actor: &Actor,
    parts: &Parts,
    fields: &FormFields,
    now: DateTime<Utc>,
) -> Browsed {
    let (old, new) = (fields.secret("old"), fields.secret("new"));
    let changed = if new.expose_secret() == fields.secret("again").expose_secret() {
        change(&console.ledger, old, new, actor, &client.address, now).await.map_err(Some)
    } else {
        Err(None)
    };
    let why = match changed {
        Ok(()) => {
            let place = super::address::link(sign_in::PATH, [("changed", "1")]);
            let response = with_cookie(elsewhere(&place), &Cookie::SignedIn.clear(&parts.headers));
            return Browsed::by(Some(actor), response);
        }
        Err(Some(PasswordRefused::Login(LoginRefused::Ledger(error)))) => return sign_in::away(&error),
        Err(Some(refused)) => capitalised(&format!("{refused}.")),
        Err(None) => "The two new passwords are not the same.".to_owned(),
    };
    let address = Address::of(PATH).unwrap_or_default();
    look(console, actor, &parts.headers, &address, Some(&why), now).await
}
