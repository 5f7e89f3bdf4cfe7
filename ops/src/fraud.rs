//! `tidegate fraud`: what the rules of the fraud desk found. They are findings like any others.

use domain::findings::Check;
use ledger::views::lists::FindingFilter;
use ledger::views::search::Window;
use shared::clock;
use shared::env::Env;

use crate::cli::FraudOptions;
use crate::{failure, findings, time_option};

pub async fn run(env: &Env, options: &FraudOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let since = time_option::past(&options.since, now).map_err(failure::wrongly_called)?;
    let filter = FindingFilter {
        found_by: Some(Check::FraudDesk),
        kind: options.rule.clone(),
        resolved_too: true,
        window: Window { since: Some(since), until: None },
        whose: options.whose.read(),
        ..FindingFilter::default()
    };
    findings::list(env, &filter, (&options.page, &options.shape), now).await
}
