//! Charges, subscriptions, credits and retries of invoices on both ledgers: by whom they may be asked for, what is
//! refused with which words, what the clock asks for, and that checkout can be closed.

use std::sync::Arc;

use desk::actor::{Actor, KnownBy};
use desk::acts::operations::planned_retries::request_planned;
use desk::acts::operations::request::{Ask, Wanted, request};
use desk::acts::operations::wanted::{WantedCharge, WantedCredit, WantedRetry};
use desk::acts::operations::{cancel, decide, gather};
use desk::acts::{Person, bans, checkout, policies};
use domain::bans::Act;
use domain::operations::{Operation, OperationState, Reason};
use domain::permissions::Role;
use envelope::Envelope;
use serde_json::json;
use tokio::task::JoinSet;

use super::desk::{Desk, PAID, at, code, each_desk, is, jane, joe, key, mary};
use crate::ledgers::envelope;

const DAY: i64 = 24 * 60;

fn ask(wanted: Wanted) -> Ask {
    Ask { wanted, reason: Reason::Other, note: None, confirmed: true }
}

fn charge(customer: &str, amount: i64, invoice: Option<&str>) -> Ask {
    ask(Wanted::Charge(WantedCharge {
        customer: key(customer),
        amount,
        currency: None,
        payment_method: None,
        description: None,
        invoice: invoice.map(key),
    }))
}

fn subscribe(customer: &str) -> Ask {
    let prices = vec!["price_1".to_owned()];
    ask(Wanted::Subscribe { customer: key(customer), prices, payment_method: None })
}

fn retry(invoice: &str) -> Ask {
    ask(Wanted::InvoiceRetry(WantedRetry {
        invoice: key(invoice),
        payment_method: None,
        takes_over: false,
        number: None,
    }))
}

