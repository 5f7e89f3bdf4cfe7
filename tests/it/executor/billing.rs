//! Charges, subscriptions, credits and retries of invoices, from the request to Stripe and back: who pays with what,
//! what a decline leaves, what is found again after doubt, and what is never done twice.

use desk::acts::operations::request::{Ask, Wanted, request};
use desk::acts::operations::retry::retry as retry_operation;
use desk::acts::operations::wanted::{WantedCharge, WantedCredit, WantedRetry};
use domain::Key;
use domain::operations::{Operation, OperationState, Reason};
use fake_stripe::Fault;
use harness::process_guard::until;
use serde_json::{Value, json};
use shared::clock;

use super::OF_BOTH;
use super::scene::{PATIENCE, Scene, manager};

fn key(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

fn id_of(object: &Value) -> String {
    object["id"].as_str().unwrap().to_owned()
}

fn charge(customer: &str, amount: i64, invoice: Option<&str>) -> Wanted {
    Wanted::Charge(WantedCharge {
        customer: key(customer),
        amount,
        currency: None,
        payment_method: None,
        description: Some("Order 4711".to_owned()),
        invoice: invoice.map(key),
    })
}

fn with_card(customer: &str, amount: i64, card: Option<&str>) -> Wanted {
    Wanted::Charge(WantedCharge {
        customer: key(customer),
        amount,
        currency: None,
        payment_method: card.map(str::to_owned),
        description: None,
        invoice: None,
    })
}

fn retry(invoice: &str, payment_method: Option<String>) -> Wanted {
    Wanted::InvoiceRetry(WantedRetry {
        invoice: key(invoice),
        payment_method,
        takes_over: false,
        number: None,
    })
}

impl Scene {
    async fn wants(&self, wanted: Wanted) -> Operation {
        let ask = Ask { wanted, reason: Reason::Other, note: None, confirmed: true };
        request(&self.ledger, &ask, &manager("jane"), clock::now()).await.unwrap()
    }

    async fn done(&self, wanted: Wanted) -> Operation {
        let asked = self.wants(wanted).await;
        self.reaches(asked.id(), OperationState::Succeeded).await
    }

    /// Asked for and refused or failed, with these words.
    async fn ends(&self, wanted: Wanted, state: OperationState, words: &str) -> Operation {
        let asked = self.wants(wanted).await;
        let ended = self.reaches(asked.id(), state).await;
        assert!(ended.message.as_deref().unwrap_or_default().contains(words), "{:?}", ended.message);
        ended
    }

    /// A customer with one card, or with none, of whom the ledger has heard.
    async fn customer(&self, card: Option<&str>) -> String {
        let asked = card.map_or(json!({}), |card| json!({ "payment_method": card }));
        let id = id_of(&self.stripe.ask("POST", "/customers", &asked).unwrap());
        self.has("customers", &id, "created_at IS NOT NULL").await;
        id
    }

    /// Waits until the ledger has the object so.
    async fn has(&self, table: &str, id: &str, condition: &str) {
        let statement = format!("SELECT count(*) FROM {table} WHERE id = '{id}' AND {condition}");
        let statement: &'static str = Box::leak(statement.into_boxed_str());
        let ledger = self.stack.ledger();
        let is_so = until(statement, PATIENCE, async || Ok(ledger.count(statement).await? == 1)).await;
        assert!(is_so.is_ok(), "{statement}: {}", self.stack.logs());
    }

    /// Changes an object at Stripe, of which no event tells.
    fn turns(&self, object: &str, id: &str, fields: &Value) {
        let mut turned = self.stripe.all("", object).into_iter().find(|one| one["id"] == id).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            turned[name] = value.clone();
        }
        self.stripe.put("", &turned);
    }

    fn at_stripe(&self, object: &str, made_by: &Operation) -> Vec<Value> {
        let mut all = self.stripe.all("", object);
        all.retain(|one| one["metadata"]["tidegate_operation_id"] == made_by.id());
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_charged_subscribed_credited_and_told_no() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
        scene.stripe.delivers_to(&url, scene.stack.secret());
        charges(&scene).await;
        subscriptions_and_credits(&scene).await;
        invoices(&scene).await;
        scene.end().await;
    }
}

