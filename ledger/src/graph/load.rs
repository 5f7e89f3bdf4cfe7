//! Locks and reads everything that the events of a batch may change. Children before parents, each table once
//! and sorted: all transactions lock in this one order. Every child touches its parents, up the chain, so the
//! last one through a parent's lock sees all of its children.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::failure::Failure;
use crate::graph::family::payments_of_invoices;
use crate::graph::fold::fold;
use crate::graph::users::{read_charged, read_disputes_of};
use crate::tables::objects::Touched;
use crate::{LedgerError, Transaction};
use domain::Object;
use domain::charges::Charge;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::failures::PaymentFailure;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::Invoice;
use domain::movements::Movement;
use domain::payments::Payment;
use domain::policy::Policy;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::world::{Event, World};
use domain::{Key, Observation};

/// The keys of one table, sorted, each once.
pub type Keys = BTreeSet<Key>;

/// The rows that a batch holds locked, table by table: those that its events name, and the owners of those.
#[derive(Default)]
pub struct Locked {
    reach: Reach,
    pub refunds: Keys,
    pub movements: Keys,
    pub disputes: Keys,
    pub failures: Keys,
    pub warnings: Keys,
    pub invoice_payments: Keys,
    pub charges: Keys,
    pub payments: Keys,
    pub subscriptions: Keys,
    pub invoices: Keys,
    pub customers: Keys,
    pub users: Keys,
    /// Those among them that nothing can hang on: no ledger had them before.
    new: NewParents,
    /// Of the invoices and subscriptions, those that events report, not only name.
    reported: Reported,
}

#[derive(Default)]
struct Reported {
    invoices: Keys,
    subscriptions: Keys,
}

#[derive(Default)]
struct NewParents {
    disputes: HashSet<Key>,
    charges: HashSet<Key>,
    payments: HashSet<Key>,
    invoices: HashSet<Key>,
}

/// Whether what is read is also locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Lock,
    /// To see what would come of it: nobody is kept waiting, and nothing may be written.
    Look,
}

/// A world with all that these events may change, locked, and all that hangs on it.
pub async fn load(
    tx: &mut Transaction,
    events: &[Event],
    policy: &Arc<Policy>,
    reach: Reach,
) -> Result<(World, Locked), Failure> {
    let mut world = World::new(Arc::clone(policy));
    let mut locked = Locked { reach, ..Locked::named_by(events) };
    lock_children(tx, &mut locked, &mut world).await?;
    lock_parents(tx, &mut locked, &mut world).await?;
    read_siblings(tx, &locked, &mut world).await?;
    lock_users(tx, &mut locked, events, &mut world).await?;
    Ok((world, locked))
}

impl Locked {
    fn named_by(events: &[Event]) -> Self {
        let mut named = Self::default();
        for observation in events.iter().flat_map(|event| &event.observations) {
            match observation {
                Observation::Invoice(report) if report.state.is_some() => {
                    named.reported.invoices.insert(report.key.clone());
                }
                Observation::Subscription(report) if report.state.is_some() => {
                    named.reported.subscriptions.insert(report.key.clone());
                }
                _ => {}
            }
            let keys = match observation {
                Observation::Refund(_) => &mut named.refunds,
                Observation::Movement(_) => &mut named.movements,
                Observation::Dispute(_) => &mut named.disputes,
                Observation::Failure(_) => &mut named.failures,
                Observation::Warning(_) => &mut named.warnings,
                Observation::InvoicePayment(_) => &mut named.invoice_payments,
                Observation::Charge(_) => &mut named.charges,
                Observation::Payment(_) => &mut named.payments,
                Observation::Invoice(_) => &mut named.invoices,
                Observation::Subscription(_) => &mut named.subscriptions,
                Observation::Customer(_) => &mut named.customers,
            };
            let (_, key) = observation.subject();
            if !keys.contains(key) {
                keys.insert(key.clone());
            }
        }
        named
    }
}

