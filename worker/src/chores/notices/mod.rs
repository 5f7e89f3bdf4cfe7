//! Sends notices: one worker at a time, under a lease. A delivery is marked after the receiver has taken it, so a worker
//! that dies in between sends it again, under the same id. A target that fails does not hold up the others.

mod clock;
pub mod config;
mod customer;
mod mail;
mod receiver;
mod smtp;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use desk::acts::notices::KIND;
use desk::audit_line::{Subject, append};
use desk::staff_key::StaffKey;
use domain::notices::delivery::{Delivery, DeliveryState, Sent};
use domain::notices::texts::{Facts, Templates};
use domain::notices::{CUSTOMER, Channel, Notice, Target, TargetState};
use domain::{AuditChange, Severity};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ledger::LedgerError;
use shared::clock as time;
use shared::queue::rabbitmq::notices::{NotPublished, NoticePublisher};
use stripe_api::Api;
use tokio::time::Instant;

use self::config::NoticeConfig;
use tokio_util::sync::CancellationToken;

use self::customer::{Customers, Recipient};
use self::smtp::{Mailer, NotTaken};
use super::lease::Lease;
use crate::consume::Lanes;

/// How often the holder of the lease looks for notices.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often another worker looks whether the lease is free.
const TAKEOVER: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_secs(5);
/// While a receiver is slow, the lease is renewed so often.
const RENEWAL: Duration = Duration::from_secs(1);
/// The audit's name for whoever answers that it wants no more.
const RECEIVER: &str = "receiver";
const AT_ONCE: i64 = 32;
/// So many requests to one target at a time; one where it wants them in order.
const PARALLEL: usize = 8;
/// A target that is slower than this goes on in the next pass: the others are not held up for longer, but for one answer.
const TURN: Duration = Duration::from_secs(2);
const CLOCK_INTERVAL: Duration = Duration::from_secs(20);
const CARDS_INTERVAL: Duration = Duration::from_hours(1);

struct Courier {
    lanes: Lanes,
    lease: Lease,
    /// Whether the lease was ours when it was renewed last; nothing more is sent without it.
    is_ours: AtomicBool,
    config: NoticeConfig,
    key: Option<Arc<StaffKey>>,
    templates: Templates,
    facts: Facts,
    mailer: Option<Mailer>,
    publisher: Option<NoticePublisher>,
    api: Option<Api>,
}

/// Runs until the worker stops. `api` reads what is told to customers.
pub async fn run(lanes: Lanes, config: NoticeConfig, key: Option<Arc<StaffKey>>, api: Option<Api>) {
    let templates = Templates::with(|name| config.templates.get(name).cloned());
    let facts = Facts { merchant: config.merchant.clone(), ..Facts::default() };
    let courier = Courier {
        lease: Lease::lasting("notices", LEASE),
        is_ours: AtomicBool::new(false),
        mailer: config.smtp.clone().map(Mailer::new),
        publisher: lanes.queue.notice_publisher(),
        key,
        templates,
        facts,
        config,
        api,
        lanes,
    };
    courier.work().await;
}

impl Courier {
    async fn work(&self) {
        while self.lease.wait(&self.lanes, TAKEOVER).await {
            match self.send_until_interrupted().await {
                Ok(()) => {}
                Err(error) if self.lanes.fatal.report(&error) => return,
                Err(error) => {
                    tracing::warn!(%error, "sending notices was interrupted; it goes on later");
                    self.pause(TAKEOVER).await;
                }
            }
            self.lease.end(&self.lanes.ledger, time::now()).await;
        }
    }

    /// Until the worker stops or another has the lease.
    async fn send_until_interrupted(&self) -> Result<(), LedgerError> {
        let (mut looked_at, mut cards_at): (Option<Instant>, Option<Instant>) = (None, None);
        while !self.lanes.shutdown.is_cancelled() && self.lease.prolong(&self.lanes.ledger).await? {
            if looked_at.is_none_or(|at| at.elapsed() >= CLOCK_INTERVAL) {
                looked_at = Some(Instant::now());
                clock::note_due(&self.lanes.ledger, time::now()).await?;
            }
            if cards_at.is_none_or(|at| at.elapsed() >= CARDS_INTERVAL) {
                cards_at = Some(Instant::now());
                clock::note_cards(&self.lanes.ledger, time::now()).await?;
                clock::forget(&self.lanes.ledger, time::now()).await?;
                if !self.lease.prolong(&self.lanes.ledger).await? {
                    break;
                }
            }
            self.is_ours.store(true, Ordering::Relaxed);
            if self.pass().await? == 0 {
                if let Some(mailer) = &self.mailer {
                    mailer.rest().await;
                }
                self.pause(INTERVAL).await;
            }
        }
        Ok(())
    }

