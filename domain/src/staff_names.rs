//! Names of staff: one person has one name, however it is typed. Four eyes are two names, so no name may be written
//! in two ways.

const LIMIT_CHARS: usize = 60;
/// The audit's words for what nobody did by hand.
pub const RESERVED: [&str; 2] = ["stripe", "tidegate"];

/// The name as it is kept: small letters, digits, and `.`, `_`, `-` between them.
pub fn staff_name(given: &str) -> Result<String, &'static str> {
    let name = given.trim().to_ascii_lowercase();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        return Err("no name was given");
    }
    if name.len() > LIMIT_CHARS {
        return Err("it is longer than 60 characters");
    }
    if !name.chars().all(is_plain) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err("it may have letters a to z, digits, and . _ - after the first of them");
    }
    if RESERVED.contains(&name.as_str()) {
        return Err("it is reserved for events and programs");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_name() {
        assert_eq!(staff_name(" Jane.Doe "), Ok("jane.doe".to_owned()));
        let long = "x".repeat(61);
        for bad in
            ["", " ", "cli:jane", "jane doe", "ja\u{200b}ne", "jané", "-jane", "Stripe", "tidegate", &long]
        {
            assert!(staff_name(bad).is_err(), "{bad:?}");
        }
    }
}
