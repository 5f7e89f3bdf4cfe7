//! The table `checkouts`. Whoever writes one holds the lock of its goods.

use chrono::{DateTime, Utc};
use domain::Key;
use domain::checkouts::Checkout;
use domain::row::{Columns, Field};

use crate::engine::query::query;
use crate::engine::rows::Statement;
use crate::{LedgerError, Transaction};

impl Transaction {
    #[shared::built_once]
    pub async fn checkout(&mut self, id: &str) -> Result<Option<Checkout>, LedgerError> {
        query("SELECT * FROM checkouts WHERE id = $1").bind(id).optional(self).await
    }

    /// Those of goods, the oldest first.
    #[shared::built_once]
    pub async fn checkouts_of(&mut self, goods: &Key) -> Result<Vec<Checkout>, LedgerError> {
        query(
            "SELECT * FROM checkouts WHERE goods = $1 AND account = $2 AND livemode = $3 ORDER BY created_at, id",
        )
        .bind(&goods.id)
        .bind(&goods.account)
        .bind(goods.livemode)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn write_checkout(&mut self, checkout: &Checkout) -> Result<(), LedgerError> {
        let mut columns = Columns::new();
        Checkout::columns("", &[], &mut columns);
        let columns: Vec<&str> = columns.into_iter().map(|(name, _)| name).collect();
        let names = columns.join(", ");
        let set: Vec<String> = columns
            .iter()
            .filter(|name| **name != "id")
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let text = format!(
            "INSERT INTO checkouts ({names}) SELECT {names} FROM input WHERE TRUE ON CONFLICT (id) DO UPDATE SET {}",
            set.join(", ")
        );
        self.run_together(vec![Statement::of_fields(&[checkout], text)]).await
    }

    /// Takes away whom the checkouts of goods name; those that nobody has paid are closed. The caller holds the lock.
    #[shared::built_once]
    pub async fn forget_checkouts(&mut self, goods: &Key, now: DateTime<Utc>) -> Result<(), LedgerError> {
        query(
            "UPDATE checkouts SET user_id = '', label = '', look_at = NULL, state = 'closed', \
             closed_at = COALESCE(closed_at, $4), closed_why = COALESCE(closed_why, 'its goods were removed') \
             WHERE goods = $1 AND account = $2 AND livemode = $3",
        )
        .bind(&goods.id)
        .bind(&goods.account)
        .bind(goods.livemode)
        .bind(now)
        .run(self)
        .await?;
        Ok(())
    }

    /// Those of a mode that Stripe is to be asked about by now.
    #[shared::built_once]
    pub async fn due_checkouts(
        &mut self,
        livemode: bool,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Checkout>, LedgerError> {
        query("SELECT * FROM checkouts WHERE look_at <= $1 AND livemode = $2 ORDER BY look_at, id LIMIT $3")
            .bind(now)
            .bind(livemode)
            .bind(limit)
            .all(self)
            .await
    }
}
