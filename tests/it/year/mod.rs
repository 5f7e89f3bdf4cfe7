//! A merchant's life over days or a year, reconciled every morning as the worker does it: sales in three currencies,
//! refunds, failures, disputes, invoices, payouts by schedule and by hand. Differences of fifteen sorts are planted on
//! either side; every one is found, and nothing else is. `scripts/year` plays a whole year.

mod merchant;
mod plants;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use domain::findings::Finding;
use ledger::views::lists::FindingFilter;
use ledger::views::page::Part;

use self::merchant::Merchant;
use self::plants::SORTS;
use crate::ledgers::each_ledger;

const DAYS: usize = 16;
const SALES_A_DAY: usize = 5;
const PAGE: i64 = 500;

/// A number from the environment, for the long form.
#[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
fn asked_for(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_difference_is_found_and_nothing_else_is() {
    let days = asked_for("YEAR_DAYS").unwrap_or(DAYS);
    let planted = asked_for("YEAR_PLANTED").unwrap_or(SORTS.len() * 2);
    let sales = asked_for("YEAR_SALES").unwrap_or(SALES_A_DAY);
    each_ledger("year", async |ledger, url| {
        let begun = Instant::now();
        let mut merchant = Merchant::open(&ledger, 20_261_128).await;
        // The first days have nothing to plant in; the last ones must still be compared once all has settled.
        let (first, last) = (4, days - 3);
        for day in 0..days {
            let due = |day: usize| planted * day.saturating_sub(first) / (last - first);
            let today = if day < last { due(day + 1) - due(day) } else { 0 };
            merchant.lives_a_day(sales, today).await;
        }
        merchant.rests(4).await;

        let found = all(&ledger).await;
        let shown = |finding: &Finding| (finding.kind.clone(), finding.subject_id.clone());
        let unresolved: Vec<&Finding> =
            found.iter().filter(|finding| finding.resolved_at.is_none()).collect();
        let known: BTreeSet<(String, String)> = unresolved.iter().map(|finding| shown(finding)).collect();
        let missed: Vec<_> = merchant.planted.difference(&known).collect();
        let false_ones: Vec<&&Finding> =
            unresolved.iter().filter(|finding| !merchant.planted.contains(&shown(finding))).collect();
        assert!(missed.is_empty(), "{} of {} missed: {missed:?}", missed.len(), merchant.planted.len());
        assert!(
            false_ones.is_empty(),
            "{} false: {:#?}",
            false_ones.len(),
            false_ones.iter().map(|finding| &finding.summary).collect::<Vec<_>>()
        );
        assert_eq!(unresolved.len(), merchant.planted.len(), "each is one finding");
        assert!(merchant.planted.len() >= planted, "{} planted", merchant.planted.len());
        let mut sorts: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
        for finding in &unresolved {
            let sort = sorts.entry((&finding.kind, &finding.subject_kind)).or_default();
            *sort = (sort.0 + 1, &finding.summary);
        }
        println!(
            "{}: {days} days, {} transactions, {} runs, {} planted, {} found, 0 false, {:.1?}",
            url.split(':').next().unwrap(),
            merchant.transactions(),
            merchant.runs,
            merchant.planted.len(),
            unresolved.len(),
            begun.elapsed()
        );
        for ((kind, subject), (count, summary)) in &sorts {
            println!("{count:>4} {kind} ({subject}): {summary}");
        }
        assert!(sorts.len() >= 10, "{} sorts", sorts.len());
    })
    .await;
}

async fn all(ledger: &ledger::Ledger) -> Vec<Finding> {
    let filter = FindingFilter { resolved_too: true, ..FindingFilter::default() };
    let (mut found, mut part) = (Vec::new(), Part::first(PAGE));
    loop {
        let page = ledger.read().await.unwrap().findings(&filter, &part, shared::clock::now()).await.unwrap();
        found.extend(page.rows);
        let Some(next) = page.next else { return found };
        part.after = Some(next);
    }
}
