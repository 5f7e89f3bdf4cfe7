//! What a ledger must hold when a history has been told: columns that are asserted, row by row, and how they
//! compare with rows from wherever they were read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

pub type Row = serde_json::Map<String, Value>;
pub type Rows = BTreeMap<Subject, Row>;

/// One row of the ledger: its table by the kind of object, and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    pub kind: &'static str,
    pub id: String,
    pub account: String,
    pub livemode: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// The asserted columns. What is not named here may be as it likes.
    pub rows: Rows,
    /// Objects of which two reports contradict each other inside one second: they must be marked.
    pub refetch: BTreeSet<Subject>,
}

/// A column that is not what it must be, or a row that must not be (without a column).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub subject: Subject,
    pub column: String,
    pub told: Value,
    pub found: Value,
}

impl Truth {
    pub fn extend(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.refetch.extend(other.refetch);
    }

    /// Everything that is wrong with these rows.
    pub fn differences(&self, found: &Rows) -> Vec<Difference> {
        self.differences_among(|_| true, found)
    }

    /// Everything that is wrong with the objects of one kind, which are all that is in these rows.
    pub fn differences_of(&self, kind: &str, found: &Rows) -> Vec<Difference> {
        self.differences_among(|subject| subject.kind == kind, found)
    }

    fn differences_among(&self, is_asked: impl Fn(&Subject) -> bool, found: &Rows) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (subject, told) in self.rows.iter().filter(|(subject, _)| is_asked(subject)) {
            for (column, told) in told {
                let value = found.get(subject).and_then(|row| row.get(column)).unwrap_or(&Value::Null);
                // A row that says nothing need not be there.
                let absent_rightly = !found.contains_key(subject) && says_nothing(told);
                if value != told && !absent_rightly {
                    differences.push(Difference::of(subject, column, told, value));
                }
            }
        }
        for subject in self.refetch.iter().filter(|subject| is_asked(subject)) {
            if !is_marked(found, subject) {
                let marked = Value::Bool(true);
                differences.push(Difference::of(subject, "needs_refetch", &marked, &Value::Null));
            }
        }
        let foreign = found.iter().filter(|(subject, row)| {
            !self.rows.contains_key(subject) && !self.refetch.contains(subject) && asserts_itself(row)
        });
        differences
            .extend(foreign.map(|(subject, row)| {
                Difference::of(subject, "", &Value::Null, &Value::Object(row.clone()))
            }));
        differences
    }
}

impl Difference {
    fn of(subject: &Subject, column: &str, told: &Value, found: &Value) -> Self {
        Self { subject: subject.clone(), column: column.to_owned(), told: told.clone(), found: found.clone() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.column.is_empty() {
            return write!(f, "{} was never told, and is {}", self.subject, self.found);
        }
        write!(f, "{}: {} is {}, not {}", self.subject, self.column, self.found, self.told)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.livemode { "live" } else { "test" };
        write!(f, "{} {} ({:?}, {mode})", self.kind, self.id, self.account)
    }
}

/// The ledger itself says that only Stripe can tell what this object is like: two reports of one second
/// contradict each other, or a charge speaks of a refund that nobody else knows.
pub fn is_marked(rows: &Rows, subject: &Subject) -> bool {
    rows.get(subject).is_some_and(|row| row.get("needs_refetch") == Some(&Value::Bool(true)))
}

/// The value that a column has before anybody said anything.
pub fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => matches!(text.as_str(), "" | "unknown" | "clear" | "none"),
        _ => false,
    }
}

/// More than a placeholder, which stands wherever an object was only named.
fn asserts_itself(row: &Row) -> bool {
    match row.get("status") {
        Some(status) => !says_nothing(status),
        None => row.values().any(|value| !says_nothing(value)),
    }
}
