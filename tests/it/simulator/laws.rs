//! What must hold of a world: at every moment, and once it has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use desk::rebuild::{compare, rebuild};
use desk::verify::{Witnesses, verify};
use domain::operations::OperationState;
use harness::histories::violations;
use serde_json::Value;

use super::world::{World, text};

/// However far the world has come: no operation was done twice, and nothing went back that had not come in.
pub(super) fn safety(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    let mut by_operation: BTreeMap<String, usize> = BTreeMap::new();
    for refund in world.stripe.all("", "refund") {
        let operation = text(&refund["metadata"], "tidegate_operation_id");
        if !operation.is_empty() {
            *by_operation.entry(operation.to_owned()).or_default() += 1;
        }
    }
    for (operation, times) in &by_operation {
        if *times > 1 {
            broken.push(format!("an operation was done {times} times: {operation}"));
        }
        if !world.operations.contains(operation) {
            broken.push(format!("nobody asked for {operation}"));
        }
    }
    for charge in world.stripe.all("", "charge") {
        if charge["amount_refunded"].as_i64() > charge["amount_captured"].as_i64() {
            broken.push(format!("more went back than came in: {charge}"));
        }
    }
    broken
}

/// Whatever was answered with 200 is in the queue or in the ledger.
pub(super) fn nothing_is_nowhere(world: &World) -> Vec<String> {
    let mut somewhere = world.broker.events();
    let at = harness::ledger::Ledger::at(&world.ledger_url);
    let events = world.runtime.block_on(at.events()).unwrap();
    somewhere.extend(events.into_iter().map(|event| event.id));
    let nowhere = world.accepted.iter().filter(|id| !somewhere.contains(*id));
    nowhere.map(|id| format!("neither queue nor ledger has an accepted event: {id}")).collect()
}

/// Nothing is under way: the ledger has every event that was accepted, each once, and says what Stripe says.
pub(super) fn at_rest(world: &World) -> Vec<String> {
    let mut broken = safety(world);
    let (ledger, url) = (world.ledger.clone(), world.ledger_url.clone());
    let (events, rows, verified, comparison) = world.runtime.block_on(async {
        let at = harness::ledger::Ledger::at(&url);
        let events = at.events().await.unwrap();
        let rows = at.rows("").await.unwrap();
        let verified = verify(&ledger, &Witnesses::default(), &mut |_| ()).await.unwrap();
        let mut tx = ledger.read().await.unwrap();
        let rebuilt = rebuild(&ledger, &mut tx, 7, &mut |_, _| ()).await.unwrap();
        let comparison = compare(&mut tx, &rebuilt).await.unwrap();
        (events, rows, verified, comparison)
    });
    let mut stripes = BTreeSet::new();
    for event in &events {
        let (id, outcome) = (event.id.as_str(), event.outcome.as_str());
        if !matches!(outcome, "applied" | "ignored") {
            broken.push(format!("an event is {outcome}: {id}"));
        }
        if !stripes.insert(id) {
            broken.push(format!("an event is there twice: {id}"));
        }
    }
    for id in world.accepted.iter().filter(|id| !stripes.contains(id.as_str())) {
        broken.push(format!("an accepted event is lost: {id}"));
    }
    if !verified.is_right() {
        broken.push(format!("the audit does not verify: {verified:?}"));
    }
    broken.extend(
        comparison.differences.iter().map(|it| format!("the rows are not what the events say: {it:?}")),
    );
    broken.extend(violations(&rows));
    let found = |kind: &str, id: &str, column: &str| {
        rows.iter()
            .find(|(subject, _)| subject.kind == kind && subject.id == id)
            .map(|(_, row)| row[column].clone())
    };
    let mut expect = |kind: &str, object: &Value, column: &str, theirs: &Value| {
        let (id, ours) = (text(object, "id"), found(kind, text(object, "id"), column));
        if ours.as_ref() != Some(theirs) {
            broken.push(format!("{kind} {id}: {column} is {ours:?}, and {theirs} at Stripe"));
        }
    };
    for charge in world.stripe.all("", "charge") {
        expect("charge", &charge, "amount_captured", &charge["amount_captured"]);
        expect("charge", &charge, "amount_refunded", &charge["amount_refunded"]);
        expect("charge", &charge, "status", &charge["status"]);
    }
    for payment in world.stripe.all("", "payment_intent") {
        expect("payment", &payment, "status", &payment["status"]);
    }
    for refund in world.stripe.all("", "refund") {
        expect("refund", &refund, "status", &refund["status"]);
        expect("refund", &refund, "amount", &refund["amount"]);
    }
    for dispute in world.stripe.all("", "dispute") {
        expect("dispute", &dispute, "stripe_status", &dispute["status"]);
    }
    broken.extend(operations(world));
    broken
}

/// Each operation that succeeded was done, and one that did not was not.
fn operations(world: &World) -> Vec<String> {
    let refunds = world.stripe.all("", "refund");
    let ledger = world.ledger.clone();
    let mut broken = Vec::new();
    for id in &world.operations {
        let operation = world
            .runtime
            .block_on(async { ledger.read().await.unwrap().operation(id).await.unwrap().unwrap() });
        let made = refunds.iter().any(|refund| text(&refund["metadata"], "tidegate_operation_id") == id);
        let is_right = match operation.state {
            OperationState::Succeeded => made,
            OperationState::Unknown => true,
            OperationState::Approved | OperationState::Executing => false,
            _ => !made,
        };
        if !is_right {
            broken.push(format!(
                "an operation is {}, and made at Stripe: {made}: {operation:?}",
                operation.state
            ));
        }
    }
    broken
}
