//! From the text of a token to who acts. The secret is found by its hash, so no comparison tells how much of it was
//! right.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AuditChange, Severity};
use ledger::{Ledger, LedgerError};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use shared::env::{Env, Problem, Variable};

use super::{Actor, KnownBy};
use crate::audit_line::{self, Subject};
use crate::person::{Nameless, Person};

pub const TOKEN: Variable = Variable {
    name: "TIDEGATE_TOKEN",
    default: "",
    example: "tdg_…",
    help: "The token that proves who you are on the command line. Without one you may look, note, replay and repair, but move no money.",
};
pub const TOKEN_FILE: Variable = Variable {
    name: "TIDEGATE_TOKEN_FILE",
    default: "",
    example: "/run/secrets/tidegate-token",
    help: "A file with that token. Use it instead of TIDEGATE_TOKEN.",
};
pub const SETUP: Variable = Variable {
    name: "STAFF_SETUP_MINS",
    default: "60",
    example: "0",
    help: "Minutes after the first member of staff was added in which a command without a token may add staff, invite them and make their tokens. It may never move money.",
};

/// The audit's name for tokens.
pub(super) const KIND: &str = "token";
/// Use and refusal of a token are written down at most this often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Why nobody is known by what was given. The text holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthenticated {
    #[error("the token is not known")]
    Unknown,
    #[error("the token {id} has expired: an administrator makes a new one")]
    Expired { id: String },
    #[error("the token {id} was revoked")]
    Revoked { id: String },
    #[error("the token {id} waits for a second administrator: `tidegate staff pending` lists what waits")]
    AwaitsApproval { id: String },
    #[error("the session has ended: log in again")]
    SessionEnded,
    #[error("{staff} is disabled, and so are all tokens for them")]
    Disabled { staff: String },
    #[error("the token is {staff}'s, not {by}'s: leave out --by")]
    AnotherName { staff: String, by: String },
    #[error(transparent)]
    Nameless(#[from] Nameless),
    #[error(transparent)]
    Setting(#[from] Problem),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What is kept of a secret that is random and long: tokens, sessions, invitations.
pub fn token_hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Who acts by this token. A person who is disabled has none that works.
#[shared::built_once]
pub async fn authenticate_token(
    ledger: &Ledger,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Actor, NotAuthenticated> {
    let mut tx = ledger.read().await?;
    let Some(token) = tx.token_by_hash(&token_hash(text.trim())).await? else {
        return Err(NotAuthenticated::Unknown);
    };
    let member = tx.member(&token.staff).await?;
    drop(tx);
    let (id, staff) = (token.id.clone(), token.staff.clone());
    let is_expired = token.expires_at.is_some_and(|end| end <= now);
    let refused = match member {
        Some(member) if member.disabled_at.is_none() => match () {
            () if token.ended_by.as_deref() == Some(EXPIRY) => NotAuthenticated::Expired { id },
            () if token.ended_at.is_some() => NotAuthenticated::Revoked { id },
            () if is_expired => NotAuthenticated::Expired { id },
            () if token.approved_at.is_none() => NotAuthenticated::AwaitsApproval { id },
            () => {
                let before = now - NOTED_EVERY;
                // Also where the clock was set back: the last use is then said to be to come.
                if token.last_used_at.is_none_or(|used| used <= before) {
                    let mut tx = ledger.begin().await?;
                    tx.note_token_use(&id, before, now).await?;
                    tx.commit().await?;
                }
                let mut permissions = token.roles.permissions();
                permissions.retain(|permission| member.roles.have(*permission));
                let known_by = KnownBy::Token { id };
                return Ok(Actor::with_permissions(&staff, permissions, known_by, token.is_program));
            }
        },
        _ => NotAuthenticated::Disabled { staff },
    };
    if token.last_refused_at.is_none_or(|noted| noted <= now - NOTED_EVERY) {
        note_refusal(ledger, &token.id, &refused, is_expired, now).await?;
    }
    Err(refused)
}

/// Who ended a token whose time was over: it stays so, whatever a clock says later.
const EXPIRY: &str = "tidegate: expired";

async fn note_refusal(
    ledger: &Ledger,
    id: &str,
    refused: &NotAuthenticated,
    is_expired: bool,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    if is_expired {
        tx.end_token(id, EXPIRY, now).await?;
    }
    if tx.note_token_refusal(id, now - NOTED_EVERY, now).await? {
        let change = AuditChange {
            what: "refused",
            before: Some("use".to_owned()),
            after: Some(refused.to_string()),
            severity: Severity::Warning,
        };
        audit_line::append(&mut tx, Subject { kind: KIND, id }, change, "tidegate", now).await?;
    }
    tx.commit().await
}

impl Actor {
    /// Who acts at the command line: whom the token in the environment proves, else who they say they are.
    #[shared::built_once]
    pub async fn of_environment(
        ledger: &Ledger,
        env: &Env,
        by: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, NotAuthenticated> {
        let Some(token) = env.secret(&TOKEN, &TOKEN_FILE)? else {
            let sets_up_for = TimeDelta::minutes(env.number(&SETUP, 0..=1_440)?);
            return Ok(Self::declared(&Person::of(by, env)?).setting_up_for(sets_up_for));
        };
        let actor = authenticate_token(ledger, token.expose_secret(), now).await?;
        match by {
            Some(by) if by.trim() != actor.staff() => {
                Err(NotAuthenticated::AnotherName { staff: actor.staff, by: by.trim().to_owned() })
            }
            _ => Ok(actor),
        }
    }
}
