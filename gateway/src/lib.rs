//! Placeholder.
use shared::{
    env::{Env, Problem, Variable},
    queue::Queue,
};
use tokio_util::sync::CancellationToken;

pub const VARIABLES: &[Variable] = &[];
pub struct GatewayConfig {}
impl GatewayConfig {
    pub fn from_env(_env: &Env) -> Result<Self, Problem> {
        Ok(Self {})
    }
}
pub async fn run(_config: GatewayConfig, _queue: Queue, _shutdown: CancellationToken) -> anyhow::Result<()> {
    Ok(())
}
