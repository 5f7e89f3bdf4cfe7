//! What a person sees first: whether money flows, whether anything is stuck, and what waits for a person.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::operations::{Operation, OperationState};
use ledger::tables::checkout_closings::Closing;
use ledger::tables::pauses::Pause;
use ledger::views::finding_figures::OpenOfKind;
use ledger::views::lists::{DisputeFilter, OperationFilter};
use ledger::views::page::Part;
use ledger::views::search::Whose;
use ledger::views::status_queries::Retries;
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError};
use serde::Serialize;

use super::anomalies::{self, Contradictory};
use super::dead_letters::{Group, groups};
use super::dispute_list::{DisputeQuery, ListedDispute, read_list};
use super::kpi::{self, KpiQuery, Kpis};

/// So many of what needs a person are shown; the pages behind have all.
const SHOWN_LIMIT: i64 = 6;
/// So many dead letters are grouped.
const DEAD_LIMIT: i64 = 10_000;

#[derive(Debug, Serialize)]
pub struct Dashboard {
    pub kpis: Kpis,
    pub pause: Option<Pause>,
    /// Up to here the ledger has every event that Stripe lists; `None` where nobody has compared them.
    pub complete_until: Option<DateTime<Utc>>,
    /// Why nothing is charged, where that is so.
    pub closing: Option<Closing>,
    /// When the newest event was recorded, of this mode.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Events of both modes that are tried again.
    pub retries: Retries,
    /// The most numerous cause first.
    pub dead: Vec<Group>,
    pub money_at_risk: BTreeMap<String, i64>,
    /// Open disputes, the most urgent first.
    pub disputes: Vec<ListedDispute>,
    pub more_disputes: bool,
    /// Operations that wait for an approval, the newest first.
    pub approvals: Vec<Operation>,
    pub more_approvals: bool,
    /// Findings that wait for somebody, by check, severity and kind.
    pub findings: Vec<OpenOfKind>,
    pub contradictory: Vec<Contradictory>,
    pub more_contradictory: bool,
}

impl Dashboard {
    /// By a fixed number of statements.
    #[shared::built_once]
    pub async fn read(ledger: &Ledger, query: &KpiQuery, now: DateTime<Utc>) -> Result<Self, LedgerError> {
        let livemode = query.scope.livemode;
        let whose = Whose { account: query.scope.account.clone(), livemode: Some(livemode) };
        let of_mode = EventFilter {
            account: whose.account.clone(),
            livemode: whose.livemode,
            limit: DEAD_LIMIT,
            ..EventFilter::default()
        };
        let dead = groups(&ledger.dead(&of_mode).await?);
        let mut money_at_risk: BTreeMap<String, i64> = BTreeMap::new();
        for (currency, amount) in dead.iter().flat_map(|group| &group.money_at_risk) {
            let sum = money_at_risk.entry(currency.clone()).or_default();
            *sum = sum.saturating_add(*amount);
        }
        let retries = ledger.retries().await?;
        let complete_until = ledger.complete_until().await?;
        let mut tx = ledger.read().await?;
        let newest = tx.events(&of_mode, &Part::first(1)).await?.rows.pop();
        let open = DisputeQuery {
            filter: DisputeFilter { open: true, whose: whose.clone(), ..DisputeFilter::default() },
            ..DisputeQuery::default()
        };
        let shown = Part::first(SHOWN_LIMIT);
        let disputes = read_list(ledger, &mut tx, &open, &shown, now).await?;
        let waiting = OperationFilter {
            state: Some(OperationState::NeedsApproval.as_str().to_owned()),
            whose: whose.clone(),
            ..OperationFilter::default()
        };
        let approvals = tx.operations(&waiting, &shown).await?;
        let contradictory = anomalies::read_page(ledger, &mut tx, &whose, &shown).await?;
        let mut findings = tx.open_findings(whose.account.as_deref(), now).await?;
        findings.retain(|of_kind| of_kind.livemode == livemode);
        Ok(Self {
            findings,
            kpis: kpi::read(&mut tx, query).await?,
            pause: tx.lasting_pause().await?,
            complete_until,
            closing: tx.checkout_closing().await?,
            last_event_at: newest.map(|event| event.recorded_at),
            retries,
            dead,
            money_at_risk,
            disputes: disputes.rows,
            more_disputes: disputes.next.is_some(),
            approvals: approvals.rows,
            more_approvals: approvals.next.is_some(),
            contradictory: contradictory.rows,
            more_contradictory: contradictory.next.is_some(),
        })
    }
}

/// Which mode a person most likely means who names none: the live one where the newest event or any payment is of it, and
/// where nothing has arrived.
#[shared::built_once]
pub async fn likely_mode(ledger: &Ledger) -> Result<bool, LedgerError> {
    let seen = ledger.read().await?.modes_seen().await?;
    Ok(seen.has_paid_live || seen.newest_is_live.unwrap_or(true))
}
