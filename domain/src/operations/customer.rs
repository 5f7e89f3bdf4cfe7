//! Whether a customer may be charged, subscribed or credited: who they are, what stands against them, and what is
//! already under way for the same thing.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::decision::Judged;
use super::limits::Limits;
use super::refund::busy;
use super::refused::Refused;
use super::{Operation, OperationKind, OperationState, network_limits, parameters};
use crate::chargeable;
use crate::invoices::Status;

/// As Stripe allows.
pub const DESCRIPTION_LIMIT_CHARS: usize = 500;
pub const PRICES_LIMIT: usize = 20;
/// A second charge of the same amount so soon after the first is worth a word.
const SOON: TimeDelta = TimeDelta::hours(24);

/// What the ledger knows of a customer. Whether it is deleted, and how it pays, Stripe says right before sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFacts {
    /// Whether anything has named it.
    pub is_known: bool,
    pub is_deleted: bool,
    /// The user behind it, where they are banned.
    pub banned: Option<String>,
    /// The customer, or a user behind it, whom staff do not let be charged.
    pub blocked: Option<Blocked>,
    /// Why nothing is charged at present, where that is so.
    pub closed: Option<String>,
    /// When tries to take the same amount from it failed.
    pub failed_at: Vec<DateTime<Utc>>,
    /// What a charge pays for, where it names an invoice that is known.
    pub invoice: Option<PaidFor>,
}

/// Whom staff do not let be charged, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    pub id: String,
    pub reason: String,
}

/// The merchant's own invoice that a charge is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaidFor {
    pub status: Status,
    pub is_stripes: bool,
    /// Its payments that can still take the money.
    pub live: Vec<String>,
    /// All of its payments that are known.
    pub payments: BTreeSet<String>,
}

impl CustomerFacts {
    fn exists(&self) -> Result<(), Refused> {
        if self.is_known && !self.is_deleted { Ok(()) } else { Err(Refused::CustomerNotFound) }
    }

    /// Whether money may be taken from it.
    fn may_pay(&self) -> Result<(), Refused> {
        may_collect(self.closed.as_deref(), None, None)?;
        self.exists()?;
        may_collect(None, self.banned.as_deref(), self.blocked.as_ref())
    }
}

/// Nothing is collected while checkout is closed, nor ever from somebody who is banned or blocked.
pub(super) fn may_collect(
    closed: Option<&str>,
    banned: Option<&str>,
    blocked: Option<&Blocked>,
) -> Result<(), Refused> {
    match (closed, banned, blocked) {
        (Some(reason), _, _) => Err(Refused::CheckoutClosed { reason: reason.to_owned() }),
        (None, Some(user), _) => Err(Refused::Banned { user: user.to_owned() }),
        (None, None, Some(Blocked { id, reason })) => {
            Err(Refused::Blocked { id: id.clone(), reason: reason.clone() })
        }
        (None, None, None) => Ok(()),
    }
}

