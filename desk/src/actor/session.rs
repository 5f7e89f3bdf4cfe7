//! From the cookie of a session to who acts. A session ends by itself when nobody uses it, at its end in any case, and where
//! its person's roles come to need a second factor that it was begun without.

use chrono::{DateTime, TimeDelta, Utc};
use domain::staff_names::staff_name;
use ledger::Ledger;

use super::token::{NotAuthenticated, token_hash};
use super::{Actor, KnownBy};

/// Use is written down at most this often.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// Who ended a session whose time was over: it stays so, whatever a clock says later.
const EXPIRY: &str = "tidegate: expired";

/// Whether a person asks, or a page that renews itself: the latter is no use of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Person,
    Page,
}

/// Who acts by this cookie.
#[shared::built_once]
pub async fn authenticate_session(
    ledger: &Ledger,
    cookie: &str,
    asks: Asks,
    now: DateTime<Utc>,
) -> Result<Actor, NotAuthenticated> {
    let mut tx = ledger.read().await?;
    let Some(session) = tx.session_by_hash(&token_hash(cookie)).await? else {
        return Err(NotAuthenticated::Unknown);
    };
    let (member, policies) = (tx.member(&session.staff).await?, tx.policies().await?);
    let idle = policies.idle();
    drop(tx);
    if session.ended_at.is_some() {
        return Err(NotAuthenticated::SessionEnded);
    }
    let Some(member) = member.filter(|member| member.disabled_at.is_none()) else {
        return Err(NotAuthenticated::Disabled { staff: session.staff });
    };
    let unused_for = now - session.seen_at;
    // Last seen in the future: the clock was set back, and how long it was unused nobody knows.
    let is_weak = member.roles.need_second_factor(policies.totp_required()) && !session.second_factor;
    let is_over = session.ends_at <= now || unused_for > idle || unused_for < -idle || is_weak;
    if is_over || (asks == Asks::Person && unused_for >= NOTED_EVERY) {
        let mut tx = ledger.begin().await?;
        if is_over {
            tx.end_session(&session.id, EXPIRY, now).await?;
        } else {
            tx.note_session_use(&session.id, now).await?;
        }
        tx.commit().await?;
    }
    if is_over {
        return Err(NotAuthenticated::SessionEnded);
    }
    Ok(Actor::known(&member.name, member.roles.0, KnownBy::Session, false))
}

/// Who acts where a proxy that proved itself has signed this person on. A person who is disabled acts no more.
#[shared::built_once]
pub async fn authenticate_signed_on(ledger: &Ledger, name: &str) -> Result<Actor, NotAuthenticated> {
    let Ok(name) = staff_name(name) else { return Err(NotAuthenticated::Unknown) };
    let Some(member) = ledger.read().await?.member(&name).await? else {
        return Err(NotAuthenticated::Unknown);
    };
    if member.disabled_at.is_some() {
        return Err(NotAuthenticated::Disabled { staff: member.name });
    }
    Ok(Actor::known(&member.name, member.roles.0, KnownBy::SignedOn, false))
}