async fn charges(scene: &Scene) {
    let (payer, broke, empty) = (
        scene.customer(Some("pm_card_visa")).await,
        scene.customer(Some("pm_card_chargeDeclinedStolenCard")).await,
        scene.customer(None).await,
    );
    let done = scene.done(charge(&payer, 1_999, None)).await;
    let [made] = &scene.at_stripe("payment_intent", &done)[..] else { panic!("one payment") };
    assert_eq!(
        (&made["status"], &made["amount"], &made["currency"]),
        (&json!("succeeded"), &json!(1_999), &json!("usd"))
    );
    assert_eq!(
        (made["description"].as_str(), made["customer"].as_str()),
        (Some("Order 4711"), Some(payer.as_str()))
    );
    assert_eq!(done.payment_method.as_deref(), made["payment_method"].as_str(), "their only card");
    scene.has("payments", &id_of(made), "status = 'succeeded' AND amount_received = 1999").await;

    // Answers that were lost: the payment is found again, and none is made twice.
    for (amount, fault) in
        [(3_000, Fault::CutAfter), (3_100, Fault::TroubleAfter(500)), (3_200, Fault::CutBefore)]
    {
        scene.stripe.fails_at("POST /v1/payment_intents", [fault]);
        let done = scene.done(charge(&payer, amount, None)).await;
        assert_eq!((scene.at_stripe("payment_intent", &done).len(), done.attempt), (1, 1), "{fault:?}");
    }

    // A decline is an answer: it is kept with its payment, and never tried again.
    let failed =
        scene.ends(charge(&broke, 2_500, None), OperationState::Failed, "Your card was declined.").await;
    let [made] = &scene.at_stripe("payment_intent", &failed)[..] else { panic!("one payment") };
    assert_eq!(
        (failed.error_code.as_deref(), failed.stripe_id.as_deref()),
        (Some("stolen_card"), made["id"].as_str())
    );
    assert_eq!((made["status"].as_str(), failed.attempt), (Some("requires_payment_method"), 1));
    let shown = scene.stack.tidegate(&["operations", "show", failed.id()]).await.unwrap();
    assert!(shown.contains("To the customer: Your card was declined."), "{shown}");

    never_again(scene, &broke).await;

    // Its payment names the operation, and yet it was not done: whoever tries it again is not told that it was.
    let again =
        retry_operation(&scene.ledger, failed.id(), true, &manager("jane"), clock::now()).await.unwrap();
    let ended =
        until("the retry to end", PATIENCE, async || Ok(!scene.operation(again.id()).await.state.is_open()));
    assert!(ended.await.is_ok(), "{}", scene.stack.logs());
    let message = scene.operation(again.id()).await.message.unwrap_or_default();
    assert!(!message.contains("done after all"), "{message}");

    scene.ends(charge(&empty, 2_500, None), OperationState::Refused, "No payment method available").await;
    scene.stripe.ask("DELETE", &format!("/customers/{empty}"), &json!({})).unwrap();
    let gone = scene.ends(charge(&empty, 2_500, None), OperationState::Refused, "Customer not found").await;
    assert_eq!(gone.error_code.as_deref(), Some("customer_not_found"));
    let card = scene.at_stripe("payment_intent", &done)[0]["payment_method"].clone();
    let theirs = with_card(&broke, 2_600, card.as_str());
    scene.ends(theirs, OperationState::Refused, "the customer has no payment method").await;
}

/// The bank said that this card is stolen: it is not asked again, whatever the amount and however often the card is
/// entered. Another card may pay.
async fn never_again(scene: &Scene, broke: &str) {
    let enters = |card: &str| {
        let path = format!("/payment_methods/{card}/attach");
        id_of(&scene.stripe.ask("POST", &path, &json!({ "customer": broke })).unwrap())
    };
    let words = "after stolen_card another try with the same card cannot succeed";
    let again = scene.ends(charge(broke, 2_400, None), OperationState::Refused, words).await;
    assert_eq!(again.error_code.as_deref(), Some("code_forbids_retry"));
    let entered_again = enters("pm_card_chargeDeclinedStolenCard");
    scene.ends(with_card(broke, 2_300, Some(&entered_again)), OperationState::Refused, words).await;
    let other = enters("pm_card_visa");
    scene.done(with_card(broke, 2_200, Some(&other))).await;

    // A wrong number or a bank that would not says nothing of the next try.
    let hasty = scene.customer(Some("pm_card_chargeDeclinedIncorrectCvc")).await;
    for amount in [2_100, 2_000] {
        scene.ends(charge(&hasty, amount, None), OperationState::Failed, "security code is incorrect").await;
    }
}

