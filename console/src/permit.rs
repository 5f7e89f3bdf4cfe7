//! Whether somebody may use an endpoint, by its row in the table; that an act was refused is in the audit.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::refused_acts::note_forbidden;

use crate::Console;
use crate::endpoint::{Access, Endpoint};
use crate::problem::Problem;

/// Refuses whoever lacks the permission; that an act was refused is in the audit.
pub(crate) async fn permit(
    console: &Console,
    endpoint: &Endpoint,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let Access::Needs(permission) = endpoint.access else { return Ok(()) };
    let Err(forbidden) = actor.may(permission) else { return Ok(()) };
    if endpoint.is_act() {
        note_forbidden(&console.ledger, actor, endpoint.name, &forbidden, now).await?;
    }
    Err(forbidden.into())
}
