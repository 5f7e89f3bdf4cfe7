//! Locks and reads everything that the events of a batch may change. Children before parents, each table once
//! and sorted: all transactions lock in this one order. Every child locks its parents, up the chain, so the
//! last one through a parent's lock sees all of its children.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::failure::Failure;
use crate::graph::fold::rehearse;
use crate::graph::related::payments_of_invoices;
use crate::tables::objects::LockedRows;
use crate::{LedgerError, Transaction};
use domain::Object;
use domain::bans::Ban;
use domain::customers::Customer;
use domain::dispute_movements::Movement;
use domain::disputes::Dispute;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::Invoice;
use domain::object_graph::{Event, InGraph, ObjectGraph};
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::policy::Policy;
use domain::subscriptions::Subscription;
use domain::{Key, Kind, each_kind};
use shared::Pending;

use crate::graph::users::{read_charged, read_disputes_of};

/// How many keys without a row a batch locks. By default, Postgres has room for 6,400 locks of all transactions
/// together, so that 16 batches at a time fit.
const ABSENT_KEYS_LIMIT: usize = 300;
/// What a batch holds at most in Postgres' table of locks: those, and up to 100 on tables and indexes.
pub const BATCH_LOCKS: usize = ABSENT_KEYS_LIMIT + 100;

/// The keys of one table, sorted, each once.
pub type Keys = BTreeSet<Key>;

/// The rows that a batch holds locked, kind by kind: those that its events name, and the owners of those.
#[derive(Default)]
pub struct Locked {
    lock_mode: LockMode,
    keys: BTreeMap<Kind, Keys>,
    /// Those among them that nothing can hang on: no ledger had them before.
    new: BTreeMap<Kind, HashSet<Key>>,
    /// Those of the new ones that have no row yet.
    absent: BTreeMap<Kind, Keys>,
    /// How many further keys without a row may be locked.
    room: usize,
    /// Of the invoices and subscriptions, those that events report, not only name.
    reported: Reported,
}

#[derive(Default)]
struct Reported {
    invoices: Keys,
    subscriptions: Keys,
}

/// Whether what is read is also locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockMode {
    #[default]
    Lock,
    /// To see what would come of it: nobody is kept waiting, and nothing may be written.
    ReadOnly,
}

/// An object graph with all that these events may change, locked, and all that hangs on it.
pub fn load<'a>(
    tx: &'a mut Transaction,
    events: &'a [Event],
    policy: &'a Arc<Policy>,
    lock_mode: LockMode,
) -> Pending<'a, Result<(ObjectGraph, Locked), Failure>> {
    Box::pin(async move {
        let mut graph = ObjectGraph::new(Arc::clone(policy));
        let mut locked = Locked { lock_mode, room: ABSENT_KEYS_LIMIT, ..Locked::named_by(events) };
        lock_children(tx, &mut locked, &mut graph).await?;
        lock_parents(tx, &mut locked, &mut graph).await?;
        read_siblings(tx, &locked, &mut graph).await?;
        lock_users(tx, &mut locked, events, &mut graph).await?;
        Ok((graph, locked))
    })
}

impl Locked {
    fn named_by(events: &[Event]) -> Self {
        let mut named = Self::default();
        for observation in events.iter().flat_map(|event| &event.observations) {
            let (kind, key) = observation.subject();
            match kind {
                Kind::Invoice if observation.is_report() => {
                    named.reported.invoices.insert(key.clone());
                }
                Kind::Subscription if observation.is_report() => {
                    named.reported.subscriptions.insert(key.clone());
                }
                _ => {}
            }
            let keys = named.keys.entry(kind).or_default();
            if !keys.contains(key) {
                keys.insert(key.clone());
            }
        }
        named
    }

    /// All of one kind, sorted.
    pub fn keys(&self, kind: Kind) -> Vec<Key> {
        self.keys.get(&kind).map(sorted).unwrap_or_default()
    }

