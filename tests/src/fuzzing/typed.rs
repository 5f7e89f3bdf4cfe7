//! What people type: the search box, amounts, limits, times and lengths of time. Each is held against a second reading
//! that shares nothing with the product's.

use console::pages::address::{Address, link};
use desk::search::{Wanted, ranges, read};
use desk::time_text;
use domain::money;
use domain::policies::{Policies, PolicyKey, Slot};
use ledger::views::search::Whose;

use super::{joined, now, some};

/// Whatever the box takes makes a filter, and an address that means the same.
pub(super) fn search(data: &[u8]) {
    let [words] = some(data);
    let today = now().date_naive();
    // No address, argument or member of a body has a NUL when it gets here.
    let Ok(wanted) = read(words, today) else { return };
    if words.contains('\0') {
        return;
    }
    let Wanted::Payments(terms) = wanted else { return };
    let filter = terms.filter(Whose::default(), today);
    if let Err(fault) = &filter {
        assert!(terms.since.is_some() && terms.until.is_some(), "{words}: {fault}");
    }
    let named = terms.named();
    let link = link("/payments/history", named.iter().map(|(name, value)| (*name, value.as_str())));
    let address = Address::of(&link).expect("a link of ours is an address");
    for (name, value) in &named {
        assert_eq!(address.get(name), Some(value.as_str()), "{words}: {link}");
    }
    if let Ok(filter) = filter
        && let Some(currency) = filter.currency
    {
        assert_eq!(currency, currency.to_ascii_lowercase());
    }
}

pub(super) fn searches() -> Vec<Vec<u8>> {
    [
        "status:failed amount>100 created:yesterday",
        "amount>=19.99 amount<200 currency:eur user:\"a b\"",
        "eur 1,234.50",
        "code:card_declined last4:4242 customer:cus_1 created>=2026-11-01 created<7d",
        "jane@shop.example",
        "pi_3Nq",
    ]
    .map(|text| joined(&[text]))
    .to_vec()
}

/// Amounts hold for exactly those minor units that the comparisons name, and nothing wraps.
pub(super) fn amount(data: &[u8]) {
    let [text, currency] = some(data);
    if let Ok(found) = ranges(text) {
        for (decimals, unit) in [(0, 1_000), (2, 10), (3, 1)] {
            let range = found.iter().find(|range| range.decimals == decimals);
            for near in text.split_whitespace().filter_map(|part| Some(thousandths(part)?.1 / unit)) {
                for minor in (near - 1).max(0)..=near + 1 {
                    let Ok(amount) = i64::try_from(minor) else { continue };
                    let is_in = range.is_some_and(|range| {
                        range.least.is_none_or(|least| least <= amount)
                            && range.most.is_none_or(|most| amount <= most)
                    });
                    assert_eq!(is_in, holds(text, minor * unit), "{text}: {amount} of {decimals} decimals");
                }
            }
        }
    }
    if let Ok(amount) = money::read(text, currency) {
        assert!(amount >= 0 && amount % money::step(currency) == 0);
        let decimals = u32::try_from(money::decimals_of(&currency.to_ascii_uppercase())).expect("few");
        let (_, thousandths) = thousandths(text).expect("an amount is a number");
        assert_eq!(i128::from(amount) * 10_i128.pow(3 - decimals), thousandths, "{text} {currency}");
        assert_eq!(money::read(&money::plain(amount, currency), currency), Ok(amount));
        assert_eq!(
            money::shown(amount, currency).replace(',', "").split(' ').next(),
            Some(&*money::plain(amount, currency))
        );
    }
    for key in PolicyKey::ALL {
        let Ok(value) = key.read(text, currency) else { continue };
        let stored = value.stored();
        let slot = Slot { key: *key, currency: currency.to_owned() };
        let all = Policies::of([(key.as_str(), currency, stored.as_str())]);
        assert_eq!(all.get(&slot), value, "{slot} is stored as {stored}");
    }
}

/// A comparison's sign, and its amount in thousandths of a unit.
fn thousandths(comparison: &str) -> Option<(&str, i128)> {
    let at = comparison.find(|letter: char| letter.is_ascii_digit())?;
    let (sign, number) = comparison.split_at(at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = format!("{fraction:0<3}");
    Some((sign, whole.parse::<i128>().ok()? * 1_000 + fraction.parse::<i128>().ok()?))
}

fn holds(text: &str, amount: i128) -> bool {
    text.split_whitespace().all(|comparison| {
        let (sign, limit) = thousandths(comparison).expect("it was taken");
        match sign {
            ">" => amount > limit,
            ">=" => amount >= limit,
            "<" => amount < limit,
            "<=" => amount <= limit,
            _ => amount == limit,
        }
    })
}

pub(super) fn amounts() -> Vec<Vec<u8>> {
    [
        [">=100 <200.5", "usd"],
        ["19.99", "eur"],
        ["9223372036854775.807", "kwd"],
        ["=0.010 <=5", "jpy"],
        ["500", "isk"],
        ["on", ""],
        ["30", ""],
    ]
    .map(|texts| joined(&texts))
    .to_vec()
}

/// A length is the sum of its parts, and a point of time is where it says.
pub(super) fn time(data: &[u8]) {
    let [text] = some(data);
    for read in [time_text::past, time_text::future, time_text::ahead] {
        if let Err(fault) = read(text, now()) {
            assert!(!fault.is_empty());
        }
    }
    let Ok(ahead) = time_text::ahead(text, now()) else { return };
    let away = i128::from((ahead - now()).num_seconds());
    assert_eq!(away, seconds(text), "{} bytes of lengths", text.len());
}

/// The sum of numbers and units, of a text that is nothing else.
fn seconds(text: &str) -> i128 {
    let (mut sum, mut number) = (0, 0);
    let mut letters = text.chars().filter(|letter| !letter.is_whitespace()).peekable();
    while let Some(letter) = letters.next() {
        if let Some(digit) = letter.to_digit(10) {
            number = number * 10 + i128::from(digit);
            continue;
        }
        sum += number
            * match letter {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => 7 * 86_400,
            };
        number = 0;
        while letters.next_if(|letter| letter.is_alphabetic()).is_some() {}
    }
    sum
}

pub(super) fn times() -> Vec<Vec<u8>> {
    // More than a number holds, in parts of which none is too long.
    let long = "4294967295w".repeat(3_600);
    [
        "1h 30m",
        "2 weeks",
        "7d ago",
        "in 4w",
        "2026-11-21T08:30:15+02:00",
        "2026-11-21 08:30",
        "yesterday",
        "0s",
        &long,
    ]
    .map(|text| joined(&[text]))
    .to_vec()
}
