//! Disputes by what they have in common: reason and card brand; won with and without evidence; how soon they were
//! answered; and which fields of evidence were in those that were won. Modes stay apart; inquiries are no disputes.

use std::collections::{BTreeMap, BTreeSet};

use domain::Key;
use domain::disputes::Status;
use domain::evidence::EvidenceField;
use ledger::views::dispute_analytics::{AnalysedDispute, SentEvidence};
use ledger::views::search::{Whose, Window};
use ledger::{LedgerError, Transaction};
use serde::Serialize;
use serde_json::Value;

/// So many of the newest are looked at.
pub const DISPUTES_LIMIT: i64 = 100_000;
/// Keys of one statement.
const KEYS_AT_ONCE: usize = 500;
/// What has no reason, or no card.
const UNKNOWN: &str = "unknown";

/// The disputes of one mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DisputeAnalytics {
    pub livemode: bool,
    /// There are more: only the newest are looked at.
    pub is_cut: bool,
    pub all: Outcomes,
    pub by_reason: BTreeMap<String, Outcomes>,
    pub by_brand: BTreeMap<String, Outcomes>,
    pub with_evidence: Outcomes,
    pub without_evidence: Outcomes,
    pub response: Response,
    /// Of disputes that were answered from here, the field in most that were won first.
    pub evidence_fields: Vec<FieldOutcomes>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Outcomes {
    pub disputes: u64,
    pub won: u64,
    pub lost: u64,
    /// won / (won + lost); `null` before any is decided.
    pub win_rate: Option<f64>,
}

/// From opening to the first submission of evidence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Response {
    pub answered: u64,
    pub median_secs: Option<i64>,
    pub mean_secs: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldOutcomes {
    pub field: String,
    #[serde(flatten)]
    pub outcomes: Outcomes,
}

/// One a mode, live first.
#[shared::built_once]
pub async fn read(
    tx: &mut Transaction,
    window: &Window,
    whose: &Whose,
) -> Result<Vec<DisputeAnalytics>, LedgerError> {
    let disputes = tx.analysed_disputes(window, whose, DISPUTES_LIMIT).await?;
    let answered: BTreeSet<Key> = disputes
        .iter()
        .filter(|dispute| is_decided(dispute) && dispute.evidence_submissions > 0)
        .map(|dispute| dispute.key.clone())
        .collect();
    let answered: Vec<Key> = answered.into_iter().collect();
    let mut sent = Vec::new();
    for chunk in answered.chunks(KEYS_AT_ONCE) {
        sent.extend(tx.sent_evidence(chunk).await?);
    }
    Ok(by_mode(&disputes, &sent))
}

fn by_mode(disputes: &[AnalysedDispute], sent: &[SentEvidence]) -> Vec<DisputeAnalytics> {
    let is_cut = i64::try_from(disputes.len()).is_ok_and(|count| count >= DISPUTES_LIMIT);
    [true, false]
        .into_iter()
        .map(|livemode| {
            let of: Vec<&AnalysedDispute> =
                disputes.iter().filter(|dispute| dispute.key.livemode == livemode).collect();
            (livemode, of)
        })
        .filter(|(_, disputes)| !disputes.is_empty())
        .map(|(livemode, disputes)| DisputeAnalytics { livemode, is_cut, ..analysed(&disputes, sent) })
        .collect()
}

fn analysed(disputes: &[&AnalysedDispute], sent: &[SentEvidence]) -> DisputeAnalytics {
    let mut all = DisputeAnalytics::default();
    let (mut spans, mut fields) = (Vec::new(), BTreeMap::<String, Outcomes>::new());
    let sent = fields_sent(sent);
    for dispute in disputes {
        let is_answered = dispute.evidence_submissions > 0;
        all.all.count(dispute.status);
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        all.by_reason.entry(word(&dispute.reason)).or_default().count(dispute.status);
        all.by_brand.entry(word(&dispute.card_brand)).or_default().count(dispute.status);
        if is_answered { &mut all.with_evidence } else { &mut all.without_evidence }.count(dispute.status);
        if is_answered {
            all.response.answered += 1;
        }
        if let Some(submitted) = dispute.evidence_submitted_at {
            spans.push((submitted - dispute.opened_at).num_seconds().max(0));
        }
        for field in sent.get(&dispute.key).into_iter().flatten() {
            fields.entry(field.clone()).or_default().count(dispute.status);
        }
    }
    spans.sort_unstable();
    all.response.median_secs = spans.get(spans.len().saturating_sub(1) / 2).copied();
    all.response.mean_secs = i64::try_from(spans.len())
        .ok()
        .filter(|count| *count > 0)
        .map(|count| spans.iter().sum::<i64>() / count);
    let of_field = |(field, outcomes)| FieldOutcomes { field, outcomes };
    all.evidence_fields = fields.into_iter().map(of_field).collect();
    all.evidence_fields.sort_by(|a, b| (b.outcomes.won, &a.field).cmp(&(a.outcomes.won, &b.field)));
    all
}

