//! What findings come to: how many wait, what is at stake, and up to when days were compared. For metrics and `status`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::findings::{Check, TOO_MANY};
use domain::policies::Policies;
use domain::reconciliation::DifferenceKind;
use domain::{Key, readable};
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Transaction};

readable! {
    /// Findings that are not resolved: how many, and since when.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Unresolved {
        pub livemode: bool,
        pub found_by: Check,
        pub severity: String,
        /// A pause that is over is none.
        pub state: String,
        pub findings: i64,
        pub since: Option<DateTime<Utc>>,
    }
}

readable! {
    /// The open findings of reconciliation in one currency: the sum of their distances. What shows only that something is
    /// not understood is not among them.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct AtStake {
        pub livemode: bool,
        pub currency: String,
        pub amount: i64,
    }
}

readable! {
    /// Findings of one kind that wait for somebody: open ones, and those whose pause is over.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct OpenOfKind {
        pub livemode: bool,
        pub found_by: Check,
        pub severity: String,
        pub kind: String,
        pub findings: i64,
    }
}

/// Something that differs by more than is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Above<'a> {
    /// What a currency's open findings come to.
    Sum(&'a AtStake),
    /// Open findings that stand for so many others at once that nobody has added them up.
    TooMany(i64),
}

/// All of it, of one state of the ledger.
#[derive(Debug)]
pub struct FindingFigures {
    pub unresolved: Vec<Unresolved>,
    pub at_stake: Vec<AtStake>,
    pub open: Vec<OpenOfKind>,
    /// The mode, and the last day that was compared to its end.
    pub compared: Vec<(bool, String)>,
    /// When the oldest of what the fraud desk has not looked at was noted.
    pub fraud_due_since: Option<DateTime<Utc>>,
    pub policies: Policies,
}

/// Of each check and mode so many are counted, critical ones first: what one of them finds in masses hides nothing of another.
const COUNT_LIMIT: i64 = 10_000;

static UNRESOLVED: LazyLock<String> = LazyLock::new(|| {
    let each = of_each_check(
        "severity, first_found_at, CASE WHEN state = 'snoozed' AND snoozed_until <= $1 THEN 'open' ELSE state END AS state",
        "",
    );
    format!(
        "SELECT livemode, found_by, severity, state, COUNT(*) AS findings, MIN(first_found_at) AS since FROM ({each}) f \
         GROUP BY livemode, found_by, severity, state ORDER BY livemode DESC, found_by, severity, state"
    )
});
static OPEN: LazyLock<String> = LazyLock::new(|| {
    let each = of_each_check(
        "severity, kind",
        " AND (state = 'open' OR (state = 'snoozed' AND snoozed_until <= $1)) AND ($2 IS NULL OR account = $2)",
    );
    format!(
        "SELECT livemode, found_by, severity, kind, COUNT(*) AS findings FROM ({each}) f \
         GROUP BY livemode, found_by, severity, kind ORDER BY livemode DESC, found_by, severity, kind"
    )
});

/// What nobody has resolved, by check and mode.
fn of_each_check(columns: &str, conditions: &str) -> String {
    let each = Check::ALL.iter().flat_map(|check| ["TRUE", "FALSE"].map(|livemode| {
        format!(
            "SELECT * FROM (SELECT livemode, found_by, {columns} FROM findings WHERE state <> 'resolved' \
             AND found_by = '{}' AND livemode = {livemode}{conditions} ORDER BY severity, kind LIMIT {}) {}_{livemode}",
            check.as_str(),
            COUNT_LIMIT,
            check.as_str(),
        )
    }));
    each.collect::<Vec<_>>().join(" UNION ALL ")
}

/// The kinds that show only that something is not understood.
fn about_form() -> String {
    let about_form = DifferenceKind::ALL.iter().filter(|kind| kind.is_about_form());
    about_form.map(|kind| format!("'{}'", kind.as_str())).collect::<Vec<_>>().join(", ")
}

static AT_STAKE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT livemode, currency, CAST(SUM(amount) AS BIGINT) AS amount FROM \
         (SELECT livemode, currency, amount FROM findings WHERE state <> 'resolved' AND found_by = 'reconciliation' \
         AND (state = 'open' OR (state = 'snoozed' AND snoozed_until <= $1)) AND amount > 0 AND kind NOT IN ({}) \
         ORDER BY scope DESC, id LIMIT 10000) f GROUP BY livemode, currency ORDER BY livemode DESC, currency",
        about_form()
    )
});
static DIFFERING_DAYS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT DISTINCT scope FROM (SELECT scope FROM findings WHERE state <> 'resolved' AND found_by = 'reconciliation' \
         AND account = $1 AND livemode = $2 AND kind NOT IN ({}) ORDER BY scope DESC, id LIMIT 10000) f",
        about_form()
    )
});
const COMPARED: &str = "SELECT livemode, MAX(CASE WHEN verdict <> 'incomplete' THEN day END), \
    MIN(CASE WHEN verdict = 'incomplete' AND day >= $1 THEN day END) \
    FROM reconciliations WHERE account = '' GROUP BY livemode ORDER BY livemode DESC";
/// Incomplete days that are older are not asked for any more.
const ASKED_AGAIN: TimeDelta = TimeDelta::days(45);

