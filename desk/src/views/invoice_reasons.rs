//! Why an invoice stands as it does, and when it is tried again, in words. The rules themselves are
//! `Invoice::derive` and `Invoice::plan_retry`.

use domain::invoices::{Invoice, NoRetry, Status};
use domain::object_graph::ObjectGraph;
use domain::policy::Policy;
use ledger::tables::audit::Line;

use super::reason::{self, Reason};
use crate::{money, wording};

/// The derivation in words; the rule itself is `Invoice::derive`.
pub(super) fn explain(invoice: &Invoice, graph: &ObjectGraph, timeline: &[Line]) -> (String, Vec<Reason>) {
    let amount = |minor_units| money::shown(minor_units, &invoice.state.currency);
    let (received, none) = (amount(received(invoice, graph)), Vec::new());
    let failures = graph.parts_of_invoice(&invoice.key).failures();
    let (refunded, charged_back) = (amount(invoice.amount_refunded), amount(invoice.amount_charged_back));
    match invoice.status {
        Status::Unknown => ("It was named, but nothing has been reported about it yet.".to_owned(), none),
        Status::Draft => ("Stripe has not finalized it.".to_owned(), none),
        Status::Sent if invoice.is_stripes => {
            ("It is finalized and open; no payment attempt is known to have failed.".to_owned(), none)
        }
        Status::Sent => (
            format!(
                "It is the merchant's own invoice, named by its payments; they received {received} so far."
            ),
            reason::received(graph, timeline),
        ),
        Status::Failed => {
            let at = invoice.payment_failed_at.map(|at| format!(", last at {}", wording::moment(at)));
            let at = at.unwrap_or_default();
            (format!("It is open, and a payment attempt failed{at}."), reason::failures(&failures))
        }
        Status::Overdue => match invoice.overdue_at {
            Some(at) => (
                format!("It is open, and Stripe reported it overdue at {}.", wording::moment(at)),
                reason::failures(&failures),
            ),
            None => {
                ("It is open, and every planned retry has failed.".to_owned(), reason::failures(&failures))
            }
        },
        Status::Uncollectible => ("It was written off; a payment would still settle it.".to_owned(), none),
        Status::Paid if invoice.is_stripes => {
            ("Stripe reported it paid, which is final.".to_owned(), reason::received(graph, timeline))
        }
        Status::Paid => (
            format!("It is the merchant's own invoice; its payments received {received}, which is enough."),
            reason::received(graph, timeline),
        ),
        Status::PartiallyRefunded => (
            format!("It was paid, and {refunded} of the {received} received was refunded."),
            reason::refunds(graph, timeline),
        ),
        Status::Refunded => (
            format!("It was paid, and all of the {received} received was refunded."),
            reason::refunds(graph, timeline),
        ),
        Status::PartiallyChargedBack => (
            format!("It was paid, and lost disputes took back {charged_back} of the {received} received."),
            reason::lost(graph, timeline),
        ),
        Status::ChargedBack => (
            format!(
                "It was paid, and nothing is left: lost disputes took back {charged_back} of the {received} received{}.",
                if invoice.amount_refunded > 0 { format!(", and refunds {refunded}") } else { String::new() }
            ),
            reason::lost(graph, timeline),
        ),
        Status::Disputed => {
            let facts = reason::open(graph, timeline);
            let which = if facts.len() == 1 { "a dispute" } else { "disputes" };
            (format!("Its payment is under {which} that is not decided yet."), facts)
        }
        Status::Void => ("It was voided, which is final.".to_owned(), none),
        Status::Deleted => ("It was deleted, which is final.".to_owned(), none),
    }
}

/// What came in before any of it went back.
fn received(invoice: &Invoice, graph: &ObjectGraph) -> i64 {
    if invoice.is_stripes {
        return invoice.received();
    }
    let payments = graph.payments.rows().filter(|payment| payment.state.currency == invoice.state.currency);
    payments.map(|payment| payment.state.amount_received).fold(0, i64::saturating_add)
}

