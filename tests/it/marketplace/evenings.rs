//! Goods of a merchant's own: evenings with so many seats. Whoever paid first has one, and whoever comes too late gets
//! their money back. docs/marketplace.md shows this file.

use chrono::{DateTime, Utc};
use desk::acts::operations::NotDone;
use desk::goods::{Keep, give_back, store};
use domain::Key;
use domain::fulfilments::{Fulfilment, Money};
use domain::operations::Reason;
use ledger::Ledger;
use serde_json::{Value, json};
use shared::Pending;

pub(crate) const KEEPERS: &[Keep] = &[keep];
const SEATS: usize = 2;

/// The rule: pure, and the same whatever order the payments came in.
fn seated(mut paid: Vec<Fulfilment>) -> (Vec<Fulfilment>, Vec<Fulfilment>) {
    paid.retain(|seat| seat.money == Money::Here && (seat.amount, seat.currency.as_str()) == (1_500, "usd"));
    paid.sort_by(|a, b| a.order().cmp(&b.order()));
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
        let (seats, late) = seated(tx.fulfilments(key).await?);
        evening.derived = json!(seats.iter().map(|seat| &seat.user).collect::<Vec<_>>()).to_string();
        store(&mut tx, &mut evening, None, &Value::Null, "evenings", now).await?;
        tx.commit().await?;
        for seat in late {
            give_back(ledger, &seat.payment, Reason::TechnicalFailure, "sold out", now).await?;
        }
        Ok(None)
    })
}
