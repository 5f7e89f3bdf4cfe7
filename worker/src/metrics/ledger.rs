//! Gauges of the ledger: read at scrape time, at most once in five seconds. Every worker reports the same
//! ledger: use the maximum, never the sum.

use domain::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use envelope::event_types::mode;
use prometheus::{IntGauge, IntGaugeVec};
use shared::clock;
use shared::metrics::MetricsRegistry;
use tokio::sync::Mutex;

use super::findings::FindingGauges;
use super::money::MoneyGauges;
use super::notices::NoticeGauges;
use super::operations::OpenGauges;
use domain::outcome::Failed;
use domain::statuses;
use ledger::views::gauges::{DeadLetter, Gauges};
use ledger::{Ledger, LedgerError};
use stripe_api::EVENTS_LISTED;

/// However often somebody looks, the ledger is asked once in this time.
const FRESH: Duration = Duration::from_secs(5);
/// So long a scrape waits for the ledger; Prometheus itself waits for ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long before the end of its time evidence is counted as due.
const DUE: [(&str, TimeDelta); 3] =
    [("1d", TimeDelta::days(1)), ("3d", TimeDelta::days(3)), ("7d", TimeDelta::days(7))];
/// The currencies that Stripe settles or presents; any other is `other`.
const CURRENCIES: &[&str] = &[
    "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt", "bgn", "bhd",
    "bif", "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "clp", "cny", "cop",
    "crc", "cve", "czk", "djf", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel", "gip",
    "gmd", "gnf", "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd", "jod", "jpy",
    "kes", "kgs", "khr", "kmf", "krw", "kwd", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl",
    "mga", "mkd", "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok",
    "npr", "nzd", "omr", "pab", "pen", "pgk", "php", "pkr", "pln", "pyg", "qar", "ron", "rsd", "rub", "rwf",
    "sar", "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "tnd", "top",
    "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs", "vnd", "vuv", "wst", "xaf", "xcd", "xof",
    "xpf", "yer", "zar", "zmw",
];

#[derive(Debug)]
pub struct LedgerGauges {
    unfinished: IntGaugeVec,
    unfinished_since: IntGaugeVec,
    dead_letters: IntGaugeVec,
    at_risk: IntGaugeVec,
    named_only: IntGaugeVec,
    named_only_since: IntGaugeVec,
    uncertain: IntGaugeVec,
    evidence_due: IntGaugeVec,
    evidence_unsubmitted: IntGaugeVec,
    checkout_closed_since: IntGauge,
    goods_due_since: IntGauge,
    recent_disputes: IntGaugeVec,
    banned: IntGaugeVec,
    complete_until: IntGauge,
    stripe_history_left: IntGauge,
    read_at: IntGauge,
    key_age: IntGaugeVec,
    key_limit: IntGauge,
    money: MoneyGauges,
    operations: OpenGauges,
    notices: NoticeGauges,
    findings: FindingGauges,
    /// When the ledger was last asked; held while it is.
    asked: Arc<Mutex<Option<Instant>>>,
}

