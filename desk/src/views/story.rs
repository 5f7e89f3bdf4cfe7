//! What happened to an object, all in one order: what changed, what was said to Stripe for it, and what people and
//! programs were told.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::Key;
use domain::notices::Notice;
use domain::operations::{Call, NAME, Operation};
use ledger::tables::audit::Line;
use ledger::tables::operation_history::OperationCall;
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use super::timeline::{change, timeline};

/// So many calls, and so many notices, are told; the latest ones.
const LIMIT: i64 = 1_000;

/// What happened beside the changes of an object.
#[derive(Debug, Default, Serialize)]
pub struct Beside {
    /// The steps of its operations.
    pub operation_changes: Vec<Line>,
    /// What was said to Stripe for them.
    pub calls: Vec<OperationCall>,
    /// What was told of it, of what hangs on it, and of its operations.
    pub notices: Vec<Notice>,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    Change(&'a Line),
    Call { operation: &'a str, call: &'a Call },
    Notice(&'a Notice),
}

/// What a happening is, for those who look for one kind of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HappeningKind {
    /// Stripe reported it.
    Event,
    /// People, programs or rules did it.
    Act,
    Call,
    Notice,
}

impl Beside {
    /// Three statements, however much there is.
    pub(super) async fn read(
        tx: &mut Transaction,
        (kind, key): (&'static str, &Key),
        lines: &[Line],
        operations: &[Operation],
    ) -> Result<Self, LedgerError> {
        let mut told: BTreeSet<(&str, Key)> = lines.iter().filter_map(|line| subject(line, key)).collect();
        told.extend(operations.iter().map(|operation| (NAME, operation.key.clone())));
        told.insert((kind, key.clone()));
        let of_operations = operations.iter().map(|operation| (NAME, operation.key.clone()));
        let ids: BTreeSet<&str> = operations.iter().map(Operation::id).collect();
        Ok(Self {
            operation_changes: timeline(tx, of_operations).await?,
            calls: tx.calls_of_operations(&ids.into_iter().collect::<Vec<_>>(), LIMIT).await?,
            notices: tx.notices_about(&told.into_iter().collect::<Vec<_>>(), LIMIT).await?,
        })
    }
}

/// What a line is about. A page is of one account and mode.
fn subject<'a>(line: &'a Line, page: &Key) -> Option<(&'a str, Key)> {
    let row = &line.row;
    let is_of_page = row.account == page.account && row.livemode == page.livemode;
    is_of_page.then(|| (row.subject_kind.as_str(), page.sibling(&row.subject_id)))
}

/// All of it, the oldest first. Stripe tells whole seconds: within one, what was done here comes before what was reported
/// of it. Of one moment, changes keep the order that they have.
pub fn story<'a>(
    changes: impl IntoIterator<Item = &'a Line>,
    calls: impl IntoIterator<Item = (&'a str, &'a Call)>,
    notices: &'a [Notice],
) -> Vec<Happening<'a>> {
    let calls = calls.into_iter().map(|(operation, call)| Happening::Call { operation, call });
    let mut all: Vec<Happening<'a>> = changes.into_iter().map(Happening::Change).chain(calls).collect();
    all.extend(notices.iter().map(Happening::Notice));
    all.sort_by_key(|happening| {
        let at = happening.at();
        (at.timestamp(), happening.kind() == HappeningKind::Event, at)
    });
    all
}

