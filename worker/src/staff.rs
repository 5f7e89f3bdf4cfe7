//! What staff do: decide about a user, note something on a dispute. Each act is one transaction under the
//! lock of the row concerned, with one line of the audit, and nobody acts without a name.

use chrono::{DateTime, Utc};
use shared::env::{Env, Variable};
use thiserror::Error;

use crate::ledger::overrides::{Note, Override};
use crate::ledger::{Ledger, LedgerError};
use crate::rules::bans::{Act, Ban};
use crate::rules::disputes::Dispute;
use crate::rules::{Key, Object, Severity, Told, Transition, chain};

const STAFF: Variable = Variable {
    name: "TIDEGATE_STAFF",
    default: "",
    example: "jane",
    help: "Who acts, for the audit, when a command is not told by `--by`. Your login name (`USER`) where unset.",
};
pub const VARIABLES: &[Variable] = &[STAFF];

const LOGIN: &str = "USER";
const NAME_LIMIT_CHARS: usize = 100;
const TEXT_LIMIT_CHARS: usize = 10_000;
/// The audit's words for what nobody did by hand.
const RESERVED: [&str; 2] = ["stripe", "tidegate"];

/// Somebody whom the audit can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person(String);

/// What a note on a dispute does beside being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    /// Staff are done with the dispute: it leaves what is still to be done.
    Resolves,
    /// They are not, after all.
    Reopens,
}