    /// Those that something may hang on.
    fn known(&self, kind: Kind) -> Vec<Key> {
        let is_new = |key: &&Key| self.new.get(&kind).is_some_and(|new| new.contains(key));
        self.keys.get(&kind).into_iter().flatten().filter(|key| !is_new(key)).cloned().collect()
    }

    pub fn has(&self, kind: Kind, key: &Key) -> bool {
        self.keys.get(&kind).is_some_and(|keys| keys.contains(key))
    }

    /// Those of one kind that have no row yet, sorted.
    pub(crate) fn absent(&self, kind: Kind) -> Option<&Keys> {
        self.absent.get(&kind)
    }

    fn add(&mut self, kind: Kind, keys: impl IntoIterator<Item = Key>) {
        self.keys.entry(kind).or_default().extend(keys);
    }

    /// Locks the rows of one kind and reads them.
    async fn lock_rows<T: InGraph>(&mut self, tx: &mut Transaction) -> Result<Vec<T>, LedgerError> {
        let keys = self.keys(T::KIND);
        let locked = match self.lock_mode {
            LockMode::Lock => tx.lock_or_reserve(&keys, &mut self.room).await?,
            LockMode::ReadOnly => {
                LockedRows { rows: tx.look_up(&keys).await?, new: Vec::new(), absent: Vec::new() }
            }
        };
        self.new.entry(T::KIND).or_default().extend(locked.new);
        self.absent.entry(T::KIND).or_default().extend(locked.absent);
        Ok(locked.rows)
    }
}

/// What hangs on payments and below. Their owners so far are among what must be locked above.
async fn lock_children(
    tx: &mut Transaction,
    locked: &mut Locked,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    each_kind!(|Row| if Row::KIND < Kind::Payment {
        for row in locked.lock_rows::<Row>(tx).await? {
            for (kind, owner) in row.owners() {
                locked.add(kind, [owner]);
            }
            graph.load(row);
        }
    });
    Ok(())
}

async fn lock_parents(
    tx: &mut Transaction,
    locked: &mut Locked,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let reported = sorted(&locked.reported.invoices);
    let referring = tx.payments_referring_to(&reported).await?;
    locked.add(Kind::Payment, referring);
    for row in locked.lock_rows::<Payment>(tx).await? {
        locked.add(Kind::Invoice, row.invoices());
        graph.load(row);
    }
    // A payment may pay several invoices, and what each bears depends on the others.
    for row in tx.children::<InvoicePayment>("payment", &locked.known(Kind::Payment)).await? {
        locked.add(Kind::Invoice, row.owner());
        graph.load(row);
    }
    for row in locked.lock_rows::<Subscription>(tx).await? {
        graph.load(row);
    }
    let ended = sorted(&locked.reported.subscriptions);
    let unsettled = tx.unsettled_invoices_of(&ended).await?;
    locked.add(Kind::Invoice, unsettled);
    for row in locked.lock_rows::<Invoice>(tx).await? {
        graph.load(row);
    }
    refuse_if_moved(tx, locked, graph).await
}

/// A payment counts for the invoice of its order reference as soon as Stripe reports that. Those that referred to
/// it before are locked; one may have come since, which only now nobody can any more.
async fn refuse_if_moved(
    tx: &mut Transaction,
    locked: &Locked,
    graph: &ObjectGraph,
) -> Result<(), LedgerError> {
    let was_named = |key: &Key| graph.invoices.get(key).is_some_and(|invoice| !invoice.seen.is_reported());
    let mut invoices = locked.known(Kind::Invoice);
    invoices.retain(|invoice| locked.reported.invoices.contains(invoice) && was_named(invoice));
    let referring = tx.payments_referring_to(&invoices).await?;
    let is_missed = referring.iter().any(|payment| !locked.has(Kind::Payment, payment));
    if locked.lock_mode == LockMode::Lock && is_missed { Err(LedgerError::Moved) } else { Ok(()) }
}

