//! A dispute as lists and other pages show it: with the payment, invoice and user that it concerns, whether staff
//! are done with it, and whether it counts for a ban.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::Key;
use domain::charges::Charge;
use domain::disputes::{Dispute, Status};
use domain::object_graph::ObjectGraph;
use domain::policy::Policy;
use ledger::tables::resolutions::Resolution;
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use super::object::by_time;

/// A dispute and where it belongs.
#[derive(Clone, Debug, Serialize)]
pub struct DisputeItem {
    #[serde(flatten)]
    pub dispute: Dispute,
    pub payment: Option<String>,
    pub invoice: Option<String>,
    /// As the rules tell who it is.
    pub user: Option<String>,
    /// By whom of staff it is done with, while that stands. Stripe's status is another matter.
    pub resolved: Option<Resolution>,
    /// The operation that stored evidence for it at Stripe. That is no answer: it is submitted by an act of its own.
    pub staged: Option<String>,
}

impl DisputeItem {
    /// Evidence is stored at Stripe and not submitted: it is as unanswered as before.
    pub fn is_only_staged(&self) -> bool {
        self.dispute.status == Status::Opened && self.staged.is_some()
    }

    /// It should have been answered by now.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.dispute.is_past_due(now) && self.resolved.is_none()
    }

    /// Our status, and what else decides whether there is something to do.
    pub fn status(&self, now: DateTime<Utc>) -> String {
        let mut status = self.dispute.status.as_str().to_owned();
        if self.dispute.inquiry {
            status.push_str(" (inquiry)");
        }
        if self.resolved.is_some() {
            status.push_str(", resolved");
        } else if self.is_overdue(now) {
            status.push_str(", overdue");
        }
        if self.is_only_staged() {
            status.push_str(", evidence NOT submitted");
        }
        status
    }

    /// When it was opened, as far as anybody told.
    pub fn opened_at(&self) -> Option<DateTime<Utc>> {
        self.dispute.state.opened_at.or(self.dispute.seen.first_event_at)
    }

    /// By when an answer is still awaited from us.
    pub fn respond_by(&self) -> Option<DateTime<Utc>> {
        let is_awaited = self.dispute.status == Status::Opened && self.resolved.is_none();
        self.dispute.state.respond_by.filter(|_| is_awaited)
    }
}

/// Disputes with where they belong, in an object graph that has what is above them, and who is done with them.
#[shared::built_once]
pub async fn read_items(
    tx: &mut Transaction,
    disputes: Vec<Dispute>,
    graph: &ObjectGraph,
) -> Result<Vec<DisputeItem>, LedgerError> {
    let keys: BTreeSet<Key> = disputes.iter().map(|dispute| dispute.key.clone()).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let resolutions = tx.resolutions_of(&keys).await?;
    let staged = tx.staged_evidence(&keys).await?;
    let staged: BTreeMap<Key, String> =
        staged.into_iter().map(|staged| (staged.dispute, staged.operation)).collect();
    let resolutions: BTreeMap<Key, Resolution> =
        resolutions.into_iter().map(|resolution| (resolution.dispute.clone(), resolution)).collect();
    let items = disputes.into_iter().map(|dispute| {
        let resolved = resolutions.get(&dispute.key).cloned();
        let staged = staged.get(&dispute.key).cloned();
        item(dispute, resolved, staged, graph)
    });
    Ok(items.collect())
}

/// All disputes of an object graph, the oldest first.
pub(super) async fn read_items_of(
    tx: &mut Transaction,
    graph: &ObjectGraph,
) -> Result<Vec<DisputeItem>, LedgerError> {
    let disputes: Vec<Dispute> = by_time(graph.disputes.rows(), |row| row.state.opened_at);
    read_items(tx, disputes, graph).await
}

