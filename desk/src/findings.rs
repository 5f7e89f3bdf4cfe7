//! What a check does with what it turned up: new ones, those that are still there, back again, or gone. One
//! transaction of the caller's; a fixed number of statements, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::Key;
use domain::findings::{Check, Finding, FindingState, Found, StepKind, Tally, bounded};
use ledger::tables::findings::Told;
use ledger::{LedgerError, Transaction};

/// More new ones in one run are one finding about the run.
pub const NEW_LIMIT: usize = 200;

/// What a check looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look<'a> {
    pub check: Check,
    /// The account and mode; the id is of no account.
    pub whose: &'a Key,
    /// What is looked at as a whole, such as a day; empty where each finding stands alone, and none goes by itself.
    pub scope: &'a str,
    /// All of the scope was looked at: what is not found is gone.
    pub is_whole: bool,
    /// Findings that were looked for beside it, by their ids: those that are not found are gone, too.
    pub looked_for: &'a [String],
}

/// Keeps what was found, and says what is new, still there, back again and gone.
#[shared::built_once]
pub async fn record(
    tx: &mut Transaction,
    look: &Look<'_>,
    found: Vec<Found>,
    now: DateTime<Utc>,
) -> Result<Tally, LedgerError> {
    let scope = Key { id: look.scope.to_owned(), ..look.whose.clone() };
    let found = each_once(look, found);
    let ids: Vec<String> = found.keys().chain(look.looked_for).cloned().collect();
    let mut known: BTreeMap<String, Finding> = tx
        .lock_findings(look.check, &scope, &ids)
        .await?
        .into_iter()
        .map(|finding| (finding.key.id.clone(), finding))
        .collect();
    let id = |found: &Found| found.id(look.check, look.whose);
    // Where each stands alone, there is no run that could be wrong as a whole.
    let limit = if look.scope.is_empty() { usize::MAX } else { NEW_LIMIT };
    let found =
        bounded(look.scope, found.into_values().collect(), |found| known.contains_key(&id(found)), limit);

    let mut tally = Tally::default();
    let (mut new, mut steps, mut seen) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    for found in &found {
        let id = id(found);
        if let Some(finding) = known.get_mut(&id) {
            // What it is about may have moved to another day.
            look.scope.clone_into(&mut finding.scope);
            match finding.found_again(found, now) {
                None => {
                    tally.persisting += 1;
                    tally.accepted += i64::from(finding.state == FindingState::Resolved);
                }
                Some(step) => {
                    tally.reopened += 1;
                    steps.insert(id.clone(), step);
                }
            }
        } else {
            tally.new += 1;
            new.push(Finding::first(look.check, look.whose, look.scope, found, now));
        }
        seen.insert(id);
    }
    for (id, finding) in &mut known {
        if (look.is_whole || look.looked_for.contains(id))
            && !seen.contains(id)
            && let Some(step) = finding.gone(now)
        {
            tally.gone += 1;
            steps.insert(id.clone(), step);
            seen.insert(id.clone());
        }
    }
    let changed: Vec<&Finding> = known.values().filter(|finding| seen.contains(&finding.key.id)).collect();
    tx.write_findings(&changed).await?;
    tx.insert_findings(&new.iter().collect::<Vec<_>>()).await?;
    let told: Vec<Told<'_>> = new
        .iter()
        .map(|finding| Told::of(finding, finding.found()))
        .chain(steps.into_iter().filter_map(|(id, step)| Some(Told::of(known.get(&id)?, step))))
        .collect();
    debug_assert!(told.iter().all(|told| told.step.kind != StepKind::Noted), "a check takes no notes");
    tx.append_finding_history(&told, look.check.as_str(), now).await?;
    Ok(tally)
}

/// In order of their ids.
fn each_once(look: &Look<'_>, found: Vec<Found>) -> BTreeMap<String, Found> {
    found.into_iter().map(|found| (found.id(look.check, look.whose), found)).collect()
}
