//! Compares what rows say with what can be known. Where all is known they are equal; where only a part is, what
//! the rows say is never wrong, at most unknown.

mod invoices;

use std::fmt;

use serde_json::Value;

use super::facts::{Family, Stands};
use super::known::{Known, PaymentKnown};
use crate::histories::{Row, Rows, Subject};

/// One column of one object that is not what can be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub subject: Subject,
    pub column: &'static str,
    pub known: String,
    pub derived: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, column, known, derived } = self;
        write!(f, "{} {}: {column} is {derived}, not {known}", subject.kind, subject.id)
    }
}

pub fn judge(known: &Known, rows: &Rows) -> Vec<Difference> {
    let mut found = Vec::new();
    for (id, payment) in &known.payments {
        let mut judge = Judge::of(rows, "payment", id);
        judge.payment(known, payment);
        found.extend(judge.found.into_iter().filter(|_| !(payment.is_tied && is_marked(rows, id))));
    }
    for (id, invoice) in &known.invoices {
        let mut judge = Judge::of(rows, "invoice", id);
        judge.invoice(known, invoice);
        let payments = invoice.links.keys();
        let is_open =
            payments.clone().any(|payment| known.payments[payment].is_tied && is_marked(rows, payment));
        let is_tied = invoice.is_tied && judge.says("needs_refetch", &Value::Bool(true));
        found.extend(judge.found.into_iter().filter(|_| !is_open && !is_tied));
    }
    found
}

/// The payment, or something that hangs on it, says of itself that only Stripe can tell.
fn is_marked(rows: &Rows, payment: &str) -> bool {
    let names = |row: &Row, column: &str, id: &str| row.get(column).and_then(Value::as_str) == Some(id);
    let charges = rows.iter().filter(|(subject, row)| {
        subject.kind == "charge" && (names(row, "payment", payment) || subject.id == payment)
    });
    let charges: Vec<&str> = charges.map(|(subject, _)| subject.id.as_str()).collect();
    rows.iter().any(|(subject, row)| {
        let is_of_payment = subject.id == payment
            || charges.contains(&subject.id.as_str())
            || charges.iter().any(|charge| names(row, "charge", charge));
        is_of_payment && row.get("needs_refetch") == Some(&Value::Bool(true))
    })
}

struct Judge<'a> {
    subject: Subject,
    row: Option<&'a Row>,
    rows: &'a Rows,
    found: Vec<Difference>,
}

impl<'a> Judge<'a> {
    fn of(rows: &'a Rows, kind: &'static str, id: &str) -> Self {
        let subject = Subject { kind, id: id.to_owned(), account: String::new(), livemode: true };
        let row = rows.get(&subject);
        Self { subject, row, rows, found: Vec::new() }
    }

    fn payment(&mut self, known: &Known, payment: &PaymentKnown) {
        if payment.is_only_named() && self.row.is_none() {
            // A charge without an intent that only refunds or disputes name: nobody said that it is a payment.
            return;
        }
        let (received, refunded) = (payment.received(), payment.refunded());
        self.number("amount_received", received.unwrap_or(0));
        match (payment.status, received) {
            (Some(status), _) => self.text("status", &[status]),
            // A charge that holds money is that of a payment that succeeded.
            (None, Some(1..)) => self.text("status", &["succeeded"]),
            (None, None) => self.text("status", &["unknown"]),
            (None, Some(_)) => {}
        }
        match (refunded, received) {
            (None, Some(_)) => {}
            (None, None) => self.text("refunded", &["none", "partial", "unknown"]),
            (Some(0), _) => self.text("refunded", &["none", "unknown"]),
            (Some(refunded), Some(received)) if refunded >= received => self.text("refunded", &["full"]),
            (Some(_), Some(_)) => self.text("refunded", &["partial"]),
            // Of an unknown sum nothing is all.
            (Some(_), None) => self.text("refunded", &["partial", "unknown"]),
        }
        if let Some(refunded) = refunded {
            self.number("amount_refunded", refunded);
        }
        if payment.has_unnamed_refund() && !is_marked(self.rows, &self.subject.id) {
            self.differs("needs_refetch", "true".to_owned(), "false".to_owned());
        }
        if known.hears.contains(&Family::Disputes) {
            self.text("disputed", &[word(payment.stands())]);
        }
        if let Some(user) = payment.user() {
            self.text("user_id", &[user]);
        }
        // That a dispute is in another currency shows only beside what is disputed.
        if received.is_some() || !payment.has_foreign_dispute {
            self.number("amount_charged_back", payment.charged_back());
        }
        if let (Some(received), Some(refunded)) = (received, refunded) {
            let is_double = payment.charged_back() > 0 && refunded + payment.charged_back() > received;
            let is_odd = is_double || payment.has_foreign_dispute;
            // It shows on the charge, where that is known; what is right is odd nowhere.
            if !is_odd || payment.has_charge() {
                self.anomaly(is_odd);
            }
        }
    }

    fn number(&mut self, column: &'static str, known: i64) {
        let derived = self.row.and_then(|row| row.get(column)).and_then(Value::as_i64).unwrap_or(0);
        if derived != known {
            self.differs(column, known.to_string(), derived.to_string());
        }
    }

    /// Nothing is said as long as nothing is known: at most what is true.
    fn number_or_none(&mut self, column: &'static str, known: i64) {
        let derived = self.row.and_then(|row| row.get(column)).and_then(Value::as_i64).unwrap_or(0);
        if derived != 0 {
            self.number(column, known);
        }
    }

    fn text(&mut self, column: &'static str, known: &[&str]) {
        let nothing = if column == "status" { "unknown" } else { "none" };
        let derived = self.row.and_then(|row| row.get(column)).and_then(Value::as_str).unwrap_or(nothing);
        if !known.contains(&derived) {
            self.differs(column, known.join(" or "), derived.to_owned());
        }
    }

    /// Something contradicts itself, on the payment or on a charge of it.
    fn anomaly(&mut self, known: bool) {
        let id = &self.subject.id;
        let is_its = |subject: &Subject, row: &Row| {
            let names = row.get("payment").and_then(Value::as_str) == Some(id);
            (subject.kind == "charge" && names) || subject.id == *id
        };
        let its = self.rows.iter().filter(|(subject, row)| is_its(subject, row));
        let said: Vec<&str> = its.filter_map(|(_, row)| row.get("anomaly").and_then(Value::as_str)).collect();
        if said.is_empty() == known {
            self.differs("anomaly", known.to_string(), said.join(", "));
        }
    }

    fn says(&self, column: &str, value: &Value) -> bool {
        self.row.is_some_and(|row| row.get(column) == Some(value))
    }

    fn differs(&mut self, column: &'static str, known: String, derived: String) {
        self.found.push(Difference { subject: self.subject.clone(), column, known, derived });
    }
}

fn word(stands: Option<Stands>) -> &'static str {
    match stands {
        None => "none",
        Some(Stands::Closed) => "closed",
        Some(Stands::Won) => "won",
        Some(Stands::Lost) => "lost",
        Some(Stands::Open) => "open",
    }
}
