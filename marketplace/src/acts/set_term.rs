//! Sets what listings are sold on. The past keeps what it was: nothing that was paid is judged anew.

use chrono::{DateTime, Utc};
use desk::actor::Actor;
use desk::acts::terms::{Rule, SetTerm, TermChange, set};
use domain::goods::Terms;
use ledger::Ledger;

use crate::terms::{
    EVIDENCE_DAYS, LISTING_FEE, LONGEST, ListingTerms, PROMOTIONS, SHORTEST_EVIDENCE, USUAL, slug,
};
use crate::{KIND, Refusal};

const MOST_MONEY: i64 = 99_999_999;
const RULE: Rule = Rule { usual: USUAL, takes_two };

/// What is set: money has a currency, and `listing_fee.CATEGORY` is a fee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTerm {
    pub name: String,
    pub currency: String,
    pub value: i64,
    pub reason: String,
}

#[shared::built_once]
pub async fn set_term(
    ledger: &Ledger,
    new: &NewTerm,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<SetTerm, Refusal> {
    let name = checked(new)?;
    let wanted = TermChange { kind: KIND, name: &name, currency: &new.currency, value: new.value };
    Ok(set(ledger, &wanted, &RULE, &new.reason, actor, now).await?)
}

fn takes_two(terms: &Terms, wanted: &TermChange<'_>, now: DateTime<Utc>) -> bool {
    ListingTerms::of(terms.clone()).takes_two(wanted.name, wanted.currency, wanted.value, now)
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
