//! What holds at every moment, however little of a history has arrived: no money appears from nothing,
//! derived figures are those of the rows below them, and a ban is explained by disputes.

use serde_json::Value;

use super::truth::{Row, Rows, Subject};

/// Everything that is wrong with these rows in themselves.
pub fn violations(rows: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    for (subject, row) in rows {
        // A movement out of the balance is negative by nature.
        if subject.kind != "movement" {
            for (column, value) in row.iter().filter(|(_, value)| value.as_i64().is_some_and(|n| n < 0)) {
                found.push(format!("{subject}: {column} is {value}"));
            }
        }
        match subject.kind {
            "charge" => judge_charge(rows, subject, row, &mut found),
            "payment" => judge_payment(rows, subject, row, &mut found),
            "ban" => judge_ban(rows, subject, row, &mut found),
            _ => {}
        }
    }
    found
}

fn judge_charge(rows: &Rows, subject: &Subject, row: &Row, found: &mut Vec<String>) {
    let (refunded, captured) = (number(row, "amount_refunded"), number(row, "amount_captured"));
    let is_flagged = text(row, "anomaly").is_some_and(|words| words.contains("refunds_exceed_charge"));
    let is_reported = text(row, "status").is_some_and(|status| status != "unknown");
    if is_reported && refunded > captured && !is_flagged {
        found.push(format!("{subject}: {refunded} of {captured} is refunded, and not flagged"));
    }
    // There is no conversion: a refund in another currency than the charge's is flagged, and adds up with nothing;
    // a dispute lost in another takes all that was captured.
    let adds_up = |child: &Row| !is_reported || text(child, "currency") == text(row, "currency");
    let sum = |kind, counts: fn(&str) -> bool| -> i64 {
        children(rows, subject, kind, "charge")
            .filter(|(_, child)| adds_up(child) && text(child, "status").is_some_and(counts))
            .map(|(_, child)| number(child, "amount"))
            .sum()
    };
    let disputes = || children(rows, subject, "dispute", "charge").map(|(_, child)| (child, lost(child)));
    let own: i64 = disputes().filter(|(child, _)| adds_up(child)).map(|(_, lost)| lost).sum();
    let is_all = disputes().any(|(child, lost)| lost > 0 && !adds_up(child));
    expect(subject, row, "amount_charged_back", if is_all { own.max(captured) } else { own }, found);
    let released: i64 = children(rows, subject, "refund", "charge")
        .filter(|(refund, child)| adds_up(child) && is_release_of(row, &refund.id))
        .filter(|(_, child)| !matches!(text(child, "status"), Some("failed" | "canceled")))
        .map(|(_, child)| number(child, "amount"))
        .sum();
    let itemised = sum("refund", |status| !matches!(status, "failed" | "canceled")) - released;
    expect(subject, row, "amount_refunded", itemised + number(row, "amount_unitemised"), found);
}

/// Whether the charge counts a refund as what was held only, and never captured: of nothing captured that is each one.
fn is_release_of(charge: &Row, refund: &str) -> bool {
    match text(charge, "released_refund") {
        Some("*") => number(charge, "amount_captured") == 0,
        released => released == Some(refund),
    }
}

/// What a dispute took for good; of a prevented one, what left the balance and did not come back.
fn lost(dispute: &Row) -> i64 {
    match text(dispute, "stripe_status") {
        Some("lost") => number(dispute, "amount"),
        Some("prevented") => {
            (number(dispute, "amount_withdrawn") - number(dispute, "amount_reinstated")).max(0)
        }
        _ => 0,
    }
}

fn judge_payment(rows: &Rows, subject: &Subject, row: &Row, found: &mut Vec<String>) {
    let itself = Subject { kind: "charge", ..subject.clone() };
    let charges: Vec<&Row> = children(rows, subject, "charge", "payment")
        .map(|(_, row)| row)
        .chain(rows.get(&itself).filter(|charge| text(charge, "payment").is_none()))
        .collect();
    for column in ["amount_refunded", "amount_charged_back"] {
        expect(subject, row, column, charges.iter().map(|charge| number(charge, column)).sum(), found);
    }
    let failures = children(rows, subject, "failure", "payment").count();
    expect(subject, row, "failed_attempts", i64::try_from(failures).expect("few"), found);
}

fn judge_ban(rows: &Rows, subject: &Subject, row: &Row, found: &mut Vec<String>) {
    let disputes = rows.iter().filter(|(dispute, row)| {
        let counts = matches!(text(row, "status"), Some("opened" | "under_review" | "lost"))
            && row.get("inquiry") != Some(&Value::Bool(true));
        dispute.kind == "dispute" && counts && user_of(rows, dispute, row) == Some(&subject.id)
    });
    let chargebacks = i64::try_from(disputes.count()).expect("few");
    expect(subject, row, "chargebacks", chargebacks, found);
    if text(row, "status") == Some("banned") && chargebacks < 2 {
        found.push(format!("{subject}: banned for {chargebacks} disputes"));
    }
}

/// Up the links of the rows: dispute, charge, payment, and the user of the payment or of its customer.
fn user_of<'a>(rows: &'a Rows, dispute: &Subject, row: &'a Row) -> Option<&'a str> {
    let sibling = |kind, id: &str| rows.get(&Subject { kind, id: id.to_owned(), ..dispute.clone() });
    let charge_id = text(row, "charge")?;
    let charge = sibling("charge", charge_id)?;
    let payment = sibling("payment", text(charge, "payment").unwrap_or(charge_id))?;
    let customer = text(payment, "customer");
    text(payment, "user_id").or_else(|| text(sibling("customer", customer?)?, "user_id")).or(customer)
}

fn children<'a>(
    rows: &'a Rows,
    parent: &'a Subject,
    kind: &'static str,
    link: &'static str,
) -> impl Iterator<Item = (&'a Subject, &'a Row)> {
    rows.iter().filter(move |(subject, row)| {
        subject.kind == kind
            && subject.account == parent.account
            && subject.livemode == parent.livemode
            && text(row, link) == Some(&parent.id)
    })
}

fn expect(subject: &Subject, row: &Row, column: &str, derived: i64, found: &mut Vec<String>) {
    if row.get(column).and_then(Value::as_i64) != Some(derived) {
        let value = row.get(column).unwrap_or(&Value::Null);
        found.push(format!("{subject}: {column} is {value}, but the rows below it make {derived}"));
    }
}

fn number(row: &Row, column: &str) -> i64 {
    row.get(column).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column).and_then(Value::as_str)
}
