//! The notices that no event makes true but the time: evidence that is due, cards that expire, and what goes wrong.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use serde_json::json;

use super::from_objects::dispute_alone;
use super::{About, INCIDENT, Notice, NoticeKind};
use crate::charges::Charge;
use crate::disputes::{Dispute, Status};
use crate::row::words;
use crate::{Key, Object, Severity};

/// So many days before evidence is due, staff are reminded.
const REMINDERS_DAYS: [i64; 3] = [1, 3, 7];
/// So long before a card expires its customer is told.
pub const CARD_DAYS: i64 = 30;
const SECONDS_A_DAY: i64 = 86_400;

/// The reminder of a dispute whose time runs out: the nearest one only, for a dispute that is learned late.
pub fn of_dispute(dispute: &Dispute, now: DateTime<Utc>) -> Option<Notice> {
    if dispute.status != Status::Opened || dispute.evidence_submitted_at.at().is_some() {
        return None;
    }
    let due = dispute.state.respond_by?;
    let left = due - now;
    let (kind, days, since) = if left <= TimeDelta::zero() {
        (NoticeKind::EvidenceOverdue, 0, due)
    } else {
        let days = *REMINDERS_DAYS.iter().find(|days| left <= TimeDelta::days(**days))?;
        (NoticeKind::EvidenceDue, days, now)
    };
    let severity = if days <= 1 { Severity::Critical } else { Severity::Warning };
    let mut data = dispute_alone(dispute);
    data["days"] = json!(days);
    // A dispute that an inquiry becomes, or an appeal, is due anew.
    let number = due.timestamp() / SECONDS_A_DAY * 10 + days;
    let about = About { object_kind: Dispute::NAME, object: &dispute.key, number, occurred_at: since };
    Some(Notice::new(kind, severity, about, &data, now))
}

/// Whether a card can be charged for the last time within 30 days. It is good until its month ends.
pub fn expires_soon(year: i64, month: i64, now: DateTime<Utc>) -> bool {
    let ends = ends_at(year, month);
    ends.is_some_and(|ends| now < ends && ends - now <= TimeDelta::days(CARD_DAYS))
}

fn ends_at(year: i64, month: i64) -> Option<DateTime<Utc>> {
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, 1)?;
    Some(first.checked_add_months(Months::new(1))?.and_hms_opt(0, 0, 0)?.and_utc())
}

/// What that warning says of the card.
pub const OF_CARD: [&str; 4] = ["brand", "last4", "exp_month", "exp_year"];

/// The warning about the card that a customer's last charge was made with. The object is the customer, so that one
/// who has several subscriptions gets one letter.
pub fn of_card(charge: &Charge, now: DateTime<Utc>) -> Option<Notice> {
    let (year, month) = (charge.card.card_exp_year?, charge.card.card_exp_month?);
    let customer = charge.key.sibling(charge.customer.id()?);
    if !expires_soon(year, month, now) {
        return None;
    }
    let data = json!({"customer": customer.id, "charge": charge.key.id, "brand": charge.card.card_brand,
        "last4": charge.card.card_last4, "exp_month": month, "exp_year": year});
    let number = year * 100 + month;
    let about = About { object_kind: "customer", object: &customer, number, occurred_at: now };
    Some(Notice::new(NoticeKind::CardExpires, Severity::Info, about, &data, now))
}

words! {
    /// What goes wrong as a whole, and needs somebody now.
    pub enum Incident {
        FailureSpike = "failure_spike",
        WebhooksFailing = "webhooks_failing",
        DeadLetters = "dead_letters",
        Reconciliation = "reconciliation",
        NoticesFailing = "notices_failing",
        CheckoutClosed = "checkout_closed",
    }
}

/// So many attempts an hour make a rate.
const SPIKE_LEAST: i64 = 20;
/// Above this share of failed attempts, in percent, an hour is a spike.
const SPIKE_PERCENT: i64 = 25;

/// Whether an hour's payments fail more than a shop can live with.
pub fn is_spike(failed: i64, succeeded: i64) -> bool {
    let all = failed.saturating_add(succeeded);
    all >= SPIKE_LEAST && failed.saturating_mul(100) > all.saturating_mul(SPIKE_PERCENT)
}

impl Incident {
    /// What it is called, what has happened, and what to do.
    fn told(self, count: i64) -> (&'static str, String, &'static str) {
        match self {
            Self::FailureSpike => (
                "payments fail unusually often",
                format!("{count} % of the attempts of the last hour failed."),
                "run `tidegate failures list --since 1h` and look at the codes.",
            ),
            Self::WebhooksFailing => (
                "Stripe's webhooks do not arrive",
                format!("Stripe listed {count} events that had not arrived; they were queued."),
                "run `tidegate doctor` and look at the webhook endpoint in Stripe's dashboard.",
            ),
            Self::DeadLetters => (
                "events cannot be applied",
                format!("{count} events are dead letters."),
                "run `tidegate dead-letters groups`, mend the cause, and replay them.",
            ),
            Self::Reconciliation => (
                "Stripe's balance and the ledger differ",
                format!("{count} findings are open."),
                "run `tidegate findings list`.",
            ),
            Self::CheckoutClosed => (
                "the checkout is closed",
                "Somebody closed it: charges and checkouts are refused.".to_owned(),
                "run `tidegate checkout open` once charging may go on.",
            ),
            Self::NoticesFailing => (
                "notices were given up",
                format!("{count} deliveries were given up."),
                "run `tidegate notices list --state failed`, mend the target, and replay them.",
            ),
        }
    }
}

/// An incident is told once a day while it lasts.
pub fn of_incident(incident: Incident, count: i64, now: DateTime<Utc>) -> Notice {
    let object = Key { id: incident.as_str().to_owned(), account: String::new(), livemode: true };
    let number = i64::from(now.num_days_from_ce());
    let about = About { object_kind: INCIDENT, object: &object, number, occurred_at: now };
    let (title, what, advice) = incident.told(count);
    let data = json!({"title": title, "what": what, "advice": advice, "count": count});
    Notice::new(NoticeKind::IncidentOpened, Severity::Critical, about, &data, now)
}
