//! What a decision rests on, read from the ledger in the caller's transaction: the facts of the object, the operations
//! that count as spent, and what the last day came to.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::evidence;
use domain::invoices::Invoice;
use domain::operations::customer::counts_since;
use domain::operations::dispute::DisputeFacts;
use domain::operations::intent::IntentFacts;
use domain::operations::ladder::Direction;
use domain::operations::refund::RefundFacts;
use domain::operations::unsubscribe::SubscriptionFacts;
use domain::operations::{Facts, Limits, Operation, OperationKind, OperationState, Parameters, Sums};
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use ledger::tables::operations::{Recent, Sums as Of};
use ledger::{Ledger, LedgerError, Transaction};

use super::collecting::{customer_facts, invoice_facts};
use crate::evidence::stored;

const DAY: TimeDelta = TimeDelta::hours(24);
/// Those about one subject that are looked at.
const ABOUT_LIMIT: i64 = 1_000;

/// The limits that hold now, by the policies of this transaction.
#[shared::built_once]
pub async fn limits(tx: &mut Transaction) -> Result<Limits, LedgerError> {
    Ok(tx.policies().await?.limits())
}

/// A payment with all that hangs on it.
#[derive(Debug)]
pub struct PaymentRows {
    pub payment: Payment,
    pub charges: Vec<Charge>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
}

impl PaymentRows {
    pub fn refund_facts(&self) -> RefundFacts {
        RefundFacts::of_rows(&self.payment, &self.charges, &self.refunds, &self.disputes)
    }
}

/// Reads a payment. Whoever wants it to stay so has locked it.
#[shared::built_once]
pub async fn payment_rows(tx: &mut Transaction, key: &Key) -> Result<Option<PaymentRows>, LedgerError> {
    let own = std::slice::from_ref(key);
    let Some(payment) = tx.look_up::<Payment>(own).await?.pop() else { return Ok(None) };
    let mut charges: Vec<Charge> = tx.children("payment", own).await?;
    // A charge without a payment intent is its own payment.
    charges.extend(tx.look_up::<Charge>(own).await?);
    sort(&mut charges);
    let keys: Vec<Key> = charges.iter().map(|charge| charge.key.clone()).collect();
    let mut refunds: Vec<Refund> = tx.children("charge", &keys).await?;
    refunds.extend(tx.children::<Refund>("payment", own).await?);
    sort(&mut refunds);
    let mut disputes: Vec<Dispute> = tx.children("charge", &keys).await?;
    sort(&mut disputes);
    Ok(Some(PaymentRows { payment, charges, refunds, disputes }))
}

fn sort<T: Object>(rows: &mut Vec<T>) {
    rows.sort_by(|a, b| a.key().cmp(b.key()));
    rows.dedup_by(|a, b| a.key() == b.key());
}

/// The facts that an operation is decided on.
#[shared::built_once]
pub async fn facts(
    ledger: &Ledger,
    tx: &mut Transaction,
    operation: &Operation,
    now: DateTime<Utc>,
) -> Result<Facts, LedgerError> {
    let missing = |what: &'static str| Facts::Missing { what, id: operation.subject_id.clone() };
    let subject = operation.subject();
    // What is wrong with parameters that cannot be read, the decision says.
    let Ok(parameters) = operation.parameters() else { return Ok(missing("object")) };
    Ok(match parameters {
        Parameters::Refund(_) => {
            let rows = payment_rows(tx, &subject).await?;
            rows.map_or_else(|| missing(Payment::NAME), |rows| Facts::Refund(rows.refund_facts()))
        }
        Parameters::Capture(_) | Parameters::Cancel(_) => {
            let payment = tx.look_up::<Payment>(std::slice::from_ref(&subject)).await?.pop();
            payment.map_or_else(
                || missing(Payment::NAME),
                |payment| Facts::Intent(IntentFacts::of_row(&payment)),
            )
        }
        Parameters::DisputeAccept(_) | Parameters::EvidenceStage(_) | Parameters::EvidenceSubmit(_) => {
            dispute(tx, &subject, &parameters).await?.map_or_else(|| missing(Dispute::NAME), Facts::Dispute)
        }
        Parameters::Charge(charge) => {
            let customer = subject.sibling(&charge.customer);
            Facts::Customer(customer_facts(ledger, tx, &customer, Some(&charge), now).await?)
        }
        Parameters::Subscribe(_) | Parameters::Credit(_) => {
            Facts::Customer(customer_facts(ledger, tx, &subject, None, now).await?)
        }
        Parameters::InvoiceRetry(_) => {
            let facts = invoice_facts(ledger, tx, &subject, now).await?;
            facts.map_or_else(|| missing(Invoice::NAME), Facts::Invoice)
        }
        Parameters::Unsubscribe(_) => {
            let subscription = tx.look_up::<Subscription>(std::slice::from_ref(&subject)).await?.pop();
            subscription.map_or_else(
                || missing(Subscription::NAME),
                |row| Facts::Subscription(SubscriptionFacts::of_row(&row)),
            )
        }
    })
}