fn is_decided(dispute: &AnalysedDispute) -> bool {
    matches!(dispute.status, Status::Won | Status::Lost)
}

/// The names of the fields that were sent for each dispute, as Stripe calls them; never what stood in them.
fn fields_sent(sent: &[SentEvidence]) -> BTreeMap<&Key, BTreeSet<String>> {
    let mut all: BTreeMap<&Key, BTreeSet<String>> = BTreeMap::new();
    for evidence in sent {
        let parameters: Value = serde_json::from_str(&evidence.parameters).unwrap_or_default();
        names(&parameters, all.entry(&evidence.dispute).or_default());
    }
    all
}

fn names(value: &Value, found: &mut BTreeSet<String>) {
    let is_field = |name: &str| EvidenceField::try_from(name.to_owned()).is_ok();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if is_field(name) && !member.is_null() {
                    found.insert(name.clone());
                }
                names(member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                if let Some(name) = item.as_str().filter(|name| is_field(name)) {
                    found.insert(name.to_owned());
                }
                names(item, found);
            }
        }
        _ => {}
    }
}

impl Outcomes {
    #[expect(clippy::cast_precision_loss, reason = "counts of disputes are far below 2^52")]
    fn count(&mut self, status: Status) {
        self.disputes += 1;
        self.won += u64::from(status == Status::Won);
        self.lost += u64::from(status == Status::Lost);
        let decided = self.won + self.lost;
        self.win_rate = (decided > 0).then(|| self.won as f64 / decided as f64);
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use serde_json::json;

    use super::*;

    fn dispute(id: &str, status: Status, reason: &str, submissions: i64) -> AnalysedDispute {
        let opened_at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        AnalysedDispute {
            key: Key { id: id.to_owned(), account: String::new(), livemode: true },
            status,
            currency: "usd".to_owned(),
            amount: 100,
            reason: Some(reason.to_owned()),
            card_brand: None,
            evidence_submissions: submissions,
            opened_at,
            evidence_submitted_at: (submissions > 0).then(|| opened_at + TimeDelta::days(2)),
            closed_at: None,
        }
    }

    #[test]
    fn what_was_answered_stands_beside_what_was_not_and_fields_beside_what_they_won() {
        let disputes = [
            dispute("du_1", Status::Won, "fraudulent", 1),
            dispute("du_2", Status::Lost, "fraudulent", 1),
            dispute("du_3", Status::Lost, "general", 0),
            dispute("du_4", Status::Opened, "general", 0),
        ];
        let sent = |id: &str, fields: Value| SentEvidence {
            dispute: disputes.iter().find(|it| it.key.id == id).unwrap().key.clone(),
            parameters: json!({"evidence": fields}).to_string(),
        };
        let sent = [
            sent("du_1", json!({"receipt": "file_1", "customer_name": "Ada"})),
            sent("du_2", json!({"customer_name": "Bob"})),
        ];
        let [analytics] = &by_mode(&disputes, &sent)[..] else { panic!("one mode") };
        assert_eq!((analytics.all.disputes, analytics.all.won, analytics.all.lost), (4, 1, 2));
        assert_eq!(analytics.with_evidence.win_rate, Some(0.5));
        assert_eq!(analytics.without_evidence.win_rate, Some(0.0));
        assert_eq!(analytics.by_reason["general"].win_rate, Some(0.0));
        assert_eq!(analytics.by_brand[UNKNOWN].disputes, 4);
        assert_eq!(analytics.response.median_secs, Some(2 * 86_400));
        let fields: Vec<_> = analytics
            .evidence_fields
            .iter()
            .map(|it| (it.field.as_str(), it.outcomes.won, it.outcomes.lost))
            .collect();
        assert_eq!(fields, [("customer_name", 1, 1), ("receipt", 1, 0)]);
        assert!(!serde_json::to_string(analytics).unwrap().contains("Ada"), "names of fields only");
    }

    #[test]
    fn nothing_decided_has_no_rate() {
        let analytics = &by_mode(&[dispute("du_1", Status::Opened, "general", 0)], &[])[0];
        assert_eq!((analytics.all.win_rate, analytics.response.median_secs), (None, None));
    }
}
