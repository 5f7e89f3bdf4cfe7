//! Random walks: everything in the scenarios, mixed over several users, payments, invoices and disputes, one
//! legal step at a time.

use super::stripe::Stripe;
use super::{Asked, Decline};

const DECLINES: &[Decline] =
    &[Decline::INSUFFICIENT, Decline::GENERIC, Decline::STOLEN, Decline::EXPIRED, Decline::PROCESSING];
const AMOUNTS: &[i64] = &[500, 1_200, 4_900, 25_000];
const CUSTOMERS_LIMIT: usize = 4;

/// At least so many events further.
pub(super) fn walk(stripe: &mut Stripe, events: usize) {
    let goal = stripe.told() + events;
    let users: Vec<String> = (0..3).map(|_| stripe.random.id("user")).collect();
    while stripe.told() < goal {
        step(stripe, &users);
        let rest = if stripe.random.percent(10) { 3 * 86_400 } else { 100 };
        stripe.now += i64::try_from(stripe.random.within(1..rest)).expect("small");
    }
}

/// One thing happens; nothing where there is nothing it could happen to.
fn step(stripe: &mut Stripe, users: &[String]) {
    match stripe.random.within(0..100) {
        0..6 => step_of_customer(stripe, users),
        6..26 => new_payment(stripe, users),
        26..50 => step_of_payment(stripe),
        50..58 => new_refund(stripe),
        58..64 => step_of_refund(stripe),
        64..70 => new_dispute(stripe),
        70..79 => step_of_dispute(stripe),
        79..84 => new_invoice(stripe),
        84..95 => step_of_invoice(stripe),
        95..97 => step_of_warning(stripe),
        _ => step_of_subscription(stripe),
    }
}

fn step_of_customer(stripe: &mut Stripe, users: &[String]) {
    let user = stripe.random.pick(users).clone();
    let named = stripe.random.percent(70).then_some(user.as_str());
    if stripe.customers.len() < CUSTOMERS_LIMIT {
        let id = stripe.customer(named);
        return stripe.tell(&["customer.created"], &id);
    }
    let Some(id) = any(stripe, living) else { return };
    if stripe.random.percent(10) {
        stripe.delete_customer(&id);
        return stripe.tell(&["customer.deleted"], &id);
    }
    stripe.rename_customer(&id, named);
    stripe.tell(&["customer.updated"], &id);
}

fn new_payment(stripe: &mut Stripe, users: &[String]) {
    let mut asked = Asked::of(*stripe.random.pick(AMOUNTS));
    if let Some(customer) = any(stripe, living).filter(|_| stripe.random.percent(80)) {
        asked = asked.from(&customer);
    }
    if stripe.random.percent(50) {
        let user = stripe.random.pick(users).clone();
        asked = asked.by(&user);
    }
    if stripe.random.percent(5) {
        let charge = stripe.direct_charge(asked);
        return stripe.tell(&["charge.succeeded"], &charge);
    }
    if stripe.random.percent(30) {
        let invoice = format!("own_{}_{}", stripe.random.within(0..4), users[0]);
        asked = asked.on(&invoice, Some(1_200));
    }
    let payment = stripe.payment(asked);
    if stripe.random.percent(50) {
        let open = any(stripe, |s| billing(s, |status| matches!(status, "open" | "uncollectible")));
        if let Some(invoice) = open {
            stripe.payment_mut(&payment).amount = stripe.invoices[&invoice].amount;
            stripe.assign(&payment, &invoice);
        }
    }
    stripe.tell(&["payment_intent.created"], &payment);
    if stripe.random.percent(40) {
        succeeds(stripe, &payment);
    }
}