/// A dispute, with the evidence that an operation of ours stored last.
async fn dispute(
    tx: &mut Transaction,
    key: &Key,
    parameters: &Parameters,
) -> Result<Option<DisputeFacts>, LedgerError> {
    let key = std::slice::from_ref(key);
    let Some(dispute) = tx.look_up::<Dispute>(key).await?.pop() else { return Ok(None) };
    let staged = tx.staged_evidence(key).await?.pop().map(|staged| staged.operation);
    let fields = match (parameters, &staged) {
        (Parameters::EvidenceStage(stage), _) => Some(stage.fields()),
        // What Stripe showed when it was stored: what was to be read there may not have been there.
        (Parameters::EvidenceSubmit(_), Some(staged)) => Some(stored(&tx.stored_fields(staged).await?)),
        _ => None,
    };
    let goods = tx.evidence_draft(&dispute.key).await?.map(|draft| draft.goods).unwrap_or_default();
    let reason = dispute.state.reason.as_deref();
    let lacking = fields.map(|fields| evidence::missing(reason, goods, &fields)).unwrap_or_default();
    Ok(Some(DisputeFacts::of_row(&dispute, staged, lacking)))
}

/// The others that concern the same payment, the same subject, or the same purchase of a customer, and count as spent.
#[shared::built_once]
pub async fn others(tx: &mut Transaction, operation: &Operation) -> Result<Vec<Operation>, LedgerError> {
    let mut found = BTreeMap::new();
    let mut keep = |others: Vec<Operation>| {
        found.extend(others.into_iter().map(|other| (other.id().to_owned(), other)));
    };
    if let Some(payment) = operation.payment() {
        keep(tx.reserving_operations(&payment).await?);
    }
    let is_about_an_invoice = operation.subject_kind == Invoice::NAME;
    if operation.payment.is_none() || is_about_an_invoice {
        let mut about =
            tx.operations_about(&operation.subject_kind, &operation.subject(), ABOUT_LIMIT).await?;
        // A charge for an invoice that is done counts until its payment has come in.
        about.retain(|other| {
            other.state.is_open() || (is_about_an_invoice && other.state == OperationState::Succeeded)
        });
        keep(about);
    }
    if let (Some(customer), OperationKind::Charge | OperationKind::Subscribe | OperationKind::Credit) =
        (&operation.customer, operation.kind)
    {
        let (customer, since) = (operation.key.sibling(customer), counts_since(operation.requested_at));
        keep(tx.operations_of_customer(operation.kind, &customer, since).await?);
    }
    found.remove(operation.id());
    Ok(found.into_values().collect())
}

/// Which of the others count in the sums of the last day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// All: when it is asked for, confirmed or approved.
    All,
    /// Those that were asked for before it: when it is sent. What came later was judged with this one in view.
    Earlier,
}

/// What others of the same direction and currency came to within the last day.
#[shared::built_once]
pub async fn sums(
    tx: &mut Transaction,
    operation: &Operation,
    counted: Counted,
    now: DateTime<Utc>,
) -> Result<Sums, LedgerError> {
    let direction = operation.kind.direction();
    if direction == Direction::Still {
        return Ok(Sums::default());
    }
    let of = Of {
        payment: operation.payment.as_deref(),
        customer: operation.customer.as_deref(),
        requested_by: &operation.requested_by,
        currency: &operation.currency,
        account: &operation.key.account,
        livemode: operation.key.livemode,
    };
    let since = match counted {
        Counted::All => now.min(operation.requested_at) - DAY,
        Counted::Earlier => operation.requested_at - DAY,
    };
    let counts = |recent: &&Recent| {
        let is_before = (recent.requested_at, recent.id.as_str()) < (operation.requested_at, operation.id());
        recent.id != operation.id()
            && recent.kind.direction() == direction
            && (counted == Counted::All || is_before)
    };
    let recent = tx.recent_operations(of, since).await?;
    let sum = |of: &dyn Fn(&Recent) -> bool| {
        recent
            .iter()
            .filter(counts)
            .filter(|recent| of(recent))
            .fold(0_i64, |sum, recent| sum.saturating_add(recent.amount))
    };
    let is_same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let (payment, customer) = (
        sum(&|recent| is_same(&recent.payment, &operation.payment)),
        sum(&|recent| is_same(&recent.customer, &operation.customer)),
    );
    let requester = sum(&|recent| recent.requested_by == operation.requested_by);
    let mut by_policy = 0;
    if operation.is_program && operation.kind == OperationKind::Refund {
        let approved = tx.recent_by_policy(of, since).await?;
        by_policy = approved.iter().filter(counts).fold(0_i64, |sum, it| sum.saturating_add(it.amount));
    }
    Ok(Sums { payment, customer, requester, by_policy })
}
