//! Failures that an invoice reports itself, and the links by which its payments are found.

use super::*;

const INVOICE: &str = "in_1QzYx8Ab3dEfGhIjKl";

fn bill(status: &str, extra: &Value) -> Value {
    let mut object = invoice_object(status, extra);
    object["id"] = json!(INVOICE);
    object
}

fn reported(second: i64) -> Event {
    event("invoice.payment_failed", second, &bill("open", &json!({"attempt_count": 1})))
}

/// A decline of an intent that refers to the invoice, in the shape of 2025-12-15.clover and later.
fn declined(second: i64, charge: &str, reference: &str) -> Event {
    let object = json!({"id": "pi_1", "status": "requires_payment_method", "amount": 2000, "currency": "usd",
        "payment_details": {"customer_reference": null, "order_reference": reference},
        "last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds", "charge": charge}});
    event("payment_intent.payment_failed", second, &object)
}

fn invoice(graph: &ObjectGraph) -> Invoice {
    graph.invoice(INVOICE)
}

#[test]
fn reports_alone_count_plan_and_make_overdue() {
    let day = |day: i64| day * 86_400;
    let story: Vec<Event> = [0, 3, 10, 24].map(|number| reported(day(number))).into();
    for (count, planned) in [(1, day(3)), (2, day(10)), (3, day(24))] {
        let invoice = invoice(&in_every_order(&story[..count]));
        assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Failed, at(planned)));
        assert_eq!(usize::try_from(invoice.payment_retry_count).unwrap(), count);
        assert_eq!(invoice.payment_failure_code, None, "an invoice gives no reason");
    }
    let invoice = invoice(&in_every_order(&story));
    assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Overdue, None));
}

#[test]
fn two_reports_of_one_moment_are_one_failure_and_attempt_count_tells_none_apart() {
    let again =
        event("invoice.payment_failed", 0, &bill("open", &json!({"attempt_count": 1, "number": "A-1"})));
    let later = event("invoice.payment_failed", 86_400, &bill("open", &json!({"attempt_count": 1})));
    let graph = in_every_order(&[reported(0), again, later]);
    assert_eq!(invoice(&graph).payment_retry_count, 2, "a manual attempt does not raise attempt_count");
}

#[test]
fn a_report_and_a_linked_attempt_near_it_are_one_failure_with_the_attempts_code() {
    for (apart, count) in [(0, 1), (300, 1), (-300, 1), (301, 2), (-301, 2)] {
        let graph = in_every_order(&[declined(1_000, "ch_1", INVOICE), reported(1_000 + apart)]);
        assert_eq!(invoice(&graph).payment_retry_count, count, "{apart} seconds apart");
    }
    let graph =
        in_every_order(&[declined(0, "ch_1", INVOICE), reported(2), declined(86_400, "ch_2", INVOICE)]);
    let invoice = invoice(&graph);
    assert_eq!(invoice.payment_retry_count, 2);
    assert_eq!(invoice.payment_failure_reason.as_deref(), Some("insufficient_funds"));
    assert!(!invoice.seen.needs_refetch);
}

#[test]
fn an_order_reference_links_only_to_an_invoice_that_stripe_has_reported() {
    let graph = in_every_order(&[declined(0, "ch_1", INVOICE)]);
    assert_eq!((graph.payment("pi_1").owner(), invoice(&graph).status), (None, Status::Unknown));
    let graph = in_every_order(&[
        declined(0, "ch_1", INVOICE),
        event("invoice.finalized", 0, &bill("open", &json!({}))),
    ]);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, INVOICE);
    assert_eq!(invoice(&graph).status, Status::Failed);
}

#[test]
fn an_order_reference_of_another_form_is_the_merchants_text() {
    for text in ["in_short", "in_1QzYx8Ab3dEfG-IjKl", "order 17", "cs_test_a1B2c3D4e5F6g7H8"] {
        let graph = in_every_order(&[declined(0, "ch_1", text)]);
        assert_eq!(graph.payment("pi_1").invoice_reference.id(), None, "{text}");
    }
}

#[test]
fn stripes_link_stands_before_the_reference_and_that_before_the_metadata() {
    let both = |second: i64| {
        let mut object = json!({"id": "pi_1", "status": "processing", "amount": 2000, "currency": "usd",
            "metadata": {"invoice_id": "own_7"}, "payment_details": {"order_reference": INVOICE}});
        object["created"] = json!(1_700_000_000);
        event("payment_intent.processing", second, &object)
    };
    let graph = in_every_order(&[both(0)]);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, "own_7", "nobody has reported the other");
    let open = event("invoice.finalized", 5, &bill("open", &json!({})));
    let graph = in_every_order(&[both(0), open.clone()]);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, INVOICE);
    assert_eq!(graph.invoice("own_7").status, Status::Unknown, "it no longer counts for that");
    let link = json!({"id": "inpay_1", "invoice": "in_other", "payment": {"payment_intent": "pi_1"}});
    let graph = in_every_order(&[both(0), open, event("invoice_payment.paid", 9, &link)]);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, "in_other");
}

#[test]
fn a_failed_invoice_without_a_payment_must_be_asked_for_until_a_link_comes() {
    let graph = in_every_order(&[reported(0)]);
    assert!(invoice(&graph).seen.needs_refetch);
    let link = json!({"id": "inpay_1", "invoice": INVOICE, "status": "open", "amount_paid": null,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    let answer = event("invoice_payment.updated", 120, &link);
    let told = declined(1, "ch_1", "");
    let graph = in_every_order(&[reported(0), answer, told]);
    let invoice = invoice(&graph);
    assert!(!invoice.seen.needs_refetch);
    assert_eq!(
        (invoice.payment_retry_count, invoice.payment_failure_code.as_deref()),
        (1, Some("card_declined"))
    );
}

#[test]
fn an_invoice_that_was_paid_needs_no_asking() {
    let paid = event("invoice.paid", 9, &bill("paid", &json!({"amount_paid": 2000})));
    let graph = in_every_order(&[reported(0), paid]);
    let invoice = invoice(&graph);
    assert!(!invoice.seen.needs_refetch);
    assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Paid, None));
    assert_eq!(invoice.payment_failed_at, at(0), "kept after it is paid");
}