fn step_of_payment(stripe: &mut Stripe) {
    let pending = |s: &Stripe| {
        s.payments.iter().filter(|(_, p)| !is_over(p.status)).map(|(id, _)| id.clone()).collect()
    };
    let Some(id) = any(stripe, pending) else { return };
    if stripe.payments[&id].status == "requires_capture" {
        let charge = stripe.payments[&id].charge.clone().expect("it was authorized");
        let part = stripe.payments[&id].amount - i64::from(stripe.random.percent(30)) * 100;
        stripe.capture(&id, part);
        stripe.tell(&["charge.captured"], &charge);
        return stripe.tell(&["payment_intent.succeeded"], &id);
    }
    match stripe.random.within(0..100) {
        0..15 => moves(stripe, &id, "payment_intent.requires_action", "requires_action"),
        15..25 => moves(stripe, &id, "payment_intent.processing", "processing"),
        25..30 => moves(stripe, &id, "payment_intent.canceled", "canceled"),
        30..35 if stripe.payments[&id].invoice.is_none() => {
            let charge = stripe.authorize(&id);
            stripe.tell(&["charge.succeeded"], &charge);
            stripe.tell(&["payment_intent.amount_capturable_updated"], &id);
        }
        35..65 => {
            let decline = *stripe.random.pick(DECLINES);
            if stripe.random.percent(15) {
                stripe.fail_without_charge(&id, decline);
                stripe.tell(&["payment_intent.payment_failed"], &id);
            } else {
                stripe.decline(&id, decline);
            }
            if let Some(invoice) = stripe.payments[&id].invoice.clone() {
                stripe.attempt_failed(&invoice);
            }
        }
        _ => succeeds(stripe, &id),
    }
}

fn moves(stripe: &mut Stripe, payment: &str, kind: &'static str, status: &'static str) {
    stripe.becomes(payment, status);
    stripe.tell(&[kind], payment);
}

/// What is meant for an invoice that somebody else paid meanwhile is canceled.
fn succeeds(stripe: &mut Stripe, payment: &str) {
    let invoice = stripe.payments[payment].invoice.clone();
    let is_open = |status| matches!(status, "open" | "uncollectible");
    match invoice {
        Some(invoice) if is_open(stripe.invoices[&invoice].status) => {
            stripe.pay(payment);
            stripe.settle_invoice(payment, &invoice);
        }
        Some(_) => moves(stripe, payment, "payment_intent.canceled", "canceled"),
        None => {
            stripe.pay(payment);
        }
    }
}

fn new_refund(stripe: &mut Stripe) {
    let Some(charge) = any(stripe, charged) else { return };
    let left = stripe.charges[&charge].captured - stripe.refunded_of(&charge);
    let is_lost =
        stripe.disputes.values().any(|dispute| dispute.charge == charge && dispute.status == "lost");
    if left <= 0 || is_lost {
        return;
    }
    let amount = if stripe.random.percent(50) { left } else { (left / 2).max(1) };
    let status = *stripe.random.pick(&["succeeded", "succeeded", "pending", "requires_action"]);
    let refund = stripe.give_back(&charge, amount, status);
    if stripe.random.percent(30) {
        stripe.tell(&["charge.refund.updated"], &refund);
    }
}

fn step_of_refund(stripe: &mut Stripe) {
    let living =
        |s: &Stripe| s.refunds.iter().filter(|(_, r)| r.gives_back()).map(|(id, _)| id.clone()).collect();
    let Some(id) = any(stripe, living) else { return };
    match stripe.refunds[&id].status {
        "pending" | "requires_action" => {
            let end = *stripe.random.pick(&["succeeded", "succeeded", "failed", "canceled"]);
            stripe.refund_becomes(&id, end);
            let kind = if end == "failed" { "refund.failed" } else { "refund.updated" };
            stripe.tell(&[kind, "charge.refund.updated"], &id);
        }
        _ if stripe.random.percent(20) => {
            stripe.refund_becomes(&id, "failed");
            stripe.tell(&["refund.failed", "charge.refund.updated"], &id);
        }
        _ => stripe.tell(&["charge.refund.updated"], &id),
    }
}

fn new_dispute(stripe: &mut Stripe) {
    let Some(charge) = any(stripe, charged) else { return };
    if stripe.random.percent(30) {
        let inquiry = stripe.dispute(&charge, "warning_needs_response");
        stripe.tell(&["charge.dispute.created"], &inquiry);
    } else {
        stripe.charge_back(&charge);
    }
}

fn step_of_dispute(stripe: &mut Stripe) {
    let open = |s: &Stripe| {
        let is_open = |status| !matches!(status, "won" | "prevented" | "warning_closed");
        s.disputes.iter().filter(|(_, d)| is_open(d.status)).map(|(id, _)| id.clone()).collect()
    };
    let Some(id) = any(stripe, open) else { return };
    let often = stripe.random.percent(50);
    match stripe.disputes[&id].status {
        "warning_needs_response" if often => answered(stripe, &id, "warning_under_review"),
        "warning_needs_response" | "warning_under_review" if stripe.random.percent(50) => {
            stripe.dispute_becomes(&id, "needs_response");
            stripe.withdraw(&id);
            stripe.tell(&["charge.dispute.updated", "charge.dispute.funds_withdrawn"], &id);
        }
        "warning_needs_response" | "warning_under_review" => stripe.decide(&id, "warning_closed"),
        "needs_response" if often => answered(stripe, &id, "under_review"),
        "needs_response" if stripe.random.percent(20) => stripe.decide(&id, "prevented"),
        "lost" if often => {
            stripe.dispute_becomes(&id, "appeal_under_review");
            stripe.tell(&["charge.dispute.updated"], &id);
        }
        "lost" => stripe.decide(&id, "won"),
        _ if often => stripe.decide(&id, "won"),
        _ => stripe.decide(&id, "lost"),
    }
}

