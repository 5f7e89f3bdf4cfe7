//! Targets of notices: add, replace a secret, disable, enable, test; send notices again; and write again to an address that
//! was refused for good. Where notices go is an administrator's to decide.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::notices::delivery::{Delivery, patience};
use domain::notices::{
    About, BadTarget, Channel, NewTarget, Notice, NoticeKind, Target, TargetState, checked,
};
use domain::{AuditChange, Key, Severity};
use ledger::{Ledger, Transaction};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use thiserror::Error;

use super::administrators::Administrators;
use super::{Refusal, reason};
use crate::actor::Actor;
use crate::audit_line::{Subject, append};
use crate::staff_key::StaffKey;

/// The audit's name for targets.
pub const KIND: &str = "notice_target";
/// The audit's name for an address that is not written to; its keyed hash stands for it.
pub const SUPPRESSED: &str = "suppressed_address";
const SECRET_BYTES: usize = 32;
/// While a secret is replaced, the one before it signs too.
const SECRETS: usize = 2;
const CHUNK: i64 = 500;

/// Why an act about notices was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoticeRefusal {
    #[error(transparent)]
    Target(#[from] BadTarget),
    #[error("there is a target {0} already: a name is never given twice")]
    NameTaken(String),
    #[error("there is no target {0}: `tidegate notices targets list` lists them")]
    NoSuchTarget(String),
    #[error("there is no notice {0}: `tidegate notices list` lists them")]
    NoSuchNotice(String),
    #[error("the target {0} is {1} already")]
    SameState(String, TargetState),
    #[error("the target {0} is disabled: enable it first")]
    Disabled(String),
    #[error(
        "no secret can be kept and no address recognised: set STAFF_KEY or STAFF_KEY_FILE, for the worker too"
    )]
    NoStaffKey,
    #[error("only a webhook has a secret that signs")]
    NoSecret,
    #[error("the secret is not whsec_ and the base64 of 24 to 64 bytes")]
    BadSecret,
    #[error("the span ends before it begins")]
    EmptySpan,
    #[error("no mail server refused this address for good, or the workers had another STAFF_KEY then")]
    NotSuppressed,
}

/// A target that was added or got a new secret, which is shown once.
#[derive(Debug)]
pub struct Added {
    pub target: Target,
    pub secret: Option<SecretString>,
}

