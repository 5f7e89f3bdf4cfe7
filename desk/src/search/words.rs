//! Reads the words of a search box: operators such as `status:failed` and `amount>100`, an amount alone, or one name.

use chrono::NaiveDate;
use domain::UNKNOWN;
use domain::payments::STATUSES;
use ledger::views::lists::{FAILED, PAYMENT_FAILED, payment_status};

use super::terms::{PaymentTerms, WrongTerm};
use super::{amounts, day};

/// The operators, what each compares with, and what it does.
pub const OPERATORS: [(&str, &str, &str); 8] = [
    ("status:", "status:failed", "how the payment stands: one of Stripe's statuses, or failed"),
    ("amount", "amount>=100 amount<200", "with : > >= < or <=, in the currency's own unit"),
    ("currency:", "currency:eur", "three letters"),
    ("user:", "user:user_4711", "who paid, by your own id; \"…\" around an id with spaces"),
    ("customer:", "customer:cus_QXg1oX8Nbd2Vfs", "Stripe's customer"),
    ("code:", "code:card_declined", "why an attempt failed: Stripe's code, or the bank's"),
    ("last4:", "last4:4242", "the last digits of the card"),
    (
        "created",
        "created>=2026-11-01 created:yesterday",
        "with : > >= < or <=, days in UTC; of failed ones the day of the failure",
    ),
];

/// So much is read.
const WORDS_LIMIT_BYTES: usize = 1_000;
const SIGNS: [&str; 6] = [">=", "<=", ">", "<", ":", "="];

/// What the words ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Nothing,
    /// One thing by its name, or whatever goes by a reason.
    Name(String),
    Payments(Box<PaymentTerms>),
}

/// Reads the words; `today` is what `created:yesterday` counts from.
pub fn read(words: &str, today: NaiveDate) -> Result<Wanted, WrongTerm> {
    let words = words.trim();
    if words.len() > WORDS_LIMIT_BYTES {
        return Err(WrongTerm(format!(
            "The search has more than {WORDS_LIMIT_BYTES} characters: shorten it"
        )));
    }
    if words.is_empty() {
        return Ok(Wanted::Nothing);
    }
    if let Some(terms) = amount_alone(words) {
        return Ok(Wanted::Payments(Box::new(terms)));
    }
    let parts = split(words);
    let mut terms = PaymentTerms::default();
    let mut names = Vec::new();
    for part in &parts {
        match operator(part) {
            Some((name, sign, value)) => take(&mut terms, (name, sign, value), today)?,
            None => names.push(part.as_str()),
        }
    }
    match (names.first(), terms == PaymentTerms::default()) {
        (None, _) => Ok(Wanted::Payments(Box::new(terms))),
        (Some(_), true) => Ok(Wanted::Name(unquoted(words))),
        (Some(name), false) => Err(WrongTerm(format!(
            "“{name}” stands beside operators without one: write user:{name}, or whatever it is"
        ))),
    }
}

/// `19.99`, `19.99 eur`, `eur 1,234.50`.
fn amount_alone(words: &str) -> Option<PaymentTerms> {
    let is_currency = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let parts: Vec<&str> = words.split_whitespace().collect();
    let (amount, currency) = match parts[..] {
        [amount] if amount.contains('.') => (amount, None),
        [amount, currency] | [currency, amount] if is_currency(currency) => (amount, Some(currency)),
        _ => return None,
    };
    let amount = amount.replace(',', "");
    let is_amount = amount.starts_with(|first: char| first.is_ascii_digit());
    amounts::ranges(&amount).ok().filter(|_| is_amount)?;
    let currency = currency.map(str::to_ascii_lowercase);
    Some(PaymentTerms { amount: Some(amount), currency, ..PaymentTerms::default() })
}

/// At spaces, but not between quotation marks.
fn split(words: &str) -> Vec<String> {
    let (mut parts, mut part, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in words.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            letter if letter.is_whitespace() && !is_quoted => parts.push(std::mem::take(&mut part)),
            letter => part.push(letter),
        }
    }
    parts.push(part);
    parts.retain(|part| !part.is_empty());
    parts
}

fn unquoted(words: &str) -> String {
    words.trim_matches('"').trim().to_owned()
}

/// A name of letters before a sign, and what follows. An id never has one of the signs before its first `_`.
fn operator(part: &str) -> Option<(&str, &str, &str)> {
    let place = part.find([':', '>', '<', '='])?;
    let (name, rest) = part.split_at(place);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
    is_name.then(|| (name, sign, &rest[sign.len()..]))
}

