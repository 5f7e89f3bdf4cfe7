//! `tidegate checkout`: whether charges are made at present; stop them, and let them go on.

use desk::acts::checkout::{self, Closed};
use domain::permissions::Permission;
use ledger::tables::checkout_closings::Closing;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::CheckoutCommand;
use crate::failure::refused;
use crate::table::clean;
use crate::{open, output, when};

/// The form of `--json`.
#[derive(Serialize)]
struct Report {
    /// Whether charges are made.
    open: bool,
    /// Why not, or why they were not until now.
    closing: Option<Closing>,
}

pub async fn run(env: &Env, command: &CheckoutCommand) -> anyhow::Result<()> {
    let (report, json, text) = match command {
        CheckoutCommand::Show(shape) => {
            let ledger = open::ledger(env).await?;
            let read = async { ledger.read().await?.checkout_closing().await };
            let closing = open::answer(&ledger, read).await?;
            ledger.close().await;
            let text = closing.as_ref().map_or_else(|| "open: charges are made\n".to_owned(), standing);
            (Report { open: closing.is_none(), closing }, shape.json, text)
        }
        CheckoutCommand::Close(options) => {
            let (ledger, actor) = options.by.permitted(env, "checkout close", Permission::Manage).await?;
            let closed = checkout::close(&ledger, &options.reason, &actor, clock::now()).await;
            ledger.close().await;
            let closed = closed.map_err(refused)?;
            let text = match &closed {
                Closed::Now(_) => format!(
                    "closed: charges, subscriptions and retries of invoices are refused. Refunds and webhooks go on.\n`{} \
                     checkout open` ends it.\n",
                    output::me()
                ),
                Closed::Before(closing) => format!("nothing changed: {}", standing(closing)),
            };
            (Report { open: false, closing: Some(closed.closing().clone()) }, options.shape.json, text)
        }
        CheckoutCommand::Open(options) => {
            let (ledger, actor) = options.by.actor(env).await?;
            let ended = checkout::open(&ledger, &actor, clock::now()).await;
            ledger.close().await;
            let closing = ended.map_err(refused)?;
            let text = match &closing {
                Some(closing) => format!("open again; it was {}", standing(closing)),
                None => "nothing changed: checkout was not closed\n".to_owned(),
            };
            (Report { open: true, closing }, options.shape.json, text)
        }
    };
    if json { output::print_json(&report) } else { output::print(&text) }
}

/// Who closed it, when and why.
pub fn in_words(closing: &Closing) -> String {
    let Closing { reason, closed_by, closed_at, .. } = closing;
    format!("closed by {closed_by} since {}: {reason}", when::whole(*closed_at))
}

fn standing(closing: &Closing) -> String {
    format!("{}\n", clean(&in_words(closing)))
}
