//! Money as people read it. Amounts are integers in the currency's minor unit, as Stripe states them.

/// `1,234.50 USD`. The amount stands alone, named for what it is, where the currency is not known.
pub fn shown(minor_units: i64, currency: &str) -> String {
    let code = currency.to_ascii_uppercase();
    if code.is_empty() {
        return format!("{} minor units", grouped(&minor_units.unsigned_abs().to_string(), minor_units < 0));
    }
    let decimals = decimals_of(&code);
    let digits = format!("{:0>width$}", minor_units.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let whole = grouped(whole, minor_units < 0);
    if fraction.is_empty() { format!("{whole} {code}") } else { format!("{whole}.{fraction} {code}") }
}

/// `1234.50`: for spreadsheets, which want neither grouping nor a currency; in minor units where none is known.
pub fn plain(minor_units: i64, currency: &str) -> String {
    let decimals = if currency.is_empty() { 0 } else { decimals_of(&currency.to_ascii_uppercase()) };
    let digits = format!("{:0>width$}", minor_units.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if minor_units < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// An amount as people write it, `19.99`, in minor units.
pub fn read(text: &str, currency: &str) -> Result<i64, String> {
    let code = currency.to_ascii_uppercase();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("`{currency}` is not a currency: use three letters, as in usd"));
    }
    let decimals = decimals_of(&code);
    let example = match decimals {
        0 => "500",
        3 => "1.250",
        _ => "19.99",
    };
    let fault =
        || format!("`{text}` is not an amount in {code}: write {example}, without thousands separators");
    if text.starts_with('-') {
        return Err(format!("`{text}` is less than nothing: write {example}, without a sign"));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_pointless = text.ends_with('.') || whole.is_empty();
    if is_pointless || !is_number(whole) || !is_number(fraction) || fraction.len() > decimals {
        return Err(fault());
    }
    let amount = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| fault())?;
    match step(currency) {
        step if amount % step == 0 => Ok(amount),
        100 => Err(format!("`{text}` is not an amount in {code}, which has no decimals: write {whole}")),
        _ => Err(format!("`{text}` is not an amount in {code}: Stripe takes its last decimal only as 0")),
    }
}

/// Stripe states ISK and UGX in hundredths that are always 00, and three decimals with a last 0: an amount is a
/// multiple of this.
pub fn step(currency: &str) -> i64 {
    match currency.to_ascii_uppercase().as_str() {
        "ISK" | "UGX" => 100,
        code if decimals_of(code) == 3 => 10,
        _ => 1,
    }
}

/// Currencies of which Stripe states amounts in whole units.
pub const WITHOUT_DECIMALS: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies of which Stripe states amounts in thousandths.
pub const WITH_THREE_DECIMALS: [&str; 5] = ["BHD", "JOD", "KWD", "OMR", "TND"];

/// Digits behind the point, as Stripe counts them. ISK and UGX have none in life, but Stripe still states
/// them in hundredths.
pub fn decimals_of(code: &str) -> usize {
    if WITHOUT_DECIMALS.contains(&code) {
        0
    } else if WITH_THREE_DECIMALS.contains(&code) {
        3
    } else {
        2
    }
}

fn grouped(digits: &str, negative: bool) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if negative {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12,345`: a count, grouped like money.
pub fn count(number: u64) -> String {
    grouped(&number.to_string(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheets_get_plain_numbers() {
        for (amount, currency, text) in
            [(123_450, "usd", "1234.50"), (-5, "eur", "-0.05"), (1_234, "jpy", "1234"), (7, "", "7")]
        {
            assert_eq!(plain(amount, currency), text);
        }
    }

    #[test]
    fn every_currency_is_shown_with_its_own_decimals() {
        for (amount, currency, text) in [
            (123_450, "usd", "1,234.50 USD"),
            (5, "eur", "0.05 EUR"),
            (0, "gbp", "0.00 GBP"),
            (-1, "usd", "-0.01 USD"),
            (-123_456_789, "usd", "-1,234,567.89 USD"),
            (1_234, "jpy", "1,234 JPY"),
            (0, "jpy", "0 JPY"),
            (-500, "krw", "-500 KRW"),
            (1_234_560, "kwd", "1,234.560 KWD"),
            (7, "KWD", "0.007 KWD"),
            (500, "isk", "5.00 ISK"),
            (500, "ugx", "5.00 UGX"),
            (100, "xyz", "1.00 XYZ"),
            (i64::MAX, "usd", "92,233,720,368,547,758.07 USD"),
            (i64::MIN, "jpy", "-9,223,372,036,854,775,808 JPY"),
        ] {
            assert_eq!(shown(amount, currency), text, "{amount} {currency}");
        }
    }

    #[test]
    fn amounts_are_read_as_they_are_shown() {
        for (text, currency, amount) in [
            ("19.99", "usd", 1_999),
            ("19.9", "USD", 1_990),
            ("19", "eur", 1_900),
            ("0", "usd", 0),
            ("500", "jpy", 500),
            ("1.25", "kwd", 1_250),
            ("500", "isk", 50_000),
            ("5.00", "UGX", 500),
        ] {
            assert_eq!(read(text, currency), Ok(amount), "{text} {currency}");
        }
        for (text, currency) in [
            ("19.999", "usd"),
            ("500.0", "jpy"),
            ("1,000", "usd"),
            ("-1", "usd"),
            ("1.", "usd"),
            (".5", "usd"),
            ("", "usd"),
            ("1e3", "usd"),
            ("99999999999999999999", "usd"),
            ("1", "dollars"),
            ("5.50", "isk"),
            ("0.01", "UGX"),
            ("1.255", "kwd"),
        ] {
            assert!(read(text, currency).is_err(), "{text} {currency}");
        }
    }

    #[test]
    fn an_unknown_currency_is_not_guessed() {
        assert_eq!(shown(1_234, ""), "1,234 minor units");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count).join(" "), "0 999 1,000 1,234,567");
    }
}
