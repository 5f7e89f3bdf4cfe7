//! A person as they name themselves. What they may do follows from a proof, not from this.

use domain::staff_names::RESERVED;
use shared::env::{Env, Variable};
use thiserror::Error;

pub(crate) const STAFF: Variable = Variable {
    name: "TIDEGATE_STAFF",
    default: "",
    example: "jane",
    help: "Your name in the audit if a command is called without `--by`. If unset, your login name (`USER`).",
};

const LOGIN: &str = "USER";
const NAME_LIMIT_CHARS: usize = 100;
/// Somebody whom the audit can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person(String);

/// A name that the audit cannot take.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a decision needs a name: {fault}. Pass --by NAME, or set TIDEGATE_STAFF")]
pub struct Nameless {
    pub fault: &'static str,
}

impl Person {
    /// As the command says, else as the environment does.
    pub(crate) fn of(by: Option<&str>, env: &Env) -> Result<Self, Nameless> {
        let named = by.or_else(|| env.given(STAFF.name)).or_else(|| env.given(LOGIN));
        Self::named(named.unwrap_or_default())
    }

    pub fn named(name: &str) -> Result<Self, Nameless> {
        let name = name.trim();
        let first = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let fault = match name {
            "" => "no name was given",
            _ if RESERVED.contains(&first.as_str()) => "this name is reserved for events and programs",
            _ if name.chars().any(char::is_control) => "this name has control characters",
            _ if name.chars().count() > NAME_LIMIT_CHARS => "this name is longer than 100 characters",
            _ => return Ok(Self(name.to_owned())),
        };
        Err(Nameless { fault })
    }

    /// Somebody who was authenticated, or named before.
    pub(crate) fn known(name: String) -> Self {
        Self(name)
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_without_a_name() {
        let long = "x".repeat(101);
        for nameless in ["", "  ", "stripe", "Stripe", "tidegate rebuild", "a\nb", &long] {
            assert!(Person::named(nameless).is_err(), "{nameless:?}");
        }
        assert_eq!(Person::named(" jane ").unwrap().name(), "jane");
    }

    #[test]
    fn the_command_names_before_the_variable_and_the_variable_before_the_login() {
        let env = Env::of(&[("TIDEGATE_STAFF", "jane"), ("USER", "root")]);
        assert_eq!(Person::of(Some("joe"), &env).unwrap().name(), "joe");
        assert_eq!(Person::of(None, &env).unwrap().name(), "jane");
        assert_eq!(Person::of(None, &Env::of(&[("USER", "root")])).unwrap().name(), "root");
        assert!(Person::of(None, &Env::of(&[])).is_err());
        assert!(Person::of(Some(" "), &env).is_err(), "a blank name is refused, not replaced");
    }
}