impl Happening<'_> {
    /// Stripe's time where Stripe says when it happened, else ours.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Change(line) => line.happened_at.unwrap_or(line.row.at),
            Self::Call { call, .. } => call.called_at,
            Self::Notice(notice) => notice.noted_at,
        }
    }

    pub fn kind(&self) -> HappeningKind {
        match self {
            Self::Change(line) if line.row.event_id.is_some() => HappeningKind::Event,
            Self::Change(_) => HappeningKind::Act,
            Self::Call { .. } => HappeningKind::Call,
            Self::Notice(_) => HappeningKind::Notice,
        }
    }

    /// The kind and id of what it happened to.
    pub fn subject(&self) -> (&str, &str) {
        match self {
            Self::Change(line) => (&line.row.subject_kind, &line.row.subject_id),
            Self::Call { operation, .. } => (NAME, operation),
            Self::Notice(notice) => (&notice.object_kind, &notice.object_id),
        }
    }

    pub fn says(&self) -> String {
        match self {
            Self::Change(line) => change(&line.row),
            Self::Call { call, .. } => answered(call),
            Self::Notice(notice) if notice.is_old => {
                format!("notice {}, too old to be sent", notice.kind)
            }
            Self::Notice(notice) => format!("notice {}", notice.kind),
        }
    }

    pub fn severity(&self) -> &str {
        match self {
            Self::Change(line) => &line.row.severity,
            Self::Call { .. } => "info",
            Self::Notice(notice) => notice.severity.as_str(),
        }
    }

    /// The event behind it, where there is one.
    pub fn event(&self) -> Option<&str> {
        match self {
            Self::Change(line) => line.row.event_id.as_deref(),
            Self::Call { .. } | Self::Notice(_) => None,
        }
    }

    /// Who did it, where no event did.
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::Change(line) if line.row.event_id.is_none() => Some(&line.row.actor),
            _ => None,
        }
    }
}

/// `POST /v1/refunds: 200 in 143 ms, Stripe's request req_1`.
fn answered(call: &Call) -> String {
    let status = call.http_status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let code = call.stripe_code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let replayed = if call.replayed { ", the answer of an earlier call" } else { "" };
    let request = call.request_id.as_deref().map(|id| format!(", Stripe's request {id}")).unwrap_or_default();
    format!("{} {}: {status}{code} in {} ms{replayed}{request}", call.method, call.path, call.duration_ms)
}

#[cfg(test)]
mod tests {
    use ledger::tables::audit::AuditRow;

    use super::*;

    fn moment(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn line(second: i64, event: Option<&str>, what: &str) -> Line {
        let row = AuditRow {
            at: moment(second),
            actor: "jane".to_owned(),
            event_id: event.map(str::to_owned),
            subject_kind: "payment".to_owned(),
            subject_id: "pi_1".to_owned(),
            account: String::new(),
            livemode: true,
            revision: 1,
            what: what.to_owned(),
            before: None,
            after: None,
            severity: "info".to_owned(),
            hash: None,
        };
        Line { happened_at: None, row }
    }

    #[test]
    fn everything_stands_in_one_order_and_says_what_it_is() {
        let lines = [line(1, Some("evt_1"), "first"), line(5, None, "second"), line(5, None, "third")];
        let call = Call {
            method: "POST".to_owned(),
            path: "/v1/refunds".to_owned(),
            http_status: Some(402),
            stripe_code: Some("charge_disputed".to_owned()),
            request_id: Some("req_1".to_owned()),
            duration_ms: 143,
            called_at: moment(3),
            ..Call::default()
        };
        let notice = Notice { noted_at: moment(4), is_old: true, ..Notice::default() };
        let notices = [notice];
        let told = story(&lines, [("op_1", &call)], &notices);
        let kinds: Vec<HappeningKind> = told.iter().map(Happening::kind).collect();
        let (event, act) = (HappeningKind::Event, HappeningKind::Act);
        assert_eq!(kinds, [event, HappeningKind::Call, HappeningKind::Notice, act, act]);
        assert_eq!(told[1].says(), "POST /v1/refunds: 402 charge_disputed in 143 ms, Stripe's request req_1");
        assert_eq!(told[1].subject(), ("operation", "op_1"));
        assert!(told[2].says().ends_with("too old to be sent"));
        assert_eq!([told[3].says(), told[4].says()], ["second", "third"]);
        assert_eq!((told[0].event(), told[0].by(), told[3].by()), (Some("evt_1"), None, Some("jane")));
    }
}
