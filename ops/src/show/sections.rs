//! The tables of a page: what hangs on the object, each kind in its own, and nothing where there is none.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::failures::PaymentFailure;
use domain::invoices::Invoice;
use domain::movements::Movement;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::warnings::Warning;

use crate::disputes::Placed;
use crate::table::Table;
use crate::{disputes, invoices, money, payments, span};

/// So many rows of a table are shown to people; `--json` has all.
const ROWS_LIMIT: usize = 50;

/// What the heading of a page says of all that is on it.
const SAID: [&str; 2] = ["MODE", "ACCOUNT"];

/// The page may say more that every row would repeat: the titles of those columns are `said`.
pub fn payments(payments: &[Payment], said: &[&str]) -> String {
    section(payments, |payments| payments::table(payments).without(&SAID).without(said).render())
}

pub fn disputes(placed: &[Placed], said: &[&str], now: DateTime<Utc>) -> String {
    section(placed, |placed| disputes::table(placed, now).without(&SAID).without(said).render())
}

pub fn invoices(invoices: &[Invoice], said: &[&str]) -> String {
    section(invoices, |invoices| invoices::table(invoices).without(&SAID).without(said).render())
}

pub fn charges(charges: &[Charge]) -> String {
    section(charges, |charges| {
        let mut table = Table::default()
            .text("CREATED")
            .text("CHARGE")
            .text("STATUS")
            .number("AMOUNT")
            .number("CAPTURED")
            .number("REFUNDED")
            .number("CHARGED BACK")
            .text("CARD")
            .text("FAILURE")
            .text("ANOMALY");
        for charge in charges {
            let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
            let if_any = |minor_units| if minor_units == 0 { String::new() } else { amount(minor_units) };
            table.row([
                moment(charge.state.created_at),
                charge.key.id.clone(),
                charge.state.status.clone(),
                amount(charge.state.amount),
                amount(charge.state.amount_captured),
                if_any(charge.amount_refunded),
                if_any(charge.amount_charged_back),
                card(charge),
                charge.state.failure_code.clone().unwrap_or_default(),
                charge.anomaly.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })
}

pub fn refunds(refunds: &[Refund]) -> String {
    section(refunds, |refunds| {
        let mut table = Table::default()
            .text("CREATED")
            .text("REFUND")
            .text("STATUS")
            .number("AMOUNT")
            .text("REASON")
            .text("FAILED BECAUSE");
        for refund in refunds {
            table.row([
                moment(refund.state.created_at.or(refund.seen.first_event_at)),
                refund.key.id.clone(),
                refund.state.status.clone(),
                money::shown(refund.state.amount, &refund.state.currency),
                refund.state.reason.clone().unwrap_or_default(),
                refund.state.failure_reason.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })
}

pub fn failures(failures: &[PaymentFailure]) -> String {
    section(failures, |failures| {
        let mut table =
            Table::default().text("FAILED").number("ATTEMPT").text("CODE").text("PAYMENT").text("CHARGE");
        for (place, failure) in failures.iter().enumerate() {
            table.row([
                moment(failure.failed_at),
                (place + 1).to_string(),
                cause(failure),
                failure.payment.payment.clone().unwrap_or_default(),
                failure.charge.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })
}

pub fn movements(movements: &[Movement]) -> String {
    section(movements, |movements| {
        let mut table = Table::default()
            .text("MOVED")
            .text("BALANCE MOVEMENT")
            .number("AMOUNT")
            .number("FEE")
            .number("NET");
        for movement in movements {
            let amount = |minor_units| money::shown(minor_units, &movement.state.currency);
            table.row([
                moment(movement.state.created_at),
                movement.key.id.clone(),
                amount(movement.state.amount),
                amount(movement.state.fee),
                amount(movement.state.net),
            ]);
        }
        table.render()
    })
}

pub fn warnings(warnings: &[Warning]) -> String {
    section(warnings, |warnings| {
        let mut table = Table::default().text("WARNED").text("FRAUD WARNING").text("TYPE").text("ACTIONABLE");
        for warning in warnings {
            table.row([
                moment(warning.state.created_at),
                warning.key.id.clone(),
                warning.state.fraud_type.clone().unwrap_or_default(),
                if warning.state.actionable { "yes: a refund may avert a dispute" } else { "no" }.to_owned(),
            ]);
        }
        table.render()
    })
}

/// Brand and last digits: enough to recognise a card, not to use it.
pub fn card(charge: &Charge) -> String {
    match (charge.card.card_brand.as_deref(), charge.card.card_last4.as_deref()) {
        (Some(brand), Some(last4)) => format!("{brand} …{last4}"),
        (Some(brand), None) => brand.to_owned(),
        (None, Some(last4)) => format!("…{last4}"),
        (None, None) => String::new(),
    }
}

/// Why an attempt failed: the code, and the bank's own where it says more.
pub fn code(code: Option<&str>, bank: Option<&str>) -> String {
    match (code, bank) {
        (Some(code), Some(bank)) if bank != code => format!("{code} ({bank})"),
        (Some(code), _) => code.to_owned(),
        (None, Some(bank)) => bank.to_owned(),
        (None, None) => "no code".to_owned(),
    }
}

/// Why an attempt failed, as far as anybody told.
pub fn cause(failure: &PaymentFailure) -> String {
    let codes = code(failure.code.id(), failure.decline.id());
    match failure.outcome.id() {
        _ if failure.invoice.is_some() => "reported by the invoice, no reason given".to_owned(),
        Some(reason) if !codes.contains(reason) => format!("{codes}, outcome {reason}"),
        _ => codes,
    }
}

/// Rows in the order in which they came into being.
pub fn by_time<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    moment: impl Fn(&T) -> Option<DateTime<Utc>>,
) -> Vec<T> {
    let mut rows: Vec<T> = rows.cloned().collect();
    rows.sort_by_key(|row| moment(row));
    rows
}

fn section<T>(rows: &[T], table: impl FnOnce(&[T]) -> String) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let shown = &rows[..rows.len().min(ROWS_LIMIT)];
    let more = match rows.len() - shown.len() {
        0 => String::new(),
        more => format!("and {more} more: --json has them\n"),
    };
    format!("\n{}{more}", table(shown))
}

fn moment(moment: Option<DateTime<Utc>>) -> String {
    moment.map(span::whole).unwrap_or_default()
}
