//! Logging in to the console: password, second factor, and a wait that grows when it fails. An attempt is counted
//! before it is tried, so that neither a crash nor many at once make it free.

use chrono::{DateTime, Utc};
use domain::lockout::{self, Scope};
use domain::permissions::{Permission, Roles};
use domain::staff_names::staff_name;
use domain::{AuditChange, Severity};
use ledger::tables::credentials::Credentials;
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

/// What is typed into the form, and from where.
pub struct Attempt<'a> {
    pub name: &'a str,
    pub password: SecretString,
    pub second: Option<Second<'a>>,
    pub address: &'a str,
}

pub enum Second<'a> {
    /// Of an authenticator app.
    Totp(&'a str),
    /// Of the list that was printed when it was set up.
    Recovery(&'a str),
}

/// Why nobody is logged in. A name that is not there and a wrong password are the same answer.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    #[error("the name, the password or the code is wrong")]
    Wrong,
    #[error("a code is needed, too")]
    SecondFactorNeeded,
    #[error("these roles need a second factor, and none is set up: an administrator sends an invitation")]
    NoSecondFactor,
    #[error("too many attempts failed: the next one may be made at {}", .until.format("%H:%M:%S UTC"))]
    Locked { until: DateTime<Utc> },
    #[error("STAFF_KEY is not set, or not the one that this second factor was kept under")]
    Key,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Somebody is logged in. The cookie is in nobody else's hands.
pub struct LoggedIn {
    pub cookie: SecretString,
    pub session: Session,
}

/// Whether these roles need a second factor.
pub(super) fn needs_second_factor(roles: &Roles, is_required: bool) -> bool {
    is_required && (roles.have(Permission::Manage) || roles.have(Permission::Admin))
}

pub async fn login(
    ledger: &Ledger,
    attempt: Attempt<'_>,
    key: Option<&StaffKey>,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LoginRefused> {
    let Attempt { name, password, second, address } = attempt;
    // What is no name is counted by its address alone.
    let name = staff_name(name).unwrap_or_default();
    let credentials = begin(ledger, &name, address, now).await?;
    let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
    let is_right = password_hash::fits(password, hash).await;
    let Some(credentials) = credentials.filter(|_| is_right) else {
        return refuse(ledger, &name, "wrong password", LoginRefused::Wrong, now).await;
    };
    let mut tx = ledger.begin().await?;
    match finish(&mut tx, &name, &credentials, second, address, key, now).await {
        Ok(logged_in) => {
            tx.commit().await?;
            Ok(logged_in)
        }
        Err(LoginRefused::Ledger(error)) => Err(error.into()),
        Err(refused) => {
            drop(tx);
            let why = refused.to_string();
            refuse(ledger, &name, &why, refused, now).await
        }
    }
}

/// Counts the attempt, unless it has to wait; gives what the name logs in by.
async fn begin(
    ledger: &Ledger,
    name: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Credentials>, LoginRefused> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let member = tx.member(name).await?;
    // Names that nobody has are counted by the address alone: whoever makes them up fills no table.
    let of_staff = member.as_ref().map(|member| (Scope::Staff, member.name.as_str()));
    for (scope, of) in [(Scope::Address, address)].into_iter().chain(of_staff) {
        let before = tx.login_failures(scope, of).await?;
        match lockout::attempt(scope, before.as_ref(), now) {
            Ok(failures) => tx.note_login_attempt(scope, of, &failures).await?,
            Err(until) => return Err(LoginRefused::Locked { until }),
        }
    }
    let credentials = match member.filter(|member| member.disabled_at.is_none()) {
        Some(member) => tx.credentials_of(&member.name).await?,
        None => None,
    };
    tx.commit().await?;
    Ok(credentials)
}

async fn finish(
    tx: &mut Transaction,
    name: &str,
    checked: &Credentials,
    second: Option<Second<'_>>,
    address: &str,
    key: Option<&StaffKey>,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LoginRefused> {
    tx.lock_staff().await?;
    // Since the password was read, somebody may have changed it, or disabled the person.
    let member = tx.member(name).await?.filter(|member| member.disabled_at.is_none());
    let current = tx.credentials_of(name).await?;
    let current = current.filter(|current| current.password_hash == checked.password_hash);
    let (Some(member), Some(credentials)) = (member, current) else { return Err(LoginRefused::Wrong) };
    let policies = tx.policies().await?;
    match (&credentials.totp_secret, second) {
        (None, _) if needs_second_factor(&member.roles, policies.totp_required()) => {
            return Err(LoginRefused::NoSecondFactor);
        }
        (None, _) => {}
        (Some(_), None) => return Err(LoginRefused::SecondFactorNeeded),
        (Some(kept), Some(Second::Totp(code))) => {
            let secret = key.and_then(|key| key.decrypt(kept, name)).ok_or(LoginRefused::Key)?;
            let step = totp::step_of(&secret, code, now).ok_or(LoginRefused::Wrong)?;
            if !tx.use_totp_step(name, step).await? {
                return Err(LoginRefused::Wrong);
            }
        }
        (Some(_), Some(Second::Recovery(code))) => {
            let hash = token_hash(&code.trim().to_ascii_lowercase());
            if !tx.use_recovery_code(name, &hash, now).await? {
                return Err(LoginRefused::Wrong);
            }
        }
    }
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
        ends_at: now + policies.session(),
        ended_by: None,
        ended_at: None,
    };
    tx.add_session(&session).await?;
    note(tx, name, "logged in", &session.id, Severity::Info, now).await?;
    Ok(LoggedIn { cookie: cookie.into(), session })
}

/// Notes that a login failed, where the name is one of ours.
async fn refuse(
    ledger: &Ledger,
    name: &str,
    why: &str,
    refused: LoginRefused,
    now: DateTime<Utc>,
) -> Result<LoggedIn, LoginRefused> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    if tx.member(name).await?.is_some() {
        note(&mut tx, name, "login refused", why, Severity::Warning, now).await?;
        tx.commit().await?;
    }
    Err(refused)
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
