//! `tidegate search WORDS`: payments by operators, or whatever goes by a name.

use anyhow::bail;
use desk::search::{self, Hit, PaymentTerms, Wanted};
use desk::sheets::payments::COLUMNS;
use domain::permissions::Permission;
use ledger::Transaction;
use ledger::views::page::Part;
use ledger::views::reasons::KnownReason;
use shared::clock;
use shared::env::Env;

use crate::cli::{FailuresListOptions, SearchOptions, ShowOptions, WindowOptions};
use crate::failure::wrongly_called;
use crate::listing::{self, Listing, quoted};
use crate::payments::table;
use crate::{failures, finder, open, output, staff};

pub async fn run(env: &Env, options: SearchOptions) -> anyhow::Result<()> {
    let words = options.words.join(" ");
    let today = clock::now().date_naive();
    let name = match search::read(&words, today).map_err(|wrong| wrongly_called(wrong.to_string()))? {
        Wanted::Nothing => return Err(wrongly_called("say what to search".to_owned())),
        Wanted::Payments(terms) => return payments(env, &terms, &options).await,
        Wanted::Name(name) => name,
    };
    let ledger = open::ledger(env).await?;
    let hit = open::answer(&ledger, search::find(&ledger, &name, &options.whose.read())).await?;
    ledger.close().await;
    match hit {
        Hit::Payments(terms) => payments(env, &terms, &options).await,
        Hit::Reason(reason) => of_reason(env, reason, options).await,
        // Where nothing goes by the name, `show` says so.
        Hit::One(_) | Hit::Nothing => {
            let SearchOptions { whose, shape, .. } = options;
            finder::run(env, ShowOptions { id: Some(name), whose, shape, subject: None }).await
        }
    }
}

async fn payments(env: &Env, terms: &PaymentTerms, options: &SearchOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let filter = terms.filter(options.whose.read(), now.date_naive());
    let filter = filter.map_err(|wrong| wrongly_called(wrong.to_string()))?;
    let ledger = open::ledger(env).await?;
    // Who sees no card must not guess one, either.
    if terms.last4.is_some() && staff::cards(&ledger, env).await?.are_hidden() {
        bail!(
            "searching by a card needs the permission {}: set TIDEGATE_TOKEN to a token that has it",
            Permission::Manage
        );
    }
    let listing = Listing::of("payment", |rows, _| table(rows), COLUMNS).filtered(true);
    let read = async |tx: &mut Transaction, part: &Part| tx.payments(&filter, part).await;
    listing::show(&ledger, (&options.page, &options.shape), &listing, now, read).await
}

/// The failed attempts are shown; where the other lists have the reason, too, their commands are.
async fn of_reason(env: &Env, reason: KnownReason, options: SearchOptions) -> anyhow::Result<()> {
    let (me, word) = (output::me(), quoted(&reason.word));
    if reason.attempts {
        let SearchOptions { whose, page, shape, .. } = options;
        let window = WindowOptions { since: None, until: None };
        let code = Some(reason.word.clone());
        let wanted = FailuresListOptions { code, payment: None, invoice: None, window, whose, page, shape };
        failures::list(env, &wanted).await?;
    }
    if reason.disputes {
        output::remark(&format!("disputes for this reason: {me} disputes list --reason {word}"));
    }
    if reason.refunds {
        output::remark(&format!("refunds for this reason: {me} refunds list --reason {word}"));
    }
    Ok(())
}
