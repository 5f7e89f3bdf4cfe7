//! Several refunds asked for together, and decided by one word. The list is frozen when it is asked for: each item is an
//! operation with its own row, limits and decisions, and all of them are judged by the sum. One that a rule refuses
//! refuses the whole list, so that a word is never about less than was shown.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use domain::money::shown;
use domain::operations::batch::{self, Batch, ITEMS_LIMIT};
use domain::operations::{DecisionKind, Operation, OperationState};
use domain::payments::Payment;
use domain::permissions::Permission;
use ledger::{Ledger, Transaction};
use serde::Serialize;
use shared::trace::random_hex;

use super::approve::{self, Word};
use super::request::{self, Ask};
use super::{NotDone, decide, lock, record};
use crate::actor::Actor;
use crate::acts;
use crate::audit_line::{self, Subject};

/// Within so long the same list is asked for once: whoever saw no answer to the first must not pay twice.
const AGAIN: TimeDelta = TimeDelta::hours(24);
/// The audit's name for batches.
const NAME: &str = "batch";

/// A batch with its operations as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchView {
    pub batch: Batch,
    pub operations: Vec<Operation>,
    /// What to heed before anything is asked for.
    pub warnings: Vec<String>,
}

impl BatchView {
    fn of(batch: Batch, operations: Vec<Operation>) -> Self {
        Self { warnings: batch::repeated(&operations), batch, operations }
    }

    #[shared::built_once]
    pub async fn read(tx: &mut Transaction, id: &str) -> Result<Option<Self>, ledger::LedgerError> {
        let Some(batch) = tx.batch(id).await? else { return Ok(None) };
        let operations = tx.batch_operations(id).await?;
        Ok(Some(Self::of(batch, operations)))
    }

    /// How many wait for a second person.
    pub fn waiting(&self) -> usize {
        self.in_state(OperationState::NeedsApproval).count()
    }

    fn in_state(&self, state: OperationState) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |operation| operation.state == state)
    }
}

/// What would become of it, without asking: it is decided as if, and nothing is kept. Refused ones say why.
#[shared::built_once]
pub async fn plan(
    ledger: &Ledger,
    asks: &[Ask],
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    actor.may(Permission::Request)?;
    let mut tx = ledger.begin().await?;
    place(ledger, &mut tx, asks, actor, now).await
}

/// Asks for all of them; `hash` is that of the plan that was seen, where they say it.
#[shared::built_once]
pub async fn request(
    ledger: &Ledger,
    asks: &[Ask],
    hash: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    let refused = match asked(ledger, asks, hash, actor, now).await {
        Err(
            refused @ (NotDone::ItemRefused { .. }
            | NotDone::OtherList
            | NotDone::SameList { .. }
            | NotDone::Forbidden(_)),
        ) => refused,
        other => return other,
    };
    let name = actor.name();
    let subject = Subject { kind: "staff", id: &name };
    audit_line::note_refusal(ledger, subject, "batch", &refused.to_string(), &actor.in_audit(), now).await?;
    Err(refused)
}

async fn asked(
    ledger: &Ledger,
    asks: &[Ask],
    hash: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    actor.may(Permission::Request)?;
    let mut tx = ledger.begin().await?;
    let placed = place(ledger, &mut tx, asks, actor, now).await?;
    if hash.is_some_and(|seen| seen != placed.batch.hash) {
        return Err(NotDone::OtherList);
    }
    if let Some(refused) = placed.in_state(OperationState::Refused).next() {
        let why = refused.message.clone().unwrap_or_default();
        return Err(NotDone::ItemRefused { subject: refused.subject_id.clone(), why });
    }
    if let Some(same) = tx.same_batch(&placed.batch, now - AGAIN).await? {
        return Err(NotDone::SameList { batch: same });
    }
    tx.insert_batch(&placed.batch, &placed.operations).await?;
    note(&mut tx, &placed.batch, "asked for", &placed.operations, actor, now).await?;
    tx.commit().await?;
    Ok(placed)
}

/// Decides about all of them and stores them, in the caller's transaction.
async fn place(
    ledger: &Ledger,
    tx: &mut Transaction,
    asks: &[Ask],
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    if asks.is_empty() || asks.len() > ITEMS_LIMIT {
        return Err(NotDone::ItemsLimit { items: asks.len(), limit: ITEMS_LIMIT });
    }
    let mut payments = BTreeSet::new();
    for ask in asks {
        payments.extend(ask.wanted.payment(tx).await?);
    }
    let first = asks[0].wanted.subject();
    if payments.iter().any(|key| (&key.account, key.livemode) != (&first.account, first.livemode)) {
        return Err(NotDone::OneAccount);
    }
    for payment in &payments {
        tx.lock_object::<Payment>(payment).await?;
    }
    let requester = record::requester(actor);
    let mut seen = Vec::new();
    for ask in asks {
        let request = request::read(tx, &Ask { confirmed: true, ..ask.clone() }).await?;
        seen.push(Operation::asked(&format!("op_{}", random_hex::<12>()), &request, &requester, now));
    }
    lock::grounds_of(tx, &seen).await?;
    let mut operations = Vec::new();
    for (place, ask) in asks.iter().enumerate() {
        // What is left of a payment that stands twice in the list is read after the first was stored.
        let request = request::read(tx, &Ask { confirmed: true, ..ask.clone() }).await?;
        let mut operation = Operation::asked(seen[place].id(), &request, &requester, now);
        let (verdict, limits) =
            decide::among(ledger, tx, &operation, &requester, &seen[place + 1..], now).await?;
        let change = operation.open(&verdict, &limits, now);
        record::store(tx, &mut operation, change, &actor.in_audit(), now).await?;
        let by = (requester.name.as_str(), requester.known_by.as_str());
        let note = operation.note.clone();
        record::decided(tx, &operation, DecisionKind::Request, by, note.as_deref(), now).await?;
        record::approved(tx, &operation, by, now).await?;
        operations.push(operation);
    }
    let batch = Batch {
        id: format!("bat_{}", random_hex::<12>()),
        account: operations[0].key.account.clone(),
        livemode: operations[0].key.livemode,
        items: acts::count(&operations),
        sums: batch::sums_of(&operations),
        hash: batch::hash_of(&operations),
        reason: asks[0].reason.as_str().to_owned(),
        note: asks[0].note.clone(),
        requested_by: requester.name.clone(),
        known_by: requester.known_by.clone(),
        requested_at: now,
    };
    Ok(BatchView::of(batch, operations))
}

