//! The tables `goods` and `goods_changes`: a merchant's own goods, and those of which a payment changed. Whoever writes
//! goods holds the lock of their key, also where they have no row yet.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::fulfilments::Fulfilment;
use domain::goods::{Goods, REMOVED, TABLE};
use domain::payments::Payment;
use domain::row::{Columns, Field};
use domain::{Key, readable};

use crate::engine::query::query;
use crate::engine::rows::{Rows, Statement};
use crate::{LedgerError, Transaction};

readable! {
    /// Goods to look at again.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Changed {
        pub key: Key,
        /// Which change of it was the last: each has a number that no other has.
        pub changes: i64,
    }
}

impl Transaction {
    /// Notes that payments of these goods changed, in the transaction that changed them.
    #[shared::built_once]
    pub async fn note_goods(&mut self, goods: &BTreeSet<Key>) -> Result<(), LedgerError> {
        self.write_changes(goods, None).await
    }

    /// They are looked at again at a moment: until then the clock makes nothing of them either.
    #[shared::built_once]
    pub async fn put_off_goods(&mut self, key: &Key, until: DateTime<Utc>) -> Result<(), LedgerError> {
        self.write_changes(&[key.clone()].into(), Some(until)).await
    }

    async fn write_changes(
        &mut self,
        goods: &BTreeSet<Key>,
        look_at: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        let keys: Vec<Key> = goods.iter().cloned().collect();
        // Counted from 1 again after its row was deleted, a change could be taken for one that was seen before.
        let number = getrandom::u64().expect("the operating system gives random bytes").cast_signed();
        Rows::of(&keys)
            .fields(|key| key)
            .int("changes", |_| number)
            .time("look_at", |_| look_at)
            .run(
                self,
                "INSERT INTO goods_changes (id, account, livemode, changes, look_at) \
                 SELECT id, account, livemode, changes, look_at FROM input WHERE TRUE \
                 ON CONFLICT (id, account, livemode) DO UPDATE SET changes = excluded.changes, look_at = excluded.look_at",
            )
            .await?;
        Ok(())
    }

    /// Goods that are due: changed, or put off until now. What has no time comes first.
    #[shared::built_once]
    pub async fn changed_goods(
        &mut self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Changed>, LedgerError> {
        query(
            "SELECT id, account, livemode, changes FROM goods_changes WHERE look_at IS NULL OR look_at <= $1 \
             ORDER BY COALESCE(look_at, $2), id, account, livemode LIMIT $3",
        )
        .bind(now)
        .bind(DateTime::UNIX_EPOCH)
        .bind(limit)
        .all(self)
        .await
    }

    /// They were looked at. Where nothing changed meanwhile, they are done, or put off until a moment.
    #[shared::built_once]
    pub async fn goods_seen(
        &mut self,
        seen: &Changed,
        again_at: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        let done =
            "DELETE FROM goods_changes WHERE id = $1 AND account = $2 AND livemode = $3 AND changes = $4";
        let put_off = "UPDATE goods_changes SET look_at = $5 \
             WHERE id = $1 AND account = $2 AND livemode = $3 AND changes = $4";
        let statement = match again_at {
            None => query(done),
            Some(_) => query(put_off),
        };
        let statement =
            statement.bind(&seen.key.id).bind(&seen.key.account).bind(seen.key.livemode).bind(seen.changes);
        let statement = if again_at.is_some() { statement.bind(again_at) } else { statement };
        statement.run(self).await?;
        Ok(())
    }

    /// Locks goods, whether or not there are any yet, and reads them.
    #[shared::built_once]
    pub async fn lock_goods(&mut self, key: &Key) -> Result<Option<Goods>, LedgerError> {
        self.lock_absent(TABLE, std::slice::from_ref(key)).await?;
        self.goods(key).await
    }

    #[shared::built_once]
    pub async fn goods(&mut self, key: &Key) -> Result<Option<Goods>, LedgerError> {
        query("SELECT * FROM goods WHERE id = $1 AND account = $2 AND livemode = $3")
            .bind(&key.id)
            .bind(&key.account)
            .bind(key.livemode)
            .optional(self)
            .await
    }

    /// Those of one id: one an account and mode. Those that were removed are not there.
    #[shared::built_once]
    pub async fn goods_of_id(&mut self, id: &str) -> Result<Vec<Goods>, LedgerError> {
        query("SELECT * FROM goods WHERE id = $1 AND state <> $2 ORDER BY livemode DESC, account")
            .bind(id)
            .bind(REMOVED)
            .all(self)
            .await
    }

    /// Inserts goods, or writes them anew. The caller has locked them.
    #[shared::built_once]
    pub async fn write_goods(&mut self, goods: &Goods) -> Result<(), LedgerError> {
        let columns = columns();
        let names = columns.join(", ");
        let set: Vec<String> = columns
            .iter()
            .filter(|name| !["id", "account", "livemode"].contains(name))
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let text = format!(
            "INSERT INTO goods ({names}) SELECT {names} FROM input WHERE TRUE \
             ON CONFLICT (id, account, livemode) DO UPDATE SET {}",
            set.join(", ")
        );
        self.run_together(vec![Statement::of_fields(&[goods], text)]).await
    }

    /// When the first goods of an account and mode came to be; nothing where there are none.
    #[shared::built_once]
    pub async fn first_goods_at(&mut self, of: &Key) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let first: Option<Goods> =
            query("SELECT * FROM goods WHERE account = $1 AND livemode = $2 ORDER BY created_at, id LIMIT 1")
                .bind(&of.account)
                .bind(of.livemode)
                .optional(self)
                .await?;
        Ok(first.map(|goods| goods.created_at))
    }