async fn subscriptions_and_credits(scene: &Scene) {
    let payer = scene.customer(Some("pm_card_visa")).await;
    let product = id_of(&scene.stripe.ask("POST", "/products", &json!({ "name": "Paper" })).unwrap());
    let price = json!({ "product": product, "currency": "usd", "unit_amount": 900, "recurring": { "interval": "month" } });
    let price = id_of(&scene.stripe.ask("POST", "/prices", &price).unwrap());
    let subscribe =
        || Wanted::Subscribe { customer: key(&payer), prices: vec![price.clone()], payment_method: None };
    scene.stripe.fails_at("POST /v1/subscriptions", [Fault::CutAfter]);
    let done = scene.done(subscribe()).await;
    let [made] = &scene.at_stripe("subscription", &done)[..] else { panic!("one subscription") };
    let id = id_of(made);
    scene.has("subscriptions", &id, "status = 'active'").await;
    scene.ends(subscribe(), OperationState::Refused, "has the price").await;

    let end = |at_period_end| Wanted::Unsubscribe { subscription: key(&id), at_period_end };
    scene.done(end(true)).await;
    scene.has("subscriptions", &id, "cancel_at_period_end AND status = 'active'").await;
    scene.stripe.fails_at(&format!("DELETE /v1/subscriptions/{id}"), [Fault::CutAfter]);
    scene.done(end(false)).await;
    scene.has("subscriptions", &id, "status = 'canceled'").await;
    let again = scene.wants(end(false)).await;
    assert_eq!((again.state, again.error_code.as_deref()), (OperationState::Refused, Some("wrong_status")));

    let credit = Wanted::Credit(WantedCredit {
        customer: key(&payer),
        amount: 500,
        currency: None,
        description: None,
    });
    scene.stripe.fails_at(&format!("POST /v1/customers/{payer}/balance_transactions"), [Fault::CutAfter]);
    let done = scene.done(credit).await;
    assert_eq!(scene.at_stripe("customer_balance_transaction", &done).len(), 1);
    let customers = scene.stripe.all("", "customer");
    let owner = customers.iter().find(|customer| customer["id"] == payer.as_str()).unwrap();
    assert_eq!(owner["balance"], -500);
}

