//! The page behind the link of an invitation: a person sets a password and an authenticator app, and sees their recovery
//! codes once. The first administrator chooses a name there, too.

use std::fmt::Write;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use desk::acts::Refusal;
use desk::acts::invitations::{self, Acceptance, Accepted, Asking};
use desk::totp;
use hyper::StatusCode;
use maud::{Markup, html};
use secrecy::{ExposeSecret, SecretString};

use super::address::{self, Address};
use super::form_fields::FormFields;
use super::page_responses::{Browsed, html as page_of};
use super::{shell, sign_in};
use crate::Console;
use crate::qr_code::QrCode;

pub(super) const PATH: &str = "/invitation";
/// Light modules around a code, so that it is found.
const QUIET_MODULES: usize = 4;

/// The one-time link.
pub fn link(url: &str, code: &SecretString) -> SecretString {
    format!("{url}{}", address::link(PATH, [("code", code.expose_secret())])).into()
}

pub(super) async fn look(console: &Console, address: &Address, now: DateTime<Utc>) -> Browsed {
    let code = address.get("code").unwrap_or_default();
    match invitations::asking(&console.ledger, code, now).await {
        Ok(asking) => {
            let form = Form { code, asking: &asking, name: "", secret: totp::new_secret() };
            shown(StatusCode::OK, &form.page(console.staff_key.is_some(), None))
        }
        Err(refusal) => refused(&refusal),
    }
}

/// Takes the form. What was wrong is said above it, and the app's secret stays.
pub(super) async fn accept(console: &Arc<Console>, fields: &FormFields, now: DateTime<Utc>) -> Browsed {
    let code = fields.get("code").unwrap_or_default();
    let asking = match invitations::asking(&console.ledger, code, now).await {
        Ok(asking) => asking,
        Err(refusal) => return refused(&refusal),
    };
    let given = fields.get("secret").filter(|secret| totp::is_secret(secret));
    let secret = given.map_or_else(totp::new_secret, |secret| secret.to_owned().into());
    let (name, totp_code) = (fields.get("name"), fields.get("totp"));
    let form = Form { code, asking: &asking, name: name.unwrap_or_default(), secret: secret.clone() };
    let again =
        |why: &str| shown(StatusCode::BAD_REQUEST, &form.page(console.staff_key.is_some(), Some(why)));
    let password = fields.secret("password");
    if password.expose_secret() != fields.secret("again").expose_secret() {
        return again("The two passwords are not the same.");
    }
    let acceptance = Acceptance { code, name, password, totp: totp_code.map(|code| (secret, code)) };
    match invitations::accept(&console.ledger, acceptance, console.staff_key.as_ref(), now).await {
        Ok(accepted) => shown(StatusCode::OK, &welcome(&accepted)),
        Err(Refusal::Ledger(error)) => sign_in::away(&error),
        Err(refusal) => again(&super::values::capitalised(&format!("{refusal}."))),
    }
}

struct Form<'a> {
    code: &'a str,
    asking: &'a Asking,
    name: &'a str,
    secret: SecretString,
}

