//! The table `saved_views`: filters of a list that a person keeps under a name.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct SavedView {
        pub id: String,
        pub staff: String,
        pub name: String,
        /// The list's address, and what its query says.
        pub path: String,
        pub query: String,
        pub saved_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// Of a person, by their names; of one list where a path is given.
    #[shared::built_once]
    pub async fn saved_views_of(
        &mut self,
        staff: &str,
        path: Option<&str>,
    ) -> Result<Vec<SavedView>, LedgerError> {
        query("SELECT * FROM saved_views WHERE staff = $1 AND ($2 IS NULL OR path = $2) ORDER BY name, path")
            .bind(staff)
            .bind(path)
            .all(self)
            .await
    }

    /// Keeps it; another one of this person, list and name is replaced.
    #[shared::built_once]
    pub async fn keep_view(&mut self, view: &SavedView) -> Result<(), LedgerError> {
        query(
            "INSERT INTO saved_views (id, staff, name, path, query, saved_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (staff, path, name) DO UPDATE SET query = excluded.query, saved_at = excluded.saved_at",
        )
        .bind(&view.id)
        .bind(&view.staff)
        .bind(&view.name)
        .bind(&view.path)
        .bind(&view.query)
        .bind(view.saved_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// `false` where this person has none of this id.
    #[shared::built_once]
    pub async fn delete_view(&mut self, staff: &str, id: &str) -> Result<bool, LedgerError> {
        let deleted = query("DELETE FROM saved_views WHERE staff = $1 AND id = $2")
            .bind(staff)
            .bind(id)
            .run(self)
            .await?;
        Ok(deleted == 1)
    }
}
