//! Notes what the time makes true: evidence that is due, cards that expire, and incidents that last.

use chrono::{DateTime, TimeDelta, Utc};
use domain::notices::Notice;
use domain::notices::by_time::{CARD_DAYS, Incident, is_spike, of_card, of_dispute, of_incident};
use ledger::views::notice_causes::Trouble;
use ledger::{Ledger, LedgerError};

const AT_ONCE: i64 = 500;
/// A dispute whose time passed longer ago is no news.
const OVERDUE: TimeDelta = TimeDelta::days(3);
const FIRST_REMINDER: TimeDelta = TimeDelta::days(7);
/// For so long notices are kept.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Evidence that is due, and incidents. What was noted before is not noted again. Gives how many notices are new.
pub(super) async fn note_due(ledger: &Ledger, now: DateTime<Utc>) -> Result<usize, LedgerError> {
    let mut tx = ledger.read().await?;
    let disputes = tx.disputes_due(now - OVERDUE, now + FIRST_REMINDER, AT_ONCE).await?;
    let trouble = tx.trouble(now - TimeDelta::hours(1)).await?;
    let is_closed = tx.checkout_closing().await?.is_some();
    drop(tx);
    let differing = ledger.finding_figures(now).await?.differing(true);
    let mut notices: Vec<Notice> = disputes.iter().filter_map(|dispute| of_dispute(dispute, now)).collect();
    notices.extend(incidents(&trouble, differing, is_closed, now));
    note(ledger, notices).await
}

/// Cards that expire. It looks at every running subscription.
pub(super) async fn note_cards(ledger: &Ledger, now: DateTime<Utc>) -> Result<usize, LedgerError> {
    let cards = ledger.read().await?.expiring_cards(now, now + TimeDelta::days(CARD_DAYS), AT_ONCE).await?;
    note(ledger, cards.iter().filter_map(|charge| of_card(charge, now)).collect()).await
}

async fn note(ledger: &Ledger, notices: Vec<Notice>) -> Result<usize, LedgerError> {
    if notices.is_empty() {
        return Ok(0);
    }
    let mut tx = ledger.begin().await?;
    let noted = tx.note(notices).await?;
    tx.commit().await?;
    Ok(noted)
}

fn incidents(trouble: &Trouble, differing: i64, is_closed: bool, now: DateTime<Utc>) -> Vec<Notice> {
    let Trouble { failed, succeeded, dead, given_up } = *trouble;
    let share = failed * 100 / (failed + succeeded).max(1);
    [
        (Incident::FailureSpike, is_spike(failed, succeeded), share),
        (Incident::DeadLetters, dead > 0, dead),
        (Incident::Reconciliation, differing > 0, differing),
        (Incident::NoticesFailing, given_up > 0, given_up),
        (Incident::CheckoutClosed, is_closed, 1),
    ]
    .into_iter()
    .filter(|(_, is_so, _)| *is_so)
    .map(|(incident, _, count)| of_incident(incident, count, now))
    .collect()
}

/// Forgets what is older than anybody asks for.
pub(super) async fn forget(ledger: &Ledger, now: DateTime<Utc>) -> Result<u64, LedgerError> {
    let mut tx = ledger.begin().await?;
    let removed = tx.remove_notices(now - KEPT).await?;
    tx.commit().await?;
    Ok(removed)
}
