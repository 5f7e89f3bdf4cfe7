//! Checks the keys of our own: whether `STAFF_KEY` is there where something is encrypted under it, and is the right one;
//! and whose signature `AUDIT_KEY` makes. Shows no key.

use desk::audit_key::{self, AuditKey};
use desk::staff_key::{KEY_FILE, StaffKey};
use ledger::{Ledger, LedgerError};
use secrecy::SecretString;
use shared::env::Env;

use crate::finding::Finding;
use crate::{open, staff};

const STAFF: &str = "staff key";
const AUDIT: &str = "audit key";

/// An unreachable ledger and an old schema are said elsewhere.
pub async fn check(env: &Env) -> Vec<Finding> {
    let mut findings = Vec::new();
    match staff::key::of(env) {
        Ok(key) => {
            if let Ok(ledger) = open::patient(env).await {
                let opens = |kept: &Kept| key.as_ref().map(|key| kept.opened(key).is_some());
                let kept = kept(&ledger).await.map(|kept| kept.iter().map(opens).collect::<Vec<_>>());
                ledger.close().await;
                findings.extend(kept.map(|kept| of_staff(key.is_some(), &kept)));
            }
        }
        Err(error) => findings.push(Finding::act(STAFF, format!("{error:#}"), "correct it, or the file")),
    }
    findings.push(match AuditKey::from_env(env) {
        Ok(Some(key)) => {
            Finding::ok(AUDIT, format!("heads and reports that are made here are signed by {}", key.public()))
        }
        Ok(None) => {
            let name = audit_key::KEY_FILE.name;
            Finding::ok(
                AUDIT,
                format!("none is set: heads and reports that are made here are not signed ({name})"),
            )
        }
        Err(problem) => Finding::act(AUDIT, problem.to_string(), "correct it, or the file"),
    });
    findings
}

/// What is kept under the staff key.
enum Kept {
    SecondFactor { staff: String, sealed: Vec<u8> },
    Target(Box<domain::notices::Target>),
}

impl Kept {
    fn opened(&self, key: &StaffKey) -> Option<SecretString> {
        match self {
            Self::SecondFactor { staff, sealed } => key.decrypt(sealed, staff),
            Self::Target(target) => key.secret_of_target(target),
        }
    }
}

async fn kept(ledger: &Ledger) -> Result<Vec<Kept>, LedgerError> {
    let mut tx = ledger.read().await?;
    let factors = tx.second_factors().await?.into_iter();
    let factors = factors.map(|(staff, sealed)| Kept::SecondFactor { staff, sealed });
    let targets = tx.notice_targets().await?.into_iter().filter(|target| !target.secret.is_empty());
    Ok(factors.chain(targets.map(|target| Kept::Target(Box::new(target)))).collect())
}

/// Of each secret whether the key opens it, where there is a key.
fn of_staff(is_set: bool, opens: &[Option<bool>]) -> Finding {
    let (all, closed) = (opens.len(), opens.iter().filter(|opens| **opens != Some(true)).count());
    let name = KEY_FILE.name;
    match (is_set, all, closed) {
        (true, _, 0) => Finding::ok(STAFF, format!("opens all {all} second factors and secrets of targets")),
        (true, ..) => Finding::act(
            STAFF,
            format!("{closed} of {all} second factors and secrets of targets are not of this key"),
            format!("give this process, the console and the workers one and the same {name}"),
        ),
        (false, 0, _) => Finding::ok(STAFF, "none is set, and nothing is encrypted under one"),
        (false, ..) => Finding::act(
            STAFF,
            format!("none is set, and {all} second factors and secrets of targets are encrypted under one"),
            format!("set {name} to the file that the console has"),
        ),
    }
}
