//! Disputes, and inquiries, which may become disputes. A status can return: lost disputes are won late, and
//! appeals end either way.

mod read;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub(super) use self::read::STATUSES;
pub use self::read::{Links, Report, State, named, read};
use super::dispute_movements::Movement;
use super::freshness::Seen;
use super::index::Link;
use super::kinds::Kind;
use super::moments::Moment;
use super::policy::Policy;
use super::row::{link_to, row, words};
use super::{AtStripe, AuditChange, Key, Object, Severity, UNKNOWN};

/// Settled before it became a dispute, by a refund to the card or by the bank's own rules.
const PREVENTED: &str = "prevented";

row! {
    pub struct Dispute {
        #[serde(flatten)]
        pub key: Key,
        /// For staff: what Stripe's status comes to.
        pub status: Status,
        /// A question of the bank's, before anything is disputed: no chargeback.
        pub inquiry: bool,
        #[serde(flatten)]
        pub state: State,
        /// The smallest stamp of a report with the status that ended it; the first time of each such status.
        pub closed_at: Option<DateTime<Utc>>,
        pub won_at: Moment,
        pub lost_at: Moment,
        pub prevented_at: Moment,
        pub inquiry_closed_at: Moment,
        pub evidence_submitted_at: Moment,
        /// The smallest stamp of a report that shows it as a dispute: an inquiry becomes one long after it was opened.
        pub disputed_at: Moment,
        #[serde(flatten)]
        pub seen: Seen,
        #[serde(flatten)]
        pub charge: ChargeLink,
        /// From here on derived from its balance movements, in their own currency: the one that Stripe settles in.
        pub movement_currency: Option<String>,
        pub amount_withdrawn: i64,
        pub amount_reinstated: i64,
        pub fees: i64,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

link_to!(ChargeLink, charge, charge_freshness);

words! {
    pub enum Status {
        Unknown = "unknown",
        Opened = "opened",
        UnderReview = "under_review",
        Won = "won",
        Lost = "lost",
        Closed = "closed",
    }
}

impl Object for Dispute {
    const KIND: Kind = Kind::Dispute;
    const NAME: &'static str = "dispute";
    const TABLE: &'static str = "disputes";
    const STRIPE_STATUSES: &'static [&'static str] = STATUSES;
    const AUDITED_STATUSES: &'static [&'static str] = Status::WORDS;
    const AT_STRIPE: Option<AtStripe> = Some(AtStripe::of("disputes", "charge.dispute.updated"));

    fn placeholder(key: Key) -> Self {
        let state = State { stripe_status: UNKNOWN.to_owned(), ..State::default() };
        Self { key, state, ..Self::default() }
    }

    fn key(&self) -> &Key {
        &self.key
    }

    fn seen(&self) -> Option<&Seen> {
        Some(&self.seen)
    }

    fn stripe_status(&self) -> Option<&str> {
        Some(&self.state.stripe_status)
    }

    fn links(&self, link: &mut dyn FnMut(Link, Option<Key>)) {
        link(Link::DisputeOfCharge, self.owner());
    }

    fn owners(&self) -> Vec<(Kind, Key)> {
        self.owner().map(|key| (Kind::Charge, key)).into_iter().collect()
    }

    fn audit_changes(before: &Self, after: &Self) -> Vec<AuditChange> {
        let severity = match after.status {
            Status::Opened if after.inquiry => Severity::Warning,
            Status::Opened | Status::Won | Status::Lost => Severity::Critical,
            _ => Severity::Info,
        };
        AuditChange::status(before.status.as_str(), after.status.as_str(), severity)
    }

    fn revision(&mut self) -> Option<&mut i64> {
        Some(&mut self.revision)
    }

    fn audit_hash(&mut self) -> Option<&mut Vec<u8>> {
        Some(&mut self.audit_hash)
    }
}

impl Dispute {
    /// The one merge: commutative, associative, idempotent.
    pub fn merge(&mut self, report: &Report) {
        if report.state.as_ref().is_some_and(|state| state.evidence_submissions > 0) {
            self.evidence_submitted_at.see(report.moment);
        }
        if report.state.as_ref().is_some_and(|state| is_of_money(&state.stripe_status)) {
            self.disputed_at.see(report.moment);
        }
        if let Some(ended_at) = report.state.as_ref().and_then(|state| self.ended_at(&state.stripe_status)) {
            ended_at.see(report.links.ended);
        }
        if self.seen.take(&mut self.state, report) {
            self.status = Status::of(&self.state.stripe_status);
            self.inquiry = self.state.stripe_status.starts_with("warning_");
        }
        let stripe_status = self.state.stripe_status.clone();
        self.closed_at = self.ended_at(&stripe_status).and_then(|ended_at| ended_at.at());
        self.charge.see(report.links.charge.as_deref(), report.freshness);
    }

