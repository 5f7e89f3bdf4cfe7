//! Amounts as Stripe's messages write them, and the least and greatest that it charges.

use crate::error::Refusal;

const ZERO_DECIMAL: &[&str] = &[
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf",
];
const GREATEST: i64 = 99_999_999;

/// `$1,234.50`.
pub(crate) fn written(amount: i64, currency: &str) -> String {
    let symbol = match currency {
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        "jpy" => "¥".to_owned(),
        other => format!("{} ", other.to_ascii_uppercase()),
    };
    if ZERO_DECIMAL.contains(&currency) {
        return format!("{symbol}{}", in_thousands(amount));
    }
    format!("{symbol}{}.{:02}", in_thousands(amount / 100), amount % 100)
}

fn in_thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Refuses what is too little or too much to charge.
pub(crate) fn chargeable(amount: i64, currency: &str) -> Result<(), Refusal> {
    let least = match currency {
        "gbp" => 30,
        "dkk" => 250,
        "nok" | "sek" => 300,
        "hkd" => 400,
        "mxn" => 1_000,
        "huf" => 17_500,
        "czk" => 1_500,
        "pln" | "aed" | "ron" => 200,
        _ => 50,
    };
    if amount < least {
        let words = format!("Amount must be at least {}", written(least, currency));
        return Err(Refusal::invalid("amount", words).code("amount_too_small"));
    }
    if amount > GREATEST {
        let words = format!("Amount must be no more than {}", written(GREATEST, currency));
        return Err(Refusal::invalid("amount", words).code("amount_too_large"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_in_stripes_messages() {
        for (amount, currency, text) in [
            (3_000, "usd", "$30.00"),
            (123_456_789, "eur", "€1,234,567.89"),
            (5, "gbp", "£0.05"),
            (3_000, "jpy", "¥3,000"),
        ] {
            assert_eq!(written(amount, currency), text);
        }
    }
}
