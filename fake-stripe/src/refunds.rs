//! Refunds are made here. One that is made moves its charge and is told in events.

use serde_json::{Value, json};
use stripe_sim::{ApiVersion, Event, Random, Setting};

use crate::call::{Call, Reply};
use crate::ids::new_id;
use crate::objects::id_of;
use crate::state::State;

impl State {
    pub(crate) fn make_refund(&mut self, call: &Call, now: i64) -> Reply {
        let refused = |code: &str, words: &str| Reply::error(400, "invalid_request_error", code, words);
        let Some(mut charge) = self.refunded_charge(call) else {
            return refused("resource_missing", "No such charge");
        };
        let paid = charge["amount_captured"].as_i64().or(charge["amount"].as_i64()).unwrap_or(0);
        let before = charge["amount_refunded"].as_i64().unwrap_or(0);
        let amount = call.number("amount").unwrap_or(paid - before);
        if before >= paid {
            return refused("charge_already_refunded", "The charge has already been refunded");
        }
        if amount <= 0 || amount > paid - before {
            return refused("amount_too_large", "Refund amount is greater than unrefunded amount on charge");
        }
        let id = new_id("re");
        let metadata: serde_json::Map<String, Value> = call
            .parameters
            .iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
                Some((name.to_owned(), json!(value)))
            })
            .collect();
        let refund = json!({
            "id": id, "object": "refund", "amount": amount, "charge": charge["id"], "created": now,
            "currency": charge["currency"], "metadata": metadata, "payment_intent": charge["payment_intent"],
            "reason": call.parameter("reason"), "status": "succeeded",
        });
        charge["amount_refunded"] = json!(before + amount);
        charge["refunded"] = json!(before + amount == paid);
        for (kind, object) in [("refund.created", &refund), ("charge.refunded", &charge)] {
            let mut random = Random::of_seed(Random::new_seed());
            let (id, account) = (random.id("evt"), call.account.as_str());
            let event = Event { id: &id, kind, created: now, account, object, previous: None };
            let setting = Setting::new(ApiVersion::AcaciaDecember, self.livemode);
            self.tell(&event.body(&setting, &mut random));
        }
        self.refunds_made += 1;
        Reply::ok(refund.to_string())
    }

    fn refunded_charge(&self, call: &Call) -> Option<Value> {
        let of_account = |id: &str| self.objects.get(&(call.account.clone(), id.to_owned()));
        if let Some(charge) = call.parameter("charge") {
            return of_account(charge).cloned();
        }
        let payment = call.parameter("payment_intent")?;
        let is_its = |((account, _), object): &(&(String, String), &Value)| {
            **account == call.account
                && object["object"] == "charge"
                && object["status"] == "succeeded"
                && id_of(&object["payment_intent"]) == Some(payment)
        };
        self.objects.iter().find(is_its).map(|(_, charge)| charge.clone())
    }
}