/// What nothing hangs on. Their owners so far are among what must be locked above.
async fn lock_children(
    tx: &mut Transaction,
    locked: &mut Locked,
    world: &mut World,
) -> Result<(), LedgerError> {
    for row in touch::<Refund>(tx, locked.reach, &locked.refunds).await?.rows {
        locked.charges.extend(row.owner());
        locked.payments.extend(row.paid_by());
        world.load_refund(row);
    }
    for row in touch::<Movement>(tx, locked.reach, &locked.movements).await?.rows {
        locked.disputes.extend(row.owner());
        world.load_movement(row);
    }
    let disputes = touch::<Dispute>(tx, locked.reach, &locked.disputes).await?;
    locked.new.disputes.extend(disputes.new);
    for row in disputes.rows {
        locked.charges.extend(row.owner());
        world.load_dispute(row);
    }
    for row in touch::<PaymentFailure>(tx, locked.reach, &locked.failures).await?.rows {
        locked.payments.extend(row.owner());
        locked.invoices.extend(row.reported_by());
        world.load_failure(row);
    }
    for row in touch(tx, locked.reach, &locked.warnings).await?.rows {
        world.load_warning(row);
    }
    for row in touch::<InvoicePayment>(tx, locked.reach, &locked.invoice_payments).await?.rows {
        locked.payments.extend(row.paid_by());
        locked.invoices.extend(row.owner());
        world.load_invoice_payment(row);
    }
    Ok(())
}

async fn lock_parents(
    tx: &mut Transaction,
    locked: &mut Locked,
    world: &mut World,
) -> Result<(), LedgerError> {
    let charges = touch::<Charge>(tx, locked.reach, &locked.charges).await?;
    locked.new.charges.extend(charges.new);
    for row in charges.rows {
        locked.payments.extend(row.owner());
        world.load_charge(row);
    }
    let reported: Vec<Key> = locked.reported.invoices.iter().cloned().collect();
    locked.payments.extend(tx.payments_referring_to(&reported).await?);
    let payments = touch::<Payment>(tx, locked.reach, &locked.payments).await?;
    locked.new.payments.extend(payments.new);
    for row in payments.rows {
        locked.invoices.extend(row.invoices());
        world.load_payment(row);
    }
    // A payment may pay several invoices, and what each bears depends on the others.
    let paying = known(&locked.payments, &locked.new.payments);
    for row in tx.children::<InvoicePayment>("payment", &paying).await? {
        locked.invoices.extend(row.owner());
        world.load_invoice_payment(row);
    }
    for row in touch(tx, locked.reach, &locked.subscriptions).await?.rows {
        world.load_subscription(row);
    }
    let ended: Vec<Key> = locked.reported.subscriptions.iter().cloned().collect();
    locked.invoices.extend(tx.unsettled_invoices_of(&ended).await?);
    let invoices = touch::<Invoice>(tx, locked.reach, &locked.invoices).await?;
    locked.new.invoices.extend(invoices.new);
    for row in invoices.rows {
        world.load_invoice(row);
    }
    refuse_if_moved(tx, locked, world).await
}

/// A payment counts for the invoice of its order reference as soon as Stripe reports that. Those that referred to
/// it before are locked; one may have come since, which only now nobody can any more.
async fn refuse_if_moved(tx: &mut Transaction, locked: &Locked, world: &World) -> Result<(), LedgerError> {
    let was_named = |key: &Key| world.invoices.get(key).is_some_and(|invoice| !invoice.seen.is_reported());
    let mut invoices = known(&locked.reported.invoices, &locked.new.invoices);
    invoices.retain(was_named);
    let referring = tx.payments_referring_to(&invoices).await?;
    let is_missed = referring.iter().any(|payment| !locked.payments.contains(payment));
    if locked.reach == Reach::Lock && is_missed { Err(LedgerError::Moved) } else { Ok(()) }
}