impl LedgerGauges {
    pub fn new(register: &MetricsRegistry) -> Self {
        Self {
            unfinished: register.gauges(
                "events_unfinished",
                "Events in the ledger that wait for their next attempt, or are dead. Counts up to 10,000.",
                &["outcome"],
            ),
            unfinished_since: register.gauges(
                "events_unfinished_since_timestamp_seconds",
                "Time at which the oldest of them was recorded, in seconds since 1970; 0 if there is none.",
                &["outcome"],
            ),
            dead_letters: register.gauges(
                "dead_letters",
                "Dead letters that are neither replayed nor discarded, by class. Counts up to 10,000.",
                &["class"],
            ),
            at_risk: register.gauges(
                "dead_letters_at_risk_minor_units",
                "Money named by dead letters, each object once, in the currency's minor unit.",
                &["currency", "mode"],
            ),
            named_only: register.gauges(
                "objects_named_only",
                "Objects that were named by others and never reported. Counts up to 10,000.",
                &["kind"],
            ),
            named_only_since: register.gauges(
                "objects_named_only_since_seconds",
                "Stripe's time of the first event that named the oldest of them; 0 if there is none.",
                &["kind"],
            ),
            uncertain: register.gauges(
                "objects_needing_refetch",
                "Objects whose state only Stripe can tell (`needs_refetch`). Counts up to 10,000.",
                &["kind"],
            ),
            evidence_due: register.gauges(
                "disputes_evidence_due",
                "Open disputes and inquiries that must be answered, by time left; those due within 1d count in all three.",
                &["mode", "within"],
            ),
            evidence_unsubmitted: register.gauges(
                "disputes_evidence_unsubmitted",
                "Those of them whose evidence is stored at Stripe and not submitted, by time left: it counts for nothing.",
                &["mode", "within"],
            ),
            checkout_closed_since: register.gauge(
                "checkout_closed_since_timestamp_seconds",
                "Time at which checkout was closed, in seconds since 1970; 0 while it is open.",
            ),
            goods_due_since: register.gauge(
                "goods_due_since_timestamp_seconds",
                "Time at which the clock had to make something of the oldest goods, such as end or remove them, in seconds since 1970; 0 if nothing is due.",
            ),
            recent_disputes: register.gauges(
                "disputes_recent",
                "Disputes opened within 90 days, by current status, without inquiries. Counts the newest 10,000.",
                &["mode", "status"],
            ),
            banned: register.gauges(
                "users_banned",
                "Users banned by their chargebacks, regardless of overrides. Counts up to 10,000.",
                &["mode"],
            ),
            complete_until: register.gauge(
                "ledger_complete_until_seconds",
                "Stripe time up to which the ledger is complete; 0 if it was never compared.",
            ),
            stripe_history_left: register.gauge(
                "stripe_history_left_seconds",
                "How long Stripe will still list all later events; 0 if it was never compared.",
            ),
            read_at: register.gauge(
                "ledger_read_timestamp_seconds",
                "Time at which these figures were last read from the ledger, in seconds since 1970; they stay while it is unavailable.",
            ),
            key_age: register.gauges(
                "key_age_seconds",
                "How long the oldest key that was used within a day has been in use.",
                &["key"],
            ),
            key_limit: register.gauge(
                "key_age_limit_seconds",
                "How long a key of Stripe's API may be in use (policy keys.stripe_days).",
            ),
            money: MoneyGauges::new(register),
            operations: OpenGauges::new(register),
            notices: NoticeGauges::new(register),
            findings: FindingGauges::new(register),
            asked: Arc::default(),
        }
    }

    /// Brings the gauges up to date, or gives up waiting for that: what is not read yet stays as it was, and is read to its
    /// end by itself. Nobody asks a second time meanwhile.
    pub async fn read(self: &Arc<Self>, ledger: &Ledger) {
        let reading = async {
            let mut asked = Arc::clone(&self.asked).lock_owned().await;
            if asked.is_some_and(|at| at.elapsed() < FRESH) {
                return;
            }
            let (gauges, ledger) = (Arc::clone(self), ledger.clone());
            let asking = tokio::spawn(async move {
                if let Err(error) = gauges.ask(&ledger, clock::now()).await {
                    tracing::debug!(%error, "reading figures for metrics failed");
                }
                *asked = Some(Instant::now());
            });
            asking.await.ok(); // a panic has told of itself
        };
        tokio::time::timeout(PATIENCE, reading).await.ok();
    }

    /// Forgets figures about the last minutes that are too old at this instant.
    pub fn forget_stale(&self, now: Instant) {
        self.money.forget_stale(now);
    }

    async fn ask(&self, ledger: &Ledger, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let asked = Instant::now();
        let gauges = ledger.gauges(now, now + DUE[DUE.len() - 1].1).await?;
        let (happened, past_due) = (ledger.happened(now).await?, ledger.disputes_past_due(now).await?);
        if let Some(complete_until) = ledger.complete_until().await? {
            self.complete_until.set(complete_until.timestamp());
            self.stripe_history_left.set((complete_until + EVENTS_LISTED - now).num_seconds());
        }
        let (keys, limit) = ledger.keys_in_use(now).await?;
        self.key_limit.set(limit.num_seconds());
        self.key_age.reset();
        // The oldest comes first.
        for key in keys.iter().rev() {
            self.key_age.with_label_values(&[key.name.as_str()]).set(key.age(now).num_seconds());
        }
        self.show(&gauges, now);
        let mut tx = ledger.read().await?;
        let (counts, targets) = (tx.delivery_counts().await?, tx.notice_targets().await?);
        let broken = targets.iter().filter(|target| target.is_probed()).count();
        self.notices.show(&counts, i64::try_from(broken).unwrap_or(i64::MAX));
        self.money.show(&happened, &past_due, now, asked);
        self.findings.show(&ledger.finding_figures(now).await?, label);
        self.read_at.set(now.timestamp());
        Ok(())
    }

