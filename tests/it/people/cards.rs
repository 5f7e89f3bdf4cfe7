//! Which card was charged is seen by those who manage, and by nobody else, on every page and in every list.

use serde_json::json;

use super::desk::{each_people, text};
use crate::ledgers::{envelope, together};

const DIGITS: &str = "4242";
const PAGES: [&[&str]; 7] = [
    &["show", "charge", "ch_1"],
    &["show", "charge", "ch_1", "--json"],
    &["show", "payment", "pi_1"],
    &["show", "payment", "pi_1", "--json"],
    &["show", "ch_1", "--json"],
    &["charges", "list", "--json"],
    &["events", "show", "evt_1", "--body"],
];

#[tokio::test(flavor = "multi_thread")]
async fn cards_are_seen_by_those_who_manage() {
    each_people("cards", async |people| {
        let charge = json!({"id": "ch_1", "object": "charge", "status": "succeeded", "amount": 500, "captured": true,
            "amount_captured": 500, "amount_refunded": 0, "currency": "usd", "payment_intent": "pi_1",
            "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": DIGITS,
            "exp_month": 4, "exp_year": 2031, "fingerprint": "Xt5EWLLDS7FJjR1c"}}});
        together(&people.ledger, &[&envelope("evt_1", "charge.succeeded", 0, &charge)]).await;
        let sees = |token: Option<&str>| {
            let seen = PAGES.iter().filter(|page| {
                let output = people.run(token, page);
                let said = text(&output.stdout) + &text(&output.stderr);
                assert!(output.status.success() || page.contains(&"--body"), "{page:?}: {said}");
                said.contains(DIGITS) || said.contains("Xt5EWLLDS7FJjR1c")
            });
            seen.count()
        };
        assert_eq!(sees(None), PAGES.len(), "until there is an administrator");
        let jane = people.person(None, "jane", "super_user");
        assert_eq!(sees(None), 0);
        for (name, role, wanted) in
            [("sue", "support", 0), ("ada", "auditor", 0), ("bill", "billing_manager", PAGES.len())]
        {
            let token = people.person(Some(&jane), name, role);
            assert_eq!(sees(Some(&token)), wanted, "{role}");
        }
        let said = people.refusal(None, &["events", "show", "evt_1", "--body"]);
        assert!(said.contains("it takes the permission billing:manage"), "{said}");
    })
    .await;
}