/// When the payment is tried again, or why it is not; nothing where nothing failed.
pub(super) fn retry_plan(invoice: &Invoice, graph: &ObjectGraph, policy: &Policy) -> Option<String> {
    let retries = policy.retry_days.len();
    let failures = invoice.payment_retry_count;
    if invoice.status == Status::Overdue && failures > 0 {
        let gave_up = format!("{failures} attempts failed; {retries} retries are planned at most");
        let reported = "Stripe reported it overdue, which ends retries";
        let is_given_up = policy.is_last(usize::try_from(failures).unwrap_or(usize::MAX));
        return Some(format!("none: {}", if is_given_up { gave_up.as_str() } else { reported }));
    }
    match graph.retry_of_invoice(&invoice.key) {
        Ok(at) => Some(format!(
            "{}  (retry {failures} of {retries}, planned here; staff ask for it unless scheduled retries are on)",
            wording::moment(at)
        )),
        Err(NoRetry::NotFailed) => None,
        Err(NoRetry::PlannedByStripe(at)) => Some(format!("{}  (planned by Stripe)", wording::moment(at))),
        Err(why) => Some(format!("none: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::disputes::{self, Dispute};
    use domain::payments::Payment;
    use domain::refunds::Refund;
    use domain::{Key, Object};

    use super::*;

    fn key(id: &str) -> Key {
        Key { id: id.to_owned(), ..Key::default() }
    }

    fn invoice(status: Status, is_stripes: bool) -> Invoice {
        let mut invoice = Invoice {
            status,
            is_stripes,
            amount_paid: 700,
            amount_refunded: 300,
            amount_charged_back: 400,
            ..Invoice::placeholder(key("in_1"))
        };
        invoice.state.currency = "usd".to_owned();
        invoice
    }

    /// A payment that received 11.00 USD, a refund of 3.00, a dispute that is open and one that is lost.
    fn graph() -> ObjectGraph {
        let mut graph = ObjectGraph::default();
        let mut payment = Payment { invoice: Some("in_1".to_owned()), ..Payment::placeholder(key("pi_1")) };
        payment.state.currency = "usd".to_owned();
        payment.state.amount_received = 1_100;
        graph.load(payment);
        let mut refund = Refund::placeholder(key("re_1"));
        refund.state.status = "succeeded".to_owned();
        graph.load(refund);
        let status = |status, id| Dispute { status, ..Dispute::placeholder(key(id)) };
        graph.load(status(disputes::Status::Opened, "dp_open"));
        graph.load(status(disputes::Status::Lost, "dp_lost"));
        graph
    }

    #[test]
    fn each_status_names_what_makes_it_so() {
        let graph = graph();
        for (status, is_stripes, says, because) in [
            (Status::Unknown, true, "nothing has been reported", &[][..]),
            (Status::Draft, true, "not finalized", &[]),
            (Status::Sent, true, "no payment attempt is known to have failed", &[]),
            (Status::Sent, false, "received 11.00 USD so far", &["pi_1"]),
            (Status::Overdue, true, "every planned retry has failed", &[]),
            (Status::Uncollectible, true, "written off", &[]),
            (Status::Paid, true, "Stripe reported it paid", &["pi_1"]),
            (Status::Paid, false, "received 11.00 USD, which is enough", &["pi_1"]),
            (Status::PartiallyRefunded, false, "3.00 USD of the 11.00 USD received was refunded", &["re_1"]),
            (Status::Refunded, false, "all of the 11.00 USD received was refunded", &["re_1"]),
            (Status::PartiallyChargedBack, false, "took back 4.00 USD of the 11.00 USD", &["dp_lost"]),
            (
                Status::ChargedBack,
                false,
                "took back 4.00 USD of the 11.00 USD received, and refunds 3.00 USD",
                &["dp_lost"],
            ),
            (Status::Disputed, true, "under a dispute that is not decided yet", &["dp_open"]),
            (Status::Void, true, "voided", &[]),
            (Status::Deleted, true, "deleted", &[]),
        ] {
            let (why, reasons) = explain(&invoice(status, is_stripes), &graph, &[]);
            let ids: Vec<&str> = reasons.iter().map(|reason| reason.id.as_str()).collect();
            assert!(why.contains(says), "{status:?}: {why}");
            assert_eq!(ids, because, "{status:?}");
        }
    }

    #[test]
    fn every_status_has_a_sentence_of_its_own() {
        let graph = graph();
        let sentences: std::collections::BTreeSet<String> =
            Status::ALL.iter().map(|status| explain(&invoice(*status, true), &graph, &[]).0).collect();
        assert_eq!(sentences.len(), Status::ALL.len(), "{sentences:?}");
    }

    #[test]
    fn an_overdue_invoice_says_whether_we_gave_up_or_stripe_did() {
        let plan = |failures| {
            let invoice = Invoice { payment_retry_count: failures, ..invoice(Status::Overdue, true) };
            retry_plan(&invoice, &ObjectGraph::default(), &Policy::default())
        };
        assert_eq!(plan(0), None, "nothing failed");
        assert_eq!(plan(1).as_deref(), Some("none: Stripe reported it overdue, which ends retries"));
        assert_eq!(plan(4).as_deref(), Some("none: 4 attempts failed; 3 retries are planned at most"));
    }

    #[test]
    fn a_failure_is_told_with_its_moment() {
        let failed =
            Invoice { payment_failed_at: Some(DateTime::UNIX_EPOCH), ..invoice(Status::Failed, true) };
        let (why, _) = explain(&failed, &ObjectGraph::default(), &[]);
        assert!(why.contains("failed, last at 1970-01-01 00:00:00"), "{why}");
    }
}
