//! What forbids the plan of a retry, one sentence of the rules each.

use super::*;

/// A story around one failure of `in_1` by `pi_1`, as Stripe told it before 2025.
struct FailureStory(Vec<Event>);

impl FailureStory {
    fn new() -> Self {
        Self(vec![bill(0, "open", &json!({})), intent(10, "requires_payment_method", Some("card_declined"))])
    }

    fn and(mut self, event: Event) -> Self {
        self.0.push(event);
        self
    }

    fn invoice(&self) -> Invoice {
        in_every_order(&self.0).invoice("in_1")
    }

    /// Why there is no retry; there is one where this is `None`.
    fn why_not(&self) -> Option<NoRetry> {
        let graph = in_every_order(&self.0);
        let invoice = graph.invoice("in_1");
        let plan = graph.retry_of_invoice(&invoice.key);
        assert_eq!(plan.clone().ok(), invoice.next_payment_retry_at, "the row says the same");
        plan.err()
    }
}

fn bill(second: i64, status: &str, extra: &Value) -> Event {
    let mut more = json!({"payment_intent": "pi_1"});
    more.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    event("invoice.updated", second, &invoice_object(status, &more))
}

fn intent(second: i64, status: &str, code: Option<&str>) -> Event {
    another("pi_1", second, status, code)
}

fn another(id: &str, second: i64, status: &str, code: Option<&str>) -> Event {
    let received = if status == "succeeded" { 2000 } else { 0 };
    let object = json!({"id": id, "status": status, "amount": 2000, "amount_received": received,
        "currency": "usd", "invoice": "in_1",
        "last_payment_error": code.map(|code| json!({"code": code, "charge": format!("ch_{id}_{second}")}))});
    let kind = match status {
        "requires_payment_method" => "payment_intent.payment_failed",
        "requires_capture" => "payment_intent.amount_capturable_updated",
        "succeeded" => "payment_intent.succeeded",
        "canceled" => "payment_intent.canceled",
        _ => "payment_intent.processing",
    };
    event(kind, second, &object)
}

fn subscription(second: i64, status: &str) -> Event {
    let object = json!({"id": "sub_1", "status": status, "customer": "cus_1"});
    event("customer.subscription.updated", second, &object)
}

#[test]
fn a_failure_plans_a_retry_where_nothing_forbids_it() {
    let told = FailureStory::new();
    assert_eq!(told.why_not(), None);
    assert_eq!(told.invoice().next_payment_retry_at, at(10 + 3 * 86_400));
}

#[test]
fn none_while_a_linked_payment_is_underway() {
    for status in ["processing", "requires_capture"] {
        let told = FailureStory::new().and(intent(20, status, None));
        assert_eq!(told.why_not(), Some(NoRetry::Underway("pi_1".to_owned())), "{status}");
        let told = FailureStory::new().and(another("pi_2", 20, status, None));
        assert_eq!(told.why_not(), Some(NoRetry::Underway("pi_2".to_owned())), "{status}");
    }
    let told = FailureStory::new().and(intent(20, "processing", None));
    let told = told.and(intent(30, "requires_payment_method", Some("card_declined")));
    assert_eq!(told.why_not(), None, "the second attempt failed too");
}

#[test]
fn none_once_one_succeeded_after_the_last_failure() {
    let told = FailureStory::new().and(intent(20, "succeeded", None));
    assert_eq!(told.why_not(), Some(NoRetry::Succeeded("pi_1".to_owned())));
    let told = FailureStory::new().and(another("pi_2", 5, "succeeded", None));
    assert_eq!(told.why_not(), None, "what came in before the failure was not enough");
}

#[test]
fn none_where_every_unpaid_linked_payment_is_canceled() {
    let told = FailureStory::new().and(intent(20, "canceled", None));
    assert_eq!(told.why_not(), Some(NoRetry::AllCanceled));
    let told = FailureStory::new().and(intent(20, "canceled", None)).and(another(
        "pi_2",
        30,
        "requires_action",
        None,
    ));
    assert_eq!(told.why_not(), None);
    let told =
        FailureStory::new().and(intent(20, "canceled", None)).and(another("pi_2", 5, "succeeded", None));
    assert_eq!(told.why_not(), Some(NoRetry::AllCanceled), "the paid one needs no retry");
}