pub(super) fn judge_charge(
    charge: &parameters::Charge,
    operation: &Operation,
    facts: &CustomerFacts,
    others: &[Operation],
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<Judged, Refused> {
    facts.may_pay()?;
    if charge.amount <= 0 {
        return Err(Refused::NoAmount);
    }
    chargeable::check(charge.amount, &charge.currency, limits.charge_limit)?;
    is_short(charge.description.as_deref())?;
    is_payment_method(charge.payment_method.as_deref())?;
    network_limits::within(&facts.failed_at, now)?;
    match &charge.invoice {
        Some(_) => pays_once(operation, facts.invoice.as_ref(), others)?,
        None => alone(operation, others, "customer")?,
    }
    let before = others.iter().find(|other| {
        other.kind == OperationKind::Charge
            && other.state == OperationState::Succeeded
            && (other.amount, &other.currency) == (operation.amount, &operation.currency)
            && other.ended_at.is_some_and(|ended_at| operation.requested_at - ended_at < SOON)
    });
    let warnings =
        before.map(|before| format!("{} charged the same amount within the last day.", before.id()));
    Ok(Judged { paid_at: None, warnings: warnings.into_iter().collect() })
}

/// One thing has one live way to pay it.
fn pays_once(operation: &Operation, invoice: Option<&PaidFor>, others: &[Operation]) -> Result<(), Refused> {
    let of_invoice = || others.iter().filter(|other| other.subject() == operation.subject());
    if let Some(other) = of_invoice().find(|other| other.state.is_open()) {
        return Err(busy(other, "invoice"));
    }
    let unknown = PaidFor::default();
    let invoice = invoice.unwrap_or(&unknown);
    let charged = of_invoice().find(|other| {
        other.kind == OperationKind::Charge
            && other.state == OperationState::Succeeded
            && other.stripe_id.as_ref().is_none_or(|made| !invoice.payments.contains(made))
    });
    if let Some(charged) = charged {
        return Err(Refused::JustCharged { operation: charged.id().to_owned() });
    }
    match invoice.status {
        _ if invoice.is_stripes => Err(Refused::StripesInvoice),
        Status::Unknown | Status::Draft | Status::Sent | Status::Failed | Status::Overdue => {
            match invoice.live.first() {
                Some(payment) => Err(Refused::OtherWayToPay { payment: payment.clone() }),
                None => Ok(()),
            }
        }
        status => Err(Refused::WrongStatus { status: status.to_string(), done: "charged for" }),
    }
}

/// Asked for twice, it would be done twice.
fn alone(operation: &Operation, others: &[Operation], what: &'static str) -> Result<(), Refused> {
    let is_same = |other: &&Operation| {
        other.state.is_open() && other.kind == operation.kind && is_the_same_thing(operation, other)
    };
    others.iter().find(is_same).map_or(Ok(()), |other| Err(busy(other, what)))
}

/// By what is bought, not by the card that pays.
fn is_the_same_thing(operation: &Operation, other: &Operation) -> bool {
    use super::Parameters::{Charge, Credit, Subscribe};
    match (operation.parameters(), other.parameters()) {
        (Ok(Charge(own)), Ok(Charge(of_other))) => {
            let thing =
                |it: parameters::Charge| (it.customer, it.amount, it.currency, it.description, it.invoice);
            thing(own) == thing(of_other)
        }
        (Ok(Subscribe(own)), Ok(Subscribe(of_other))) => {
            own.prices.iter().any(|price| of_other.prices.contains(price))
        }
        (Ok(Credit(own)), Ok(Credit(of_other))) => own == of_other,
        // What cannot be read counts as the same.
        (_, Err(_)) => true,
        _ => false,
    }
}

pub(super) fn judge_subscribe(
    subscribe: &parameters::Subscribe,
    operation: &Operation,
    facts: &CustomerFacts,
    others: &[Operation],
) -> Result<Judged, Refused> {
    facts.may_pay()?;
    let distinct: BTreeSet<&String> = subscribe.prices.iter().collect();
    if subscribe.prices.is_empty()
        || subscribe.prices.len() > PRICES_LIMIT
        || distinct.len() < subscribe.prices.len()
    {
        return Err(Refused::Invalid(format!("a subscription has 1 to {PRICES_LIMIT} different prices")));
    }
    let is_price = |price: &&String| is_id_of(price, &["price", "plan"]);
    if let Some(other) = subscribe.prices.iter().find(|price| !is_price(price)) {
        return Err(Refused::Invalid(format!("{other} is not the id of a price: price_…")));
    }
    is_payment_method(subscribe.payment_method.as_deref())?;
    alone(operation, others, "customer")?;
    Ok(Judged::default())
}

pub(super) fn judge_credit(
    credit: &parameters::Credit,
    operation: &Operation,
    facts: &CustomerFacts,
    others: &[Operation],
    limits: &Limits,
) -> Result<Judged, Refused> {
    facts.exists()?;
    if credit.amount <= 0 {
        return Err(Refused::NoAmount);
    }
    chargeable::in_form(credit.amount, &credit.currency)?;
    if credit.amount > limits.charge_limit {
        let (least, most, currency) = (1, limits.charge_limit, credit.currency.clone());
        return Err(chargeable::Unchargeable::Amount { least, most, currency }.into());
    }
    // As Stripe allows for a balance.
    is_short(credit.description.as_deref())?;
    alone(operation, others, "customer")?;
    let warning = "The next invoices ask for less; no money goes back to the card.".to_owned();
    Ok(Judged { paid_at: None, warnings: vec![warning] })
}

fn is_short(description: Option<&str>) -> Result<(), Refused> {
    if description.is_some_and(|text| text.chars().count() > DESCRIPTION_LIMIT_CHARS) {
        return Err(Refused::Invalid(format!(
            "the description is longer than {DESCRIPTION_LIMIT_CHARS} characters"
        )));
    }
    Ok(())
}

pub(super) fn is_payment_method(id: Option<&str>) -> Result<(), Refused> {
    match id {
        Some(id) if !is_id_of(id, &["pm", "card", "src", "ba"]) => {
            Err(Refused::Invalid(format!("{id} is not the id of a payment method: pm_…")))
        }
        _ => Ok(()),
    }
}

fn is_id_of(id: &str, words: &[&str]) -> bool {
    crate::fields::is_object_id(id) && id.split_once('_').is_some_and(|(word, _)| words.contains(&word))
}

/// `cus_` and letters and digits.
pub fn is_customer_id(id: &str) -> bool {
    let rest = id.strip_prefix("cus_").unwrap_or_default();
    id.len() <= 255 && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Since when charges that are done still count.
pub fn counts_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - SOON
}

#[cfg(test)]
mod tests;