    /// One turn of every target; how many deliveries were tried.
    async fn pass(&self) -> Result<usize, LedgerError> {
        let now = time::now();
        let mut targets = self.lanes.ledger.read().await?.notice_targets().await?;
        targets.retain(|target| target.state == TargetState::Enabled && !target.is_broken(now));
        let mut turns: FuturesUnordered<_> = targets.into_iter().map(|target| self.turn(target)).collect();
        let done = CancellationToken::new();
        // Turns are never dropped half-way: each may be in the middle of a statement.
        let sending = async {
            let mut tried = Ok(0);
            while let Some(turn) = turns.next().await {
                tried = tried.and_then(|sum: usize| turn.map(|more| sum + more));
            }
            done.cancel();
            tried
        };
        // Beside them, never instead of them: a turn may hold the lock that this waits for.
        let renewing = async {
            loop {
                tokio::select! {
                    () = done.cancelled() => return Ok(()),
                    () = tokio::time::sleep(RENEWAL) => {}
                }
                let held = self.lease.prolong(&self.lanes.ledger).await;
                self.is_ours.store(matches!(held, Ok(true)), Ordering::Relaxed);
                held?;
            }
        };
        let (tried, renewed): (_, Result<(), LedgerError>) = tokio::join!(sending, renewing);
        renewed?;
        tried
    }

    /// What is due for one target.
    async fn turn(&self, mut target: Target) -> Result<usize, LedgerError> {
        let now = time::now();
        let limit = if target.is_probed() { 1 } else { AT_ONCE };
        let mut tx = self.lanes.ledger.read().await?;
        let mut due = tx.due_deliveries(&target, now, limit).await?;
        if target.is_ordered {
            let later = due.iter().position(|delivery| delivery.next_at > now);
            due.truncate(later.unwrap_or(due.len()));
        }
        let notices = tx.notices_of(&due).await?;
        drop(tx);
        if due.is_empty() {
            return Ok(0);
        }
        let notices: BTreeMap<&str, &Notice> = notices.iter().map(|notice| (notice.id(), notice)).collect();
        let parallel = if target.is_ordered { 1 } else { PARALLEL };
        let (mut due, mut concluded) = (due.into_iter(), Vec::new());
        let mut fault = None;
        {
            let mut sends = FuturesUnordered::new();
            let (begun, mut goes_on) = (Instant::now(), true);
            loop {
                let goes_on_now = || self.is_ours.load(Ordering::Relaxed) && begun.elapsed() < TURN;
                while goes_on && goes_on_now() && sends.len() < parallel {
                    let Some(delivery) = due.next() else { break };
                    let notice = notices.get(delivery.notice.as_str()).copied();
                    sends.push(self.attempt(&target, notice, delivery));
                }
                let Some(sent) = sends.next().await else { break };
                match sent {
                    Ok(Some((delivery, sent))) => {
                        let is_through = !matches!(sent, Sent::Later(..) | Sent::Gone(_));
                        goes_on &= is_through || !target.is_ordered;
                        concluded.push((delivery, sent));
                    }
                    Ok(None) => goes_on = false,
                    // What was sent is marked all the same.
                    Err(error) => {
                        goes_on = false;
                        fault.get_or_insert(error);
                    }
                }
            }
        }
        let concluded = self.conclude(&mut target, concluded, time::now()).await?;
        fault.map_or(Ok(concluded), Err)
    }

    /// `None`: the worker stops, and the attempt does not count.
    async fn attempt(
        &self,
        target: &Target,
        notice: Option<&Notice>,
        delivery: Delivery,
    ) -> Result<Option<(Delivery, Sent)>, LedgerError> {
        let sent = match notice {
            Some(notice) => self.send(target, notice).await?,
            None => Some(Sent::Withdrawn("the notice is gone".to_owned())),
        };
        Ok(sent.map(|sent| (delivery, sent)))
    }

    async fn conclude(
        &self,
        target: &mut Target,
        concluded: Vec<(Delivery, Sent)>,
        now: DateTime<Utc>,
    ) -> Result<usize, LedgerError> {
        let mut deliveries = Vec::with_capacity(concluded.len());
        for (mut delivery, sent) in concluded {
            delivery.conclude(&sent, now);
            target.take(&sent, now);
            self.lanes.metrics.notices.count(target.channel, delivery.state);
            if delivery.state == DeliveryState::Failed {
                tracing::warn!(
                    notice = delivery.notice,
                    notice_target = target.name,
                    attempts = delivery.attempts,
                    reason = delivery.message.clone().unwrap_or_default(),
                    "a notice was given up"
                );
            }
            deliveries.push(delivery);
        }
        deliveries.sort_by(|a, b| a.notice.cmp(&b.notice));
        let mut tx = self.lanes.ledger.begin().await?;
        tx.conclude_deliveries(&deliveries).await?;
        tx.note_target_health(target).await?;
        if target.state == TargetState::Disabled {
            let change = AuditChange {
                what: "disabled",
                before: Some(TargetState::Enabled.to_string()),
                after: target.message.clone(),
                severity: Severity::Warning,
            };
            append(&mut tx, Subject { kind: KIND, id: &target.name }, change, RECEIVER, now).await?;
        }
        tx.commit().await?;
        if target.state == TargetState::Disabled {
            tracing::warn!(notice_target = target.name, "a target wants no more notices: it is disabled");
        }
        Ok(deliveries.len())
    }

