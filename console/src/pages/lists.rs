//! Lists: which one an address asks for, by which filters, as a page or as CSV.

use desk::search::emails::is_email;
use desk::search::{Hit, Wanted};
use desk::search::{PaymentTerms, find, read};
use desk::till::Till;
use desk::views::ban::ListedBan;
use desk::views::dispute_list::read_list;
use desk::views::failed_attempts;
use domain::permissions::Permission;
use ledger::Ledger;
use ledger::views::search::Whose;
use maud::Markup;

use super::exports::List;
use super::faults::PageFault;
use super::found::{Failed, Found};
use super::shell::Frame;
use super::{
    approvals, audit, bans, batches, disputes, emails, failures, findings, history, invoices, listed,
    listings, payouts, refunds, search, webhooks,
};

/// The list at a path; `None` where there is none.
pub(super) async fn find_list(ledger: &Ledger, frame: &Frame<'_>) -> Result<Option<Found>, Failed> {
    let (address, now) = (frame.address, frame.now);
    let Some(list) = list(frame)? else { return Ok(None) };
    if listed::is_csv(address) {
        frame
            .actor
            .may(Permission::Export)
            .map_err(|forbidden| PageFault::Forbidden(format!("{forbidden}.")))?;
        return Ok(Some(Found::Csv(Box::new(list.begin(ledger, now).await?))));
    }
    let part = &listed::part(address)?;
    let mut tx = ledger.read().await?;
    let (title, body): (_, Markup) = match &list {
        List::Payments(filter) => ("Payments", history::page(frame, &tx.payments(filter, part).await?)),
        List::Failures(filter) => (
            "Failed attempts",
            failures::page(frame, &failed_attempts::read_page(&mut tx, filter, part).await?),
        ),
        List::Refunds(filter) => ("Refunds", refunds::page(frame, &tx.refunds(filter, part).await?)),
        List::Invoices(filter) => ("Invoices", invoices::page(frame, &tx.invoices(filter, part).await?)),
        List::Payouts(filter) => ("Payouts", payouts::page(frame, &tx.payouts(filter, part).await?)),
        List::Disputes(query) => {
            ("Disputes", disputes::page(frame, &read_list(ledger, &mut tx, query, part, now).await?))
        }
        List::Findings(filter) => ("Findings", findings::page(frame, &tx.findings(filter, part, now).await?)),
        List::Bans(filter) => {
            ("Bans", bans::page(frame, &ListedBan::read_list(&mut tx, filter, part, now).await?))
        }
        List::Listings(filter) => {
            ("Listings", listings::page(frame, &marketplace::view::list(&mut tx, filter, part, now).await?))
        }
        List::Operations(filter) => {
            let lists = if filter.alone {
                tx.waiting_batches(frame.livemode, batches::WAITING_LIMIT).await?
            } else {
                Vec::new()
            };
            ("Approvals", approvals::page(frame, &lists, &tx.operations(filter, part).await?))
        }
        List::Acts(filter) => ("Audit", audit::page(frame, &tx.audit_lines(filter, part).await?)),
        List::Events(filter) => ("Webhooks", webhooks::page(frame, &tx.events(filter, part).await?)),
    };
    Ok(Some(Found::Page(title.to_owned(), body)))
}

fn list(frame: &Frame<'_>) -> Result<Option<List>, Failed> {
    Ok(Some(match frame.address.path.trim_end_matches('/') {
        "/payments/history" => {
            let terms = history::terms(frame.address);
            may_search_cards(frame, &terms)?;
            List::Payments(Box::new(history::filter(frame, &terms)?))
        }
        "/payments/failures" => List::Failures(failures::filter(frame)?),
        "/payments/refunds" => List::Refunds(refunds::filter(frame)?),
        "/payments/invoices" => List::Invoices(invoices::filter(frame)?),
        "/payments/payouts" => List::Payouts(payouts::filter(frame)?),
        "/payments/disputes" => List::Disputes(disputes::query(frame)?),
        "/payments/bans" => List::Bans(bans::filter(frame.address, frame.livemode)),
        "/payments/findings" => List::Findings(Box::new(findings::filter(frame)?)),
        "/payments/listings" => List::Listings(listings::filter(frame)?),
        "/approvals" => List::Operations(Box::new(approvals::filter(frame.address, frame.livemode))),
        "/payments/audit" => List::Acts(audit::filter(frame)?),
        "/payments/webhooks" => List::Events(webhooks::filter(frame)?),
        _ => return Ok(None),
    }))
}

/// Who sees no card must not guess one, either.
fn may_search_cards(frame: &Frame<'_>, terms: &PaymentTerms) -> Result<(), PageFault> {
    if terms.last4.is_none() || frame.actor.has(Permission::Manage) {
        return Ok(());
    }
    let why = format!(
        "Searching by a card needs the permission {}, which {} lacks.",
        Permission::Manage,
        frame.actor.name()
    );
    Err(PageFault::Forbidden(why))
}

/// Where the words of the search box lead.
pub(super) async fn find_words(
    ledger: &Ledger,
    till: Option<&Till>,
    frame: &Frame<'_>,
) -> Result<Found, Failed> {
    let page = |body| Found::Page("Search".to_owned(), body);
    let words = frame.address.get("q").unwrap_or_default();
    let name = match read(words, frame.now.date_naive()) {
        Err(wrong) => return Ok(page(search::nothing(frame, Some(&wrong.to_string())))),
        Ok(Wanted::Nothing) => return Ok(page(search::nothing(frame, None))),
        Ok(Wanted::Payments(terms)) => return Ok(Found::Elsewhere(search::payments(&terms, frame.livemode))),
        Ok(Wanted::Name(name)) => name,
    };
    let whose = Whose { account: None, livemode: Some(frame.livemode) };
    Ok(match find(ledger, &name, &whose).await? {
        Hit::One(found) => Found::Elsewhere(search::place(&found)),
        Hit::Payments(terms) => Found::Elsewhere(search::payments(&terms, frame.livemode)),
        Hit::Reason(reason) => match &search::of_reason(&reason, frame.livemode)[..] {
            [(_, only)] => Found::Elsewhere(only.clone()),
            lists => page(search::reasons(&reason, lists)),
        },
        Hit::Nothing if is_email(&name) => emails::find(ledger, till, frame, &name).await?,
        Hit::Nothing => page(search::nothing(frame, None)),
    })
}
