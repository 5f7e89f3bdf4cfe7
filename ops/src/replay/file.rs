//! Events from a file, one Stripe JSON object per line. Those that the ledger has run from there; the others
//! come from the file. The planner vouches for them, not a signature.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use desk::replay::Chosen;
use domain::event::Content;
use envelope::{Envelope, Source};
use gateway::event::Head;
use ledger::{Ledger, LedgerError};

use crate::open;

/// As the gateway takes in.
const LINE_LIMIT_BYTES: usize = 1 << 20;

pub async fn chosen(ledger: &Ledger, path: &Path) -> anyhow::Result<Vec<Chosen>> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut chosen = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}, line {}", path.display(), number + 1);
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        anyhow::ensure!(line.len() <= LINE_LIMIT_BYTES, "{}: longer than 1 MiB", place());
        let mut envelope = envelope(line.into_bytes().into()).with_context(place)?;
        // A plan keeps the bodies of what it brings.
        let content = Content::of(&envelope);
        let (key, body) = (content.key.clone(), content.kept(&envelope));
        envelope.body = body;
        let is_known = match ledger.body(&key).await {
            Err(LedgerError::Segment { .. } | LedgerError::Unopened { .. }) => false,
            body => open::answer(ledger, async { body }).await?.is_some(),
        };
        chosen.push(Chosen { key, brought: (!is_known).then_some(envelope) });
    }
    chosen.sort_by(|a, b| {
        let created = |chosen: &Chosen| chosen.brought.as_ref().map(|envelope| envelope.header.created);
        (created(a), &a.key).cmp(&(created(b), &b.key))
    });
    Ok(chosen)
}

fn envelope(body: Bytes) -> anyhow::Result<Envelope> {
    let header = Head::read(&body)?.header(Source::Replay, "", None);
    Ok(Envelope { header, body })
}