fn item(
    dispute: Dispute,
    resolved: Option<Resolution>,
    staged: Option<String>,
    graph: &ObjectGraph,
) -> DisputeItem {
    let charge = dispute.owner().and_then(|charge| graph.charges.get(&charge));
    let payment = charge.and_then(Charge::owner);
    let invoice = payment.as_ref().and_then(|key| graph.payments.get(key)?.invoice.clone());
    let user = payment.as_ref().and_then(|key| graph.user_of(key)).map(|user| user.id);
    DisputeItem { dispute, payment: payment.map(|key| key.id), invoice, user, resolved, staged }
}

/// Why a dispute counts for a ban, or does not; `Dispute::is_chargeback` decides.
pub(super) fn counts_because(dispute: &Dispute, policy: &Policy) -> &'static str {
    match dispute.status {
        _ if dispute.inquiry => "an inquiry of the bank is not a dispute",
        _ if policy.is_returned_debit(dispute.state.reason.as_deref()) => {
            "the bank returned a direct debit, which is not a chargeback"
        }
        Status::Opened => "it is open: it counts unless it is won",
        Status::UnderReview => "it is under review: it counts unless it is won",
        Status::Lost => "it was lost",
        Status::Won if policy.lift_on_won => "it was won",
        Status::Won => "it was won, which does not count under this policy",
        Status::Closed => "it was prevented",
        Status::Unknown => "its status is unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;
    use domain::Object;

    use super::*;

    fn dispute(status: Status, inquiry: bool, reason: &str) -> Dispute {
        let mut dispute = Dispute { status, inquiry, ..Dispute::placeholder(Key::default()) };
        dispute.state.reason = Some(reason.to_owned());
        dispute
    }

    /// One sentence for counting and another for not counting: the words must never contradict the rule.
    #[test]
    fn no_sentence_stands_both_for_what_counts_and_for_what_does_not() {
        let (mut counting, mut others) = (BTreeSet::new(), BTreeSet::new());
        for lift_on_won in [true, false] {
            let policy = Policy { lift_on_won, ..Policy::default() };
            for &status in Status::ALL {
                for inquiry in [true, false] {
                    for reason in ["fraudulent", "insufficient_funds"] {
                        let dispute = dispute(status, inquiry, reason);
                        let words = counts_because(&dispute, &policy);
                        let side = if dispute.is_chargeback(&policy) { &mut counting } else { &mut others };
                        side.insert(words);
                    }
                }
            }
        }
        assert!(counting.is_disjoint(&others), "{counting:?} and {others:?}");
        assert_eq!((counting.len(), others.len()), (4, 5));
    }

    #[test]
    fn a_status_says_what_there_is_to_do() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let item = |respond_by, status, inquiry, resolved: bool| {
            let mut dispute = dispute(status, inquiry, "fraudulent");
            dispute.state.respond_by = Some(respond_by);
            let resolved = resolved.then(|| Resolution {
                dispute: dispute.key.clone(),
                by: "jane".to_owned(),
                at: now,
                reason: "accepted".to_owned(),
                number: 1,
            });
            DisputeItem { dispute, payment: None, invoice: None, user: None, resolved, staged: None }
        };
        let (late, early) = (now - TimeDelta::hours(1), now + TimeDelta::hours(1));
        for (item, status, awaited) in [
            (item(late, Status::Opened, false, false), "opened, overdue", Some(late)),
            (item(early, Status::Opened, false, false), "opened", Some(early)),
            (item(late, Status::Opened, true, false), "opened (inquiry), overdue", Some(late)),
            (item(late, Status::Opened, false, true), "opened, resolved", None),
            (item(late, Status::UnderReview, false, false), "under_review", None),
            (item(late, Status::Lost, false, true), "lost, resolved", None),
        ] {
            assert_eq!((item.status(now).as_str(), item.respond_by()), (status, awaited));
        }
        let staged =
            DisputeItem { staged: Some("op_1".to_owned()), ..item(early, Status::Opened, false, false) };
        assert_eq!(staged.status(now), "opened, evidence NOT submitted");
        let answered =
            DisputeItem { staged: staged.staged, ..item(early, Status::UnderReview, false, false) };
        assert_eq!(answered.status(now), "under_review");
    }
}