/// A payment for the merchant's own invoice that failed, so many minutes after the others were paid.
fn failed(payment: &str, invoice: &str, minute: i64) -> Envelope {
    let object = json!({"id": payment, "status": "requires_payment_method", "amount": 2_000, "currency": "usd",
        "created": PAID, "customer": "cus_1", "metadata": {"invoice_id": invoice},
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
    envelope(&format!("evt_{payment}_{minute}"), "payment_intent.payment_failed", minute * 60, &object)
}

fn refused(operation: &Operation) -> &str {
    assert_eq!(operation.state, OperationState::Refused, "{operation:?}");
    operation.error_code.as_deref().unwrap_or_default()
}

impl Desk {
    async fn switches_retries_on(&self) {
        let slot = policies::slot("invoices.scheduled_retries", None).unwrap();
        let value = policies::value(&slot, "on").unwrap();
        let root = Actor::known("root", [Role::SuperUser].into(), KnownBy::Session, false);
        let set = policies::set(&self.ledger, &slot, value, "agreed", &root, at(2 * DAY)).await.unwrap();
        assert_eq!(
            (set.plan.invoices_to_retry, set.plan.loosens),
            (Some(1), true),
            "it says what it would begin"
        );
    }

    async fn about(&self, invoice: &str) -> Vec<Operation> {
        self.ledger.read().await.unwrap().operations_about("invoice", &key(invoice), 100).await.unwrap()
    }
}

/// The two examples of a shop, typed at the command line: a customer who is charged, and one who is subscribed.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_charged_and_subscribed_at_the_command_line() {
    each_desk("charges_cli", async |desk| {
        let jane = desk.person(None, "jane", "super_user");
        let plan = ["charge", "cus_1", "--amount", "19.99", "--description", "Order 4711"];
        let (exit, shown) = desk.json(Some(&jane), &plan);
        assert_eq!((exit, &shown["plan"]["eligible"]), (0, &json!(true)), "{shown}");
        let (_, listed) = desk.json(None, &["operations", "list"]);
        assert_eq!(listed["items"], json!([]), "a plan asks for nothing");
        let (exit, asked) = desk.json(Some(&jane), &[&plan[..], &["--yes"]].concat());
        let operation = &asked["operation"];
        assert_eq!((exit, &operation["state"], &operation["amount"]), (0, &json!("approved"), &json!(1_999)));
        assert_eq!(
            (&operation["currency"], &asked["does"]),
            (&json!("usd"), &json!("charge 19.99 USD to customer cus_1"))
        );
        let (exit, again) = desk.json(Some(&jane), &[&plan[..], &["--yes"]].concat());
        assert_eq!((exit, &again["operation"]["error_code"]), (1, &json!("operation_under_way")));

        let subscribed = ["subscribe", "cus_3", "--price", "price_gold", "--yes"];
        let (exit, asked) = desk.json(Some(&jane), &subscribed);
        assert_eq!((exit, &asked["does"]), (0, &json!("subscribe customer cus_3")), "{asked}");
        let (exit, asked) =
            desk.json(Some(&jane), &["customers", "credit", "cus_3", "--amount", "5", "--yes"]);
        assert_eq!((exit, &asked["does"]), (0, &json!("credit 5.00 USD to customer cus_3")), "{asked}");

        for (arguments, words) in [
            (&["charge", "cus_none", "--amount", "19.99"][..], "Customer not found"),
            (&["subscribe", "cus_none", "--price", "price_gold"], "Customer not found"),
            (&["charge", "cus_1", "--amount", "0.49"], "the amount must be from 0.50 USD to 999,999.99 USD"),
            (
                &["charge", "cus_1", "--amount", "1000000"],
                "the amount must be from 0.50 USD to 999,999.99 USD",
            ),
            (
                &["charge", "cus_1", "--amount", "20", "--currency", "xyz"],
                "is not a currency that Stripe charges in",
            ),
            (&["unsubscribe", "sub_none"], "the subscription sub_none is not in the ledger"),
            (&["invoices", "retry", "in_none"], "the invoice in_none is not in the ledger"),
        ] {
            let output = desk.run(Some(&jane), arguments);
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains(words) && output.status.code() == Some(1), "{arguments:?}: {said}");
        }
        let long = "x".repeat(501);
        let (_, shown) =
            desk.json(Some(&jane), &["charge", "cus_1", "--amount", "20", "--description", &long]);
        assert_eq!(shown["plan"]["code"], json!("invalid_request"));
        for arguments in
            [&["charge", "cus_a-b", "--amount", "20"][..], &["charge", "cus_1", "--amount", "1.999"]]
        {
            assert_eq!(desk.run(Some(&jane), arguments).status.code(), Some(2), "{arguments:?}");
        }
        let said = desk.refusal(None, &["charge", "cus_1", "--amount", "20", "--yes"]);
        assert!(said.contains("cli:ops lacks the permission billing:request: set TIDEGATE_TOKEN"), "{said}");

        // The kill switch.
        let close = ["checkout", "close", "--reason", "prices are wrong"];
        assert!(desk.run(None, &close).status.success(), "whoever is on call may close");
        let (exit, asked) = desk.json(Some(&jane), &["charge", "cus_3", "--amount", "20", "--yes"]);
        assert_eq!((exit, &asked["operation"]["error_code"]), (1, &json!("checkout_closed")));
        let said = asked["says"].as_str().unwrap();
        assert!(said.contains("nothing is charged at present: prices are wrong"), "{said}");
        let (exit, _) = desk.json(Some(&jane), &["refunds", "request", "pi_1", "--amount", "5", "--yes"]);
        assert_eq!(exit, 0, "refunds go on");
        let said = desk.refusal(None, &["checkout", "open"]);
        assert!(said.contains("lacks the permission billing:manage"), "{said}");
        let (_, opened) = desk.json(Some(&jane), &["checkout", "open"]);
        assert_eq!((&opened["open"], &opened["closing"]["closed_by"]), (&json!(true), &json!("cli:ops")));
        let (exit, _) = desk.json(Some(&jane), &["charge", "cus_3", "--amount", "20", "--yes"]);
        assert_eq!(exit, 0);
        let report = desk.run(None, &["audit", "verify"]);
        assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_a_closing_and_a_climb_stop_a_charge_and_are_asked_again_before_it_is_sent() {
    each_desk("charges_rules", async |desk| {
        is(&desk.asks(&charge("cus_1", 10_000, None), &joe(), 1).await, OperationState::NeedsApproval);
        is(&desk.asks(&charge("cus_1", 500_001, None), &jane(), 1).await, OperationState::NeedsApproval);
        let asked = desk.asks(&charge("cus_3", 2_000, None), &mary(), 1).await;
        is(&asked, OperationState::Approved);

        // Both facts change between approval and sending.
        let third = async || {
            let mut tx = desk.ledger.begin().await.unwrap();
            let facts = gather::facts(&desk.ledger, &mut tx, &asked, at(3)).await.unwrap();
            let verdict = decide::before_sending(&mut tx, &asked, &facts, at(3)).await.unwrap();
            verdict.decision.message().unwrap_or_default()
        };
        assert_eq!(third().await, "");
        checkout::close(&desk.ledger, "wrong prices", &jane(), at(2)).await.unwrap();
        assert!(third().await.contains("nothing is charged at present: wrong prices"));
        let credit = Wanted::Credit(WantedCredit {
            customer: key("cus_3"),
            amount: 700,
            currency: None,
            description: None,
        });
        is(&desk.asks(&ask(credit), &mary(), 2).await, OperationState::Approved);
        checkout::open(&desk.ledger, &jane(), at(3)).await.unwrap();

        desk.hears(&envelope(
            "evt_cus_3",
            "customer.created",
            0,
            &json!({"id": "cus_3", "metadata": {"user_id": "user_3"}}),
        ))
        .await;
        let ban = bans::Decision { act: Act::Ban, until: None, reason: "abuse".to_owned() };
        let by = Person::named("mary").unwrap();
        bans::decide_on_user(&desk.ledger, &key("user_3"), &ban, &by, at(3)).await.unwrap();
        assert!(third().await.contains("the user user_3 is banned"));
        for (name, asks) in [("charge", charge("cus_3", 3_000, None)), ("subscribe", subscribe("cus_3"))] {
            assert_eq!(refused(&desk.asks(&asks, &mary(), 3).await), "user_banned", "{name}");
        }
        let badly_named = request(&desk.ledger, &charge("cus_a-b", 3_000, None), &mary(), at(3)).await;
        assert_eq!(code(&badly_named), "invalid_id");
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_collect_one_invoice_at_once_one_is_taken() {
    each_desk("charges_race", async |desk| {
        desk.hears(&failed("pi_own", "INV-7", 0)).await;
        let asks: Vec<Ask> = (0..12)
            .map(|place| match place % 3 {
                0 => charge("cus_1", 2_000, Some("INV-8")),
                1 => subscribe("cus_1"),
                _ => retry("INV-7"),
            })
            .collect();
        let gate = Arc::new(tokio::sync::Barrier::new(asks.len()));
        let mut racers = JoinSet::new();
        for ask in asks {
            let (ledger, gate) = (desk.ledger.clone(), Arc::clone(&gate));
            racers.spawn(async move {
                gate.wait().await;
                request(&ledger, &ask, &jane(), at(1)).await.unwrap()
            });
        }
        let raced = racers.join_all().await;
        let taken: Vec<&str> =
            raced.iter().filter(|one| one.state.is_open()).map(|one| one.kind.as_str()).collect();
        assert_eq!(taken.len(), 3, "one of each: {taken:?}");
        let others = raced.iter().filter(|one| !one.state.is_open());
        assert!(others.into_iter().all(|one| refused(one) == "operation_under_way"));
        // A charge for the invoice whose payment can be confirmed again, and one for what Stripe bills.
        let beside = desk.asks(&charge("cus_1", 2_000, Some("INV-7")), &jane(), 2).await;
        assert_eq!(refused(&beside), "operation_under_way");
        desk.is_whole().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_asks_for_planned_retries_and_people_see_and_stop_them() {
    each_desk("planned", async |desk| {
        desk.hears(&failed("pi_own", "INV-7", 0)).await;
        let plan = async |minute| request_planned(&desk.ledger, at(minute)).await.unwrap();
        assert_eq!(plan(2 * DAY).await, 0, "nothing by itself until somebody switches it on");
        desk.switches_retries_on().await;
        assert_eq!(plan(2 * DAY - 1).await, 0, "more than a day ahead");
        assert_eq!(plan(2 * DAY).await, 1);
        assert_eq!(plan(2 * DAY + 1).await, 0, "once for each failure");
        let [planned] = &desk.about("INV-7").await[..] else { panic!("one operation") };
        is(planned, OperationState::Approved);
        assert_eq!((planned.requested_by.as_str(), planned.known_by.as_str()), ("tidegate clock", "clock"));
        assert_eq!((planned.planned_for(), planned.payment.as_deref()), (Some(at(3 * DAY)), Some("pi_own")));
        let due = async |minute| {
            desk.ledger.due_operations(true, at(minute), at(minute + DAY), 10).await.unwrap().len()
        };
        assert_eq!((due(3 * DAY - 1).await, due(3 * DAY).await), (0, 1));
        let said = String::from_utf8(desk.run(None, &["show", planned.id()]).stdout).unwrap();
        assert!(said.contains("It is planned for 2026-05-31"), "{said}");
        let beside = desk.asks(&retry("INV-7"), &jane(), 2 * DAY + 2).await;
        assert_eq!(refused(&beside), "operation_under_way");

        // A later failure has its own retry; the earlier one is refused when its time comes.
        cancel::cancel(&desk.ledger, planned.id(), "the customer pays by bank", &jane(), at(2 * DAY + 3))
            .await
            .unwrap();
        assert_eq!(plan(2 * DAY + 4).await, 0, "what people stopped is not asked for again");
        desk.hears(&failed("pi_own", "INV-7", 3 * DAY)).await;
        assert_eq!((plan(9 * DAY - 1).await, plan(9 * DAY).await), (0, 1), "seven days later, a day ahead");
        checkout::close(&desk.ledger, "wrong prices", &jane(), at(9 * DAY)).await.unwrap();
        desk.hears(&failed("pi_other", "INV-9", 7 * DAY)).await;
        assert_eq!(plan(9 * DAY + 1).await, 0, "nothing is planned while checkout is closed");
        checkout::open(&desk.ledger, &jane(), at(9 * DAY)).await.unwrap();
        assert_eq!(plan(9 * DAY + 2).await, 1);
        desk.is_whole().await;
    })
    .await;
}
