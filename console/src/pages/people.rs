//! The pages about people and rules: which one an address asks for, who may see it, and what it is read from.

use desk::acts::{policies as policy_acts, sessions};
use desk::views::{pauses, policies as policy_views, staff as views};
use domain::permissions::Permission;
use ledger::{Ledger, LedgerError};
use maud::Markup;

use super::faults::PageFault;
use super::shell::Frame;
use super::{policies, staff, tokens, workers};
use crate::endpoint::Access;
use crate::resources::endpoints;

/// A title and a page; or why there is none.
pub(super) type Page = Result<Result<(String, Markup), PageFault>, LedgerError>;

/// `None` where the address is not about people or rules.
pub(super) async fn find(ledger: &Ledger, frame: &Frame<'_>) -> Option<Page> {
    let path = frame.address.path.trim_matches('/');
    let (place, name) = path.split_once('/').unwrap_or((path, ""));
    Some(match (place, name) {
        ("staff", "") => everybody(ledger, frame).await,
        ("staff", name) => one(ledger, frame, name).await,
        ("tokens", "") => all_tokens(ledger, frame).await,
        ("policies", "") => all_policies(ledger, frame).await,
        ("policy", key) if !key.is_empty() => policy(ledger, frame, key).await,
        ("workers", "") => consumption(ledger, frame).await,
        _ => return None,
    })
}

/// Whoever may not ask the endpoint does not see the page.
fn admit(frame: &Frame<'_>, endpoint: &str) -> Result<(), PageFault> {
    let row = endpoints().find(|row| row.name == endpoint);
    match row.map(|row| row.access) {
        Some(Access::Needs(permission)) => {
            frame.actor.may(permission).map_err(|forbidden| PageFault::Forbidden(format!("{forbidden}.")))
        }
        _ => Ok(()),
    }
}

/// Gives back why it is refused.
macro_rules! admitted {
    ($frame:expr, $endpoint:literal) => {
        if let Err(fault) = admit($frame, $endpoint) {
            return Ok(Err(fault));
        }
    };
}

async fn everybody(ledger: &Ledger, frame: &Frame<'_>) -> Page {
    admitted!(frame, "list_staff");
    let members = views::list(ledger, frame.now).await?;
    let waiting = views::pending(ledger, frame.now).await?;
    Ok(Ok(("Staff".to_owned(), staff::list(frame, &members, &waiting))))
}

async fn one(ledger: &Ledger, frame: &Frame<'_>, name: &str) -> Page {
    admitted!(frame, "get_member");
    let Some(page) = views::page(ledger, name, frame.now).await? else {
        return Ok(Err(PageFault::Unknown { kind: "member of staff".to_owned(), id: name.to_owned() }));
    };
    let mut open = sessions::open(ledger, frame.actor).await?;
    open.retain(|session| session.staff == name && frame.actor.has(Permission::Admin));
    let waiting = views::pending(ledger, frame.now).await?;
    Ok(Ok((format!("Staff {name}"), staff::page(frame, &page, &open, &waiting))))
}

async fn all_tokens(ledger: &Ledger, frame: &Frame<'_>) -> Page {
    admitted!(frame, "list_tokens");
    let found = views::tokens(ledger, None, frame.now).await?;
    Ok(Ok(("Tokens".to_owned(), tokens::list(frame, &found))))
}

async fn all_policies(ledger: &Ledger, frame: &Frame<'_>) -> Page {
    admitted!(frame, "list_policies");
    let waiting = views::pending(ledger, frame.now).await?;
    Ok(Ok(("Policies".to_owned(), policies::list(frame, &policy_views::list(ledger).await?, &waiting))))
}

async fn policy(ledger: &Ledger, frame: &Frame<'_>, key: &str) -> Page {
    admitted!(frame, "list_policy_history");
    let currency = frame.address.get("currency").unwrap_or_default();
    let nothing = || PageFault::Unknown { kind: "policy".to_owned(), id: key.to_owned() };
    let Ok(slot) = policy_acts::slot(key, Some(currency)) else { return Ok(Err(nothing())) };
    let listed = policy_views::list(ledger).await?;
    let of_key: Vec<_> = listed.into_iter().filter(|policy| policy.key == slot.key).collect();
    if slot.key.is_money() && slot.currency.is_empty() {
        return Ok(Ok((slot.to_string(), policies::choose_currency(frame, &of_key))));
    }
    // A currency without a value of its own has none yet, and gets one here.
    let of_currency = of_key.iter().find(|policy| policy.currency == slot.currency);
    let Some(policy) = of_currency.or(of_key.first()) else { return Ok(Err(nothing())) };
    let mut history = policy_views::history(ledger, Some(slot.key.as_str())).await?;
    history.retain(|row| row.currency == slot.currency);
    let rehearsal = match frame.address.get("value") {
        None => None,
        Some(text) => Some(match policy_acts::value(&slot, text) {
            Ok(value) => Ok(policy_acts::rehearsed(ledger, &slot, value, frame.now).await?),
            Err(refusal) => Err(refusal.to_string()),
        }),
    };
    let waiting = views::pending(ledger, frame.now).await?;
    let shown = policies::Shown { slot: &slot, policy, history: &history, rehearsal, waiting: &waiting };
    Ok(Ok((slot.to_string(), policies::page(frame, &shown))))
}

async fn consumption(ledger: &Ledger, frame: &Frame<'_>) -> Page {
    admitted!(frame, "get_pause");
    Ok(Ok(("Workers".to_owned(), workers::page(frame, &pauses::read(ledger).await?))))
}
