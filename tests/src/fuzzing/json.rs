//! Changes JSON texts as JSON: bytes that are changed at random are no JSON any more, and reach no rule.

use serde_json::{Value, json};
use stripe_sim::Random;

use super::BETWEEN;

/// Where rules have their limits.
const NUMBERS: [i64; 12] = [
    0,
    1,
    -1,
    100,
    999_999_999_999,
    1_000_000_000_000,
    253_402_300_799,
    253_402_300_800,
    1_700_000_000,
    1_700_000_001,
    i64::MAX,
    i64::MIN,
];
const WORDS: [&str; 40] = [
    "",
    "usd",
    "jpy",
    "succeeded",
    "failed",
    "canceled",
    "pending",
    "requires_capture",
    "requires_payment_method",
    "processing",
    "paid",
    "open",
    "draft",
    "void",
    "uncollectible",
    "lost",
    "won",
    "needs_response",
    "prevented",
    "warning_closed",
    "active",
    "pi_1",
    "ch_1",
    "in_1",
    "cus_1",
    "re_1",
    "dp_1",
    "charge.refunded",
    "charge.succeeded",
    "charge.dispute.closed",
    "payment_intent.succeeded",
    "invoice.paid",
    "invoice.deleted",
    "refund.updated",
    "invoice_payment.paid",
    "customer.deleted",
    "2014-01-01",
    "2025-04-30.basil",
    "=1+1",
    "https://pay.example/?client_secret=x",
];
const TRIES: usize = 4;

/// The input with one or a few things changed; `None` where it has no JSON to change.
pub fn mutated(data: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut random = Random::of_seed(seed.into());
    let mut texts: Vec<Vec<u8>> = data.split(|byte| *byte == BETWEEN).map(<[u8]>::to_vec).collect();
    for _ in 0..=below(&mut random, TRIES) {
        let at = below(&mut random, texts.len());
        let other = texts[below(&mut random, texts.len())].clone();
        match below(&mut random, 10) {
            0 => texts.push(other),
            1 if texts.len() > 1 => drop(texts.remove(at)),
            2 => {
                let to = below(&mut random, texts.len());
                texts.swap(at, to);
            }
            _ => {
                let mut value: Value = serde_json::from_slice(&texts[at]).ok()?;
                let donor = serde_json::from_slice(&other).unwrap_or(Value::Null);
                change(&mut value, &donor, &mut random);
                texts[at] = value.to_string().into_bytes();
            }
        }
    }
    Some(texts.join(&BETWEEN))
}

fn change(value: &mut Value, donor: &Value, random: &mut Random) {
    let mut paths = Vec::new();
    collect(value, &mut String::new(), &mut paths);
    if paths.is_empty() {
        return;
    }
    let path = paths[below(random, paths.len())].clone();
    let (parent, name) = path.rsplit_once('/').expect("every path has a part");
    let given = donor.pointer(&path).cloned();
    if let Some(Value::Object(members)) = value.pointer_mut(parent) {
        match below(random, 8) {
            0 => {
                members.remove(name);
                return;
            }
            1 => {
                // The same under another member's name.
                let names: Vec<String> = members.keys().cloned().collect();
                let moved = members.get(name).cloned().unwrap_or_default();
                members.insert(names[below(random, names.len())].clone(), moved);
                return;
            }
            _ => {}
        }
    }
    let Some(found) = value.pointer_mut(&path) else { return };
    *found = match (below(random, 9), given) {
        (0..3, Some(given)) => given,
        (3, _) => json!([found]),
        (4, _) => json!({"id": found, "data": [found]}),
        (5, _) => {
            random.pick(&[Value::Null, json!(true), json!(false), json!(1.5), json!([]), json!({})]).clone()
        }
        (6, _) => json!(u64::MAX),
        (kind, _) if kind % 2 == 0 || found.is_number() => json!(random.pick(&NUMBERS)),
        _ => json!(random.pick(&WORDS)),
    };
}

fn below(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.within(0..count as u64)).expect("less than a count")
}

/// Where the values are, as pointers.
fn collect(value: &Value, path: &mut String, paths: &mut Vec<String>) {
    let length = path.len();
    let mut one = |part: &str, value: &Value| {
        path.push('/');
        path.push_str(&part.replace('~', "~0").replace('/', "~1"));
        paths.push(path.clone());
        collect(value, path, paths);
        path.truncate(length);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| one(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| one(&at.to_string(), value)),
        _ => {}
    }
}
