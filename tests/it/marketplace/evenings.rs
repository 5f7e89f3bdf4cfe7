//! Goods of a merchant's own: evenings with so many seats. Whoever paid first has one, and whoever comes too late gets
//! their money back. docs/marketplace.md shows this file.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use desk::acts::operations::NotDone;
use desk::goods::{GivenBack, Keep, finding, give_back, keep_findings, returning, store};
use domain::Key;
use domain::evidence::{EvidenceField, Testimony};
use domain::fulfilments::{Fulfilment, Money};
use domain::operations::Reason;
use ledger::Ledger;
use serde_json::{Value, json};
use shared::Pending;

pub(crate) const KEEPERS: &[Keep] = &[keep];
const SEATS: usize = 2;

/// The rule: pure, and the same whatever order the payments came in. What was asked back stays asked back.
fn seated(mut paid: Vec<Fulfilment>, returning: &BTreeSet<Key>) -> (Vec<Fulfilment>, Vec<Fulfilment>) {
    paid.retain(|seat| seat.money == Money::Here && (seat.amount, seat.currency.as_str()) == (1_500, "usd"));
    paid.sort_by(|a, b| a.order().cmp(&b.order()));
    paid.sort_by_key(|seat| returning.contains(&seat.payment));
    let late = paid.split_off(paid.len().min(SEATS));
    (paid, late)
}

fn keep<'a>(
    ledger: &'a Ledger,
    key: &'a Key,
    now: DateTime<Utc>,
) -> Pending<'a, Result<Option<DateTime<Utc>>, NotDone>> {
    Box::pin(async move {
        let mut tx = ledger.begin().await?;
        let goods = tx.lock_goods(key).await?.filter(|goods| goods.kind == "evening");
        let Some(mut evening) = goods else { return Ok(None) };
        let paid = tx.fulfilments(key).await?;
        let returning = returning(&mut tx, &paid.iter().map(|seat| seat.payment.clone()).collect()).await?;
        let (seats, late) = seated(paid, &returning);
        evening.derived = json!(seats.iter().map(|seat| &seat.user).collect::<Vec<_>>()).to_string();
        let sold = format!("A seat of {}", key.id);
        evening.testimony = Testimony::default().always(EvidenceField::ProductDescription, sold).stored();
        store(&mut tx, &mut evening, None, &Value::Null, "evenings", now).await?;
        tx.commit().await?;
        let mut found = Vec::new();
        for seat in &late {
            let back = give_back(ledger, &seat.payment, Reason::TechnicalFailure, "sold out", now).await?;
            if let GivenBack::Stuck(refund) = back {
                let summary = format!("sold out, and the refund {} ended", refund.key.id);
                found.push(finding("seat_not_given_back", &evening, seat, summary));
            }
        }
        let mut tx = ledger.begin().await?;
        keep_findings(&mut tx, key, found, now).await?;
        tx.commit().await?;
        Ok(None)
    })
}
