//! A stack on servers of its own, each part of which may be killed at any moment and comes back, as under
//! a supervisor.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::broker::Broker;
use crate::postgres::Postgres;
use crate::stack::{Combination, Stack};

pub struct Site {
    pub stack: Stack,
    broker: Option<Broker>,
    postgres: Option<Postgres>,
    /// How often each part was killed.
    pub kills: BTreeMap<&'static str, u32>,
    /// How often a process ended by itself, for want of a server, and was started again.
    pub revivals: u32,
}

/// Names of parts that are servers; every other part is a process of the product.
pub const BROKER: &str = "broker";
pub const POSTGRES: &str = "postgres";

impl Site {
    pub async fn start(combination: Combination) -> anyhow::Result<Self> {
        Self::start_with(combination, &[]).await
    }

    /// The same, with further environment variables for every process.
    pub async fn start_with(combination: Combination, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let broker = if combination.has_broker() { Some(Broker::start().await?) } else { None };
        let postgres = if combination.has_postgres() { Some(Postgres::start().await?) } else { None };
        let mut stack = Stack::prepare(combination, settings, broker.as_ref(), postgres.as_ref()).await?;
        stack.begin().await?;
        Ok(Self { stack, broker, postgres, kills: BTreeMap::new(), revivals: 0 })
    }

    /// Everything that can be killed here.
    pub fn parts(&self) -> Vec<&'static str> {
        let mut parts = self.stack.names();
        parts.extend(self.broker.is_some().then_some(BROKER));
        parts.extend(self.postgres.is_some().then_some(POSTGRES));
        parts
    }

    /// Kills a part, leaves it dead for a while, and starts it again. A process of the product is not waited for:
    /// the next blow may hit it while it starts.
    pub async fn take_away(&mut self, part: &'static str, dead_for: Duration) -> anyhow::Result<()> {
        *self.kills.entry(part).or_default() += 1;
        match part {
            BROKER => {
                let broker = self.broker.as_mut().expect("only parts of this site are struck");
                broker.kill();
                tokio::time::sleep(dead_for).await;
                broker.restart().await?;
            }
            POSTGRES => {
                let postgres = self.postgres.as_mut().expect("only parts of this site are struck");
                postgres.kill().await?;
                tokio::time::sleep(dead_for).await;
                postgres.restart().await?;
            }
            process => {
                self.stack.kill(process);
                tokio::time::sleep(dead_for).await;
                self.stack.spawn(process)?;
            }
        }
        self.revive()
    }

    /// Starts what ended by itself, then waits until everything is ready.
    pub async fn heal(&mut self) -> anyhow::Result<()> {
        self.revive()?;
        for name in self.stack.names() {
            self.stack.wait_until_ready(name).await?;
        }
        Ok(())
    }

    /// Starts what ended by itself.
    pub fn revive(&mut self) -> anyhow::Result<()> {
        for name in self.stack.names() {
            if self.stack.has_ended(name) {
                self.revivals += 1;
                self.stack.kill(name);
                self.stack.spawn(name)?;
            }
        }
        Ok(())
    }
}
