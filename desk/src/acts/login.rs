//! Logging in to the console: a password, then a second factor, and a wait that grows when either fails. An attempt is
//! counted before its answer, so that neither a crash nor many at once make it free. A name that is not there is treated
//! like one whose password is wrong: it is counted, waits, and takes as long.

use chrono::{DateTime, TimeDelta, Utc};
use domain::lockout::{self, Scope};
use domain::permissions::Roles;
use domain::staff_names::staff_name;
use domain::{AuditChange, Severity};
use ledger::tables::credentials::Credentials;
use ledger::tables::login_challenges::Challenge;
use ledger::tables::sessions::Session;
use ledger::{Ledger, LedgerError, Transaction};
use secrecy::SecretString;
use shared::trace::random_hex;

use super::staff::KIND;
use crate::actor::token_hash;
use crate::audit_line::{Subject, append};
use crate::password_hash;
use crate::staff_key::StaffKey;
use crate::totp;

/// So long the second factor may take.
pub const CHALLENGE_VALID_FOR: TimeDelta = TimeDelta::minutes(5);

/// What is typed into the form, and from where.
pub struct Attempt<'a> {
    pub name: &'a str,
    pub password: SecretString,
    pub address: &'a str,
}

pub enum Second<'a> {
    /// Of an authenticator app.
    Totp(&'a str),
    /// Of the list that was shown when it was set up.
    Recovery(&'a str),
}

/// What a right password leads to.
pub enum Step {
    LoggedIn(LoggedIn),
    /// The second factor is asked for; this secret says whose.
    NeedsSecondFactor(SecretString),
}

/// Somebody is logged in. The cookie is in nobody else's hands.
pub struct LoggedIn {
    pub cookie: SecretString,
    pub session: Session,
}

/// Why nobody is logged in. A name that is not there and a wrong password are the same answer.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    #[error("the name or the password is wrong")]
    Wrong,
    #[error("the code is wrong, or was used already: wait for the next one")]
    WrongCode,
    #[error("the login took too long: begin again")]
    TooLate,
    #[error("these roles need a second factor, and none is set up: an administrator sends an invitation")]
    NoSecondFactor,
    #[error("too many attempts failed: the next one may be made at {}", .until.format("%H:%M:%S UTC"))]
    Locked { until: DateTime<Utc> },
    #[error("STAFF_KEY is not set, or not the one that this second factor was kept under")]
    Key,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The first step: name and password.
#[shared::built_once]
pub async fn login(ledger: &Ledger, attempt: Attempt<'_>, now: DateTime<Utc>) -> Result<Step, LoginRefused> {
    let Attempt { name, password, address } = attempt;
    // What is no name at all is counted together.
    let name = staff_name(name).unwrap_or_default();
    let checked = check_password(ledger, &name, password, address, now).await?;
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let came = match checked {
        Some(checked) => after_password(&mut tx, &name, &checked, address, now).await,
        None => Err(LoginRefused::Wrong),
    };
    conclude(tx, &name, came, now).await
}

/// The second step: a code of the app, or a recovery code, for the challenge of the first one.
#[shared::built_once]
pub async fn second_factor(
    ledger: &Ledger,
    challenge: &str,
    second: Second<'_>,
    address: &str,
    key: Option<&StaffKey>,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LoginRefused> {
    let hash = token_hash(challenge);
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let found = tx.login_challenge(&hash).await?;
    // A clock that was set back makes no challenge last longer.
    let found = found.filter(|found| found.made_at <= now && now < found.ends_at);
    let Some(Challenge { staff, made_at, .. }) = found else { return Err(LoginRefused::TooLate) };
    count(&mut tx, &staff, address, now).await?;
    let came = match credentials(&mut tx, &staff).await? {
        Some((_, credentials)) if credentials.password_at <= made_at => {
            check_second(&mut tx, &staff, &credentials, second, key, now).await
        }
        // Disabled since, or the password is another one by now.
        _ => Err(LoginRefused::TooLate),
    };
    let came = match came {
        Ok(()) => {
            tx.remove_login_challenge(&hash).await?;
            Ok(begin_session(&mut tx, &staff, address, true, now).await?)
        }
        Err(refused) => Err(refused),
    };
    conclude(tx, &staff, came, now).await
}

/// Counts the attempt, and gives what the name logs in by if the password is right.
pub(super) async fn check_password(
    ledger: &Ledger,
    name: &str,
    password: SecretString,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Credentials>, LoginRefused> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    count(&mut tx, name, address, now).await?;
    let found = credentials(&mut tx, name).await?.map(|(_, credentials)| credentials);
    tx.commit().await?;
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let is_right = password_hash::fits(password, hash).await;
    Ok(found.filter(|_| is_right))
}

/// Counts one attempt of a name and an address, unless one of them has to wait.
async fn count(
    tx: &mut Transaction,
    name: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), LoginRefused> {
    for (scope, of) in [(Scope::Address, address), (Scope::Staff, name)] {
        let before = tx.login_failures(scope, of).await?;
        match lockout::attempt(scope, before.as_ref(), now) {
            Ok(failures) => tx.note_login_attempt(scope, of, &failures).await?,
            Err(until) => return Err(LoginRefused::Locked { until }),
        }
    }
    Ok(())
}

/// Of whoever may act.
async fn credentials(tx: &mut Transaction, name: &str) -> Result<Option<(Roles, Credentials)>, LedgerError> {
    let member = tx.member(name).await?.filter(|member| member.disabled_at.is_none());
    let Some(member) = member else { return Ok(None) };
    Ok(tx.credentials_of(name).await?.map(|credentials| (member.roles, credentials)))
}

async fn after_password(
    tx: &mut Transaction,
    name: &str,
    checked: &Credentials,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Step, LoginRefused> {
    // Since the password was read, somebody may have changed it, or disabled the person.
    let current = credentials(tx, name).await?;
    let current = current.filter(|(_, current)| current.password_hash == checked.password_hash);
    let Some((roles, credentials)) = current else { return Err(LoginRefused::Wrong) };
    if credentials.totp_secret.is_some() {
        let secret = random_hex::<32>();
        let staff = name.to_owned();
        let challenge = Challenge { staff, made_at: now, ends_at: now + CHALLENGE_VALID_FOR };
        tx.add_login_challenge(&token_hash(&secret), &challenge).await?;
        // The second step counts the attempt: a right password alone holds nobody up.
        for (scope, of) in [(Scope::Address, address), (Scope::Staff, name)] {
            tx.take_back_login_attempt(scope, of, now).await?;
        }
        return Ok(Step::NeedsSecondFactor(secret.into()));
    }
    if roles.need_second_factor(tx.policies().await?.totp_required()) {
        return Err(LoginRefused::NoSecondFactor);
    }
    Ok(Step::LoggedIn(begin_session(tx, name, address, false, now).await?))
}

async fn check_second(
    tx: &mut Transaction,
    name: &str,
    credentials: &Credentials,
    second: Second<'_>,
    key: Option<&StaffKey>,
    now: DateTime<Utc>,
) -> Result<(), LoginRefused> {
    let is_used = match second {
        Second::Totp(code) => {
            let kept = credentials.totp_secret.as_deref().unwrap_or_default();
            let secret = key.and_then(|key| key.decrypt(kept, name)).ok_or(LoginRefused::Key)?;
            let step = totp::step_of(&secret, code, now).ok_or(LoginRefused::WrongCode)?;
            tx.use_totp_step(name, step).await?
        }
        Second::Recovery(code) => {
            let hash = token_hash(&code.trim().to_ascii_lowercase());
            tx.use_recovery_code(name, &hash, now).await?
        }
    };
    if is_used { Ok(()) } else { Err(LoginRefused::WrongCode) }
}

/// A session with a cookie that nobody has seen before. What failed until now is forgotten.
async fn begin_session(
    tx: &mut Transaction,
    name: &str,
    address: &str,
    second_factor: bool,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LedgerError> {
    tx.forget_login_failures(Scope::Staff, name).await?;
    tx.forget_login_failures(Scope::Address, address).await?;
    let cookie = random_hex::<32>();
    let session = Session {
        id: format!("ses_{}", random_hex::<8>()),
        staff: name.to_owned(),
        hash: token_hash(&cookie),
        address: address.to_owned(),
        begun_at: now,
        seen_at: now,
        ends_at: now + tx.policies().await?.session(),
        second_factor,
        ended_by: None,
        ended_at: None,
    };
    tx.add_session(&session).await?;
    note(tx, name, "logged in", &session.id, Severity::Info, now).await?;
    Ok(LoggedIn { cookie: cookie.into(), session })
}

/// Commits what came of an attempt. A refusal is noted where the name is one of ours, and is as much work where it is not.
pub(super) async fn conclude<T>(
    mut tx: Transaction,
    name: &str,
    came: Result<T, LoginRefused>,
    now: DateTime<Utc>,
) -> Result<T, LoginRefused> {
    match &came {
        Err(LoginRefused::Ledger(_)) => return came,
        Err(refused) if tx.member(name).await?.is_some() => {
            note(&mut tx, name, "login refused", &refused.to_string(), Severity::Warning, now).await?;
        }
        _ => {}
    }
    tx.commit().await?;
    came
}

async fn note(
    tx: &mut Transaction,
    name: &str,
    what: &'static str,
    after: &str,
    severity: Severity,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let change = AuditChange { what, before: None, after: Some(after.to_owned()), severity };
    append(tx, Subject { kind: KIND, id: name }, change, name, now).await
}