    /// When it first had this status, where it is one that ends a dispute.
    fn ended_at(&mut self, stripe_status: &str) -> Option<&mut Moment> {
        match stripe_status {
            "won" => Some(&mut self.won_at),
            "lost" => Some(&mut self.lost_at),
            PREVENTED => Some(&mut self.prevented_at),
            "warning_closed" => Some(&mut self.inquiry_closed_at),
            _ => None,
        }
    }

    /// Derives from its balance movements: a pure function of the merged objects.
    pub fn derive<'a>(&mut self, movements: impl Iterator<Item = &'a Movement> + Clone) {
        let currencies = movements.clone().map(|movement| movement.state.currency.as_str());
        // Stripe settles a dispute in one currency; of several the last in text order.
        self.movement_currency = currencies.max().map(str::to_owned);
        let is_untold = self.state.stripe_status == PREVENTED && self.movement_currency.is_none();
        self.seen.needs_refetch = self.seen.freshness.is_contested() || is_untold;
        (self.amount_withdrawn, self.amount_reinstated, self.fees) = (0, 0, 0);
        for Movement { state, .. } in movements {
            let (withdrawn, reinstated) = (state.amount.min(0).saturating_neg(), state.amount.max(0));
            self.amount_withdrawn = self.amount_withdrawn.saturating_add(withdrawn);
            self.amount_reinstated = self.amount_reinstated.saturating_add(reinstated);
            self.fees = self.fees.saturating_add(state.fee);
        }
    }

    /// The charge that it hangs on.
    pub fn owner(&self) -> Option<Key> {
        self.charge.id().map(|id| self.key.sibling(id))
    }

    /// What it took for good, in its own currency. Where a part of the charge had been refunded, Stripe gives that part back
    /// and calls the dispute lost all the same; and whether a prevented one took anything, the money that moved tells.
    pub fn lost(&self) -> Option<i64> {
        let is_own = self.movement_currency.as_ref() == Some(&self.state.currency);
        let withdrawn = if self.amount_withdrawn > 0 { self.amount_withdrawn } else { self.state.amount };
        match self.state.stripe_status.as_str() {
            // What took nothing was not lost: then the movements that are known are not all.
            "lost" if is_own && withdrawn > self.amount_reinstated => {
                Some(withdrawn - self.amount_reinstated)
            }
            "lost" => Some(self.part_kept().unwrap_or(self.state.amount)),
            PREVENTED if self.amount_withdrawn <= self.amount_reinstated => None,
            PREVENTED if is_own => Some(self.amount_withdrawn - self.amount_reinstated),
            PREVENTED => Some(self.part_kept().unwrap_or(self.state.amount)),
            _ => None,
        }
    }

    /// Of its amount, the part that movements in another currency did not give back; `None` where none gave anything back, and
    /// where they are its own. Two days' rates make it a little more or less than the truth.
    pub fn part_kept(&self) -> Option<i64> {
        let (withdrawn, reinstated) = (i128::from(self.amount_withdrawn), i128::from(self.amount_reinstated));
        let is_own = self.movement_currency.as_ref() == Some(&self.state.currency);
        if is_own || reinstated == 0 || reinstated >= withdrawn {
            return None;
        }
        let kept = i128::from(self.state.amount) * (withdrawn - reinstated);
        i64::try_from((kept + withdrawn / 2) / withdrawn).ok()
    }

    /// Currencies that are not known yet contradict nothing.
    pub fn is_in_another(&self, currency: &str) -> bool {
        let own = self.state.currency.as_str();
        !own.is_empty() && !currency.is_empty() && own != currency
    }

    /// Whether Stripe waits for an answer whose time has passed.
    pub fn is_past_due(&self, now: DateTime<Utc>) -> bool {
        self.status == Status::Opened && self.state.respond_by.is_some_and(|respond_by| respond_by <= now)
    }

    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Opened | Status::UnderReview)
    }

    /// Whether it counts against its user: no inquiry, known, neither won nor prevented, and no direct debit that
    /// the bank returned.
    pub fn is_chargeback(&self, policy: &Policy) -> bool {
        let counts = match self.status {
            Status::Opened | Status::UnderReview | Status::Lost => true,
            Status::Won => !policy.lift_on_won,
            Status::Unknown | Status::Closed => false,
        };
        counts && !self.inquiry && !policy.is_returned_debit(self.state.reason.as_deref())
    }
}

/// Whether money is disputed: no inquiry, nothing prevented, and known.
fn is_of_money(stripe_status: &str) -> bool {
    let is_known = !matches!(Status::of(stripe_status), Status::Unknown | Status::Closed);
    is_known && !stripe_status.starts_with("warning_")
}

impl Status {
    fn of(stripe_status: &str) -> Self {
        match stripe_status {
            "warning_needs_response" | "needs_response" => Self::Opened,
            "warning_under_review" | "under_review" | "appeal_needs_response" | "appeal_under_review" => {
                Self::UnderReview
            }
            "won" => Self::Won,
            "lost" => Self::Lost,
            // Up to 2014-10-07 a dispute ended so, whatever its merits, once its charge was refunded.
            "warning_closed" | "charge_refunded" | PREVENTED => Self::Closed,
            _ => Self::Unknown,
        }
    }
}
