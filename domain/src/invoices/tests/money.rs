//! Statuses that money alone gives, only on the basis that the invoice was paid; and payments of several invoices.

use super::*;

fn paid(id: &str, amount: i64) -> Event {
    let mut object = invoice_object("paid", &json!({"amount_due": amount, "amount_paid": amount}));
    object["id"] = json!(id);
    event("invoice.paid", 0, &object)
}

fn succeeded(amount: i64) -> Event {
    let object = json!({"id": "pi_1", "status": "succeeded", "amount": amount, "amount_received": amount,
        "currency": "usd"});
    event("payment_intent.succeeded", 0, &object)
}

fn row(id: &str, invoice: &str, amount: i64) -> Event {
    let object = json!({"id": id, "object": "invoice_payment", "invoice": invoice, "status": "paid",
        "amount_paid": amount, "amount_requested": amount, "currency": "usd",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"}});
    event("invoice_payment.paid", 0, &object)
}

fn refund(amount: i64) -> Event {
    let object = json!({"id": "re_1", "status": "succeeded", "amount": amount, "currency": "usd",
        "payment_intent": "pi_1"});
    event("refund.created", 60, &object)
}

fn lost(amount: i64, status: &str) -> [Event; 2] {
    let charge = json!({"id": "ch_1", "status": "succeeded", "amount": 9000, "amount_captured": 9000,
        "captured": true, "currency": "usd", "payment_intent": "pi_1"});
    let dispute = json!({"id": "dp_1", "status": status, "amount": amount, "currency": "usd", "charge": "ch_1",
        "payment_intent": "pi_1", "reason": "fraudulent", "balance_transactions": []});
    [event("charge.succeeded", 0, &charge), event("charge.dispute.closed", 90, &dispute)]
}

fn end(events: &[Event]) -> Invoice {
    in_every_order(events).invoice("in_1")
}

#[test]
fn what_went_back_of_an_open_invoice_leaves_it_open_with_the_amounts_beside_it() {
    for (basis, expected) in [("open", Status::Sent), ("uncollectible", Status::Uncollectible)] {
        let part = invoice_object(basis, &json!({"amount_due": 1000, "amount_paid": 400}));
        let open = event("invoice.updated", 5, &part);
        let back = end(&[open.clone(), row("inpay_1", "in_1", 400), succeeded(400), refund(400)]);
        assert_eq!((back.status, back.amount_refunded), (expected, 400));
        let [charge, dispute] = lost(400, "lost");
        let gone = end(&[open, row("inpay_1", "in_1", 400), charge, dispute]);
        assert_eq!((gone.status, gone.amount_charged_back, gone.amount_paid), (expected, 400, 0));
    }
}

/// Since 2025-05-28 an invoice may be paid in parts, and each part is told of by itself.
#[test]
fn a_part_that_was_paid_counts_before_the_invoice_tells_of_it() {
    let open = |second, paid: i64| {
        let amounts = json!({"amount_due": 1000, "amount_paid": paid, "amount_remaining": 1000 - paid});
        event("invoice.updated", second, &invoice_object("open", &amounts))
    };
    let part = row("inpay_1", "in_1", 400);
    let told = end(&[open(0, 0), part.clone(), succeeded(400)]);
    assert_eq!((told.amount_paid, told.remaining(), told.seen.needs_refetch), (400, 600, true));
    let told = end(&[open(0, 0), part, succeeded(400), open(5, 400)]);
    assert_eq!((told.amount_paid, told.remaining(), told.seen.needs_refetch), (400, 600, false));
    let [charge, dispute] = lost(500, "lost");
    let told = end(&[open(5, 400), row("inpay_1", "in_1", 400), charge, dispute]);
    assert_eq!((told.amount_paid, told.remaining()), (0, 600), "a chargeback pays nothing of it");
}

#[test]
fn what_is_left_of_a_paid_invoice_says_its_status() {
    let table = [
        (0, None, Status::Paid),
        (300, None, Status::PartiallyRefunded),
        (1000, None, Status::Refunded),
        (0, Some((300, "lost")), Status::PartiallyChargedBack),
        (0, Some((1000, "lost")), Status::ChargedBack),
        (300, Some((700, "lost")), Status::ChargedBack),
        (300, Some((600, "lost")), Status::PartiallyChargedBack),
        (1000, Some((1000, "needs_response")), Status::Disputed),
        (300, Some((1000, "won")), Status::PartiallyRefunded),
    ];
    for (refunded, dispute, expected) in table {
        let mut events = vec![paid("in_1", 1000), row("inpay_1", "in_1", 1000), succeeded(1000)];
        events.extend((refunded > 0).then(|| refund(refunded)));
        if let Some((amount, status)) = dispute {
            events.extend(lost(amount, status));
        }
        let end = graph_of(&events).invoice("in_1");
        assert_eq!(end.status, expected, "{refunded} refunded, {dispute:?}");
    }
}

#[test]
fn a_refund_of_money_that_nobody_saw_come_in_is_not_all_of_it() {
    let end = end(&[paid("in_1", 0), row("inpay_1", "in_1", 0), refund(500)]);
    assert_eq!((end.status, end.amount_refunded), (Status::PartiallyRefunded, 500));
}

#[test]
fn each_invoice_bears_its_share_of_what_goes_back() {
    let both = [
        paid("in_1", 400),
        paid("in_2", 600),
        row("inpay_1", "in_1", 400),
        row("inpay_2", "in_2", 600),
        succeeded(1000),
    ];
    let with = |more: &[Event]| graph_of(&[&both[..], more].concat());
    let graph =
        in_every_order(&[both[0].clone(), both[1].clone(), both[2].clone(), both[3].clone(), refund(501)]);
    assert_eq!((graph.invoice("in_1").amount_refunded, graph.invoice("in_2").amount_refunded), (200, 301));
    let graph = with(&lost(1000, "lost"));
    for (invoice, share) in [("in_1", 400), ("in_2", 600)] {
        let invoice = graph.invoice(invoice);
        assert_eq!((invoice.status, invoice.amount_charged_back), (Status::ChargedBack, share));
    }
    let graph = with(&lost(500, "lost"));
    assert_eq!(graph.invoice("in_1").status, Status::PartiallyChargedBack);
    assert_eq!((graph.invoice("in_1").amount_paid, graph.invoice("in_2").amount_paid), (200, 300));
}

#[test]
fn an_invoice_that_only_a_link_names_bears_what_the_others_leave() {
    let linked = json!({"id": "pi_1", "status": "succeeded", "amount": 1000, "amount_received": 1000,
        "currency": "usd", "invoice": "in_1"});
    let graph = in_every_order(&[
        event("payment_intent.succeeded", 50, &linked),
        row("inpay_2", "in_2", 600),
        paid("in_1", 400),
        paid("in_2", 600),
        refund(1000),
    ]);
    assert_eq!((graph.invoice("in_1").amount_refunded, graph.invoice("in_2").amount_refunded), (400, 600));
}

fn graph_of(events: &[Event]) -> ObjectGraph {
    let forwards = applied(events.iter());
    assert_eq!(forwards.state(), applied(events.iter().rev()).state(), "order does not matter");
    forwards
}

fn applied<'a>(events: impl Iterator<Item = &'a Event>) -> ObjectGraph {
    let mut graph = ObjectGraph::default();
    for event in events {
        graph.apply(event);
    }
    graph
}
