//! What a day is judged by, from the ledger: its transactions, their objects, its invoices, and how the day before ended.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Days;
use domain::charges::Charge;
use domain::dispute_movements::Movement;
use domain::payouts::Payout as PayoutRow;
use domain::reconciliation::{Balance, BalanceTransaction, Category, Evidence, Objects, Payout};
use domain::refunds::Refund;
use domain::{Key, Object};
use ledger::tables::reconciliations::{StoredBalance, StoredPayout};
use ledger::{LedgerError, Transaction};

use super::Span;
use super::read::Read;

const ROWS_AT_ONCE: usize = 500;

pub(super) async fn gather(tx: &mut Transaction, span: &Span, read: &Read) -> Result<Evidence, LedgerError> {
    let transactions = tx.balance_transactions_within(&span.whose, span.from, span.until).await?;
    let sources = named(&transactions, &span.whose, |_| true);
    let mut related = Vec::new();
    for chunk in sources.chunks(ROWS_AT_ONCE) {
        related.extend(tx.balance_transactions_about(chunk).await?);
    }
    let of = |wanted: &[Category]| named(&transactions, &span.whose, |it| wanted.contains(&it.category()));
    let movements: BTreeSet<Key> = transactions
        .iter()
        .filter(|it| it.category() == Category::Dispute)
        .map(|it| it.key.clone())
        .collect();
    let movements: Vec<Key> = movements.into_iter().collect();
    let objects = Objects {
        charges: all::<Charge>(tx, &of(&[Category::Charge, Category::PaymentFailure])).await?,
        refunds: all::<Refund>(tx, &of(&[Category::Refund, Category::RefundFailure])).await?,
        movements: all::<Movement>(tx, &movements).await?,
        payouts: all::<PayoutRow>(tx, &of(&[Category::Payout])).await?,
        unmoved: tx.unmoved(&span.whose, span.from, span.until).await?,
    };
    Ok(Evidence {
        balances: balances(tx, span, read, &transactions).await?,
        invoices: tx.paid_invoices(&span.whose, span.from, span.until).await?,
        payouts: read.payouts.clone(),
        awaited_days: tx.policies().await?.awaited_days(),
        transactions,
        related,
        objects,
    })
}

/// Opening + movements = closing. Where Stripe said its balance, the closing is that without what moved since; else the
/// day begins as the day before ended.
async fn balances(
    tx: &mut Transaction,
    span: &Span,
    read: &Read,
    transactions: &[BalanceTransaction],
) -> Result<Vec<Balance>, LedgerError> {
    let own = tx.reconciliation_balances(&span.shown, &span.whose).await?;
    if read.reason.is_some() {
        // What was not read to its end changes nothing of what is known.
        let known = own.into_iter().map(|it| Balance {
            currency: it.currency,
            opening: it.opening,
            movements: it.movements,
            closing: it.closing,
            is_stated: it.is_stated,
            closing_before: None,
        });
        return Ok(known.collect());
    }
    // What Stripe said of the day earlier stands, when it is too long ago to ask again.
    let said: BTreeMap<String, i64> =
        own.into_iter().filter(|it| it.is_stated).map(|it| (it.currency, it.opening)).collect();
    let before = span.from.date_naive().checked_sub_days(Days::new(1)).map(|day| day.to_string());
    let before = tx.reconciliation_balances(&before.unwrap_or_default(), &span.whose).await?;
    let before: BTreeMap<String, i64> = before.into_iter().map(|it| (it.currency, it.closing)).collect();
    let mut movements: BTreeMap<String, i64> = BTreeMap::new();
    for transaction in transactions.iter().filter(|it| it.is_in_balance()) {
        *movements.entry(transaction.currency.clone()).or_default() += transaction.net;
    }
    let since: BTreeMap<String, i64> = match read.balance {
        Some(_) => tx.moved_since(&span.whose, span.until).await?.into_iter().collect(),
        None => BTreeMap::new(),
    };
    let stated = read.balance.iter().flat_map(BTreeMap::keys);
    let currencies: BTreeSet<String> = [&before, &movements, &since, &said]
        .into_iter()
        .flat_map(BTreeMap::keys)
        .chain(stated)
        .cloned()
        .collect();
    let balances = currencies.into_iter().filter_map(|currency| {
        let of = |sums: &BTreeMap<String, i64>| sums.get(&currency).copied().unwrap_or(0);
        let (movements, closing_before) = (of(&movements), before.get(&currency).copied());
        let stated = read.balance.as_ref().map(|stated| of(stated) - of(&since));
        let told = stated.map(|closing| closing - movements).or_else(|| said.get(&currency).copied());
        let opening = told.or(closing_before)?;
        let (closing, is_stated) = (opening + movements, told.is_some());
        Some(Balance { opening, movements, closing, is_stated, closing_before, currency })
    });
    Ok(balances.filter(|it| it.opening != 0 || it.movements != 0 || it.closing_before.is_some()).collect())
}

pub(super) fn stored_payout(payout: &Payout) -> StoredPayout {
    StoredPayout {
        payout: payout.key.id.clone(),
        currency: payout.currency.clone(),
        amount: payout.amount,
        items: payout.items,
        items_net: payout.sum,
        outcome: payout.outcome(),
    }
}

pub(super) fn stored_balance(balance: &Balance) -> StoredBalance {
    StoredBalance {
        currency: balance.currency.clone(),
        opening: balance.opening,
        movements: balance.movements,
        closing: balance.closing,
        is_stated: balance.is_stated,
    }
}

/// The objects that transactions are about, each once and in order.
fn named(
    transactions: &[BalanceTransaction],
    whose: &Key,
    is_wanted: impl Fn(&BalanceTransaction) -> bool,
) -> Vec<Key> {
    let sources = transactions.iter().filter(|it| is_wanted(it)).filter_map(|it| it.source.as_deref());
    sources.map(|source| whose.sibling(source)).collect::<BTreeSet<Key>>().into_iter().collect()
}

async fn all<T: Object>(tx: &mut Transaction, keys: &[Key]) -> Result<BTreeMap<String, T>, LedgerError> {
    let mut found = BTreeMap::new();
    for chunk in keys.chunks(ROWS_AT_ONCE) {
        found.extend(tx.look_up::<T>(chunk).await?.into_iter().map(|row| (row.key().id.clone(), row)));
    }
    Ok(found)
}
