//! Who acts at the command line. Each command with `--by` gets its ledger and its actor here and nowhere else: whom the
//! token proves, else who they say they are.

use clap::Args;
use desk::actor::Actor;
use desk::refused_acts::note_forbidden;
use domain::permissions::Permission;
use ledger::Ledger;
use shared::clock;
use shared::env::Env;

use crate::failure::{not_authenticated, refused};
use crate::open;

/// The name can be read in this file only: a command that wants it asks for the actor.
#[derive(Args, Default)]
pub struct ByOptions {
    /// Who you are, for the audit, where no token says it [default: `TIDEGATE_STAFF`, else your login name, else your number]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ByOptions {
    /// For acts that ask for the permission themselves, of somebody without a token, too: money, people, policies.
    pub async fn actor(&self, env: &Env) -> anyhow::Result<(Ledger, Actor)> {
        let ledger = open::ledger(env).await?;
        let actor = Actor::of_environment(&ledger, env, self.by.as_deref(), clock::now()).await;
        Ok((ledger, actor.map_err(not_authenticated)?))
    }

    /// For acts that nobody needs a token for: notes, bans, replays, repairs. Of a token they take the permission that the
    /// API asks for; a refusal is in the audit.
    pub async fn permitted(
        &self,
        env: &Env,
        act: &str,
        permission: Permission,
    ) -> anyhow::Result<(Ledger, Actor)> {
        let (ledger, actor) = self.actor(env).await?;
        if !actor.is_declared()
            && let Err(forbidden) = actor.may(permission)
        {
            note_forbidden(&ledger, &actor, act, &forbidden, clock::now()).await?;
            ledger.close().await;
            return Err(refused(forbidden));
        }
        Ok((ledger, actor))
    }
}
