//! Which passwords are taken: long ones, that are neither common nor made of the person's own name.

const LEAST_CHARS: usize = 12;
/// More than anybody types, and little enough to be hashed.
const MOST_BYTES: usize = 256;

/// Of lists of leaked passwords, those that are long enough to pass otherwise; small letters only.
const COMMON: &[&str] = &[
    "000000000000",
    "111111111111",
    "123123123123",
    "123456123456",
    "1234567890123",
    "123456789012",
    "1234567890ab",
    "123456789abc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "abc123abc123",
    "abcd12345678",
    "abcdefghijkl",
    "administrator",
    "adminadminadmin",
    "changemechangeme",
    "correcthorsebatterystaple",
    "iloveyouiloveyou",
    "letmeinletmein",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "passw0rdpassw0rd",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyqwerty",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopas",
    "qwertyuiopasdf",
    "tidegatetidegate",
    "trustno1trustno1",
    "welcome12345",
    "welcomewelcome",
    "zaq12wsxcde3",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    #[error("a password has at least 12 characters")]
    Short,
    #[error("a password has at most 256 bytes")]
    Long,
    #[error("this password is on every list of common ones")]
    Common,
    #[error("this password is little more than your name")]
    Name,
}

/// Whether a person may have this password.
pub fn check(password: &str, name: &str) -> Result<(), BadPassword> {
    if password.len() > MOST_BYTES {
        return Err(BadPassword::Long);
    }
    if password.chars().count() < LEAST_CHARS {
        return Err(BadPassword::Short);
    }
    let small = password.to_lowercase();
    let distinct = small.chars().collect::<std::collections::BTreeSet<_>>().len();
    if distinct < 4 || COMMON.contains(&small.trim()) {
        return Err(BadPassword::Common);
    }
    let rest: usize = small.replace(&name.to_lowercase(), "").chars().count();
    if rest < LEAST_CHARS / 2 {
        return Err(BadPassword::Name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_and_obvious_ones_are_refused() {
        for (password, fault) in [
            ("elevenchars", BadPassword::Short),
            ("Password1234", BadPassword::Common),
            ("QWERTYQWERTY", BadPassword::Common),
            ("abababababab", BadPassword::Common),
            ("jane.doejane.doe1", BadPassword::Name),
            (&"x1y2".repeat(65), BadPassword::Long),
        ] {
            assert_eq!(check(password, "jane.doe"), Err(fault), "{password}");
        }
        for good in ["tall ship at dusk", "žluťoučký kůň", "dW8!kq3#Lm2z"] {
            assert_eq!(check(good, "jane.doe"), Ok(()), "{good}");
        }
    }
}
