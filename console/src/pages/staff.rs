//! Staff: everybody, and one person with tokens, sessions, history, and what an administrator may do.

use desk::views::staff::{ListedMember, StaffPage};
use domain::permissions::{Permission, Roles};
use ledger::tables::audit::AuditRow;
use ledger::tables::pending_changes::PendingChange;
use ledger::tables::sessions::Session;
use maud::{Markup, html};

use super::acts::{Act, form, words};
use super::command::{command, quoted};
use super::object::{acts_panel, heading};
use super::roles::{role_words, roles};
use super::shell::Frame;
use super::tables::{Column, empty, number, prose, section, table, text};
use super::tones::{Tone, badge};
use super::values::{age, maybe_moment, moment, page_of};
use super::{changes, me, tokens};

const EVERYBODY: &[Column] =
    &[text("Name"), text("State"), text("Roles"), number("Tokens"), text("A token was used"), text("Added")];

pub fn list(frame: &Frame<'_>, members: &[ListedMember], waiting: &[PendingChange]) -> Markup {
    html! {
        div.title { h1 { "Staff" } }
        (changes::panel(frame, waiting.iter()))
        section.panel {
            @if members.is_empty() {
                (empty("Nobody is on the staff yet.", &html! { p { "Until there is an administrator, " code { "tidegate staff add NAME --role super_user" } " adds the first." } }))
            } @else {
                (table("Staff", EVERYBODY, members.iter().map(|listed| row(frame, listed)).collect()))
            }
        }
        (acts_panel(&form(frame, &Act {
            endpoint: "add_member",
            path: &[],
            title: "Add a person",
            consequence: html! { "They may act once they have used an invitation, which you make on their page. Roles that approve money or people wait for a second administrator where there is one." },
            fields: html! {
                (words("name", "Name", "Small letters, digits and . _ - ; it is never given to another person.", false))
                (roles(&Roles::default()))
            },
            button: "Add the person",
            is_dangerous: false,
        })))
    }
}

fn row(frame: &Frame<'_>, listed: &ListedMember) -> Vec<Markup> {
    let member = &listed.member;
    vec![
        html! { a href=(page_of("staff", &member.name)) { (member.name) } },
        state(listed),
        html! { (role_words(&member.roles)) },
        html! { (listed.tokens) },
        listed.last_used_at.map(|at| age(at, frame.now)).unwrap_or_default(),
        moment(member.added_at),
    ]
}

fn state(listed: &ListedMember) -> Markup {
    let (tone, word) = match (listed.member.disabled_at, listed.can_act) {
        (Some(_), _) => (Tone::Quiet, "disabled"),
        (None, true) => (Tone::Good, "can act"),
        (None, false) => (Tone::Warn, "not set up"),
    };
    badge(tone, word)
}

pub fn page(frame: &Frame<'_>, page: &StaffPage, open: &[Session], waiting: &[PendingChange]) -> Markup {
    let member = &page.listed.member;
    let name = member.name.as_str();
    let about = |change: &&PendingChange| {
        change.subject == name || change.after.contains(&format!("{name} ")) || change.after.ends_with(name)
    };
    html! {
        (heading("staff", name, if member.disabled_at.is_some() { "disabled" } else { "enabled" }, &role_words(&member.roles)))
        @if member.disabled_at.is_none() && !page.listed.can_act {
            p.note.warn { "Nothing proves who this person is: there is neither a password nor a token that works. An invitation lets them set a password." }
        }
        (changes::panel(frame, waiting.iter().filter(about)))
        div.sided {
            div.stack {
                (tokens::section(frame, &page.all_tokens))
                (me::sessions_table(frame, open, None))
                (history(&page.history))
            }
            div.stack {
                (acts_panel(&acts(frame, page)))
                section.panel {
                    h2 { "Details" }
                    div.inner { dl.facts {
                        div { dt { "may" } dd { (page.permissions.join(", ")) } }
                        div { dt { "added by" } dd { (member.added_by) } }
                        div { dt { "added" } dd { (moment(member.added_at)) } }
                        @if let Some(by) = &member.disabled_by { div { dt { "disabled by" } dd { (by) } } }
                        @if member.disabled_at.is_some() { div { dt { "disabled" } dd { (maybe_moment(member.disabled_at)) } } }
                    } }
                }
                section.panel {
                    h2 { "Elsewhere" }
                    div.inner { (command("same-command", &format!("tidegate staff show {}", quoted(name)))) }
                }
            }
        }
    }
}

fn acts(frame: &Frame<'_>, page: &StaffPage) -> Markup {
    let member = &page.listed.member;
    let name = member.name.as_str();
    let path = [name];
    let reason = || words("reason", "Reason", "It stands in the audit, with your name.", true);
    let act = |endpoint, title, consequence: Markup, fields, button, is_dangerous| {
        form(frame, &Act { endpoint, path: &path, title, consequence, fields, button, is_dangerous })
    };
    if !frame.actor.has(Permission::Admin) {
        return html! { p.muted { "What may be done with a person needs " code { (Permission::Admin) } ", which " (frame.actor.name()) " does not have." } };
    }
    html! {
        @if member.disabled_at.is_some() {
            (act("enable_member", "Enable", html! { strong { (name) } " may act again, with the roles " (role_words(&member.roles)) ". Tokens and sessions stay ended." }, reason(), "Enable the person", false))
        } @else {
            (act("invite_member", if page.listed.can_act { "Invite again" } else { "Invite" }, html! { "Makes a link, shown once and good for 24 hours, by which " strong { (name) } " sets a password and a second factor. Those of before are replaced, and sessions end." }, html! {}, "Make the link", false))
            (act("set_roles", "Change roles", html! { strong { (name) } " gets exactly these roles. More power over money or people waits for a second administrator where there is one." }, html! { (roles(&member.roles)) (reason()) }, "Change the roles", false))
            (tokens::create_form(frame, Some(name), &member.roles))
            (act("disable_member", "Disable", html! { "Sessions end at once, tokens for good: " strong { (name) } " can do nothing more." }, reason(), "Disable the person", true))
        }
    }
}

fn history(lines: &[AuditRow]) -> Markup {
    let columns = [text("When"), text("What"), prose("From"), prose("To"), text("By")];
    let rows = lines.iter().rev().map(|line| {
        vec![
            moment(line.at),
            html! { (line.what) },
            html! { (line.before.as_deref().unwrap_or_default()) },
            html! { (line.after.as_deref().unwrap_or_default()) },
            html! { (line.actor) },
        ]
    });
    section("History", &columns, rows.collect())
}