impl Form<'_> {
    fn page(&self, can_keep_secrets: bool, why: Option<&str>) -> Markup {
        let name = self.asking.name.as_deref();
        html! {
            h1 { @match name { Some(name) => { "Welcome, " (name) }, None => { "The first administrator" } } }
            @if let Some(why) = why { p.note.bad role="alert" { (why) } }
            @if name.is_none() {
                p { "Nobody is on the staff yet. You may do everything: add others, give roles, set policies. Until there is a second administrator, nothing that loosens a rule takes two." }
            }
            form.form method="post" action=(PATH) {
                input type="hidden" name="code" value=(self.code);
                input type="hidden" name="secret" value=(self.secret.expose_secret());
                @match name {
                    // For password managers.
                    Some(name) => input.hidden type="text" value=(name) autocomplete="username" readonly tabindex="-1" aria-label="Name";,
                    None => div.field {
                        label for="name" { "Name" }
                        input id="name" name="name" type="text" required value=(self.name) autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="60";
                        span.hint { "Letters, digits and . _ - ; the audit knows you by it, for ever." }
                    }
                }
                div.field {
                    label for="password" { "Password" }
                    input id="password" name="password" type="password" required minlength="12" autocomplete="new-password";
                    span.hint { "At least 12 characters; a few words in a row are good." }
                }
                div.field {
                    label for="again" { "Repeat the password" }
                    input id="again" name="again" type="password" required minlength="12" autocomplete="new-password";
                }
                @if can_keep_secrets { (self.second_factor(name.unwrap_or("administrator"))) }
                @else if self.asking.needs_second_factor {
                    p.note.bad { "Your roles need a second factor, which cannot be kept: set " code { "STAFF_KEY" } " for the console first." }
                }
                div { button.primary type="submit" { "Set password" } }
            }
        }
    }

    fn second_factor(&self, name: &str) -> Markup {
        let needs = self.asking.needs_second_factor;
        let secret = self.secret.expose_secret();
        html! {
            fieldset.second-factor {
                legend { "Second factor" @if !needs { " (your roles do not need one)" } }
                p { "Scan this with an authenticator app, then type the six digits that it shows." }
                (qr(&totp::address(&self.secret, name)))
                details {
                    summary { "Type the secret instead" }
                    p { code { (grouped(secret)) } }
                    p.hint { "By time, 6 digits, 30 seconds, SHA-1: what apps take if they are not told." }
                }
                div.field {
                    label for="totp" { "Code" }
                    input id="totp" name="totp" type="text" inputmode="numeric" required[needs] autocomplete="one-time-code" maxlength="16";
                }
            }
        }
    }
}

/// Dark on light in every theme, as cameras want it.
fn qr(text: &SecretString) -> Markup {
    let Some(code) = QrCode::of(text.expose_secret()) else { return html! {} };
    let whole = code.side() + 2 * QUIET_MODULES;
    let mut path = String::new();
    for row in 0..code.side() {
        for column in (0..code.side()).filter(|column| code.is_dark(*column, row)) {
            write!(path, "M{} {}h1v1h-1z", column + QUIET_MODULES, row + QUIET_MODULES)
                .expect("a String takes every write");
        }
    }
    html! {
        svg.qr viewBox=(format!("0 0 {whole} {whole}")) role="img" aria-label="QR code of the secret below" shape-rendering="crispEdges" {
            rect width="100%" height="100%" fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

/// Four letters at a time, to be typed.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn welcome(accepted: &Accepted) -> Markup {
    html! {
        h1 { "You can sign in now" }
        p { "You are " strong { (accepted.member.name) } ", with the roles " (accepted.member.roles) "." }
        @if !accepted.recovery_codes.is_empty() {
            section.panel {
                h2 { "Recovery codes" }
                div.inner {
                    p { "Each replaces the authenticator app once, if you lose it. Print them or write them down: " strong { "they are not shown again." } }
                    ul.codes { @for code in &accepted.recovery_codes { li { code { (code.expose_secret()) } } } }
                }
            }
        }
        p { a.button href=(sign_in::PATH) { "Sign in" } }
    }
}

fn refused(refusal: &Refusal) -> Browsed {
    if let Refusal::Ledger(error) = refusal {
        return sign_in::away(error);
    }
    let page = html! {
        h1 { "This invitation is not good" }
        p { "It was used, has ended after 24 hours, still waits for a second administrator, or was cut. Ask whoever sent it for another one." }
        p { a href=(sign_in::PATH) { "Sign in" } }
    };
    shown(StatusCode::NOT_FOUND, &page)
}

fn shown(status: StatusCode, body: &Markup) -> Browsed {
    Browsed::by(None, page_of(status, shell::bare("Invitation", body)))
}