    /// Those of which the clock makes something by now, but for those that were put off.
    #[shared::built_once]
    pub async fn turning_goods(&mut self, now: DateTime<Utc>, limit: i64) -> Result<Vec<Key>, LedgerError> {
        query(
            "SELECT id, account, livemode FROM goods WHERE turns_at <= $1 AND NOT EXISTS (SELECT 1 FROM goods_changes \
             WHERE goods_changes.id = goods.id AND goods_changes.account = goods.account \
             AND goods_changes.livemode = goods.livemode AND goods_changes.look_at > $1) \
             ORDER BY turns_at, id, account, livemode LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .all(self)
        .await
    }

    /// Goods of a kind by key after one of them: all of them, page by page.
    #[shared::built_once]
    pub async fn goods_after(
        &mut self,
        kind: &str,
        after: &Key,
        limit: i64,
    ) -> Result<Vec<Goods>, LedgerError> {
        query(
            "SELECT * FROM goods WHERE kind = $1 AND (id, account, livemode) > ($2, $3, $4) \
             ORDER BY id, account, livemode LIMIT $5",
        )
        .bind(kind)
        .bind(&after.id)
        .bind(&after.account)
        .bind(after.livemode)
        .bind(limit)
        .all(self)
        .await
    }

    /// What the payments of goods entitle to, in the order in which they take effect.
    #[shared::built_once]
    pub async fn fulfilments(&mut self, goods: &Key) -> Result<Vec<Fulfilment>, LedgerError> {
        let Paid { payments, charges, disputes } = self.paid(goods).await?;
        // A charge without a payment intent is its own payment.
        let charges: BTreeMap<&Key, Key> = charges
            .iter()
            .map(|charge| (&charge.key, charge.owner().unwrap_or_else(|| charge.key.clone())))
            .collect();
        let mut disputed: BTreeMap<&Key, Vec<&Dispute>> = BTreeMap::new();
        for dispute in &disputes {
            if let Some(payment) = dispute.owner().and_then(|charge| charges.get(&charge)) {
                disputed.entry(payment).or_default().push(dispute);
            }
        }
        let of = |payment: &Key| disputed.get(payment).into_iter().flatten().copied();
        let mut fulfilments: Vec<Fulfilment> =
            payments.iter().filter_map(|payment| Fulfilment::of(payment, of(&payment.key))).collect();
        fulfilments.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(fulfilments)
    }

    /// Everything that a hold on goods may name: they, their user, their payments with customers, charges and disputes.
    #[shared::built_once]
    pub async fn around_goods(&mut self, goods: &Goods) -> Result<BTreeSet<Key>, LedgerError> {
        let Paid { payments, charges, disputes } = self.paid(&goods.key).await?;
        let own = [goods.key.clone(), goods.key.sibling(&goods.user_id)];
        let customers = payments.iter().filter_map(|paid| Some(paid.key.sibling(paid.customer.id()?)));
        Ok({ own.into_iter().chain(customers) }
            .chain(payments.iter().map(|payment| payment.key.clone()))
            .chain(charges.into_iter().map(|charge| charge.key))
            .chain(disputes.into_iter().map(|dispute| dispute.key))
            .collect())
    }

    async fn paid(&mut self, goods: &Key) -> Result<Paid, LedgerError> {
        let payments: Vec<Payment> = self.children("listing_id", std::slice::from_ref(goods)).await?;
        let mut keys: Vec<Key> = payments.iter().map(|payment| payment.key.clone()).collect();
        keys.sort_unstable();
        let mut charges: Vec<Charge> = self.children("payment", &keys).await?;
        // A charge without a payment intent is its own payment.
        charges.extend(self.look_up::<Charge>(&keys).await?);
        let mut of: Vec<Key> = charges.iter().map(|charge| charge.key.clone()).collect();
        of.sort_unstable();
        of.dedup();
        let disputes = self.children("charge", &of).await?;
        Ok(Paid { payments, charges, disputes })
    }
}

/// What was paid for goods, and what became of it.
struct Paid {
    payments: Vec<Payment>,
    charges: Vec<Charge>,
    disputes: Vec<Dispute>,
}

fn columns() -> Vec<&'static str> {
    let mut columns = Columns::new();
    Goods::columns("", &[], &mut columns);
    columns.into_iter().map(|(name, _)| name).collect()
}