impl Ledger {
    #[shared::built_once]
    pub async fn finding_figures(&self, now: DateTime<Utc>) -> Result<FindingFigures, LedgerError> {
        let mut tx = self.read().await?;
        let since = (now - ASKED_AGAIN).date_naive().to_string();
        let days: Vec<(bool, Option<String>, Option<String>)> =
            query(COMPARED).bind(since).all(&mut tx).await?;
        // Nothing after a day that was not read to its end is compared to its end.
        let before = |day: String| Some(day.parse::<NaiveDate>().ok()?.pred_opt()?.to_string());
        let compared = days
            .into_iter()
            .filter_map(|(mode, last, unread)| Some((mode, unread.and_then(before).or(last)?)));
        Ok(FindingFigures {
            unresolved: query(AssertSqlSafe(UNRESOLVED.as_str())).bind(now).all(&mut tx).await?,
            at_stake: query(AssertSqlSafe(AT_STAKE.as_str())).bind(now).all(&mut tx).await?,
            open: tx.open_findings(None, now).await?,
            compared: compared.collect(),
            fraud_due_since: tx.fraud_due_since().await?,
            policies: tx.policies().await?,
        })
    }
}

impl Transaction {
    /// The days with a difference that the ledger may learn to explain: all but what nobody understands.
    #[shared::built_once]
    pub async fn differing_days(&mut self, whose: &Key) -> Result<BTreeSet<String>, LedgerError> {
        let days = query(AssertSqlSafe(DIFFERING_DAYS.as_str())).bind(&whose.account).bind(whose.livemode);
        let days: Vec<(String,)> = days.all(self).await?;
        Ok(days.into_iter().map(|(day,)| day).collect())
    }

    /// How many findings of each kind wait for somebody, of one account or of all. Counts up to 10,000 of each check and
    /// mode.
    #[shared::built_once]
    pub async fn open_findings(
        &mut self,
        account: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Vec<OpenOfKind>, LedgerError> {
        query(AssertSqlSafe(OPEN.as_str())).bind(now).bind(account.map(str::to_owned)).all(self).await
    }
}

impl FindingFigures {
    /// What of a mode differs by more than is tolerated: currency by currency, and what is too much to be listed.
    pub fn above_tolerance(&self, livemode: bool) -> impl Iterator<Item = Above<'_>> {
        let sums = self.at_stake.iter().filter(move |it| {
            it.livemode == livemode && it.amount > self.policies.reconciliation_tolerance(&it.currency)
        });
        let too_many = self.differences(livemode, |kind| kind == TOO_MANY);
        sums.map(Above::Sum).chain((too_many > 0).then_some(Above::TooMany(too_many)))
    }

    /// How many findings of reconciliation are open in a mode, where they are above the tolerance; else none.
    pub fn differing(&self, livemode: bool) -> i64 {
        let is_above = self.above_tolerance(livemode).next().is_some();
        if is_above { self.differences(livemode, |_| true) } else { 0 }
    }

    fn differences(&self, livemode: bool, is_wanted: impl Fn(&str) -> bool) -> i64 {
        let of_mode = self.open.iter().filter(|it| {
            it.livemode == livemode && it.found_by == Check::Reconciliation && is_wanted(&it.kind)
        });
        of_mode.map(|it| it.findings).sum()
    }
}

#[cfg(test)]
mod tests {
    use domain::reconciliation::DifferenceKind::{AmountDiffers, Unclassified};

    use super::*;

    fn figures(at_stake: &[(bool, i64)], open: &[(bool, &str, i64)]) -> FindingFigures {
        let at_stake = at_stake.iter().map(|(livemode, amount)| AtStake {
            livemode: *livemode,
            currency: "usd".to_owned(),
            amount: *amount,
        });
        let open = open.iter().map(|(livemode, kind, findings)| OpenOfKind {
            livemode: *livemode,
            found_by: Check::Reconciliation,
            severity: "critical".to_owned(),
            kind: (*kind).to_owned(),
            findings: *findings,
        });
        FindingFigures {
            unresolved: Vec::new(),
            at_stake: at_stake.collect(),
            open: open.collect(),
            compared: Vec::new(),
            fraud_due_since: None,
            policies: Policies::default(),
        }
    }

    #[test]
    fn more_than_anybody_lists_is_above_every_tolerance() {
        let many = figures(&[(true, 100)], &[(true, TOO_MANY, 1), (true, AmountDiffers.as_str(), 2)]);
        assert_eq!(many.above_tolerance(true).collect::<Vec<_>>(), [Above::TooMany(1)]);
        assert_eq!((many.differing(true), many.differing(false)), (3, 0));
    }

    #[test]
    fn only_what_is_above_the_tolerance_of_its_mode_is_an_incident() {
        let open =
            [(true, AmountDiffers.as_str(), 2), (false, TOO_MANY, 1), (true, Unclassified.as_str(), 4)];
        let below = figures(&[(true, 500), (false, 90_000)], &open);
        assert_eq!((below.differing(true), below.differing(false)), (0, 1));
        let above = figures(&[(true, 501)], &open);
        assert_eq!(above.differing(true), 6);
        assert_eq!(above.above_tolerance(true).collect::<Vec<_>>(), [Above::Sum(&above.at_stake[0])]);
    }
}
