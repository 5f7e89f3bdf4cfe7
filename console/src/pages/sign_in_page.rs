//! The forms of signing in: name and password, or a token; then the code of an authenticator app.

use maud::{Markup, html};

use super::sign_in::{CODE, PATH};

/// What stands above the form.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    Told(&'a str),
    Refused(&'a str),
}

pub fn page(to: &str, shown: Option<Shown<'_>>) -> Markup {
    html! {
        h1 { "Sign in" }
        @match shown {
            Some(Shown::Refused(why)) => p.note.bad role="alert" { (why) },
            Some(Shown::Told(what)) => p.note role="status" { (what) },
            None => {}
        }
        form.form method="post" action=(PATH) {
            input type="hidden" name="to" value=(to);
            div.field {
                label for="name" { "Name" }
                input id="name" name="name" type="text" required autocomplete="username" autocapitalize="none" autofocus spellcheck="false";
            }
            div.field {
                label for="password" { "Password" }
                input id="password" name="password" type="password" required autocomplete="current-password";
            }
            div { button.primary type="submit" { "Continue" } }
        }
        details.panel {
            summary { "Sign in with a token" }
            form.form.inner method="post" action=(PATH) {
                input type="hidden" name="to" value=(to);
                div.field {
                    label for="token" { "Token" }
                    input id="token" name="token" type="password" required autocomplete="off" spellcheck="false";
                    span.hint { "It begins with " code { "tdg_" } ". An administrator makes one: " code { "tidegate tokens create --for NAME" } "." }
                }
                div { button type="submit" { "Sign in" } }
            }
        }
        p.muted.small { "Forgotten password, lost phone: an administrator invites you again, and you set both anew." }
    }
}

pub fn code_page(to: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { "Second factor" }
        @if let Some(why) = refused { p.note.bad role="alert" { (why) } }
        form.form method="post" action=(CODE) {
            input type="hidden" name="to" value=(to);
            div.field {
                label for="code" { "Code" }
                input id="code" name="code" type="text" required autocomplete="one-time-code" autofocus spellcheck="false" maxlength="64";
                span.hint { "The six digits that your authenticator app shows now, or one of your recovery codes. Each is good once." }
            }
            div { button.primary type="submit" { "Sign in" } }
        }
        p { a href=(PATH) { "Begin again" } }
    }
}
