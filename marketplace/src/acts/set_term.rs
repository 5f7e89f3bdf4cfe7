//! Sets what listings are sold on. The past keeps what it was: nothing that was paid is judged anew.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts;
use desk::audit_line::{Subject, append};
use domain::goods::Term;
use domain::permissions::Permission;
use domain::{AuditChange, Severity};
use ledger::Ledger;

use crate::terms::{EVIDENCE_DAYS, LISTING_FEE, LONGEST, PROMOTIONS, SHORTEST_EVIDENCE, USUAL, slug};
use crate::{KIND, Refusal};

/// The audit's name for terms.
const TERM: &str = "term";
const MOST_MONEY: i64 = 99_999_999;

/// What is set: money has a currency, and `listing_fee.CATEGORY` is a fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTerm {
    pub name: String,
    pub currency: String,
    pub value: i64,
    pub reason: String,
}

pub async fn set_term(
    ledger: &Ledger,
    new: &NewTerm,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Term, Refusal> {
    actor.may(Permission::Admin)?;
    let reason = acts::reason(&new.reason)?;
    let name = checked(new)?;
    let mut tx = ledger.begin().await?;
    let past = tx.goods_terms(KIND).await?;
    let own = past.iter().filter(|term| term.name == name && term.currency == new.currency);
    let last = own.max_by_key(|term| term.version);
    let (version, before) =
        (last.map_or(0, |term| term.version) + 1, last.map(|term| term.value.to_string()));
    // A clock that ran back would put the new value before the old one.
    let set_at = last.map_or(now, |last| now.max(last.set_at));
    let term = Term {
        kind: KIND.to_owned(),
        name: name.clone(),
        currency: new.currency.clone(),
        version,
        value: new.value,
        reason,
        set_by: actor.in_audit(),
        set_at,
    };
    tx.append_goods_term(&term).await?;
    let change =
        AuditChange { what: "set", before, after: Some(new.value.to_string()), severity: Severity::Warning };
    let id = format!("{KIND} {name} {}", new.currency);
    append(&mut tx, Subject { kind: TERM, id: id.trim_end() }, change, &actor.in_audit(), now).await?;
    tx.commit().await?;
    Ok(term)
}

fn checked(new: &NewTerm) -> Result<String, Refusal> {
    let fault = |fault| Refusal::Term { name: new.name.clone(), fault };
    let category = new.name.strip_prefix(LISTING_FEE).and_then(|rest| rest.strip_prefix('.'));
    let name = match category.map(slug) {
        Some(slug) if slug.is_empty() => return Err(fault("it names no category")),
        Some(slug) => format!("{LISTING_FEE}.{slug}"),
        None => new.name.clone(),
    };
    let is_money = category.is_some() || PROMOTIONS.contains(&name.as_str());
    if !is_money && USUAL.iter().all(|(known, ..)| *known != name) {
        return Err(fault("there is no such term"));
    }
    let is_code = new.currency.len() == 3 && new.currency.bytes().all(|byte| byte.is_ascii_lowercase());
    match (is_money, is_code, new.currency.is_empty()) {
        (true, true, _) if (0..=MOST_MONEY).contains(&new.value) => Ok(name),
        (true, true, _) => Err(fault("not an amount in minor units")),
        (true, ..) => Err(fault("money needs a currency")),
        (false, _, true) if name == EVIDENCE_DAYS && new.value < SHORTEST_EVIDENCE => {
            Err(fault("evidence is kept for at least 30 days"))
        }
        (false, _, true) if (1..=LONGEST).contains(&new.value) => Ok(name),
        (false, _, true) => Err(fault("not a whole number from 1 to 3650")),
        (false, ..) => Err(fault("it is no money, and takes no currency")),
    }
}