fn answered(stripe: &mut Stripe, dispute: &str, status: &'static str) {
    stripe.submit_evidence(dispute, status);
    stripe.tell(&["charge.dispute.updated"], dispute);
}

fn new_invoice(stripe: &mut Stripe) {
    let Some(customer) = any(stripe, living) else { return };
    let amount = *stripe.random.pick(AMOUNTS);
    if stripe.random.percent(60) {
        stripe.billed(&customer, amount);
        return;
    }
    let invoice = stripe.invoice(&customer, amount);
    stripe.tell(&["invoice.created"], &invoice);
}

fn step_of_invoice(stripe: &mut Stripe) {
    let unpaid = |s: &Stripe| billing(s, |status| matches!(status, "draft" | "open" | "uncollectible"));
    let Some(id) = any(stripe, unpaid) else { return };
    if stripe.invoices[&id].status == "draft" {
        let (kind, status) =
            *stripe.random.pick(&[("invoice.finalized", "open"), ("invoice.deleted", "deleted")]);
        stripe.invoice_becomes(&id, status);
        return stripe.tell(&[kind], &id);
    }
    match stripe.random.within(0..100) {
        0..10 => stripe.tell(&["invoice.sent"], &id),
        10..20 => stripe.tell(&["invoice.overdue"], &id),
        20..30 => {
            stripe.invoice_becomes(&id, "uncollectible");
            stripe.tell(&["invoice.marked_uncollectible"], &id);
        }
        30..40 => {
            stripe.invoice_becomes(&id, "void");
            stripe.tell(&["invoice.voided"], &id);
        }
        _ => {
            let asked = Asked::of(stripe.invoices[&id].amount).from(&stripe.invoices[&id].customer.clone());
            let payment = stripe.payment(asked);
            stripe.assign(&payment, &id);
            stripe.pay(&payment);
            stripe.settle_invoice(&payment, &id);
        }
    }
}

fn step_of_warning(stripe: &mut Stripe) {
    let Some(charge) = any(stripe, charged) else { return };
    let warning = stripe.warning(&charge);
    stripe.tell(&["radar.early_fraud_warning.created"], &warning);
}

fn step_of_subscription(stripe: &mut Stripe) {
    let running = |s: &Stripe| {
        let runs = s.subscriptions.iter().filter(|(_, subscription)| subscription.status != "canceled");
        runs.map(|(id, _)| id.clone()).collect()
    };
    if let Some(id) = any(stripe, running) {
        let (kind, status) = *stripe.random.pick(&[
            ("customer.subscription.updated", "active"),
            ("customer.subscription.updated", "past_due"),
            ("customer.subscription.deleted", "canceled"),
        ]);
        stripe.renew(&id, status);
        stripe.tell(&[kind], &id);
    } else if let Some(customer) = any(stripe, living) {
        let id = stripe.subscription(&customer, "incomplete");
        stripe.tell(&["customer.subscription.created"], &id);
    }
}

fn any(stripe: &mut Stripe, among: impl Fn(&Stripe) -> Vec<String>) -> Option<String> {
    let ids = among(stripe);
    (!ids.is_empty()).then(|| stripe.random.pick(&ids).clone())
}

fn living(stripe: &Stripe) -> Vec<String> {
    stripe.customers.iter().filter(|(_, customer)| !customer.deleted).map(|(id, _)| id.clone()).collect()
}

fn charged(stripe: &Stripe) -> Vec<String> {
    let has_money = stripe.charges.iter().filter(|(_, charge)| charge.captured > 0);
    has_money.map(|(id, _)| id.clone()).collect()
}

fn billing(stripe: &Stripe, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    stripe.invoices.iter().filter(|(_, invoice)| wanted(invoice.status)).map(|(id, _)| id.clone()).collect()
}

fn is_over(status: &str) -> bool {
    matches!(status, "succeeded" | "canceled")
}