    async fn send(&self, target: &Target, notice: &Notice) -> Result<Option<Sent>, LedgerError> {
        match target.channel {
            Channel::Email => self.send_mail(target, notice).await,
            Channel::Rabbitmq => Ok(self.unless_stopped(self.publish(notice)).await),
            Channel::Webhook | Channel::Slack => Ok(self.unless_stopped(self.post(target, notice)).await),
        }
    }

    async fn post(&self, target: &Target, notice: &Notice) -> Sent {
        match self.key.as_ref().and_then(|key| key.secret_of_target(target)) {
            None => Sent::Later(
                "its secret cannot be read: the worker needs the STAFF_KEY that it was added under"
                    .to_owned(),
                None,
            ),
            Some(secret) if target.channel == Channel::Webhook => {
                webhook::send(target, &secret, notice, time::now()).await
            }
            Some(url) => {
                let message = self.templates.message(notice, &self.staff_facts(notice));
                let text = format!("*{}*\n{}", message.subject, message.text);
                webhook::send_to_chat(target, &url, &text).await
            }
        }
    }

    /// Nothing but the network is waited for in here: a statement is never dropped half-way.
    async fn unless_stopped<T>(&self, sending: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.lanes.shutdown.cancelled() => None,
            sent = sending => Some(sent),
        }
    }

    async fn publish(&self, notice: &Notice) -> Sent {
        let Some(publisher) = &self.publisher else {
            return Sent::Later(
                "the queue is a file: notices are published where QUEUE_URL is RabbitMQ".to_owned(),
                None,
            );
        };
        match publisher.publish(notice.kind.as_str(), notice.id(), notice.body().as_bytes()).await {
            Ok(()) => Sent::Delivered,
            Err(NotPublished::Broker(error)) => Sent::Later(format!("RabbitMQ: {error}"), None),
            Err(why) => Sent::Later(why.to_string(), None),
        }
    }

    async fn send_mail(&self, target: &Target, notice: &Notice) -> Result<Option<Sent>, LedgerError> {
        let Some(mailer) = &self.mailer else {
            return Ok(Some(Sent::Later("no mail server: set NOTICE_SMTP_URL".to_owned(), None)));
        };
        let now = time::now();
        let (to, facts) = if target.address == CUSTOMER {
            let customers = Customers {
                ledger: &self.lanes.ledger,
                api: self.api.as_ref(),
                facts: &self.facts,
                unsubscribe: self.config.unsubscribe.as_ref(),
            };
            match customers.recipient(notice, &target.name, now).await? {
                Recipient::To { address, facts } => (address, facts),
                Recipient::Nobody(why) => return Ok(Some(Sent::Withdrawn(why))),
                Recipient::Later(why) => return Ok(Some(Sent::Later(why, None))),
            }
        } else {
            (target.address.clone(), self.staff_facts(notice))
        };
        // Staff see that their own mail fails; a customer's address is not tried again.
        let key = self.key.as_ref().filter(|_| target.address == CUSTOMER);
        let hash = key.map(|key| key.hash_of_address(&to));
        if let Some(hash) = &hash
            && self.lanes.ledger.read().await?.is_suppressed(hash).await?
        {
            return Ok(Some(Sent::Withdrawn("the address was refused for good before".to_owned())));
        }
        let message = self.templates.message(notice, &facts);
        let from = self.config.from.as_str();
        let text = mail::mail(notice, &target.name, (from, &to), (&message, &facts), now);
        let Some(sent) = self.unless_stopped(mailer.send(from, &to, &text)).await else { return Ok(None) };
        Ok(Some(match sent {
            Ok(()) => Sent::Delivered,
            Err(NotTaken::Later(why)) => Sent::Later(why, None),
            Err(why @ NotTaken::Mail(_)) => Sent::Never(why.to_string()),
            Err(why @ NotTaken::Address(_)) => {
                if let Some(hash) = hash {
                    let mut tx = self.lanes.ledger.begin().await?;
                    tx.suppress(&hash, &why.to_string(), now).await?;
                    tx.commit().await?;
                    return Ok(Some(Sent::Withdrawn(why.to_string())));
                }
                Sent::Never(why.to_string())
            }
        }))
    }

    fn staff_facts(&self, notice: &Notice) -> Facts {
        let console = self.config.console.as_ref().map(|console| {
            let id = notice.object_id.as_str();
            match notice.object_kind.as_str() {
                kind @ ("payment" | "refund" | "dispute" | "invoice" | "subscription" | "payout"
                | "operation") => {
                    format!("{console}/{kind}/{id}")
                }
                "ban" => format!("{console}/user/{id}"),
                _ => format!("{console}/notice/{}", notice.id()),
            }
        });
        Facts { console, ..self.facts.clone() }
    }

    async fn pause(&self, length: Duration) {
        tokio::select! {
            () = self.lanes.shutdown.cancelled() => {}
            () = tokio::time::sleep(length) => {}
        }
    }
}
