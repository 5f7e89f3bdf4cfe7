//! The money of an object as a sum that adds up in sight: what came in, what went out again, and what is left.

use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::payouts::Payout;
use domain::reconciliation::{Category, PayoutItems};
use domain::refunds::Refund;
use serde::Serialize;

/// What a sale is, until Stripe has taken its part.
const KEPT: &str = "kept, before Stripe's fees";

/// Lines that come to the total, all in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sum {
    pub currency: String,
    pub lines: Vec<SumLine>,
    pub total: SumLine,
}

/// An amount in minor units; what goes out is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SumLine {
    pub name: &'static str,
    pub amount: i64,
}

impl Sum {
    /// What is not there is no line, but for the first one.
    fn of(currency: &str, lines: &[(&'static str, i64)], total: &'static str) -> Self {
        let amount = lines.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount));
        let shown = lines.iter().enumerate().filter(|(place, (_, amount))| *place == 0 || *amount != 0);
        Self {
            currency: currency.to_owned(),
            lines: shown.map(|(_, (name, amount))| SumLine { name, amount: *amount }).collect(),
            total: SumLine { name: total, amount },
        }
    }
}

/// `None` while nobody has said how much came in. `reserved` is what refunds under way hold of it.
pub fn of_payment(payment: &Payment, reserved: i64) -> Option<Sum> {
    let received = payment.received()?;
    let missing = payment.state.amount.saturating_sub(received);
    let came = if missing > 0 { ("asked for", payment.state.amount) } else { ("received", received) };
    let lines = [
        came,
        ("not received", missing.max(0).saturating_neg()),
        ("refunded", payment.amount_refunded.saturating_neg()),
        ("charged back", payment.amount_charged_back.saturating_neg()),
        ("refunds under way", reserved.saturating_neg()),
    ];
    let total = if reserved > 0 { "left to refund" } else { KEPT };
    Some(Sum::of(&payment.state.currency, &lines, total))
}

pub fn of_charge(charge: &Charge) -> Option<Sum> {
    if !charge.seen.is_reported() {
        return None;
    }
    let lines = [
        ("captured", charge.state.amount_captured),
        ("refunded", charge.amount_refunded.saturating_neg()),
        ("charged back", charge.amount_charged_back.saturating_neg()),
    ];
    Some(Sum::of(&charge.state.currency, &lines, KEPT))
}

/// Its column `amount_paid` is what was received less what chargebacks took; here both sides stand.
pub fn of_invoice(invoice: &Invoice) -> Option<Sum> {
    if invoice.state.currency.is_empty() {
        return None;
    }
    let lines = [
        ("received", invoice.amount_paid.saturating_add(invoice.amount_charged_back)),
        ("charged back", invoice.amount_charged_back.saturating_neg()),
        ("refunded", invoice.amount_refunded.saturating_neg()),
    ];
    Some(Sum::of(&invoice.state.currency, &lines, KEPT))
}

/// The payment that a refund gives back, less this refund and all others; `None` where the refund is in no sum of it.
pub fn of_refund(refund: &Refund, payment: &Payment) -> Option<Sum> {
    let (received, currency) = (payment.received()?, payment.state.currency.as_str());
    if refund.is_release() || refund.is_in_another(currency) {
        return None;
    }
    let this = if refund.counts_in(currency) { refund.state.amount } else { 0 };
    let lines = [
        ("received for the payment", received),
        ("this refund", this.saturating_neg()),
        ("other refunds", this.saturating_sub(payment.amount_refunded)),
        ("charged back", payment.amount_charged_back.saturating_neg()),
    ];
    Some(Sum::of(currency, &lines, KEPT))
}

/// The balance transactions that Stripe put into a payout, by what they are about; `None` before they are known.
pub fn of_payout(payout: &Payout, items: &[PayoutItems]) -> Option<Sum> {
    const NAMES: [(Category, &str); 7] = [
        (Category::Charge, "charges"),
        (Category::Refund, "refunds"),
        (Category::RefundFailure, "refunds that failed"),
        (Category::PaymentFailure, "payments that failed"),
        (Category::Dispute, "disputes"),
        (Category::Payout, "other payouts"),
        (Category::Unclassified, "adjustments and others"),
    ];
    if items.is_empty() {
        return None;
    }
    let amount_of = |category: Category| {
        let of_it = items.iter().filter(|item| item.category() == category);
        of_it.fold(0_i64, |sum, item| sum.saturating_add(item.amount))
    };
    let fees = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.fee));
    let mut lines = NAMES.map(|(category, name)| (name, amount_of(category))).to_vec();
    lines.push(("Stripe's fees", amount_of(Category::Fee).saturating_sub(fees)));
    let sum = Sum::of(&payout.state.currency, &lines, "paid out");
    let total = if sum.total.amount == payout.state.amount {
        sum.total.name
    } else {
        "they come to, unlike the payout"
    };
    Some(Sum { total: SumLine { name: total, ..sum.total }, ..sum })
}

