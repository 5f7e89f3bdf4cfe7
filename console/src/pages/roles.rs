//! Roles in words, and as boxes of a form that say what each may.

use domain::permissions::{Role, Roles};
use maud::{Markup, html};

pub fn role_words(roles: &Roles) -> String {
    roles.0.iter().map(|role| role.as_str().replace('_', " ")).collect::<Vec<_>>().join(", ")
}

/// A box for each role, those of now ticked.
pub fn roles(now: &Roles) -> Markup {
    html! {
        fieldset {
            legend { "Roles" }
            @for role in Role::ALL {
                label.check {
                    input type="checkbox" name="roles" value=(role.as_str()) checked[now.0.contains(role)];
                    span { strong { (role.as_str().replace('_', " ")) } " " span.muted { (may(*role)) } }
                }
            }
        }
    }
}

fn may(role: Role) -> String {
    role.permissions().iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(", ")
}
