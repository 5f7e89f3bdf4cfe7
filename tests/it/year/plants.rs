//! What is planted: a sort after the other, on Stripe's side or on the ledger's. Each says what must be found.

use serde_json::{Value, json};

use super::merchant::{CURRENCIES, Merchant, Sale, id};

type Plant = fn(&mut Merchant<'_>);

/// Each by its name.
pub(super) const SORTS: [(&str, Plant); 15] = [
    ("a charge that the ledger never heard of", charge_is_missing),
    ("a refund that it never heard of", refund_is_missing),
    ("a dispute that it never heard of", dispute_is_missing),
    ("a payout that it never heard of", payout_is_missing),
    ("a charge that it has with another amount", charge_differs),
    ("a refund that it has with another amount", refund_differs),
    ("a refund that failed, which it missed", refund_failure_is_missed),
    ("a payout that came back, which it missed", payout_failure_is_missed),
    ("a charge that moved the balance twice", transaction_comes_twice),
    ("a charge that never moved the balance", charge_moves_nothing),
    ("a refund that never moved the balance", refund_moves_nothing),
    ("a payout of another amount than its transactions", payout_differs),
    ("a net that is not amount less fee", net_differs),
    ("a transaction of a type that nobody knows", type_is_unknown),
    ("an invoice that was paid with less than it says", invoice_differs),
];

/// The next one, in turn.
pub(super) fn plant(merchant: &mut Merchant<'_>) {
    let (_, plant) = SORTS[merchant.planted.len() % SORTS.len()];
    plant(merchant);
}

fn transaction_of(merchant: &Merchant<'_>, source: &str, kind: &str) -> Value {
    let all = merchant.stripe.all("", "balance_transaction");
    let is_it = |it: &&Value| it["source"] == source && it["type"] == kind;
    all.iter().find(is_it).unwrap_or_else(|| panic!("{source} has no {kind}")).clone()
}

fn hide(merchant: &mut Merchant<'_>, id: &str) {
    merchant.hidden.insert((id.to_owned(), None));
}

/// A sale of its own, so that nothing about it was told yet.
fn sale(merchant: &mut Merchant<'_>) -> Sale {
    let sale = merchant.sells();
    merchant.touched.insert(sale.charge.clone());
    merchant.stripe.passes(60);
    sale
}

fn charge_is_missing(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    hide(merchant, &sale.payment);
    hide(merchant, &sale.charge);
    merchant.note("missing_object", &sale.charge);
}

fn refund_is_missing(merchant: &mut Merchant<'_>) {
    let sale = merchant.fresh(false);
    let refund = merchant.refund(&sale, 300);
    hide(merchant, &refund);
    merchant.note("missing_object", &refund);
}

fn dispute_is_missing(merchant: &mut Merchant<'_>) {
    let sale = merchant.fresh(false);
    let dispute = merchant.dispute(&sale);
    hide(merchant, &dispute);
    merchant.note("missing_object", &dispute);
}

/// Made by hand, for there is one a day and currency by schedule.
fn by_hand(merchant: &mut Merchant<'_>) -> String {
    for currency in CURRENCIES {
        if let Ok(payout) =
            merchant.stripe.ask("POST", "/payouts", &json!({ "amount": 500, "currency": currency }))
        {
            merchant.stripe.passes(60);
            return id(&payout);
        }
    }
    panic!("nothing is available")
}

fn payout_is_missing(merchant: &mut Merchant<'_>) {
    let payout = by_hand(merchant);
    hide(merchant, &payout);
    merchant.note("missing_object", &payout);
}

fn charge_differs(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    merchant.altered.insert(sale.charge.clone(), vec![("amount", 100), ("amount_captured", 100)]);
    merchant.note("amount_differs", &sale.charge);
}

fn refund_differs(merchant: &mut Merchant<'_>) {
    let sale = merchant.fresh(false);
    let refund = merchant.refund(&sale, 300);
    merchant.altered.insert(refund.clone(), vec![("amount", -100)]);
    merchant.note("amount_differs", &refund);
}

fn refund_failure_is_missed(merchant: &mut Merchant<'_>) {
    let sale = merchant.fresh(false);
    let refund = merchant.refund(&sale, 300);
    let failed = json!({ "status": "failed", "reason": "unknown", "livemode": true });
    merchant.stripe.admin("POST", &format!("/refunds/{refund}"), &failed).unwrap();
    merchant.hidden.insert((refund.clone(), Some("failed")));
    merchant.note("status_differs", &refund);
}

fn payout_failure_is_missed(merchant: &mut Merchant<'_>) {
    let payout = by_hand(merchant);
    let failed = json!({ "status": "failed", "livemode": true });
    merchant.stripe.admin("POST", &format!("/payouts/{payout}"), &failed).unwrap();
    merchant.hidden.insert((payout.clone(), Some("failed")));
    merchant.note("status_differs", &payout);
}

fn transaction_comes_twice(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    let mut again = transaction_of(merchant, &sale.charge, "charge");
    again["id"] = json!(format!("{}again", id(&again)));
    again["created"] = json!(again["created"].as_i64().unwrap() + 5);
    again["status"] = json!("available");
    merchant.stripe.put("", &again);
    merchant.note("duplicate_transaction", &sale.charge);
}

fn charge_moves_nothing(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    let transaction = transaction_of(merchant, &sale.charge, "charge");
    merchant.stripe.forget("", &id(&transaction));
    merchant.note("missing_transaction", &sale.charge);
}

fn refund_moves_nothing(merchant: &mut Merchant<'_>) {
    let sale = merchant.fresh(false);
    let refund = merchant.refund(&sale, 300);
    let transaction = transaction_of(merchant, &refund, "refund");
    merchant.stripe.forget("", &id(&transaction));
    merchant.note("missing_transaction", &refund);
}

fn payout_differs(merchant: &mut Merchant<'_>) {
    for currency in CURRENCIES {
        let asked = json!({ "currency": currency, "livemode": true });
        if let Ok(payout) = merchant.stripe.admin("POST", "/payouts", &asked) {
            let payout_id = id(&payout);
            let mut payout = merchant.ask("GET", &format!("/payouts/{payout_id}"), &json!({}));
            payout["amount"] = json!(payout["amount"].as_i64().unwrap() + 250);
            merchant.stripe.put("", &payout);
            // Later events would bring the other amount into the ledger, too.
            merchant.hidden.insert((payout_id.clone(), Some("paid")));
            merchant.note("payout_differs", &payout_id);
            return;
        }
    }
    panic!("nothing is available")
}

fn net_differs(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    let mut transaction = transaction_of(merchant, &sale.charge, "charge");
    transaction["net"] = json!(transaction["net"].as_i64().unwrap() - 7);
    merchant.stripe.put("", &transaction);
    merchant.note("net_differs", &sale.charge);
}

/// One of a kind a day and currency is a finding.
fn type_is_unknown(merchant: &mut Merchant<'_>) {
    let sale = sale(merchant);
    let mut odd = transaction_of(merchant, &sale.charge, "charge");
    let kind = format!("novelty_{}", merchant.planted.len());
    let currency = odd["currency"].as_str().unwrap().to_owned();
    odd["id"] = json!(format!("{}odd", id(&odd)));
    (odd["type"], odd["reporting_category"]) = (json!(kind), json!("other"));
    (odd["source"], odd["status"]) = (Value::Null, json!("available"));
    merchant.stripe.put("", &odd);
    merchant.note("unclassified", &format!("{kind} {currency}"));
}

fn invoice_differs(merchant: &mut Merchant<'_>) {
    let invoice = merchant.invoices();
    merchant.altered.insert(invoice.clone(), vec![("amount_paid", 100)]);
    merchant.note("invoice_differs", &invoice);
}
