//! Notices and targets, as people see them.

use chrono::{DateTime, Utc};
use domain::notices::delivery::{Delivery, DeliveryState};
use domain::notices::texts::{Message, Templates};
use domain::notices::{Notice, NoticeKind, Target, by_time, samples};
use ledger::tables::notices::DeliveryCount;
use ledger::{Ledger, LedgerError};
use serde::Serialize;
use serde_json::{Map, Value};

use super::cards::Cards;

/// A notice with its data and its deliveries.
#[derive(Clone, Debug, Serialize)]
pub struct NoticeView {
    #[serde(flatten)]
    pub notice: Notice,
    pub data: Map<String, Value>,
    pub deliveries: Vec<Delivery>,
}

/// A target, and what waits for it.
#[derive(Clone, Debug, Serialize)]
pub struct TargetView {
    #[serde(flatten)]
    pub target: Target,
    pub waiting: i64,
    pub waiting_since: Option<DateTime<Utc>>,
    pub failed: i64,
}

#[shared::built_once]
pub async fn notice(ledger: &Ledger, id: &str, cards: Cards) -> Result<Option<NoticeView>, LedgerError> {
    let mut tx = ledger.read().await?;
    let Some(mut notice) = tx.notice(id).await? else { return Ok(None) };
    let deliveries = tx.deliveries_of(id).await?;
    let mut data = notice.data();
    if cards.are_hidden() && notice.kind == NoticeKind::CardExpires {
        data.retain(|name, _| !by_time::OF_CARD.contains(&name.as_str()));
        notice.number = 0; // it is made of the month
    }
    Ok(Some(NoticeView { notice, data, deliveries }))
}

#[shared::built_once]
pub async fn targets(ledger: &Ledger) -> Result<Vec<TargetView>, LedgerError> {
    let mut tx = ledger.read().await?;
    let (targets, counts) = (tx.notice_targets().await?, tx.delivery_counts().await?);
    let of = |target: &Target, state: DeliveryState| {
        let found = counts.iter().find(|count| count.target == target.name && count.state == state);
        found.map_or((0, None), |DeliveryCount { deliveries, since, .. }| (*deliveries, *since))
    };
    let view = |target: Target| {
        let (waiting, waiting_since) = of(&target, DeliveryState::Pending);
        let failed = of(&target, DeliveryState::Failed).0;
        TargetView { target, waiting, waiting_since, failed }
    };
    Ok(targets.into_iter().map(view).collect())
}

/// What a template makes of its sample; `None` where there is no such template.
pub fn preview(name: &str, now: DateTime<Utc>) -> Option<Message> {
    let (_, notice) = samples::all(now).into_iter().find(|(known, _)| *known == name)?;
    Some(Templates::built_in().message(&notice, &samples::facts(now)))
}

/// The names of all templates.
pub fn previews(now: DateTime<Utc>) -> Vec<&'static str> {
    samples::all(now).into_iter().map(|(name, _)| name).collect()
}