/// What the locked rows derive from, besides themselves. Nobody moves these without locking their parents.
async fn read_siblings(
    tx: &mut Transaction,
    locked: &Locked,
    graph: &mut ObjectGraph,
) -> Result<(), LedgerError> {
    let disputes = locked.known(Kind::Dispute);
    let charges = locked.known(Kind::Charge);
    let payments = locked.known(Kind::Payment);
    let invoices = locked.known(Kind::Invoice);
    for row in tx.children::<Movement>("dispute", &disputes).await? {
        graph.load(row);
    }
    for row in tx.refunds_of(&[&charges[..], &payments[..]].concat()).await? {
        graph.load(row);
    }
    for row in tx.children::<Dispute>("charge", &charges).await? {
        graph.load(row);
    }
    let mut paying: Keys = payments.iter().cloned().collect();
    for row in payments_of_invoices(tx, &invoices, graph).await? {
        paying.insert(row.key.clone());
        graph.load(row);
    }
    for row in tx.children::<PaymentFailure>("payment", &sorted(&paying)).await? {
        graph.load(row);
    }
    // The links of those that are locked have been read.
    paying.retain(|payment| !locked.has(Kind::Payment, payment));
    for row in tx.children::<InvoicePayment>("payment", &sorted(&paying)).await? {
        graph.load(row);
    }
    for row in tx.children::<PaymentFailure>("invoice", &invoices).await? {
        graph.load(row);
    }
    let subscriptions: Keys = graph.invoices.rows().filter_map(Invoice::subscribed).collect();
    let others: Vec<Key> =
        subscriptions.into_iter().filter(|key| !locked.has(Kind::Subscription, key)).collect();
    for row in tx.look_up::<Subscription>(&others).await? {
        graph.load(row);
    }
    for row in tx.charges_of_payments(&payments).await? {
        graph.load(row);
    }
    Ok(())
}

/// Customers and users are rows that many want: they are locked only where they are reported, or where a
/// dispute is concerned. Which those are, a rehearsal of the events tells; without any dispute there are none.
async fn lock_users(
    tx: &mut Transaction,
    locked: &mut Locked,
    events: &[Event],
    graph: &mut ObjectGraph,
) -> Result<(), Failure> {
    let is_disputed = !locked.keys(Kind::Dispute).is_empty()
        || graph.disputes.rows().next().is_some()
        || graph.charges.rows().any(|charge| charge.dispute_count > 0);
    let reported = locked.keys(Kind::Customer);
    if is_disputed {
        locked.add(Kind::Customer, rehearsed(graph, events)?.customers_concerned().iter().cloned());
    }
    for row in locked.lock_rows::<Customer>(tx).await? {
        graph.load(row);
    }
    let payments = tx.disputed_payments_of_customers(&reported).await?;
    if !is_disputed && payments.is_empty() {
        return Ok(());
    }
    read_charged(tx, payments, graph).await?;

    locked.add(Kind::Ban, rehearsed(graph, events)?.users_concerned().iter().cloned());
    let users = locked.keys(Kind::Ban);
    if users.is_empty() {
        return Ok(());
    }
    let bans = match locked.lock_mode {
        LockMode::Lock => tx.lock_bans(&users).await?,
        LockMode::ReadOnly => tx.look_up::<Ban>(&users).await?,
    };
    for row in bans {
        graph.load(row);
    }
    read_disputes_of(tx, &users, graph).await?;
    Ok(())
}

/// A graph in which the events have said whom they concern.
fn rehearsed(graph: &ObjectGraph, events: &[Event]) -> Result<ObjectGraph, Failure> {
    let mut trial = graph.clone();
    rehearse(&mut trial, events)?;
    Ok(trial)
}

fn sorted(keys: &Keys) -> Vec<Key> {
    keys.iter().cloned().collect()
}