/// What the locked rows derive from, besides themselves. Nobody moves these without touching their parents.
async fn read_siblings(tx: &mut Transaction, locked: &Locked, world: &mut World) -> Result<(), LedgerError> {
    let disputes = known(&locked.disputes, &locked.new.disputes);
    let charges = known(&locked.charges, &locked.new.charges);
    let payments = known(&locked.payments, &locked.new.payments);
    let invoices = known(&locked.invoices, &locked.new.invoices);
    for row in tx.children("dispute", &disputes).await? {
        world.load_movement(row);
    }
    for row in tx.refunds_of(&[&charges[..], &payments[..]].concat()).await? {
        world.load_refund(row);
    }
    for row in tx.children("charge", &charges).await? {
        world.load_dispute(row);
    }
    let mut paying: Keys = payments.iter().cloned().collect();
    for row in payments_of_invoices(tx, &invoices, world).await? {
        paying.insert(row.key.clone());
        world.load_payment(row);
    }
    for row in tx.children("payment", &sorted(&paying)).await? {
        world.load_failure(row);
    }
    // The links of those that are locked have been read.
    paying.retain(|payment| !locked.payments.contains(payment));
    for row in tx.children("payment", &sorted(&paying)).await? {
        world.load_invoice_payment(row);
    }
    for row in tx.children("invoice", &invoices).await? {
        world.load_failure(row);
    }
    let subscriptions: Keys = world.invoices.rows().filter_map(Invoice::subscribed).collect();
    let subscriptions: Keys = subscriptions.difference(&locked.subscriptions).cloned().collect();
    for row in tx.look_up::<Subscription>(&sorted(&subscriptions)).await? {
        world.load_subscription(row);
    }
    for row in tx.charges_of_payments(&payments).await? {
        world.load_charge(row);
    }
    Ok(())
}

/// Those that something may hang on.
fn known(keys: &Keys, new: &HashSet<Key>) -> Vec<Key> {
    keys.iter().filter(|key| !new.contains(*key)).cloned().collect()
}

/// Customers and users are rows that many want: they are locked only where they are reported, or where a
/// dispute is concerned. Which those are, a rehearsal of the events tells; without any dispute there are none.
async fn lock_users(
    tx: &mut Transaction,
    locked: &mut Locked,
    events: &[Event],
    world: &mut World,
) -> Result<(), Failure> {
    let is_disputed = !locked.disputes.is_empty()
        || world.disputes.rows().next().is_some()
        || world.charges.rows().any(|charge| charge.dispute_count > 0);
    let reported = sorted(&locked.customers);
    if is_disputed {
        locked.customers.extend(rehearse(world, events)?.customers_concerned().iter().cloned());
    }
    for row in touch::<Customer>(tx, locked.reach, &locked.customers).await?.rows {
        world.load_customer(row);
    }
    let payments = tx.disputed_payments_of_customers(&reported).await?;
    if !is_disputed && payments.is_empty() {
        return Ok(());
    }
    read_charged(tx, payments, world).await?;

    locked.users.clone_from(rehearse(world, events)?.users_concerned());
    let users = sorted(&locked.users);
    if users.is_empty() {
        return Ok(());
    }
    let bans = match locked.reach {
        Reach::Lock => tx.touch_bans(&users).await?,
        Reach::Look => tx.look_up(&users).await?,
    };
    for row in bans {
        world.load_ban(row);
    }
    read_disputes_of(tx, &users, world).await?;
    Ok(())
}

/// What applying the events would come to.
fn rehearse(world: &World, events: &[Event]) -> Result<World, Failure> {
    let mut rehearsal = world.clone();
    fold(&mut rehearsal, events)?;
    Ok(rehearsal)
}

async fn touch<T: Object>(
    tx: &mut Transaction,
    reach: Reach,
    keys: &Keys,
) -> Result<Touched<T>, LedgerError> {
    let keys = sorted(keys);
    match reach {
        Reach::Lock => tx.touch(&keys).await,
        Reach::Look => Ok(Touched { rows: tx.look_up(&keys).await?, new: Vec::new() }),
    }
}

fn sorted(keys: &Keys) -> Vec<Key> {
    keys.iter().cloned().collect()
}
