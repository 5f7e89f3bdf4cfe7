//! What Stripe charges at all: the currencies that it takes, and the least and the form of an amount in each.

use crate::money::{shown, step};

/// Stripe's currencies for payments, in lower case, separated by spaces.
const CURRENCIES: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn \
    bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg \
    huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur \
    mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd \
    shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// The least that Stripe charges, in minor units. Where it publishes no amount, it converts: Stripe refuses then.
const LEAST: &[(&str, i64)] = &[
    ("aed", 200),
    ("aud", 50),
    ("bgn", 100),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1_500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17_500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1_000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1_000),
    ("usd", 50),
];

/// Why an amount cannot be charged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unchargeable {
    #[error("{currency} is not a currency that Stripe charges in: use an ISO code such as usd")]
    Currency { currency: String },
    #[error("the amount must be from {} to {}", shown(*.least, .currency), shown(*.most, .currency))]
    Amount { least: i64, most: i64, currency: String },
    #[error("Stripe takes {} only in steps of {step} minor units: {} is not one", .currency.to_ascii_uppercase(), .amount)]
    Step { amount: i64, step: i64, currency: String },
}

pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && CURRENCIES.split(' ').any(|known| known == code)
}

/// In minor units.
pub fn least(currency: &str) -> i64 {
    LEAST.iter().find(|(code, _)| *code == currency).map_or(1, |(_, least)| *least)
}

/// Whether Stripe charges this amount, of which the merchant allows at most so much.
pub fn check(amount: i64, currency: &str, most: i64) -> Result<(), Unchargeable> {
    in_form(amount, currency)?;
    let least = least(currency);
    if (least..=most).contains(&amount) {
        return Ok(());
    }
    Err(Unchargeable::Amount { least, most, currency: currency.to_owned() })
}

/// Whether an amount can be stated to Stripe in this currency, however small it is.
pub fn in_form(amount: i64, currency: &str) -> Result<(), Unchargeable> {
    if !is_currency(currency) {
        return Err(Unchargeable::Currency { currency: currency.to_owned() });
    }
    in_steps(amount, currency)
}

/// Whether Stripe can move this amount, also back: of a payment made before a currency lost its decimals, only whole
/// units are refunded.
pub fn in_steps(amount: i64, currency: &str) -> Result<(), Unchargeable> {
    let step = step(currency);
    if amount % step == 0 {
        return Ok(());
    }
    Err(Unchargeable::Step { amount, step, currency: currency.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_charged_within_stripes_least_and_the_merchants_most() {
        for (amount, currency, may) in [
            (50, "usd", true),
            (49, "usd", false),
            (99_999_999, "usd", true),
            (100_000_000, "usd", false),
            (30, "gbp", true),
            (29, "gbp", false),
            (50, "jpy", true),
            (49, "jpy", false),
            (500, "isk", true),
            (550, "isk", false),
            (1_250, "kwd", true),
            (1_255, "kwd", false),
            (1, "tzs", true),
            (0, "tzs", false),
            (-100, "usd", false),
            (500, "xyz", false),
            (500, "USD", false),
            (500, "", false),
            (500, "usd eur", false),
        ] {
            assert_eq!(check(amount, currency, 99_999_999).is_ok(), may, "{amount} {currency}");
        }
        let words = check(49, "usd", 99_999_999).unwrap_err().to_string();
        assert_eq!(words, "the amount must be from 0.50 USD to 999,999.99 USD");
    }

    #[test]
    fn every_currency_with_a_least_amount_is_one() {
        assert!(LEAST.iter().all(|(code, least)| is_currency(code) && least % step(code) == 0));
        assert!(CURRENCIES.split(' ').all(|code| code.len() == 3), "no blank is doubled");
    }
}
