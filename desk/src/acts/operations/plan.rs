//! What would become of a request, without making one: shown before anybody asks for it.

use chrono::{DateTime, Utc};
use domain::operations::{Decision, Operation};
use domain::permissions::Permission;
use ledger::Ledger;
use serde::Serialize;

use super::request::{self, Ask, Wanted};
use super::{NotDone, decide, gather, record};
use crate::actor::Actor;

/// What there is to give back, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    pub operation: Operation,
    /// Whether it may be done at all.
    pub eligible: bool,
    /// Why not, for programs.
    pub code: Option<&'static str>,
    /// Why not, or why it needs somebody.
    pub message: Option<String>,
    pub warning: Option<String>,
    pub needs_confirmation: bool,
    pub needs_approval: bool,
    /// Of a payment that is to be refunded, in minor units: `None` where the ledger does not know it.
    pub money: Option<PaymentMoney>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentMoney {
    pub captured: i64,
    pub refunded: i64,
    /// Held by operations under way, or by refunds that have not come in yet.
    pub reserved: i64,
    pub left: i64,
}

/// What would become of it if it were asked for now.
#[shared::built_once]
pub async fn plan(ledger: &Ledger, ask: &Ask, actor: &Actor, now: DateTime<Utc>) -> Result<Plan, NotDone> {
    actor.may(Permission::Read)?;
    let mut tx = ledger.read().await?;
    let request = request::read(&mut tx, ask).await?;
    let requester = record::requester(actor);
    let operation = Operation::asked("", &request, &requester, now);
    let (verdict, _) = decide::now(ledger, &mut tx, &operation, &requester, now).await?;
    let money = match &ask.wanted {
        Wanted::Refund { payment, .. } => match gather::payment_rows(&mut tx, payment).await? {
            Some(rows) => {
                let (facts, others) = (rows.refund_facts(), gather::others(&mut tx, &operation).await?);
                Some(PaymentMoney {
                    captured: facts.captured,
                    refunded: facts.refunded,
                    reserved: facts.reserved(&others),
                    left: facts.left(&others),
                })
            }
            None => None,
        },
        _ => None,
    };
    let code = if let Decision::Refused(refused) = &verdict.decision { Some(refused.code()) } else { None };
    Ok(Plan {
        eligible: code.is_none(),
        code,
        message: verdict.decision.message(),
        needs_confirmation: matches!(verdict.decision, Decision::NeedsConfirmation(_)),
        needs_approval: matches!(verdict.decision, Decision::NeedsApproval(_)),
        warning: verdict.warning,
        money,
        operation,
    })
}