/// Approves all that wait. What may no longer be done is refused by itself, and the others go on.
#[shared::built_once]
pub async fn approve(
    ledger: &Ledger,
    id: &str,
    word: &Word,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    let reason = word.reason.as_deref().map(acts::reason).transpose()?;
    let (mut tx, batch, mut waiting) =
        begin(ledger, id, "approve", word.parameters_hash.as_deref(), actor, now).await?;
    for operation in &mut waiting {
        approve::approved(ledger, &mut tx, operation, reason.as_deref(), actor, now).await?;
    }
    note(&mut tx, &batch, "approved", &waiting, actor, now).await?;
    tx.commit().await?;
    view(ledger, id).await
}

/// Rejects all that wait, for good.
#[shared::built_once]
pub async fn reject(
    ledger: &Ledger,
    id: &str,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<BatchView, NotDone> {
    let reason = acts::reason(reason)?;
    let (mut tx, batch, mut waiting) = begin(ledger, id, "reject", None, actor, now).await?;
    for operation in &mut waiting {
        approve::rejected(&mut tx, operation, &reason, actor, now).await?;
    }
    note(&mut tx, &batch, "rejected", &waiting, actor, now).await?;
    tx.commit().await?;
    view(ledger, id).await
}

/// Begins a transaction that holds a batch's operations and all that a decision about them rests on; gives those that wait.
async fn begin(
    ledger: &Ledger,
    id: &str,
    act: &'static str,
    hash: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(Transaction, Batch, Vec<Operation>), NotDone> {
    let missing = || NotDone::NoSuchOperation { id: id.to_owned() };
    let mut tx = ledger.begin().await?;
    let batch = tx.batch(id).await?.ok_or_else(missing)?;
    let seen = tx.batch_operations(id).await?;
    let payments: BTreeSet<Key> = seen.iter().filter_map(Operation::payment).collect();
    for payment in &payments {
        tx.lock_object::<Payment>(payment).await?;
    }
    lock::grounds_of(&mut tx, &seen).await?;
    // In the order in which workers note them, not in that of the list.
    record::note_goods_of(&mut tx, payments).await?;
    let mut operations = Vec::new();
    for seen in &seen {
        operations.extend(tx.lock_operation(seen.id()).await?);
    }
    let judged = may_judge(&batch, &operations, act, hash, actor, now);
    if let Err(refused) = judged {
        let subject = Subject { kind: NAME, id };
        drop(tx);
        audit_line::note_refusal(ledger, subject, act, &refused.to_string(), &actor.in_audit(), now).await?;
        return Err(refused);
    }
    operations.retain(|operation| operation.state == OperationState::NeedsApproval);
    Ok((tx, batch, operations))
}

fn may_judge(
    batch: &Batch,
    operations: &[Operation],
    act: &'static str,
    hash: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    actor.may(Permission::Manage)?;
    if !batch.is_of(operations) || hash.is_some_and(|seen| seen != batch.hash) {
        return Err(NotDone::OtherParameters { id: batch.id.clone() });
    }
    let mut waiting = operations.iter().filter(|it| it.state == OperationState::NeedsApproval).peekable();
    if waiting.peek().is_none() {
        let state = operations.first().map(|operation| operation.state).unwrap_or_default();
        let done = if act == "approve" { "approved" } else { "rejected" };
        return Err(NotDone::State { state, wanted: "waiting for approval", done });
    }
    waiting.try_for_each(|operation| {
        if operation.is_expired(now) {
            return Err(NotDone::Expired);
        }
        let done = if act == "approve" { "approved" } else { "rejected" };
        approve::may_judge(operation, actor, act, done, now)
    })
}

/// What became of these of its items, and of those among them that a rule refused by then.
async fn note(
    tx: &mut Transaction,
    batch: &Batch,
    what: &'static str,
    items: &[Operation],
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    let (refused, done): (Vec<_>, Vec<_>) =
        items.iter().cloned().partition(|operation| operation.state == OperationState::Refused);
    let counted = |items: &[Operation]| match items {
        [] => "no refund".to_owned(),
        [one] => format!("1 refund, {}", shown(one.amount, &one.currency)),
        many => format!("{} refunds, {}", many.len(), batch::sums_of(many)),
    };
    let mut after = format!("{}, {}", counted(&done), batch.hash);
    if !refused.is_empty() {
        let _ = write!(after, "; {} refused by a rule", counted(&refused));
    }
    let change =
        domain::AuditChange { what, before: None, after: Some(after), severity: domain::Severity::Warning };
    let subject = Subject { kind: NAME, id: &batch.id };
    Ok(audit_line::append(tx, subject, change, &actor.in_audit(), now).await?)
}

async fn view(ledger: &Ledger, id: &str) -> Result<BatchView, NotDone> {
    let mut tx = ledger.read().await?;
    let missing = || NotDone::NoSuchOperation { id: id.to_owned() };
    BatchView::read(&mut tx, id).await?.ok_or_else(missing)
}
