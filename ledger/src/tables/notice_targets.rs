//! The table `notice_targets`: where notices go.

use domain::notices::{Target, TargetState};

use crate::engine::query::query;
use crate::engine::rows::Statement;
use crate::tables::notices::names_of;
use crate::{LedgerError, Transaction};

const TABLE: &str = "notice_targets";

impl Transaction {
    #[shared::built_once]
    pub async fn notice_targets(&mut self) -> Result<Vec<Target>, LedgerError> {
        query("SELECT * FROM notice_targets ORDER BY name").all(self).await
    }

    #[shared::built_once]
    pub async fn notice_target(&mut self, name: &str) -> Result<Option<Target>, LedgerError> {
        query("SELECT * FROM notice_targets WHERE name = $1").bind(name).optional(self).await
    }

    /// Locks a target, or its name where there is none.
    #[shared::built_once]
    pub async fn lock_notice_target(&mut self, name: &str) -> Result<Option<Target>, LedgerError> {
        query("UPDATE notice_targets SET name = name WHERE name = $1").bind(name).run(self).await?;
        self.notice_target(name).await
    }

    #[shared::built_once]
    pub async fn add_notice_target(&mut self, target: &Target) -> Result<(), LedgerError> {
        let names = names_of::<Target>();
        let text = format!("INSERT INTO {TABLE} ({names}) SELECT {names} FROM input");
        self.run_together(vec![Statement::of_fields(&[target], text)]).await
    }

    /// Writes one that this transaction has locked.
    #[shared::built_once]
    pub async fn change_notice_target(&mut self, target: &Target) -> Result<(), LedgerError> {
        self.write_target(target).await
    }

    /// Writes how a target does. What staff decided about it meanwhile stands, but that it wants nothing any more.
    #[shared::built_once]
    pub async fn note_target_health(&mut self, target: &Target) -> Result<(), LedgerError> {
        query(
            "UPDATE notice_targets SET failures = $2, open_until = $3, message = $4, delivered_at = $5 \
             WHERE name = $1 AND state = 'enabled'",
        )
        .bind(&target.name)
        .bind(target.failures)
        .bind(target.open_until)
        .bind(target.message.as_deref())
        .bind(target.delivered_at)
        .run(self)
        .await?;
        if target.state == TargetState::Disabled {
            query("UPDATE notice_targets SET state = 'disabled', message = $2 WHERE name = $1")
                .bind(&target.name)
                .bind(target.message.as_deref())
                .run(self)
                .await?;
            self.hold_deliveries(&target.name).await?;
        }
        Ok(())
    }
}
