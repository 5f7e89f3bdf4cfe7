//! The lines about findings: how many wait for people, and whether Stripe's balance and the ledger agree. Pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use ledger::views::finding_figures::{Above, AtStake, FindingFigures, Unresolved};
use serde::Serialize;

use crate::finding::Finding;
use crate::money;
use crate::output::me;

/// A day is compared in the morning after it.
const COMPARED_LOOK: TimeDelta = TimeDelta::hours(54);

/// The part of `--json`.
#[derive(Default, Serialize)]
pub struct FindingsStatus {
    pub unresolved: Vec<Unresolved>,
    /// Open differences to Stripe's balance that come to more than is tolerated, live ones only.
    pub above_tolerance: Vec<AtStake>,
    /// Open findings that each stand for more differences at once than are listed, live ones only.
    pub too_many: i64,
    /// The last day of live mode that was compared to its end.
    pub compared: Option<String>,
}

impl FindingsStatus {
    pub fn of(figures: FindingFigures) -> Self {
        let (mut above_tolerance, mut too_many) = (Vec::new(), 0);
        for above in figures.above_tolerance(true) {
            match above {
                Above::Sum(at_stake) => above_tolerance.push(at_stake.clone()),
                Above::TooMany(findings) => too_many = findings,
            }
        }
        let compared = figures.compared.iter().find(|(livemode, _)| *livemode);
        Self {
            compared: compared.map(|(_, day)| day.clone()),
            above_tolerance,
            too_many,
            unresolved: figures.unresolved,
        }
    }
}

pub fn lines(status: &FindingsStatus, now: DateTime<Utc>) -> Vec<Finding> {
    let mut lines = vec![waiting(status)];
    lines.extend(compared(status, now));
    lines
}

fn waiting(status: &FindingsStatus) -> Finding {
    let name = "findings";
    let live = || status.unresolved.iter().filter(|it| it.livemode);
    let sum = |is_it: &dyn Fn(&&Unresolved) -> bool| live().filter(is_it).map(|it| it.findings).sum::<i64>();
    let (open, all) = (sum(&|it| it.state == "open"), sum(&|_| true));
    if all == 0 {
        return Finding::ok(name, "none waits");
    }
    let critical = sum(&|it| it.state == "open" && it.severity == "critical");
    let count = |number: i64| money::count(number.unsigned_abs());
    let text = format!("{} open ({} critical), {} known", count(open), count(critical), count(all - open));
    match (open, critical) {
        (0, _) => Finding::ok(name, text),
        _ => Finding::look(name, text, format!("`{} findings list --state open`", me())),
    }
}

/// Where no day was ever compared, nobody asked for it: there is no key.
fn compared(status: &FindingsStatus, now: DateTime<Utc>) -> Option<Finding> {
    let name = "reconciliation";
    let day: NaiveDate = status.compared.as_deref()?.parse().ok()?;
    let ended = day.succ_opt()?.and_time(chrono::NaiveTime::MIN).and_utc();
    let sums = status.above_tolerance.iter().map(|it| money::shown(it.amount, &it.currency));
    let unlisted = (status.too_many > 0).then(|| "more than is listed one by one".to_owned());
    let above: Vec<String> = sums.chain(unlisted).collect();
    if !above.is_empty() {
        let text = format!("Stripe's balance and the ledger differ by {}", above.join(" and "));
        let advice = format!("`{} findings list --by-check reconciliation --state open`", me());
        return Some(Finding::act(name, text, advice));
    }
    let text = format!("compared until the end of {day} (UTC)");
    if now - ended > COMPARED_LOOK {
        let advice = format!("`{0} reconcile list` says why; `{0} reconcile --due` catches up", me());
        return Some(Finding::look(name, text, advice));
    }
    Some(Finding::ok(name, text))
}

#[cfg(test)]
mod tests {
    use domain::findings::Check;

    use super::*;
    use crate::finding::Mark;

    fn unresolved(severity: &str, state: &str, findings: i64) -> Unresolved {
        Unresolved {
            livemode: true,
            found_by: Check::Reconciliation,
            severity: severity.to_owned(),
            state: state.to_owned(),
            findings,
            since: None,
        }
    }

    fn marks(status: &FindingsStatus, now: &str) -> Vec<(&'static str, Mark)> {
        lines(status, now.parse().unwrap()).iter().map(|line| (line.name, line.mark)).collect()
    }

    #[test]
    fn what_waits_is_to_be_looked_at_and_what_is_known_is_not() {
        let of = |unresolved| FindingsStatus { unresolved, ..FindingsStatus::default() };
        let now = "2026-11-28T12:00:00Z";
        assert_eq!(marks(&of(vec![]), now), [("findings", Mark::Ok)]);
        assert_eq!(
            marks(&of(vec![unresolved("critical", "acknowledged", 3)]), now),
            [("findings", Mark::Ok)]
        );
        let status = of(vec![unresolved("critical", "open", 2), unresolved("info", "open", 1)]);
        assert_eq!(marks(&status, now), [("findings", Mark::Look)]);
        assert_eq!(lines(&status, now.parse().unwrap())[0].found, "3 open (2 critical), 0 known");
    }

    #[test]
    fn a_difference_above_the_tolerance_needs_a_person_and_a_late_comparison_a_look() {
        let at_stake = AtStake { livemode: true, currency: "usd".to_owned(), amount: 501 };
        let of = |above_tolerance| FindingsStatus {
            above_tolerance,
            compared: Some("2026-11-27".to_owned()),
            ..FindingsStatus::default()
        };
        let mark = |status: &FindingsStatus, now: &str| marks(status, now)[1];
        assert_eq!(mark(&of(vec![]), "2026-11-28T12:00:00Z"), ("reconciliation", Mark::Ok));
        assert_eq!(mark(&of(vec![]), "2026-11-30T06:00:01Z"), ("reconciliation", Mark::Look));
        let mut status = of(vec![at_stake]);
        assert_eq!(mark(&status, "2026-11-28T12:00:00Z"), ("reconciliation", Mark::Act));
        status.too_many = 1;
        let said = &lines(&status, "2026-11-28T12:00:00Z".parse().unwrap())[1].found;
        assert!(said.ends_with("differ by 5.01 USD and more than is listed one by one"), "{said}");
        status.above_tolerance.clear();
        assert_eq!(mark(&status, "2026-11-28T12:00:00Z"), ("reconciliation", Mark::Act));
    }
}
