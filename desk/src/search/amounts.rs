//! Amounts as people compare them: `19.99`, `>100`, `>=100 <200`. Without a currency they count in each currency's own
//! unit: more than 100 is more than 100 dollars, more than 100 yen and more than 100 dinars.

use ledger::views::lists::AmountRange;

/// The most that a currency has; amounts are compared in this unit.
const MOST_DECIMALS: usize = 3;
const DECIMALS: [usize; 3] = [0, 2, 3];

/// The ranges of minor units that every comparison of the text holds for, one for each number of decimals.
pub fn ranges(text: &str) -> Result<Vec<AmountRange>, String> {
    let mut ranges = DECIMALS.map(|decimals| AmountRange { decimals, least: None, most: None });
    for comparison in text.split_whitespace() {
        let (sign, amount) = split(comparison);
        let thousandths = thousandths(amount).ok_or_else(|| {
            format!("“{comparison}” is not an amount: write 19.99, >100, or >=100 <200, without thousands separators")
        })?;
        for range in &mut ranges {
            let unit = 10_i64.pow(u32::try_from(MOST_DECIMALS - range.decimals).unwrap_or_default());
            let (below, is_whole) = (thousandths / unit, thousandths % unit == 0);
            let next = below.saturating_add(1);
            let above = if is_whole { below } else { next };
            let (least, most) = match sign {
                ">" => (Some(next), None),
                ">=" => (Some(above), None),
                "<" => (None, Some(above - 1)),
                "<=" => (None, Some(below)),
                _ => (Some(above), Some(below)),
            };
            range.least = range.least.max(least);
            range.most = [range.most, most].into_iter().flatten().min();
        }
    }
    Ok(ranges.into_iter().filter(AmountRange::holds_any).collect())
}

fn split(comparison: &str) -> (&str, &str) {
    let signs = [">=", "<=", ">", "<", "="];
    let found = signs.into_iter().find_map(|sign| Some((sign, comparison.strip_prefix(sign)?)));
    found.unwrap_or(("=", comparison))
}

fn thousandths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_good = !whole.is_empty()
        && !text.ends_with('.')
        && is_number(whole)
        && is_number(fraction)
        && fraction.len() <= MOST_DECIMALS;
    is_good.then(|| format!("{whole}{fraction:0<MOST_DECIMALS$}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(usize, Option<i64>, Option<i64>)> {
        ranges(text).unwrap().iter().map(|range| (range.decimals, range.least, range.most)).collect()
    }

    #[test]
    fn an_amount_counts_in_the_unit_of_each_currency() {
        let exactly = |decimals, amount| (decimals, Some(amount), Some(amount));
        assert_eq!(told("100"), [exactly(0, 100), exactly(2, 10_000), exactly(3, 100_000)]);
        assert_eq!(told("19.99"), [exactly(2, 1_999), exactly(3, 19_990)], "yen have no hundredths");
        assert_eq!(told("1.250"), [exactly(2, 125), exactly(3, 1_250)]);
        assert_eq!(told("1.255"), [exactly(3, 1_255)]);
    }

    #[test]
    fn comparisons_leave_out_or_take_in_the_amount_itself() {
        let of_yen = |text| told(text)[0];
        assert_eq!(of_yen(">100"), (0, Some(101), None));
        assert_eq!(of_yen(">=100"), (0, Some(100), None));
        assert_eq!(of_yen("<100"), (0, None, Some(99)));
        assert_eq!(of_yen("<=100"), (0, None, Some(100)));
        assert_eq!(of_yen(">100.5"), (0, Some(101), None));
        assert_eq!(of_yen(">=100.5"), (0, Some(101), None));
        assert_eq!(of_yen("<100.5"), (0, None, Some(100)));
        assert_eq!(of_yen("<=100.5"), (0, None, Some(100)));
        assert_eq!(of_yen(">100 <=200"), (0, Some(101), Some(200)));
        assert_eq!(told(">100 >150 <200")[1], (2, Some(15_001), Some(19_999)));
        assert_eq!(told(">5 <5"), [], "nothing is both");
    }

    #[test]
    fn what_is_no_amount_is_named() {
        for text in ["1,000", "-1", "1.", ".5", ">", "1e3", "1.0001", "99999999999999999999", "a"] {
            assert!(ranges(text).unwrap_err().contains(text), "{text}");
        }
    }
}