/// Why an act was not done; nothing was written.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("an act needs a name: {fault}. Say who you are by --by NAME, or set TIDEGATE_STAFF")]
    Nameless { fault: &'static str },
    #[error("the {what} is {fault}")]
    Text { what: &'static str, fault: String },
    #[error("the end is not in the future: a decision that ends before it begins would change nothing")]
    EndHasPassed,
    #[error("staff decided nothing about this user that could be taken back")]
    NothingToClear,
    #[error("staff have not resolved this dispute, or Stripe has asked for an answer since: it is in sight")]
    NotResolved,
    #[error("there is no such dispute")]
    NoSuchDispute,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What staff want for a user.
#[derive(Clone, Debug)]
pub struct Decision {
    /// `Act::None` takes the last decision back: the disputes decide again.
    pub act: Act,
    pub until: Option<DateTime<Utc>>,
    pub reason: String,
}

impl Person {
    /// As the command says, else as the environment does.
    pub fn of(by: Option<&str>, env: &Env) -> Result<Self, Refusal> {
        let named = by.or_else(|| env.given(STAFF.name)).or_else(|| env.given(LOGIN));
        Self::named(named.unwrap_or_default())
    }

    pub fn named(name: &str) -> Result<Self, Refusal> {
        let name = name.trim();
        let first = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let fault = match name {
            "" => "nobody is named",
            _ if RESERVED.contains(&first.as_str()) => {
                "this one is what the audit says of events and programs"
            }
            _ if name.chars().any(char::is_control) => "this one has control characters",
            _ if name.chars().count() > NAME_LIMIT_CHARS => "this one is longer than 100 characters",
            _ => return Ok(Self(name.to_owned())),
        };
        Err(Refusal::Nameless { fault })
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

impl Ledger {
    /// Bans a user, lifts a ban, or leaves it to the disputes again; gives the ban as it stands then.
    pub async fn decide_on_user(
        &self,
        user: &Key,
        decision: &Decision,
        by: &Person,
        now: DateTime<Utc>,
    ) -> Result<Ban, Refusal> {
        let reason = text("reason", &decision.reason)?;
        if decision.until.is_some_and(|until| until <= now) {
            return Err(Refusal::EndHasPassed);
        }
        let mut tx = self.begin().await?;
        let mut touched = tx.touch_bans(std::slice::from_ref(user)).await?;
        let mut ban = touched.pop().unwrap_or_else(|| Ban::placeholder(user.clone()));
        if decision.act == Act::None && ban.override_act == Act::None {
            return Err(Refusal::NothingToClear);
        }
        let before = in_words(ban.override_act, ban.override_until);
        let told = Told {
            what: "override",
            before: Some(before),
            after: Some(in_words(decision.act, decision.until)),
            severity: if decision.act == Act::Ban { Severity::Critical } else { Severity::Warning },
        };
        let row = Override {
            number: count(&tx.overrides_of(user).await?) + 1,
            act: decision.act,
            until: decision.until,
            reason,
            decided_by: by.name().to_owned(),
            decided_at: now,
        };
        tx.append_override(user, &row).await?;
        ban.override_act = row.act;
        ban.override_until = row.until;
        ban.override_reason = Some(row.reason);
        ban.override_by = Some(row.decided_by);
        ban.override_at = Some(now);
        ban.revision += 1;
        let done = done(&ban, ban.revision, told);
        let line = chain::extend(&mut ban.audit_hash, &done, by.name(), now);
        tx.write(&[&ban]).await?;
        tx.append_audit(&[line]).await?;
        tx.commit().await?;
        Ok(ban)
    }

    /// Notes something on a dispute; a note that resolves says why it is done with, for staff. Stripe's status stays.
    pub async fn note_dispute(
        &self,
        dispute: &Key,
        note: &str,
        effect: Effect,
        by: &Person,
        now: DateTime<Utc>,
    ) -> Result<Note, Refusal> {
        let note = text(if effect == Effect::None { "note" } else { "reason" }, note)?;
        let mut tx = self.begin().await?;
        let keys = std::slice::from_ref(dispute);
        // To touch would make a dispute that nobody has heard of.
        if tx.look_up::<Dispute>(keys).await?.is_empty() {
            return Err(Refusal::NoSuchDispute);
        }
        let mut touched = tx.touch::<Dispute>(keys).await?.rows;
        let mut row = touched.pop().ok_or(Refusal::NoSuchDispute)?;
        if effect == Effect::Reopens && tx.resolutions_of(keys).await?.is_empty() {
            return Err(Refusal::NotResolved);
        }
        let note = Note {
            number: count(&tx.notes_of(dispute).await?) + 1,
            resolves: effect == Effect::Resolves,
            reopens: effect == Effect::Reopens,
            note,
            written_by: by.name().to_owned(),
            written_at: now,
            stripe_status: Some(row.state.stripe_status.clone()),
            respond_by: row.state.respond_by,
        };
        tx.append_note(dispute, &note).await?;
        row.revision += 1;
        // The text itself stands in the notes alone.
        let told = Told {
            what: match effect {
                Effect::None => "note",
                Effect::Resolves => "resolution",
                Effect::Reopens => "reopening",
            },
            before: None,
            after: Some(format!("note {}", note.number)),
            severity: Severity::Info,
        };
        let done = done(&row, row.revision, told);
        let line = chain::extend(&mut row.audit_hash, &done, by.name(), now);
        tx.write(&[&row]).await?;
        tx.append_audit(&[line]).await?;
        tx.commit().await?;
        Ok(note)
    }
}

/// The line of the audit for what no event did.
fn done<T: Object>(row: &T, revision: i64, told: Told) -> Transition {
    Transition { kind: T::KIND, key: row.key().clone(), revision, event_id: None, told }
}

fn in_words(act: Act, until: Option<DateTime<Utc>>) -> String {
    match until {
        Some(until) if act != Act::None => {
            format!("{} until {}", act.as_str(), until.format("%Y-%m-%d %H:%M:%S"))
        }
        _ => act.as_str().to_owned(),
    }
}

/// Why somebody does something, as it may be kept.
pub fn reason(given: &str) -> Result<String, Refusal> {
    text("reason", given)
}

fn text(what: &'static str, given: &str) -> Result<String, Refusal> {
    let given = given.trim();
    let fault = match given.chars().count() {
        0 => "empty".to_owned(),
        chars if chars > TEXT_LIMIT_CHARS => format!("longer than {TEXT_LIMIT_CHARS} characters"),
        // Postgres keeps no text with it.
        _ if given.contains('\0') => "not text".to_owned(),
        _ => return Ok(given.to_owned()),
    };
    Err(Refusal::Text { what, fault })
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_without_a_name() {
        let long = "x".repeat(101);
        for nameless in ["", "  ", "stripe", "Stripe", "tidegate rebuild", "a\nb", &long] {
            assert!(matches!(Person::named(nameless), Err(Refusal::Nameless { .. })), "{nameless:?}");
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
        assert!(Person::of(Some(" "), &env).is_err(), "whoever names nobody is not somebody else");
    }
}
