//! The tables of a page: related objects, one table per kind, omitted if empty.

use chrono::{DateTime, Utc};
use desk::views::charge::card;
use desk::views::dispute_item::DisputeItem;
use desk::views::failure_text::cause;
use desk::views::invoice::InvoiceShare;
use desk::views::operation::does;
use desk::views::refund::created_at;
use domain::charges::Charge;
use domain::dispute_movements::Movement;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use ledger::tables::notes::{Assignment, Note};

use crate::table::Table;
use crate::{disputes, invoices, money, payments, when};

/// So many rows of a table are shown to people; `--json` has all.
const ROWS_LIMIT: usize = 50;

/// What the heading of a page says of all that is on it.
const SAID: [&str; 2] = ["MODE", "ACCOUNT"];

/// The page may say more that every row would repeat: the titles of those columns are `said`.
pub fn payments(payments: &[Payment], said: &[&str]) -> String {
    section(payments, |payments| payments::table(payments).without(&SAID).without(said).render())
}

pub fn disputes(disputes: &[DisputeItem], said: &[&str], now: DateTime<Utc>) -> String {
    section(disputes, |disputes| disputes::table(disputes, now).without(&SAID).without(said).render())
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

/// What is planned says when.
fn standing(operation: &Operation) -> String {
    match operation.planned_for() {
        Some(at) => format!("{}, for {}", operation.state, when::whole(at)),
        None => operation.state.as_str().to_owned(),
    }
}

pub fn operations(operations: &[Operation]) -> String {
    section(operations, |operations| {
        let mut table = Table::default()
            .text("ASKED FOR")
            .text("OPERATION")
            .text("STATE")
            .text("WHAT")
            .text("BY")
            .text("APPROVED BY")
            .text("MADE");
        for operation in operations {
            table.row([
                when::whole(operation.requested_at),
                operation.id().to_owned(),
                standing(operation),
                does(operation),
                operation.requested_by.clone(),
                operation.approved_by.clone().unwrap_or_default(),
                operation.stripe_id.clone().unwrap_or_default(),
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
                moment(created_at(refund)),
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
                moment(failure.failed_at.at()),
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
                if warning.state.actionable { "yes: a refund may prevent a dispute" } else { "no" }
                    .to_owned(),
            ]);
        }
        table.render()
    })
}

/// What each payment did for an invoice, in the currency of the invoice.
pub fn shares(shares: &[InvoiceShare], currency: &str) -> String {
    section(shares, |shares| {
        let mut table = Table::default()
            .text("PAYMENT")
            .number("INVOICES")
            .number("PAID OF THIS")
            .number("ITS SHARE REFUNDED")
            .number("ITS SHARE LOST");
        for share in shares {
            let amount = |minor_units| money::shown(minor_units, currency);
            table.row([
                share.payment.clone(),
                share.of_invoices.to_string(),
                amount(share.amount_paid),
                amount(share.amount_refunded),
                amount(share.amount_charged_back),
            ]);
        }
        table.render()
    })
}

pub fn subscriptions(subscriptions: &[Subscription]) -> String {
    section(subscriptions, |subscriptions| {
        let mut table = Table::default()
            .text("CREATED")
            .text("SUBSCRIPTION")
            .text("STATUS")
            .text("PERIOD ENDS")
            .text("LATEST INVOICE");
        for subscription in subscriptions {
            table.row([
                moment(subscription.state.created_at),
                subscription.key.id.clone(),
                subscription.state.status.clone(),
                moment(subscription.state.current_period_end_at),
                subscription.latest_invoice.latest_invoice.clone().unwrap_or_default(),
            ]);
        }
        table.render()
    })
}

/// Who takes care of it, and what staff noted.
pub fn taken_care_of(assignment: Option<&Assignment>, notes: &[Note]) -> String {
    let assignee = assignment.and_then(|assignment| assignment.assignee.as_deref());
    let text = assignee.map(|name| format!("\n{name} takes care of it.\n")).unwrap_or_default();
    text + &self::notes(notes)
}

fn notes(notes: &[Note]) -> String {
    section(notes, |notes| {
        let mut table = Table::default().text("NOTED").number("NOTE").text("BY").text("").prose("TEXT", 200);
        for note in notes {
            let effect = match (note.resolves, note.reopens) {
                (true, _) => "resolves",
                (_, true) => "reopens",
                _ => "",
            };
            table.row([
                when::whole(note.written_at),
                note.number.to_string(),
                note.written_by.clone(),
                effect.to_owned(),
                note.note.clone(),
            ]);
        }
        table.render()
    })
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
    moment.map(when::whole).unwrap_or_default()
}
