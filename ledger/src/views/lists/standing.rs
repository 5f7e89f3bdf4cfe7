//! What stands until staff lift it, blocks and holds: the oldest first.

use crate::tables::blocks::Block;
use crate::tables::holds::Hold;
use crate::views::page::{Page, Part};
use crate::views::search::Search;
use crate::{LedgerError, Transaction};

const PLACED: &str = "placed_at";

impl Transaction {
    #[shared::built_once]
    pub async fn blocks(&mut self, part: &Part) -> Result<Page<Block>, LedgerError> {
        Search::of("SELECT id, reason, placed_by, placed_at, placed_at AS position FROM blocks WHERE TRUE")
            .page_of_ids(self, (PLACED, "id"), part, |block: &Block| &block.id)
            .await
    }

    #[shared::built_once]
    pub async fn holds(&mut self, part: &Part) -> Result<Page<Hold>, LedgerError> {
        Search::of(
            "SELECT object_id, reason, placed_by, placed_at, placed_at AS position FROM holds WHERE TRUE",
        )
        .page_of_ids(self, (PLACED, "object_id"), part, |hold: &Hold| &hold.object_id)
        .await
    }
}
