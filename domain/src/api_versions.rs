//! The Stripe API versions that the rules know. Events of other versions are read too; a metric counts them.

/// The first and the last whose shapes are known.
const OLDEST: &str = "2020-08-27";
const NEWEST: &str = "2026-11-18";

/// All labels. `none`: a thin event has no version.
pub const LABELS: [&str; 5] = ["known", "older", "newer", "unreadable", "none"];

/// The label of a version; a version begins with its day, and days compare as text.
pub fn label(version: Option<&str>) -> &'static str {
    let Some(version) = version else { return "none" };
    match version.get(..NEWEST.len()).filter(|day| is_day(day)) {
        None => "unreadable",
        Some(day) if day < OLDEST => "older",
        Some(day) if day > NEWEST => "newer",
        Some(_) => "known",
    }
}

fn is_day(text: &str) -> bool {
    text.bytes()
        .enumerate()
        .all(|(at, byte)| if [4, 7].contains(&at) { byte == b'-' } else { byte.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_day() {
        let table = [
            (Some("2020-08-27"), "known"),
            (Some("2024-06-20; some_beta=v1"), "known"),
            (Some("2026-07-29.dahlia"), "known"),
            (Some("2026-11-18.endive"), "known"),
            (Some("2026-12-16.fennel"), "newer"),
            (Some("2019-12-03"), "older"),
            (Some("next"), "unreadable"),
            (Some("2026/07/29"), "unreadable"),
            (None, "none"),
        ];
        for (version, expected) in table {
            assert_eq!(label(version), expected, "{version:?}");
            assert!(LABELS.contains(&expected));
        }
    }
}
