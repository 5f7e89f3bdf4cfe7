//! The two sides of a contradiction, in words and money.

use domain::charges::Charge;
use domain::invoices::Invoice;
use domain::object_graph::ObjectGraph;
use domain::payments::Payment;
use domain::refunds::Refund;

use crate::money;

/// What a flag of the ledger means.
pub(super) fn in_words(flag: &str) -> &'static str {
    match flag {
        "dispute_exceeds_charge" => "a dispute claims more than was charged",
        "dispute_currency" => "a dispute is in another currency",
        "refund_currency" => "a refund is in another currency",
        "refunds_exceed_charge" => "more was refunded than captured",
        "refunds_exceed_payment" => "more was refunded than received",
        "payment_currency" => "a payment is in another currency",
        _ => "its figures contradict each other",
    }
}

pub(super) fn of_charge(charge: &Charge, flag: &str, graph: &ObjectGraph) -> String {
    let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
    let charged = format!("charged {}", amount(charge.state.amount));
    let disputes = graph.disputes.rows().filter(|dispute| dispute.owner().as_ref() == Some(&charge.key));
    let asked = |dispute: &domain::disputes::Dispute| {
        let asked = money::shown(dispute.state.amount, &dispute.state.currency);
        format!("{} claims {asked}", dispute.key.id)
    };
    let other_currency =
        |dispute: &domain::disputes::Dispute| dispute.state.currency != charge.state.currency;
    let sides: Vec<String> = match flag {
        "dispute_exceeds_charge" => disputes
            .filter(|dispute| !other_currency(dispute) && dispute.state.amount > charge.state.amount)
            .map(asked)
            .chain([charged])
            .collect(),
        "dispute_currency" => {
            disputes.filter(|dispute| other_currency(dispute)).map(asked).chain([charged]).collect()
        }
        "refund_currency" => {
            let refunds = graph.refunds.rows().filter(|refund| refund.owner().as_ref() == Some(&charge.key));
            refunds_in_another(refunds, &charge.state.currency).chain([charged]).collect()
        }
        _ => vec![
            format!("refunded {}", amount(charge.amount_refunded)),
            format!("captured {}", amount(charge.state.amount_captured)),
        ],
    };
    sides.join("; ")
}

pub(super) fn of_payment(payment: &Payment, flag: &str, graph: &ObjectGraph) -> String {
    let amount = |minor_units| money::shown(minor_units, &payment.state.currency);
    let received = format!("received {}", amount(payment.state.amount_received));
    if flag != "refund_currency" {
        return format!("refunded {}; {received}", amount(payment.amount_refunded));
    }
    let refunds = graph.refunds.rows().filter(|refund| refund.paid_by().as_ref() == Some(&payment.key));
    refunds_in_another(refunds, &payment.state.currency).chain([received]).collect::<Vec<_>>().join("; ")
}

pub(super) fn of_invoice(invoice: &Invoice, graph: &ObjectGraph) -> String {
    let payments = graph.payments.rows().filter(|payment| payment.owner().as_ref() == Some(&invoice.key));
    let others = payments.filter(|payment| {
        !payment.state.currency.is_empty() && payment.state.currency != invoice.state.currency
    });
    let paid = others.map(|payment| {
        format!("{} is of {}", payment.key.id, money::shown(payment.state.amount, &payment.state.currency))
    });
    let due = format!("due {}", money::shown(invoice.state.amount_due, &invoice.state.currency));
    paid.chain([due]).collect::<Vec<_>>().join("; ")
}

fn refunds_in_another<'a>(
    refunds: impl Iterator<Item = &'a Refund>,
    currency: &str,
) -> impl Iterator<Item = String> {
    refunds.filter(move |refund| refund.is_in_another(currency)).map(|refund| {
        format!("{} gives back {}", refund.key.id, money::shown(refund.state.amount, &refund.state.currency))
    })
}
