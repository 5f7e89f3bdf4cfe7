//! `tidegate show`: the page of each kind of object, with why it is so and how it came to be.

use serde_json::{Value, json};

use super::desk::{Desk, each_desk, steps};
use super::sales::sale;
use crate::ledgers::together;

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_paid_disputed_and_lost_tells_each_step_with_its_event() {
    each_desk("story", async |desk| {
        desk.hears(&sale("a", "user_1", 4_500, 0).lost()).await;
        let shown = &desk.json(&["show", "invoice", "in_a"])[0];
        assert_eq!(shown["invoice"]["status"], "charged_back");
        assert_eq!(
            steps(&shown["timeline"], "invoice"),
            [
                ("sent", "evt_a_invoice_finalized"),
                ("paid", "evt_a_invoice_paid"),
                ("disputed", "evt_a_dispute_needs_response"),
                ("charged_back", "evt_a_dispute_lost"),
            ]
        );
        assert_eq!(steps(&shown["timeline"], "dispute").len(), 2, "what hangs on it is told too");
        let because = &shown["because"][0];
        assert_eq!((&because["id"], &because["event_id"]), (&json!("dp_a"), &json!("evt_a_dispute_lost")));
        let page = desk.said(&["show", "invoice", "in_a"]);
        for part in
            ["45.00 USD", "lost disputes took back", "paid -> disputed", "evt_a_dispute_lost", "pi_a", "dp_a"]
        {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_that_is_derived_names_what_makes_it_so() {
    each_desk("derived", async |desk| {
        let part = sale("part", "user_1", 1_000, 0);
        desk.hears(&part.paid()).await;
        desk.hears(&[part.refund("part", 10, "succeeded", 300)]).await;
        explained(&desk, "in_part", "partially_refunded", "re_part", "3.00 USD of the 10.00 USD");

        let all = sale("all", "user_1", 1_000, 0);
        desk.hears(&all.paid()).await;
        desk.hears(&[all.refund("all", 10, "succeeded", 1_000)]).await;
        explained(&desk, "in_all", "refunded", "re_all", "all of the 10.00 USD");

        let asked = sale("asked", "user_2", 1_000, 0);
        desk.hears(&asked.paid()).await;
        desk.hears(&[asked.dispute(100, "warning_needs_response", &json!({}))]).await;
        explained(&desk, "in_asked", "disputed", "dp_asked", "not decided yet");

        let half = sale("half", "user_3", 1_000, 0);
        desk.hears(&half.paid()).await;
        desk.hears(&[half.dispute(100, "lost", &json!({"amount": 400}))]).await;
        explained(&desk, "in_half", "partially_charged_back", "dp_half", "4.00 USD of the 10.00 USD");
    })
    .await;
}

fn explained(desk: &Desk, invoice: &str, status: &str, because: &str, why: &str) {
    let shown = &desk.json(&["show", "invoice", invoice])[0];
    assert_eq!(shown["invoice"]["status"], status);
    let facts: Vec<&Value> = shown["because"].as_array().unwrap().iter().map(|fact| &fact["id"]).collect();
    assert_eq!(facts, [because], "{invoice}");
    assert!(shown["why"].as_str().unwrap().contains(why), "{}", shown["why"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_attempts_and_the_plan_to_retry_are_on_the_invoice() {
    each_desk("retries", async |desk| {
        let slow = sale("slow", "user_1", 1_000, 0);
        desk.hears(&[slow.invoice("finalized", 0, "open", &json!({})), slow.declined(10, "card_declined")])
            .await;
        let plan = |invoice: &str| {
            let shown = &desk.json(&["show", "invoice", invoice])[0];
            (shown["invoice"]["status"].clone(), shown["retry_plan"].as_str().unwrap().to_owned())
        };
        let (status, planned) = plan("in_slow");
        assert!(status == "failed" && planned.contains("retry 1 of 3"), "{status} {planned}");
        desk.hears(&[20, 30, 40].map(|after| slow.declined(after, "card_declined"))).await;
        let (status, planned) = plan("in_slow");
        assert!(status == "overdue" && planned.contains("4 attempts failed"), "{status} {planned}");
        let page = desk.said(&["show", "invoice", "in_slow"]);
        assert!(page.contains("every planned retry has failed") && page.contains("ch_slow_40"), "{page}");

        let stolen = sale("stolen", "user_1", 1_000, 0);
        desk.hears(&[stolen.invoice("finalized", 0, "open", &json!({})), stolen.declined(10, "stolen_card")])
            .await;
        let (status, planned) = plan("in_stolen");
        assert!(
            status == "failed" && planned.contains("none: a retry after stolen_card"),
            "{status} {planned}"
        );

        let alone = sale("alone", "user_1", 1_000, 0);
        let nobody = json!({"payments": null});
        desk.hears(&[alone.invoice("payment_failed", 10, "open", &nobody)]).await;
        let (status, planned) = plan("in_alone");
        assert!(status == "failed" && planned.contains("retry 1 of 3"), "{status} {planned}");
        let page = desk.said(&["show", "invoice", "in_alone"]);
        for part in ["1 of them reported by the invoice alone", "reported by the invoice, no reason given"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_no_retry_is_planned_is_said_in_words() {
    each_desk("no_retry", async |desk| {
        let no_plan = async |name: &'static str, more: &Value, then: &[(&str, &str)]| {
            let sold = sale(name, "user_1", 1_000, 0);
            let mut events =
                vec![sold.invoice("finalized", 0, "open", more), sold.declined(10, "card_declined")];
            events.extend(then.iter().map(|(what, status)| sold.payment(what, 20, status, &json!({}))));
            desk.hears(&events).await;
            let shown = &desk.json(&["show", "invoice", &format!("in_{name}")])[0];
            shown["retry_plan"].as_str().unwrap().to_owned()
        };
        let none = json!({});
        let plan = no_plan("waits", &none, &[("processing", "processing")]).await;
        assert!(plan.contains("none: pi_waits is in progress"), "{plan}");
        let plan = no_plan("succeeded", &none, &[("succeeded", "succeeded")]).await;
        assert!(plan.contains("none: pi_succeeded succeeded since"), "{plan}");
        let plan = no_plan("canceled", &none, &[("canceled", "canceled")]).await;
        assert!(plan.contains("are canceled"), "{plan}");
        let plan = no_plan("sent", &json!({"collection_method": "send_invoice"}), &[]).await;
        assert!(plan.contains("none: it is sent to the customer"), "{plan}");
        let plan = no_plan("theirs", &json!({"next_payment_attempt": 1_790_000_000}), &[]).await;
        assert!(plan.contains("planned by Stripe"), "{plan}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn currencies_without_and_with_three_decimals_are_shown_right() {
    each_desk("currencies", async |desk| {
        for (name, currency, amount, shown) in
            [("jpy", "jpy", 4_783, "4,783 JPY"), ("kwd", "kwd", 4_100, "4.100 KWD")]
        {
            let mut sold = sale(name, "user_1", amount, 0);
            sold.currency = currency;
            desk.hears(&sold.lost()).await;
            for arguments in [
                &["show", "invoice", &format!("in_{name}")][..],
                &["show", "payment", &format!("pi_{name}")],
                &["show", "charge", &format!("ch_{name}")],
                &["show", "dispute", &format!("dp_{name}")],
                &["disputes", "list"],
                &["disputes", "summary"],
                &["payments", "list"],
                &["invoices", "list"],
            ] {
                let page = desk.said(arguments);
                assert!(page.contains(shown), "{shown} is not in {arguments:?}:\n{page}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_in_other_modes_and_accounts_have_pages_of_their_own() {
    each_desk("twins", async |desk| {
        let live = sale("a", "user_1", 1_000, 0);
        let mut test = live.clone();
        test.livemode = false;
        let mut theirs = live.clone();
        theirs.account = "acct_1";
        desk.hears(&live.lost()).await;
        desk.hears(&test.paid()).await;
        desk.hears(&theirs.paid()).await;
        assert_eq!(desk.json(&["show", "invoice", "in_a"]).as_array().unwrap().len(), 3);
        let own = desk.json(&["show", "invoice", "in_a", "--live", "--account", ""]);
        assert_eq!(
            (own.as_array().unwrap().len(), &own[0]["invoice"]["status"]),
            (1, &json!("charged_back"))
        );
        for other in [&["--test-mode"][..], &["--account", "acct_1"]] {
            let shown = desk.json(&[&["show", "invoice", "in_a"], other].concat());
            assert_eq!(shown[0]["invoice"]["status"], "paid", "{other:?}");
            assert!(shown[0]["disputes"].as_array().unwrap().is_empty());
        }
        let refusal = desk.refusal(&["disputes", "note", "dp_a", "text", "--test-mode"], 1);
        assert!(refusal.contains("no dispute dp_a"), "{refusal}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_object_has_a_page_that_says_whose_it_is() {
    each_desk("kinds", async |desk| {
        let sold = sale("a", "user_1", 1_000, 0);
        let subscription = json!({"parent": {"subscription_details": {"subscription": "sub_a"}}});
        desk.hears(&[sold.customer(Some("user_1"))]).await;
        desk.hears(&sold.lost()).await;
        desk.hears(&[sold.refund("a", 50, "failed", 200), sold.invoice("updated", 3, "paid", &subscription)])
            .await;
        desk.hears(&[sold.payout(60, "paid"), sold.payout(90, "failed")]).await;
        for (kind, id, parts) in [
            ("payment", "pi_a", &["visa …4242", "user_1", "in_a", "re_a", "A dispute about it was lost"][..]),
            ("charge", "ch_a", &["visa …4242", "user_1", "in_a", "pi_a", "dp_a"]),
            ("refund", "re_a", &["the money is not refunded", "2.00 USD", "10.00 USD received", "user_1"]),
            (
                "dispute",
                "dp_a",
                &["The money is gone", "the money is gone", "visa …4242", "user_1", "in_a"][1..],
            ),
            ("customer", "cus_a", &["user_1", "not banned", "pi_a", "dp_a"]),
            ("subscription", "sub_a", &["in_a", "charged_back", "nothing has been reported"]),
            (
                "payout",
                "po_a",
                &["10.00 USD", "in the Stripe balance again", "account closed", "paid -> failed"],
            ),
        ] {
            let page = desk.said(&["show", kind, id]);
            for part in parts {
                assert!(page.contains(part), "{part} is not in\n{page}");
            }
            assert_eq!(desk.json(&["show", kind, id])[0][kind]["id"], id);
        }
        let named = sale("named", "user_7", 1_000, 0);
        desk.hears(&named.lost()).await;
        let page = desk.said(&["show", "customer", "cus_named"]);
        assert!(page.contains("that of the payments names user_7") && page.contains("dp_named"), "{page}");
        let swapped = desk.refusal(&["show", "invoice", "dp_a"], 1);
        assert!(swapped.contains("show dispute dp_a"), "{swapped}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_on_the_page_of_what_it_is_about_whether_the_ledger_knows_it_or_not() {
    each_desk("dead", async |desk| {
        let sold = sale("a", "user_1", 1_000, 0);
        desk.hears(&sold.paid()).await;
        let spoiled = [
            sold.payment("canceled", 50, "canceled", &json!({"amount": "1000"})),
            sale("gone", "user_2", 1_000, 0).payment(
                "succeeded",
                60,
                "succeeded",
                &json!({"amount": "1000"}),
            ),
        ];
        for event in &spoiled {
            assert_eq!(together(&desk.ledger, &[event]).await.dead, 1);
        }
        let known = desk.said(&["show", "payment", "pi_a"]);
        let only_named = desk.said(&["show", "payment", "pi_gone"]);
        for (page, event) in [(&known, &spoiled[0]), (&only_named, &spoiled[1])] {
            let id = &event.header.id;
            for part in ["amount", &format!("dead-letters show {id}"), &format!("replay plan {id}")] {
                assert!(page.contains(part), "{part} is not in\n{page}");
            }
        }
        assert!(
            known.contains("succeeded") && known.contains("these events could not be applied"),
            "{known}"
        );
        assert!(only_named.contains("payment pi_gone  not in the ledger  (live"), "{only_named}");
        assert!(only_named.contains("only dead letters name it"), "{only_named}");
        // What hangs on a payment and could not be applied is on its page, too.
        let mut refund = sold.refund("gone", 70, "succeeded", 100);
        refund.body = String::from_utf8(refund.body.to_vec()).unwrap().replace(":100,", ":\"100\",").into();
        assert_eq!(together(&desk.ledger, &[&refund]).await.dead, 1);
        for (kind, id) in [("payment", "pi_a"), ("charge", "ch_a"), ("refund", "re_gone")] {
            assert!(desk.said(&["show", kind, id]).contains("evt_a_refund_gone_succeeded"), "{kind}");
        }
        // It names its customer, whom the ledger does not know either.
        assert!(desk.said(&["show", "customer", "cus_gone"]).contains(&spoiled[1].header.id));

        let shown = desk.json(&["show", "payment", "pi_a"]);
        assert_eq!(shown[0]["payment"]["status"], "succeeded");
        assert_eq!(shown[0]["dead_letters"].as_array().unwrap().len(), 2);
        assert_eq!(shown[0]["dead_letters"][0]["id"], spoiled[0].header.id);
        let shown = desk.json(&["show", "payment", "pi_gone"]);
        assert_eq!((&shown[0]["kind"], &shown[0]["id"]), (&json!("payment"), &json!("pi_gone")));
        assert_eq!(shown[0]["dead_letters"][0]["id"], spoiled[1].header.id);
        assert!(desk.json(&["show", "invoice", "in_a"])[0]["dead_letters"].as_array().unwrap().is_empty());
        assert!(
            desk.refusal(&["show", "payment", "pi_gone", "--test-mode"], 1).contains("no payment pi_gone")
        );

        desk.said(&["dead-letters", "discard", &spoiled[1].header.id, "--reason", "worthless", "--yes"]);
        assert!(desk.refusal(&["show", "payment", "pi_gone"], 1).contains("no payment pi_gone"));
    })
    .await;
}
