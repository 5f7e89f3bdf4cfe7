//! Walks the audit line by line: each must have the hash that it was written with, and each object must know its
//! last line.

use serde::Serialize;

use super::members::Members;
use domain::audit_chain::member_of_line;
use domain::bans::Ban;
use domain::{Object, each_kind, goods, operations};
use ledger::tables::audit::AuditRow;
use ledger::views::consistency::AuditPosition;
use ledger::views::consistency::End;
use ledger::{LedgerError, Transaction};

const LINES_AT_ONCE: i64 = 1_000;

/// What the walk found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chains {
    pub lines: i64,
    /// Written before the chain began, or by a version that knew none.
    pub without_hash: i64,
    /// Lines that are not what was written.
    pub altered: Vec<Altered>,
    /// Objects that do not know the last line about them, or that are gone while lines about them are there.
    pub ends: Vec<End>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Altered {
    pub subject_kind: String,
    pub subject_id: String,
    pub revision: i64,
}

/// A user whom nothing concerns any more has no row.
fn is_let_go(end: &End) -> bool {
    let is_at_rest = matches!(end.last_word.as_deref(), Some("clear" | "none"));
    end.subject_kind == Ban::NAME && end.counted.is_none() && is_at_rest
}

/// Walks all lines; those with a hash are taken from the members that commits put there.
pub(super) async fn walk(
    tx: &mut Transaction,
    members: &mut Members,
    limit: usize,
) -> Result<Chains, LedgerError> {
    let mut chains = Chains::default();
    let (mut place, mut last) = (AuditPosition::default(), Vec::new());
    loop {
        let page = tx.lines_after(&place, LINES_AT_ONCE).await?;
        if page.is_empty() {
            break;
        }
        for row in &page {
            let next = AuditPosition::of(row);
            if !next.is_about_the_same(&place) {
                last.clear();
            }
            place = next;
            chains.take(row, &mut last, members, limit);
        }
    }
    each_kind!(|Row| if Row::IS_AUDITED {
        chains.ends_of((Row::NAME, Row::TABLE), tx, limit).await?;
    });
    chains.ends_of((operations::NAME, operations::TABLE), tx, limit).await?;
    chains.ends_of((goods::NAME, goods::TABLE), tx, limit).await?;
    Ok(chains)
}

impl Chains {
    pub fn is_right(&self) -> bool {
        self.altered.is_empty() && self.ends.is_empty()
    }

    fn take(&mut self, row: &AuditRow, last: &mut Vec<u8>, members: &mut Members, limit: usize) {
        self.lines += 1;
        let Some(hash) = &row.hash else {
            self.without_hash += 1;
            return;
        };
        members.take(member_of_line(hash));
        if row.said().hash(last) != *hash && self.altered.len() < limit {
            self.altered.push(Altered {
                subject_kind: row.subject_kind.clone(),
                subject_id: row.subject_id.clone(),
                revision: row.revision,
            });
        }
        // From the hash that stands there: a line that was changed is one finding, not one for each that follows.
        last.clone_from(hash);
    }

    /// Of a kind of object and its table.
    async fn ends_of(
        &mut self,
        of: (&str, &str),
        tx: &mut Transaction,
        limit: usize,
    ) -> Result<(), LedgerError> {
        let room = i64::try_from(limit.saturating_sub(self.ends.len())).unwrap_or(i64::MAX);
        self.ends.extend(tx.objects_without_their_last_line(of, room).await?);
        let gone = tx.lines_without_their_object(of, room).await?;
        self.ends.extend(gone.into_iter().filter(|end| !is_let_go(end)));
        Ok(())
    }
}