#[test]
fn none_where_the_subscription_is_over() {
    for (status, forbidden) in [
        ("active", None),
        ("past_due", None),
        ("unpaid", None),
        ("canceled", Some(NoRetry::SubscriptionOver)),
        ("incomplete_expired", Some(NoRetry::SubscriptionOver)),
    ] {
        let older = bill(11, "open", &json!({"subscription": "sub_1"}));
        let told = FailureStory::new().and(older).and(subscription(20, status));
        assert_eq!(told.why_not(), forbidden, "{status}");
        let parent = json!({"parent": {"subscription_details": {"subscription": "sub_1"}}});
        let told = FailureStory::new().and(bill(11, "open", &parent)).and(subscription(20, status));
        assert_eq!(told.why_not(), forbidden, "{status}, in the shape since 2025-03-31");
    }
}

#[test]
fn none_for_an_invoice_that_is_sent_and_only_stripe_makes_it_overdue() {
    let sent = json!({"collection_method": "send_invoice"});
    let told = FailureStory::new().and(bill(20, "open", &sent));
    assert_eq!(told.why_not(), Some(NoRetry::SentByMail));
    let many = (1..4).fold(told, |told, day| {
        told.and(intent(day * 86_400, "requires_payment_method", Some("card_declined")))
    });
    assert_eq!((many.invoice().status, many.invoice().payment_retry_count), (Status::Failed, 4));
    let overdue = event("invoice.overdue", 30, &invoice_object("open", &sent));
    assert_eq!(FailureStory::new().and(overdue).invoice().status, Status::Overdue);
}

#[test]
fn neither_plan_nor_overdue_by_count_while_stripe_plans_itself() {
    let planned = json!({"next_payment_attempt": 1_700_900_000});
    let told = FailureStory::new().and(bill(500_000, "open", &planned));
    assert_eq!(told.why_not(), Some(NoRetry::PlannedByStripe(moment(1_700_900_000).unwrap())));
    let many = (1..4).fold(told, |told, day| {
        told.and(intent(day * 86_400, "requires_payment_method", Some("card_declined")))
    });
    assert_eq!((many.invoice().status, many.invoice().payment_retry_count), (Status::Failed, 4));
    let done = many.and(bill(600_000, "open", &json!({"next_payment_attempt": null})));
    assert_eq!(done.invoice().status, Status::Overdue, "the freshest report has no plan any more");
}

#[test]
fn none_after_a_code_that_forbids_it() {
    for code in [
        "authentication_required",
        "do_not_honor",
        "expired_card",
        "fraudulent",
        "incorrect_cvc",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    ] {
        let told = FailureStory::new().and(intent(20, "requires_payment_method", Some(code)));
        assert_eq!(told.why_not(), Some(NoRetry::Forbidden(code.to_owned())), "{code}");
    }
    let told = FailureStory::new().and(intent(5, "requires_payment_method", Some("expired_card")));
    assert_eq!(told.why_not(), None, "only the last failure decides");
}

#[test]
fn none_after_a_charge_that_was_blocked_for_its_risk() {
    let blocked = json!({"id": "ch_pi_1_10", "status": "failed", "amount": 2000, "currency": "usd",
        "payment_intent": "pi_1", "failure_code": "card_declined",
        "outcome": {"type": "blocked", "reason": "highest_risk_level"}});
    let told = FailureStory::new().and(event("charge.failed", 10, &blocked));
    assert_eq!(told.why_not(), Some(NoRetry::Forbidden("highest_risk_level".to_owned())));
    assert_eq!(told.invoice().payment_retry_count, 1);
}

#[test]
fn a_settled_invoice_has_no_plan() {
    for status in ["paid", "void", "uncollectible"] {
        let told = FailureStory::new().and(bill(20, status, &json!({})));
        assert_eq!(told.why_not(), Some(NoRetry::NotFailed), "{status}");
    }
}
