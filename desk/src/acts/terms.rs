//! Setting what goods are sold on. A change that is out of the ordinary waits for a second administrator, where there is
//! one. Which terms there are, and which change is so, whoever sells the goods says.

use chrono::{DateTime, Utc};
use domain::goods::{Term, Terms};
use domain::pending_changes::ChangeKind;
use domain::{AuditChange, Severity};
use ledger::tables::pending_changes::PendingChange;
use ledger::{Ledger, Transaction};
use serde::Serialize;

use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{self, Asked};
use super::{Refusal, reason};
use crate::actor::Actor;
use crate::audit_line::{Subject, append};
use crate::goods::terms;

/// The audit's name for terms.
const KIND: &str = "term";

/// A value that a term is to have. What is no money has no currency.
#[derive(Clone, Copy, Debug)]
pub struct TermChange<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub currency: &'a str,
    pub value: i64,
}

/// What goods of a kind are sold on where nothing is set, and whether a value is out of the ordinary.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub usual: &'static [(&'static str, &'static str, i64)],
    pub takes_two: fn(&Terms, &TermChange<'_>, DateTime<Utc>) -> bool,
}

/// What came of setting it.
#[derive(Clone, Debug, Serialize)]
pub struct SetTerm {
    pub name: String,
    pub currency: String,
    pub value: i64,
    pub before: Option<i64>,
    /// From when on the value counts; nothing while it waits.
    pub set_at: Option<DateTime<Utc>>,
    /// What waits for a second administrator; else the value counts.
    pub pending: Option<PendingChange>,
}

impl TermChange<'_> {
    fn subject(&self) -> String {
        format!("{} {} {}", self.kind, self.name, self.currency).trim_end().to_owned()
    }
}

/// Sets a term, or asks for it where it takes two.
#[shared::built_once]
pub async fn set(
    ledger: &Ledger,
    wanted: &TermChange<'_>,
    rule: &Rule,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<SetTerm, Refusal> {
    let why = reason(why)?;
    let done = try_set(ledger, wanted, rule, &why, by, now).await;
    let (id, act) = (wanted.subject(), format!("set {}", wanted.value));
    noting_refusals(ledger, done, Subject { kind: KIND, id: &id }, &act, by, now).await
}

async fn try_set(
    ledger: &Ledger,
    wanted: &TermChange<'_>,
    rule: &Rule,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<SetTerm, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    administrators.admit(by)?;
    let terms = terms(&mut tx, wanted.kind, rule.usual).await?;
    let before = terms.at(wanted.name, wanted.currency, now);
    let (mut set_at, mut pending) = (None, None);
    if (rule.takes_two)(&terms, wanted, now) && administrators.needs_second(by)? {
        let asked = Asked {
            kind: ChangeKind::Term,
            subject: &wanted.subject(),
            before: before.map(|before| before.to_string()),
            after: wanted.value.to_string(),
            reason: why,
        };
        pending = Some(pending::ask(&mut tx, &asked, by, now).await?);
    } else {
        set_at = Some(write(&mut tx, wanted, why, Severity::Warning, by, now).await?);
    }
    tx.commit().await?;
    let (name, currency) = (wanted.name.to_owned(), wanted.currency.to_owned());
    Ok(SetTerm { name, currency, value: wanted.value, before, set_at, pending })
}

/// The last value that somebody set.
async fn last(tx: &mut Transaction, wanted: &TermChange<'_>) -> Result<Option<Term>, Refusal> {
    let own = tx.goods_terms(wanted.kind).await?.into_iter();
    let own = own.filter(|term| term.name == wanted.name && term.currency == wanted.currency);
    Ok(own.max_by_key(|term| term.version))
}

async fn write(
    tx: &mut Transaction,
    wanted: &TermChange<'_>,
    why: &str,
    severity: Severity,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Refusal> {
    let last = last(tx, wanted).await?;
    let term = Term {
        kind: wanted.kind.to_owned(),
        name: wanted.name.to_owned(),
        currency: wanted.currency.to_owned(),
        version: last.as_ref().map_or(0, |term| term.version) + 1,
        value: wanted.value,
        reason: why.to_owned(),
        set_by: by.in_audit(),
        // A clock that ran back would put the new value before the old one.
        set_at: last.as_ref().map_or(now, |last| now.max(last.set_at)),
    };
    tx.append_goods_term(&term).await?;
    let before = last.map(|last| last.value.to_string());
    let change = AuditChange { what: "set", before, after: Some(wanted.value.to_string()), severity };
    append(tx, Subject { kind: KIND, id: &wanted.subject() }, change, &by.in_audit(), now).await?;
    Ok(term.set_at)
}

/// Does what a change said that was asked for, where nobody has set the term since.
pub(super) async fn carry_out(
    tx: &mut Transaction,
    change: &PendingChange,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let moved = || Refusal::from(StaffRefusal::HasMoved(change.subject.clone()));
    let mut words = change.subject.splitn(3, ' ');
    let (Some(kind), Some(name)) = (words.next(), words.next()) else { return Err(moved()) };
    let value = change.after.parse().map_err(|_| moved())?;
    let wanted = TermChange { kind, name, currency: words.next().unwrap_or_default(), value };
    if last(tx, &wanted).await?.is_some_and(|last| last.set_at >= change.asked_at) {
        return Err(moved());
    }
    write(tx, &wanted, &change.reason, Severity::Critical, by, now).await?;
    Ok(())
}