/// What moved on the Stripe balance, in the currency that Stripe settles in; `None` before anything did.
pub fn of_dispute(dispute: &Dispute) -> Option<Sum> {
    let currency = dispute.movement_currency.as_deref()?;
    let lines = [
        ("withdrawn", dispute.amount_withdrawn.saturating_neg()),
        ("reinstated", dispute.amount_reinstated),
        ("fees", dispute.fees.saturating_neg()),
    ];
    Some(Sum::of(currency, &lines, "net effect"))
}

#[cfg(test)]
mod tests {
    use domain::{Key, Object};

    use super::*;

    #[test]
    fn lines_come_to_the_total_and_what_is_not_there_is_no_line() {
        let mut payment = Payment {
            amount_refunded: 500,
            ..Payment::placeholder(Key { id: "pi_1".to_owned(), ..Key::default() })
        };
        assert_eq!(of_payment(&payment, 0), None, "nobody has said what came in");
        payment.state.status = "succeeded".to_owned();
        payment.state.amount_received = 2_000;
        let lines = |sum: &Sum| sum.lines.iter().map(|line| (line.name, line.amount)).collect::<Vec<_>>();
        let sum = of_payment(&payment, 0).unwrap();
        assert_eq!(lines(&sum), [("received", 2_000), ("refunded", -500)]);
        assert_eq!((sum.total.name, sum.total.amount), (KEPT, 1_500));
        let sum = of_payment(&payment, 1_200).unwrap();
        assert_eq!(lines(&sum).last(), Some(&("refunds under way", -1_200)));
        assert_eq!((sum.total.name, sum.total.amount), ("left to refund", 300));
        (payment.state.amount, payment.state.amount_received, payment.amount_refunded) = (4_500, 0, 0);
        let sum = of_payment(&payment, 0).unwrap();
        assert_eq!(lines(&sum), [("asked for", 4_500), ("not received", -4_500)]);
        assert_eq!(sum.total.amount, 0);
    }

    #[test]
    fn a_refund_stands_beside_the_others_of_its_payment() {
        let mut payment = Payment::placeholder(Key::default());
        let mut refund = Refund::placeholder(Key::default());
        assert_eq!(of_refund(&refund, &payment), None, "nobody has said what came in");
        (payment.state.status, payment.state.amount_received) = ("succeeded".to_owned(), 2_000);
        payment.amount_refunded = 700;
        refund.state.amount = 500;
        let lines = |sum: Sum| sum.lines.iter().map(|line| line.amount).collect::<Vec<_>>();
        assert_eq!(lines(of_refund(&refund, &payment).unwrap()), [2_000, -500, -200]);
        refund.state.status = "failed".to_owned();
        assert_eq!(
            lines(of_refund(&refund, &payment).unwrap()),
            [2_000, -700],
            "what failed gave nothing back"
        );
        refund.state.reason = Some("expired_uncaptured_charge".to_owned());
        assert_eq!(of_refund(&refund, &payment), None, "no money had come in");
    }

    #[test]
    fn a_payout_is_what_its_transactions_come_to() {
        let mut payout = Payout::placeholder(Key::default());
        assert_eq!(of_payout(&payout, &[]), None);
        (payout.state.amount, payout.state.currency) = (9_000, "usd".to_owned());
        let item = |kind: &str, amount, fee| PayoutItems {
            kind: kind.to_owned(),
            amount,
            fee,
            ..PayoutItems::default()
        };
        let items = [
            item("charge", 10_000, 320),
            item("payment", 500, 30),
            item("refund", -1_000, 0),
            item("payment_refund", -200, 0),
            item("payment_refund", 200, 0),
            item("stripe_fee", -100, 0),
            item("topup", -50, 0),
        ];
        let sum = of_payout(&payout, &items).unwrap();
        let lines: Vec<_> = sum.lines.iter().map(|line| (line.name, line.amount)).collect();
        let expected = [
            ("charges", 10_500),
            ("refunds", -1_200),
            ("refunds that failed", 200),
            ("adjustments and others", -50),
            ("Stripe's fees", -450),
        ];
        assert_eq!(lines, expected);
        assert_eq!((sum.total.name, sum.total.amount), ("paid out", 9_000));
        payout.state.amount = 9_001;
        assert_eq!(of_payout(&payout, &items).unwrap().total.name, "they come to, unlike the payout");
    }

    #[test]
    fn an_invoice_shows_what_a_chargeback_took() {
        let mut invoice = Invoice::placeholder(Key::default());
        assert_eq!(of_invoice(&invoice), None);
        invoice.state.currency = "usd".to_owned();
        (invoice.amount_paid, invoice.amount_charged_back, invoice.amount_refunded) = (300, 700, 100);
        let sum = of_invoice(&invoice).unwrap();
        assert_eq!(sum.lines.iter().map(|line| line.amount).collect::<Vec<_>>(), [1_000, -700, -100]);
        assert_eq!(sum.total.amount, 200);
    }
}
