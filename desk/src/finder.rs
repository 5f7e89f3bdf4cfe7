//! Finds out what an id names: an object of Stripe's, an event, an operation, a batch, an invoice by its number, a listing, or a user. Its beginning tells
//! where to look first, never what it is: only what the ledger knows counts.

use domain::Object;
use domain::charges::Charge;
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::payouts::Payout;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError, Transaction};

use crate::views::ban::users;

/// The kind of goods that has a page.
pub const LISTING: &str = "listing";

/// What has a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Event,
    Invoice,
    Payment,
    Refund,
    Dispute,
    Charge,
    Customer,
    Subscription,
    Payout,
    Operation,
    Batch,
    Listing,
    User,
}

/// Every kind, and what Stripe's ids of it begin with. Where an id is of several kinds, the first one is shown.
const KINDS: [(Kind, &[&str]); 13] = [
    (Kind::Invoice, &["in"]),
    (Kind::Payment, &["pi"]),
    (Kind::Refund, &["re", "pyr"]),
    (Kind::Dispute, &["du", "dp"]),
    (Kind::Charge, &["ch", "py"]),
    (Kind::Customer, &["cus", "acct"]),
    (Kind::Subscription, &["sub"]),
    (Kind::Payout, &["po"]),
    (Kind::Event, &["evt"]),
    (Kind::Operation, &["op"]),
    (Kind::Batch, &["bat"]),
    (Kind::Listing, &[]),
    (Kind::User, &[]),
];

/// What was found, under the id that its page goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    pub id: String,
}

/// Looks where the beginning of the id points, then everywhere: at most a few look-ups by key for each kind.
#[shared::built_once]
pub async fn find(ledger: &Ledger, id: &str) -> Result<Option<Found>, LedgerError> {
    let mut tx = ledger.read().await?;
    let found = |kind| Some(Found { kind, id: id.to_owned() });
    for kind in in_order(id) {
        if knows(ledger, &mut tx, kind, id).await? {
            return Ok(found(kind));
        }
    }
    let numbered = tx.find_by::<Invoice>("number", id).await?;
    if let [invoice, ..] = &numbered[..] {
        return Ok(Some(Found { kind: Kind::Invoice, id: invoice.key.id.clone() }));
    }
    // Dead letters may tell of an object that the ledger does not know.
    let guess = in_order(id).find(|kind| *kind != Kind::Event && is_like(*kind, id));
    let is_told_of = !tx.dead_about(id).await?.is_empty();
    Ok(guess.filter(|_| is_told_of).and_then(found))
}

async fn knows(ledger: &Ledger, tx: &mut Transaction, kind: Kind, id: &str) -> Result<bool, LedgerError> {
    async fn any<T: Object>(tx: &mut Transaction, id: &str) -> Result<bool, LedgerError> {
        Ok(!tx.find_or_named::<T>(id).await?.is_empty())
    }
    match kind {
        Kind::Event => Ok(!ledger.event(id).await?.is_empty()),
        Kind::Invoice => any::<Invoice>(tx, id).await,
        Kind::Payment => any::<Payment>(tx, id).await,
        Kind::Refund => any::<Refund>(tx, id).await,
        Kind::Dispute => any::<Dispute>(tx, id).await,
        Kind::Charge => any::<Charge>(tx, id).await,
        Kind::Customer => any::<Customer>(tx, id).await,
        Kind::Subscription => any::<Subscription>(tx, id).await,
        Kind::Payout => any::<Payout>(tx, id).await,
        Kind::Operation => Ok(tx.operation(id).await?.is_some()),
        Kind::Batch => Ok(tx.batch(id).await?.is_some()),
        Kind::Listing => Ok(tx.goods_of_id(id).await?.iter().any(|goods| goods.kind == LISTING)),
        Kind::User => Ok(!users(tx, id, &Whose::default()).await?.is_empty()),
    }
}

/// The kinds whose ids begin like this one, then the others.
fn in_order(id: &str) -> impl Iterator<Item = Kind> {
    let (like, others): (Vec<Kind>, Vec<Kind>) =
        KINDS.iter().map(|(kind, _)| *kind).partition(|kind| is_like(*kind, id));
    like.into_iter().chain(others)
}

fn is_like(kind: Kind, id: &str) -> bool {
    let prefix = id.split_once('_').map_or("", |(prefix, _)| prefix);
    KINDS.iter().any(|(of, prefixes)| *of == kind && prefixes.contains(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_id_says_where_to_look_first_and_everything_is_looked_at() {
        for (id, first) in [
            ("in_1", Kind::Invoice),
            ("pyr_1", Kind::Refund),
            ("dp_1", Kind::Dispute),
            ("py_1", Kind::Charge),
            ("sub_1", Kind::Subscription),
            ("po_1", Kind::Payout),
            ("evt_1", Kind::Event),
            ("op_1", Kind::Operation),
            ("bat_1", Kind::Batch),
            ("user_4711", Kind::Invoice),
            ("9A4C21D0-0007", Kind::Invoice),
        ] {
            let order: Vec<Kind> = in_order(id).collect();
            assert_eq!((order[0], order.len()), (first, KINDS.len()), "{id}");
        }
    }
}
