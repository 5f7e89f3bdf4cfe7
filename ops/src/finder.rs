//! `tidegate show ID`: the page of whatever goes by this id.

use desk::finder::{self, Found, Kind};
use shared::env::Env;

use crate::cli::{
    BansCommand, ExplainOptions, ListingOptions, ShowOptions, Subject, SubjectOptions, TraceOptions,
};
use crate::listing::quoted;
use crate::{bans, open, operations, output, show, trace};

pub async fn run(env: &Env, options: ShowOptions) -> anyhow::Result<()> {
    let ShowOptions { id, whose, shape, subject } = options;
    if let Some(subject) = subject {
        return show::run(env, &subject).await;
    }
    let id = id.unwrap_or_default().trim().to_owned();
    let ledger = open::ledger(env).await?;
    let found = open::answer(&ledger, finder::find(&ledger, &id)).await?;
    ledger.close().await;
    let Some(Found { kind, id }) = found else {
        let (me, place) = (output::me(), ledger.shown());
        anyhow::bail!(
            "nothing in the ledger at {place} goes by {id}: no event, operation, batch, object of Stripe's, number of an invoice, listing or user. \
             If it was sent just now, it may still wait (`{me} queue`)"
        );
    };
    let options = |shape, whose| SubjectOptions { id: id.clone(), whose, shape };
    let subject = match kind {
        Kind::Event => return trace::run(env, &TraceOptions { id, shape }).await,
        Kind::User => {
            let explain = BansCommand::Explain(ExplainOptions { user: id.clone(), whose, shape });
            bans::run(env, &explain).await?;
            let (me, user) = (output::me(), quoted(&id));
            output::remark(&format!("what the user paid: {me} payments list --user {user}"));
            return Ok(());
        }
        Kind::Operation | Kind::Batch => return operations::show(env, &id, shape.json).await,
        Kind::Invoice => Subject::Invoice(options(shape, whose)),
        Kind::Payment => Subject::Payment(options(shape, whose)),
        Kind::Refund => Subject::Refund(options(shape, whose)),
        Kind::Dispute => Subject::Dispute(options(shape, whose)),
        Kind::Charge => Subject::Charge(options(shape, whose)),
        Kind::Customer => Subject::Customer(options(shape, whose)),
        Kind::Subscription => Subject::Subscription(options(shape, whose)),
        Kind::Payout => Subject::Payout(options(shape, whose)),
        Kind::Listing => Subject::Listing(ListingOptions { id, whose, shape }),
    };
    show::run(env, &subject).await
}
