//! Which card was charged is seen by those who manage, and by nobody else, on every page and in every list.

use chrono::Datelike;
use domain::charges::Charge;
use domain::notices::by_time;
use domain::{Key, Object};
use ledger::Ledger;
use serde_json::json;
use shared::clock;

use super::desk::{each_people, text};
use crate::attempts::tamper;
use crate::ledgers::{envelope, together};

const DIGITS: &str = "4242";
const PAGES: [&[&str]; 9] = [
    &["show", "charge", "ch_1"],
    &["show", "charge", "ch_1", "--json"],
    &["show", "payment", "pi_1"],
    &["show", "payment", "pi_1", "--json"],
    &["show", "ch_1", "--json"],
    &["show", "dispute", "dp_1"],
    &["show", "dp_1", "--json"],
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
        let dispute = json!({"id": "dp_1", "object": "dispute", "amount": 500, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "reason": "fraudulent", "status": "needs_response"});
        let disputed = envelope("evt_2", "charge.dispute.created", 1, &dispute);
        together(&people.ledger, &[&envelope("evt_1", "charge.succeeded", 0, &charge), &disputed]).await;
        let warning = warned(&people.ledger).await;
        let warned = ["notices", "show", &warning, "--json"];
        let pages: Vec<&[&str]> = [&PAGES[..], &[&warned]].concat();
        let sees = |token: Option<&str>| {
            let seen = pages.iter().filter(|page| {
                let output = people.run(token, page);
                let said = text(&output.stdout) + &text(&output.stderr);
                assert!(output.status.success() || page.contains(&"--body"), "{page:?}: {said}");
                said.contains(DIGITS) || said.contains("Xt5EWLLDS7FJjR1c")
            });
            seen.count()
        };
        assert_eq!(sees(None), pages.len(), "until there is an administrator");
        let jane = people.person(None, "jane", "super_user");
        assert_eq!(sees(None), 0);
        for (name, role, wanted) in
            [("sue", "support", 0), ("ada", "auditor", 0), ("bill", "billing_manager", pages.len())]
        {
            let token = people.person(Some(&jane), name, role);
            assert_eq!(sees(Some(&token)), wanted, "{role}");
            // Who sees none must not guess one.
            let found = people.run(Some(&token), &["search", "last4:4242"]);
            assert_eq!(found.status.success(), wanted > 0, "{role}: {}", text(&found.stderr));
        }
        let said = people.refusal(None, &["events", "show", "evt_1", "--body"]);
        assert!(said.contains("it takes the permission billing:manage"), "{said}");
        // Planning a replay takes no token, and says which rows would change.
        tamper(people.url(), "DELETE FROM charges").await;
        let plan = ["replay", "plan", "evt_1"];
        for (token, sees) in [(None, false), (Some(jane.as_str()), true)] {
            let planned = people.json(token, &plan).to_string();
            assert!(planned.contains("\"ch_1\"") && planned.contains("amount_captured"), "{planned}");
            assert_eq!(planned.contains(DIGITS) || planned.contains("card_"), sees, "{planned}");
        }
        assert!(!people.said(None, &plan).contains("card_"));
    })
    .await;
}

/// The id of a warning that a card expires.
async fn warned(ledger: &Ledger) -> String {
    let now = clock::now();
    let mut charge = Charge::placeholder(Key { id: "ch_1".to_owned(), ..Key::default() });
    charge.customer.customer = Some("cus_1".to_owned());
    charge.card.card_last4 = Some(DIGITS.to_owned());
    charge.card.card_exp_year = Some(now.year().into());
    charge.card.card_exp_month = Some(now.month().into());
    let notice = by_time::of_card(&charge, now).expect("it ends this month");
    let id = notice.id().to_owned();
    let mut tx = ledger.begin().await.unwrap();
    tx.note(vec![notice]).await.unwrap();
    tx.commit().await.unwrap();
    id
}