/// Adds a target. A webhook gets a secret, unless one is given; a chat's address is kept as one.
#[shared::built_once]
pub async fn add(
    ledger: &Ledger,
    wanted: &NewTarget,
    secret: Option<SecretString>,
    key: Option<&StaffKey>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Added, Refusal> {
    let mut target = checked(wanted, &by.in_audit(), now).map_err(NoticeRefusal::from)?;
    let key = || key.ok_or(NoticeRefusal::NoStaffKey);
    let mut shown = None;
    match target.channel {
        Channel::Webhook => {
            let secret = secret.as_ref().map_or_else(|| Ok(new_secret()), sound)?;
            target.secret = key()?.encrypt_for_target(&secret, &target);
            shown = Some(secret);
        }
        Channel::Slack => {
            let url = SecretString::from(std::mem::take(&mut target.address));
            target.secret = key()?.encrypt_for_target(&url, &target);
            target.address = host_of(url.expose_secret());
        }
        Channel::Email | Channel::Rabbitmq => {}
    }
    let mut tx = begin(ledger, by, now).await?;
    if tx.notice_target(&target.name).await?.is_some() {
        return Err(NoticeRefusal::NameTaken(target.name).into());
    }
    tx.add_notice_target(&target).await?;
    let Target { name, channel, kinds, address, .. } = &target;
    note(&mut tx, name, "added", Some(format!("{channel} {address} {kinds}")), by, now).await?;
    tx.commit().await?;
    Ok(Added { target, secret: shown })
}

/// Gives a webhook a new secret. The one before signs too, until the next time.
#[shared::built_once]
pub async fn rotate(
    ledger: &Ledger,
    name: &str,
    key: Option<&StaffKey>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Added, Refusal> {
    let key = key.ok_or(NoticeRefusal::NoStaffKey)?;
    let mut tx = begin(ledger, by, now).await?;
    let mut target = locked(&mut tx, name).await?;
    if target.channel != Channel::Webhook {
        return Err(NoticeRefusal::NoSecret.into());
    }
    let secret = new_secret();
    let kept = key.secret_of_target(&target).ok_or(NoticeRefusal::NoStaffKey)?;
    let all: Vec<&str> =
        [secret.expose_secret()].into_iter().chain(kept.expose_secret().lines()).take(SECRETS).collect();
    target.secret = key.encrypt_for_target(&all.join("\n").into(), &target);
    changed(&mut target, by, now);
    tx.change_notice_target(&target).await?;
    note(&mut tx, name, "secret replaced", None, by, now).await?;
    tx.commit().await?;
    Ok(Added { target, secret: Some(secret) })
}

/// Disables or enables a target. What waits for a disabled one is held, until it is replayed.
#[shared::built_once]
pub async fn set_state(
    ledger: &Ledger,
    name: &str,
    state: TargetState,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Target, Refusal> {
    let why = reason(why)?;
    let mut tx = begin(ledger, by, now).await?;
    let mut target = locked(&mut tx, name).await?;
    if target.state == state {
        return Err(NoticeRefusal::SameState(name.to_owned(), state).into());
    }
    let what = if state == TargetState::Enabled { "enabled" } else { "disabled" };
    (target.state, target.failures, target.open_until) = (state, 0, None);
    target.message = (state == TargetState::Disabled).then(|| why.clone());
    changed(&mut target, by, now);
    tx.change_notice_target(&target).await?;
    if state == TargetState::Disabled {
        tx.hold_deliveries(name).await?;
    }
    note(&mut tx, name, what, Some(why), by, now).await?;
    tx.commit().await?;
    Ok(target)
}

/// Sends a notice that says nothing but that it arrived. Gives its id.
#[shared::built_once]
pub async fn test(ledger: &Ledger, name: &str, by: &Actor, now: DateTime<Utc>) -> Result<String, Refusal> {
    let mut tx = begin(ledger, by, now).await?;
    let target = locked(&mut tx, name).await?;
    let object = Key { id: name.to_owned(), account: String::new(), livemode: true };
    let about =
        About { object_kind: "target", object: &object, number: now.timestamp_millis(), occurred_at: now };
    let data = json!({"by": by.name()});
    let notice = Notice::new(NoticeKind::Test, Severity::Info, about, &data, now);
    tx.note_for(&notice, &Delivery::of(notice.id(), &target, now)).await?;
    note(&mut tx, name, "tested", Some(notice.id().to_owned()), by, now).await?;
    tx.commit().await?;
    Ok(notice.key.id)
}

/// Which notices are sent again.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// Those that were delivered, too.
    pub all: bool,
}

/// Sends a target what it missed of a span: what was held or given up, and what was noted before it was there. Gives
/// how many notices that are.
#[shared::built_once]
pub async fn replay(
    ledger: &Ledger,
    name: &str,
    span: Span,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<u64, Refusal> {
    let Span { since, until, all } = span;
    if since >= until {
        return Err(NoticeRefusal::EmptySpan.into());
    }
    let mut tx = begin(ledger, by, now).await?;
    let target = locked(&mut tx, name).await?;
    if target.state == TargetState::Disabled {
        return Err(NoticeRefusal::Disabled(name.to_owned()).into());
    }
    let mut sent = tx.replay_deliveries(&target, (since, until), all, (now, now + patience())).await?;
    let mut after = String::new();
    loop {
        let notices = tx.notices_between(since, until, &after, CHUNK).await?;
        let Some(last) = notices.last() else { break };
        after = last.id().to_owned();
        let wanted = notices.iter().filter(|notice| target.wants(notice));
        let mut missed: Vec<Delivery> = wanted
            .map(|notice| Delivery {
                next_at: now,
                give_up_at: now + patience(),
                ..Delivery::of(notice.id(), &target, notice.noted_at)
            })
            .collect();
        missed.sort_by(|a, b| a.notice.cmp(&b.notice));
        sent += tx.insert_deliveries(&missed).await?;
    }
    let span = format!("{} to {}: {sent}", since.to_rfc3339(), until.to_rfc3339());
    note(&mut tx, name, "replayed", Some(span), by, now).await?;
    tx.commit().await?;
    Ok(sent)
}

/// Lets customers' mail go to an address again that a mail server refused for good.
#[shared::built_once]
pub async fn lift_suppression(
    ledger: &Ledger,
    address: &SecretString,
    why: &str,
    key: Option<&StaffKey>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let why = reason(why)?;
    let hash = key.ok_or(NoticeRefusal::NoStaffKey)?.hash_of_address(address.expose_secret());
    let mut tx = begin(ledger, by, now).await?;
    if !tx.lift_suppression(&hash).await? {
        return Err(NoticeRefusal::NotSuppressed.into());
    }
    let change = AuditChange { what: "lifted", before: None, after: Some(why), severity: Severity::Warning };
    append(&mut tx, Subject { kind: SUPPRESSED, id: &hash }, change, &by.in_audit(), now).await?;
    Ok(tx.commit().await?)
}

async fn begin(ledger: &Ledger, by: &Actor, now: DateTime<Utc>) -> Result<Transaction, Refusal> {
    let mut tx = ledger.begin().await?;
    Administrators::lock(&mut tx, now).await?.admit(by)?;
    Ok(tx)
}

async fn locked(tx: &mut Transaction, name: &str) -> Result<Target, Refusal> {
    let found = tx.lock_notice_target(name).await?;
    Ok(found.ok_or_else(|| NoticeRefusal::NoSuchTarget(name.to_owned()))?)
}

fn changed(target: &mut Target, by: &Actor, now: DateTime<Utc>) {
    (target.changed_by, target.changed_at) = (by.in_audit(), now);
}

async fn note(
    tx: &mut Transaction,
    name: &str,
    what: &'static str,
    after: Option<String>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let change = AuditChange { what, before: None, after, severity: Severity::Warning };
    Ok(append(tx, Subject { kind: KIND, id: name }, change, &by.in_audit(), now).await?)
}

fn new_secret() -> SecretString {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    format!("whsec_{}", STANDARD.encode(bytes)).into()
}

fn sound(secret: &SecretString) -> Result<SecretString, NoticeRefusal> {
    let bytes =
        secret.expose_secret().trim().strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    match bytes {
        Some(bytes) if (24..=64).contains(&bytes.len()) => {
            Ok(secret.expose_secret().trim().to_owned().into())
        }
        _ => Err(NoticeRefusal::BadSecret),
    }
}

fn host_of(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    format!("{scheme}://{}/…", rest.split(['/', '?', '#']).next().unwrap_or_default())
}