async fn invoices(scene: &Scene) {
    let customer = scene.customer(Some("pm_card_visa")).await;
    let ask = |path: &str, body: &Value| scene.stripe.ask("POST", path, body).unwrap();
    let attach = |card: &str| {
        let attached = ask(&format!("/payment_methods/{card}/attach"), &json!({ "customer": customer }));
        id_of(&attached)
    };
    let (declines, pays) = (attach("pm_card_chargeCustomerFail"), attach("pm_card_visa"));
    let invoice = |declining: &str| {
        let made = ask("/invoices", &json!({ "customer": customer, "default_payment_method": declining }));
        let id = id_of(&made);
        ask(
            "/invoiceitems",
            &json!({ "customer": customer, "invoice": id, "amount": 4_200, "currency": "usd" }),
        );
        ask(&format!("/invoices/{id}/finalize"), &json!({}));
        assert!(scene.stripe.ask("POST", &format!("/invoices/{id}/pay"), &json!({})).is_err());
        id
    };
    // Stripe's: tried again with another card.
    let id = invoice(&declines);
    scene.has("invoices", &id, "status = 'failed'").await;
    scene.ends(retry(&id, None), OperationState::Failed, "Your card was declined.").await;
    scene.stripe.fails_at(&format!("POST /v1/invoices/{id}/pay"), [Fault::CutAfter]);
    let done = scene.done(retry(&id, Some(pays.clone()))).await;
    assert_eq!((done.stripe_id.as_deref(), done.stripe_status.as_deref()), (Some(id.as_str()), Some("paid")));
    scene.has("invoices", &id, "status = 'paid'").await;
    // Paid meanwhile, and nobody was told.
    let paid = invoice(&declines);
    scene.has("invoices", &paid, "status = 'failed'").await;
    scene.turns("invoice", &paid, &json!({ "status": "paid" }));
    scene.ends(retry(&paid, None), OperationState::Refused, "the invoice is paid").await;
    // Costs more by now, and nobody was told: a try would take all of it.
    let dearer = invoice(&declines);
    scene.has("invoices", &dearer, "status = 'failed'").await;
    scene.turns("invoice", &dearer, &json!({ "amount_remaining": 14_200 }));
    let words = "it asks for 142.00 EUR now, and this is over 42.00 EUR";
    scene.ends(retry(&dearer, Some(pays.clone())), OperationState::Refused, words).await;
    // A bank carries it out already.
    let debit = json!({ "id": "pi_debit", "object": "payment_intent", "status": "processing", "amount": 4_200,
        "currency": "usd", "customer": customer, "created": 1_700_000_000, "metadata": {} });
    scene.stripe.put("", &debit);
    scene.turns("invoice", &dearer, &json!({ "amount_remaining": 4_200, "_payment_intent": "pi_debit" }));
    scene.ends(retry(&dearer, Some(pays.clone())), OperationState::Refused, "pi_debit").await;
    // Likewise where it is another payment than the one that the invoice names.
    let further = json!({ "id": "inpay_debit", "object": "invoice_payment", "invoice": dearer, "status": "open",
        "payment": { "type": "payment_intent", "payment_intent": "pi_debit" } });
    scene.stripe.put("", &further);
    scene.turns("invoice", &dearer, &json!({ "_payment_intent": null }));
    scene.ends(retry(&dearer, Some(pays.clone())), OperationState::Refused, "pi_debit").await;
    // Stripe goes on by itself: only who takes over may try.
    let planned = invoice(&declines);
    scene.has("invoices", &planned, "status = 'failed'").await;
    scene.stripe.passes(2); // a report of its own second
    ask(&format!("/invoices/{planned}"), &json!({ "auto_advance": true }));
    scene.has("invoices", &planned, "next_payment_attempt_at IS NOT NULL").await;
    let refused = scene.wants(retry(&planned, Some(pays.clone()))).await;
    assert_eq!(refused.error_code.as_deref(), Some("planned_by_stripe"));
    let (invoice_key, payment_method) = (key(&planned), Some(pays.clone()));
    let taking = Wanted::InvoiceRetry(WantedRetry {
        invoice: invoice_key,
        payment_method,
        takes_over: true,
        number: None,
    });
    scene.done(taking).await;
    scene.has("invoices", &planned, "status = 'paid'").await;

    // The merchant's own: the same payment is confirmed again, and none beside it.
    let own = json!({ "amount": 3_300, "currency": "usd", "customer": customer, "payment_method": declines,
        "confirm": true, "off_session": true, "metadata": { "invoice_id": "INV-7" } });
    assert!(scene.stripe.ask("POST", "/payment_intents", &own).is_err());
    scene.has("invoices", "INV-7", "status = 'failed'").await;
    let refused = scene.wants(charge(&customer, 3_300, Some("INV-7"))).await;
    assert_eq!(refused.error_code.as_deref(), Some("other_way_to_pay"));
    let of_invoice = |one: &Value| one["metadata"]["invoice_id"] == "INV-7";
    let payments =
        || scene.stripe.all("", "payment_intent").into_iter().filter(of_invoice).collect::<Vec<Value>>();
    let own = id_of(&payments()[0]);
    scene.turns("payment_intent", &own, &json!({ "amount": 13_300 }));
    let words = "it asks for 133.00 USD now, and this is over 33.00 USD";
    scene.ends(retry("INV-7", Some(pays.clone())), OperationState::Refused, words).await;
    // Its first try was to keep the card, which only the customer can agree to.
    scene.turns("payment_intent", &own, &json!({ "amount": 3_300, "setup_future_usage": "off_session" }));
    let done = scene.done(retry("INV-7", Some(pays))).await;
    let payments = payments();
    assert_eq!((payments.len(), payments[0]["status"].as_str()), (1, Some("succeeded")));
    assert_eq!(done.payment.as_deref(), payments[0]["id"].as_str());
    scene.has("invoices", "INV-7", "status = 'paid'").await;

    // Two charges at once for one invoice: one is sent.
    let buyer = scene.customer(Some("pm_card_visa")).await;
    let racers = (0..6).map(|_| scene.wants(charge(&buyer, 2_200, Some("INV-8"))));
    let raced = futures_util::future::join_all(racers).await;
    let sent: Vec<&Operation> = raced.iter().filter(|one| one.state != OperationState::Refused).collect();
    assert_eq!(sent.len(), 1, "{raced:?}");
    scene.reaches(sent[0].id(), OperationState::Succeeded).await;
    scene.has("invoices", "INV-8", "status = 'paid'").await;
    let of_invoice = |one: &&Value| one["metadata"]["invoice_id"] == "INV-8";
    assert_eq!(scene.stripe.all("", "payment_intent").iter().filter(of_invoice).count(), 1);
}
