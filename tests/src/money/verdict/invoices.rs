//! Invoices: what came in, what of it went back, and what there is still to hope for.

use serde_json::Value;

use super::Judge;
use crate::money::facts::Stands;
use crate::money::known::{Asked, Failure, InvoiceKnown, Known};

const DAY_SECS: i64 = 86_400;
/// From each failure to the next try.
const RETRY_DAYS: [i64; 3] = [3, 7, 14];
/// After these the bank wants no further try.
const HARD: &[&str] = &["expired_card", "stolen_card"];

/// What is known of an invoice by itself and by its payments.
struct Sums {
    received: i64,
    refunded: i64,
    lost: i64,
    stands: Option<Stands>,
    /// In the order in which they happened.
    failures: Vec<Failure>,
    has_succeeded: bool,
    /// The moment of the latest success.
    succeeded_at: Option<i64>,
    statuses: Vec<&'static str>,
    /// Of a payment only its charges were heard of, which may be underway.
    is_vague: bool,
}

impl Judge<'_> {
    pub(super) fn invoice(&mut self, known: &Known, invoice: &InvoiceKnown) {
        let Some(sums) = Sums::of(known, &self.subject.id, invoice) else { return };
        let Sums { received, refunded, lost, stands, .. } = sums;
        // What an invoice is that nobody reported, nobody knows.
        let is_reported = invoice.report.is_some() || invoice.asks.is_some();
        let number = if is_reported { Self::number } else { Self::number_or_none };
        number(self, "amount_paid", (received - lost).max(0));
        number(self, "amount_refunded", refunded);
        number(self, "amount_charged_back", lost);
        self.number("payment_retry_count", i64::try_from(sums.failures.len()).expect("few"));
        let Some(basis) = basis(invoice, &sums) else {
            // Whatever it is called: who paid since is not asked again.
            if sums.is_paid_since() {
                self.plan(None);
            }
            return;
        };
        let word = match basis {
            "paid" if received > 0 && lost > 0 && lost + refunded >= received => "charged_back",
            "paid" if stands == Some(Stands::Open) => "disputed",
            "paid" if received > 0 && refunded >= received => "refunded",
            "paid" if lost > 0 => "partially_charged_back",
            "paid" if refunded > 0 => "partially_refunded",
            basis => basis,
        };
        self.text("status", &[word]);
        let planned = plan(invoice, &sums, word);
        if planned.is_none() || !sums.is_vague {
            self.plan(planned);
        }
        let code = sums.failures.last().and_then(|failure| failure.decline);
        if let Some(decline) = code {
            let codes: Vec<&str> = decline.decline_code.into_iter().chain([decline.code]).collect();
            self.text("payment_failure_code", &codes);
        }
    }

    fn plan(&mut self, known: Option<i64>) {
        let value = self.row.and_then(|row| row.get("next_payment_retry_at"));
        let derived = value
            .and_then(Value::as_str)
            .map(|text| chrono::DateTime::parse_from_rfc3339(text).expect("a moment").timestamp());
        if derived != known {
            self.differs("next_payment_retry_at", format!("{known:?}"), format!("{derived:?}"));
        }
    }
}

impl Sums {
    /// A payment succeeded after the last failure.
    fn is_paid_since(&self) -> bool {
        self.failures.last().is_some_and(|last| self.succeeded_at.is_some_and(|at| at > last.at))
    }

    /// `None` where it cannot be known.
    fn of(known: &Known, id: &str, invoice: &InvoiceKnown) -> Option<Self> {
        let mut sums = Self {
            received: 0,
            refunded: 0,
            lost: 0,
            stands: None,
            failures: invoice.failures.clone(),
            has_succeeded: false,
            succeeded_at: None,
            statuses: Vec::new(),
            is_vague: false,
        };
        for (payment, paid) in &invoice.links {
            let of_payment = &known.payments[payment];
            let others: i64 = known
                .invoices
                .iter()
                .filter(|(other, _)| *other != id)
                .filter_map(|(_, other)| other.links.get(payment))
                .map(|paid| paid.unwrap_or(0))
                .sum();
            let received = paid.or(of_payment.received()).unwrap_or(0);
            let (refunded, lost) = (of_payment.refunded()?, of_payment.charged_back());
            // Each invoice bears its share. Which of them a last minor unit falls to is not for us to say.
            let share = |amount: i64| match others {
                0 => Some(amount),
                _ if amount * received % (received + others) != 0 => None,
                _ => Some(amount * received / (received + others)),
            };
            sums.received += received;
            sums.refunded += share(refunded)?;
            sums.lost += share(lost)?;
            sums.stands = sums.stands.max(of_payment.stands());
            sums.failures.extend(of_payment.failures.values().cloned());
            sums.has_succeeded |= of_payment.received().unwrap_or(0) > 0;
            sums.succeeded_at = sums.succeeded_at.max(of_payment.succeeded_at);
            sums.statuses.extend(of_payment.status);
            sums.is_vague |= of_payment.status.is_none();
        }
        if let Some(report) = &invoice.report {
            sums.received = report.paid;
        }
        // A report of the invoice and the attempt of its payment are one failure; the attempt has the code.
        sums.failures.sort_by_key(|failure| (failure.at, failure.decline.is_none()));
        sums.failures.dedup_by_key(|failure| failure.at);
        Some(sums)
    }
}

/// What the status stands on; `None` where no document says.
fn basis(invoice: &InvoiceKnown, sums: &Sums) -> Option<&'static str> {
    let has_failed = !sums.failures.is_empty();
    let is_exhausted = sums.failures.len() > RETRY_DAYS.len();
    if let Some(Asked(asks)) = invoice.asks {
        let is_paid = sums.has_succeeded && asks.is_none_or(|asks| sums.received >= asks);
        return match (is_paid, has_failed && !sums.has_succeeded) {
            (true, _) => Some("paid"),
            (false, true) => Some(if is_exhausted { "overdue" } else { "failed" }),
            (false, false) => None,
        };
    }
    let Some(report) = &invoice.report else { return Some("unknown") };
    let has_plan = report.next_attempt.is_some() || report.is_sent;
    match report.status {
        "open" if report.is_overdue || (is_exhausted && !has_plan) => Some("overdue"),
        // A part came in after a failure.
        "open" if has_failed && report.paid > 0 => None,
        "open" if has_failed => Some("failed"),
        "open" => Some("sent"),
        status => Some(status),
    }
}

/// When the next try is due, where one is planned.
fn plan(invoice: &InvoiceKnown, sums: &Sums, status: &str) -> Option<i64> {
    let last = sums.failures.last()?;
    let days = RETRY_DAYS.get(sums.failures.len() - 1)?;
    let is_stripes =
        invoice.report.as_ref().is_some_and(|report| report.next_attempt.is_some() || report.is_sent);
    let is_under_way =
        sums.statuses.iter().any(|status| matches!(*status, "processing" | "requires_capture"));
    let unpaid = || sums.statuses.iter().filter(|status| **status != "succeeded");
    let is_given_up = unpaid().count() > 0 && unpaid().all(|status| *status == "canceled");
    let is_hard = last.decline.is_some_and(|decline| {
        HARD.contains(&decline.code) || decline.decline_code.is_some_and(|code| HARD.contains(&code))
    });
    let is_planned = status == "failed"
        && !(is_stripes
            || is_under_way
            || sums.is_paid_since()
            || is_given_up
            || is_hard
            || invoice.is_unsubscribed);
    is_planned.then_some(last.at + days * DAY_SECS)
}