    fn show(&self, gauges: &Gauges, now: DateTime<Utc>) {
        let unfinished = &gauges.unfinished;
        for (outcome, count, since) in [
            ("waiting", unfinished.waiting, unfinished.waiting_since),
            ("dead", unfinished.dead, unfinished.dead_since),
        ] {
            self.unfinished.with_label_values(&[outcome]).set(count);
            self.unfinished_since.with_label_values(&[outcome]).set(seconds(since));
        }
        self.checkout_closed_since.set(seconds(gauges.checkout_closed_since));
        self.goods_due_since.set(seconds(gauges.goods_due_since));
        self.show_dead(&gauges.dead);
        for named in &gauges.named_only {
            self.named_only.with_label_values(&[named.kind.as_str()]).set(named.count);
            self.named_only_since.with_label_values(&[named.kind.as_str()]).set(seconds(named.since));
        }
        for (kind, count) in &gauges.uncertain {
            self.uncertain.with_label_values(&[kind.as_str()]).set(*count);
        }
        for livemode in [true, false] {
            self.show_mode(livemode, gauges, now);
        }
        self.operations.show(&gauges.operations);
    }

    fn show_mode(&self, livemode: bool, gauges: &Gauges, now: DateTime<Utc>) {
        let mode = mode(livemode);
        for (within, span) in DUE {
            let due =
                || gauges.evidence_due.iter().filter(move |(of, at, _)| *of == livemode && *at <= now + span);
            let stored = due().filter(|(.., is_stored)| *is_stored);
            self.evidence_due.with_label_values(&[mode, within]).set(whole(due().count()));
            self.evidence_unsubmitted.with_label_values(&[mode, within]).set(whole(stored.count()));
        }
        for status in ["opened", "under_review", "won", "lost", "closed"] {
            let counts = gauges.recent_disputes.iter().filter(|(of, is, _)| *of == livemode && is == status);
            let count = counts.map(|(_, _, count)| count).sum();
            self.recent_disputes
                .with_label_values(&[mode, statuses::label(Kind::Dispute, status)])
                .set(count);
        }
        let banned = gauges.banned.iter().filter(|(of, _)| *of == livemode).map(|(_, users)| users).sum();
        self.banned.with_label_values(&[mode]).set(banned);
    }

    fn show_dead(&self, dead: &[DeadLetter]) {
        for class in Failed::CLASSES.into_iter().chain(["other"]) {
            let of_class = |letter: &&DeadLetter| {
                Failed::class_of(letter.fingerprint.as_deref().unwrap_or_default()) == class
            };
            self.dead_letters.with_label_values(&[class]).set(whole(dead.iter().filter(of_class).count()));
        }
        // A currency whose last dead letter is gone must not stay.
        self.at_risk.reset();
        for ((currency, livemode), amount) in at_risk(dead) {
            self.at_risk.with_label_values(&[currency, mode(livemode)]).set(amount);
        }
    }
}

/// The greatest amount that any dead letter of an object names: one and the same money.
fn at_risk(dead: &[DeadLetter]) -> BTreeMap<(&'static str, bool), i64> {
    let mut objects: BTreeMap<(&str, &str, bool), (i64, &'static str)> = BTreeMap::new();
    for letter in dead {
        let (Some(amount), Some(currency)) = (letter.amount, letter.currency.as_deref()) else { continue };
        let id = letter.object_id.as_deref().unwrap_or(&letter.id);
        let named = (amount, label(currency));
        let known = objects.entry((id, letter.account.as_str(), letter.livemode)).or_insert(named);
        *known = (*known).max(named);
    }
    let mut sums: BTreeMap<(&'static str, bool), i64> = BTreeMap::new();
    for ((_, _, livemode), (amount, currency)) in objects {
        let sum = sums.entry((currency, livemode)).or_default();
        *sum = sum.saturating_add(amount);
    }
    sums
}

fn label(currency: &str) -> &'static str {
    CURRENCIES.binary_search(&currency).map_or(statuses::OTHER, |place| CURRENCIES[place])
}

fn seconds(at: Option<DateTime<Utc>>) -> i64 {
    at.map_or(0, |at| at.timestamp())
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str, object: &str, amount: i64, currency: &str) -> DeadLetter {
        DeadLetter {
            id: id.to_owned(),
            account: String::new(),
            livemode: true,
            fingerprint: None,
            object_id: Some(object.to_owned()),
            amount: Some(amount),
            currency: Some(currency.to_owned()),
        }
    }

    #[test]
    fn the_money_of_an_object_is_at_risk_once_and_currencies_are_kept_apart() {
        let dead = [
            letter("evt_1", "pi_1", 500, "usd"),
            letter("evt_2", "pi_1", 700, "usd"),
            letter("evt_3", "pi_2", 30, "jpy"),
            letter("evt_4", "pi_3", 1, "doubloons"),
        ];
        let expected = [(("jpy", true), 30), (("other", true), 1), (("usd", true), 700)];
        assert_eq!(at_risk(&dead), BTreeMap::from(expected));
        assert!(CURRENCIES.is_sorted());
    }
}