fn take(
    terms: &mut PaymentTerms,
    (name, sign, value): (&str, &str, &str),
    today: NaiveDate,
) -> Result<(), WrongTerm> {
    if value.is_empty() {
        return Err(WrongTerm(format!(
            "{name}{sign} has no value: write one right behind it, without a space"
        )));
    }
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "amount" => {
            let sign = if sign == ":" { "" } else { sign };
            let comparison = format!("{sign}{value}");
            amounts::ranges(&comparison).map_err(WrongTerm)?;
            let before = terms.amount.take().map(|before| format!("{before} ")).unwrap_or_default();
            terms.amount = Some(before + &comparison);
            return Ok(());
        }
        "created" => return take_day(terms, sign, value, today),
        _ => {}
    }
    if !matches!(sign, ":" | "=") {
        return Err(WrongTerm(format!("{name} is compared with a colon: write {name}:{value}")));
    }
    let term = match name.as_str() {
        "status" => &mut terms.status,
        "currency" => &mut terms.currency,
        "user" => &mut terms.user,
        "customer" => &mut terms.customer,
        "code" => &mut terms.code,
        "last4" => &mut terms.last4,
        _ => {
            let known = OPERATORS.map(|(name, _, _)| name.trim_end_matches(':')).join(", ");
            return Err(WrongTerm(format!("There is no operator {name}: there are {known}")));
        }
    };
    if term.is_some() {
        return Err(WrongTerm(format!("{name} is named twice: a payment has one")));
    }
    if name == "status" && !statuses().any(|status| status == value) {
        let known = statuses().collect::<Vec<_>>().join(", ");
        return Err(WrongTerm(format!("“{value}” is no status of a payment: there are {known}")));
    }
    let value = if name == "status" { payment_status(value) } else { value };
    *term = Some(value.to_owned());
    Ok(())
}

/// What `status:` takes: Stripe's own of a payment, and ours.
fn statuses() -> impl Iterator<Item = &'static str> {
    [FAILED, PAYMENT_FAILED, UNKNOWN].into_iter().chain(STATUSES.iter().copied())
}

/// Words such as `yesterday` stay as they are where they can, so that a view that is kept means the same tomorrow.
fn take_day(terms: &mut PaymentTerms, sign: &str, value: &str, today: NaiveDate) -> Result<(), WrongTerm> {
    let named = day(value, today)?;
    let kept = || Some(value.to_owned());
    let (since, until) = match sign {
        ">" => (named.succ_opt().map(|day| day.to_string()), None),
        ">=" => (kept(), None),
        "<" => (None, named.pred_opt().map(|day| day.to_string())),
        "<=" => (None, kept()),
        _ => (kept(), kept()),
    };
    for (term, given) in [(&mut terms.since, since), (&mut terms.until, until)] {
        if given.is_some() && term.is_some() {
            return Err(WrongTerm("created has its beginning or end twice: name each once".to_owned()));
        }
        *term = term.take().or(given);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        "2026-11-28".parse().unwrap()
    }

    fn named(words: &str) -> String {
        match read(words, today()).unwrap() {
            Wanted::Payments(terms) => {
                let pairs: Vec<String> =
                    terms.named().into_iter().map(|(name, term)| format!("{name}={term}")).collect();
                pairs.join("&")
            }
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn operators_become_the_terms_of_an_address() {
        for (words, terms) in [
            ("status:failed amount>100 currency:eur", "status=payment_failed&amount=>100&currency=eur"),
            ("amount>=100  amount<200", "amount=>=100 <200"),
            ("Code:card_declined", "code=card_declined"),
            ("user:\"jane doe\" last4:4242", "user=jane doe&last4=4242"),
            ("created>2026-11-01", "since=2026-11-02"),
            ("created>=2026-11-01 created<2026-11-05", "since=2026-11-01&until=2026-11-04"),
            ("status:failed created:yesterday", "status=payment_failed&since=yesterday&until=yesterday"),
            ("19.99", "amount=19.99"),
            ("1,234.50 EUR", "amount=1234.50&currency=eur"),
            ("usd 20", "amount=20&currency=usd"),
        ] {
            assert_eq!(named(words), terms, "{words}");
        }
    }

    #[test]
    fn what_is_no_operator_is_a_name() {
        for words in [
            "pi_1",
            "4711",
            "jane doe",
            "\"jane doe\"",
            "9A4C21D0-0007",
            "1.2.3",
            "insufficient funds",
            "a_b:c",
        ] {
            let name = words.trim_matches('"').to_owned();
            assert_eq!(read(words, today()), Ok(Wanted::Name(name)), "{words}");
        }
        assert_eq!(read("  ", today()), Ok(Wanted::Nothing));
    }

    #[test]
    fn a_wrong_term_says_what_to_write() {
        for (words, says) in [
            ("colour:red", "no operator colour"),
            ("status>failed", "write status:failed"),
            ("status:", "has no value"),
            ("status:succeeded status:canceled", "named twice"),
            ("status:faild", "no status of a payment: there are failed, "),
            ("amount>lots", "not an amount"),
            ("created>soon", "write 2026-11-28"),
            ("created:today created:yesterday", "twice"),
            ("jane status:failed", "user:jane"),
        ] {
            let WrongTerm(why) = read(words, today()).unwrap_err();
            assert!(why.contains(says), "{words}: {why}");
        }
        assert!(read(&"x".repeat(2_000), today()).is_err());
    }

    #[test]
    fn no_words_are_a_panic() {
        for words in [
            ":",
            ">",
            "<=",
            "a:",
            "\"",
            "\"\"",
            "amount:",
            "amount:>",
            "created:+262142-12-31",
            "created>+262142-12-31",
            "é:é",
            "a>=",
            "=",
            "\u{0}",
        ] {
            drop(read(words, today()));
        }
    }
}
