//! Names in the environment that are nearly one of ours. A variable that nothing reads is a setting that does not
//! count, so a process refuses to start with one that is misspelt. Pure; docs/adr/0029 says where the line is.

use std::fmt;

use super::{Env, Variable};

/// Endings that give a number its unit. Left out, or replaced by another, they are the likeliest slip of all.
const UNITS: &[&str] = &[
    "SECS", "SEC", "SECOND", "SECONDS", "S", "MS", "MILLIS", "MINS", "MINUTE", "MINUTES", "HOURS", "DAYS",
    "WEEKS", "BYTES", "KB", "MB", "GB", "KIB", "MIB", "GIB", "EVENTS", "PERCENT", "COUNT", "SIZE",
];
/// A shorter word has another meaning soon after its second letter was changed: `URL`, `SSL`.
const LONG_WORD_CHARS: usize = 6;
const ABBREVIATION_LEAST_CHARS: usize = 4;
/// For a whole name.
const EDITS_LIMIT: usize = 2;
/// Longer names are nobody's slip, and comparing them takes time.
const NAME_LIMIT_CHARS: usize = 100;

/// The variables that a process reads.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub groups: &'a [&'a [Variable]],
    /// Those among them that are also read as `NAME__SUFFIX`.
    pub families: &'a [Variable],
}

/// A variable that is set, and the one that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    pub name: String,
    pub meant: String,
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, meant } = self;
        write!(
            f,
            "{name} is set, but nothing reads a variable of that name. Did you mean {meant}? Rename it, or unset it \
             for this program if another one reads it"
        )
    }
}

/// Why a process refuses to start. The values are left out: they may be secrets.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Misspelt(pub Vec<Slip>);

impl Names<'_> {
    /// Refuses an environment with a misspelt variable of ours.
    pub fn check(&self, env: &Env) -> Result<(), Misspelt> {
        let slips = self.slips(env);
        if slips.is_empty() { Ok(()) } else { Err(Misspelt(slips)) }
    }

    /// Each variable with a value that is nearly one of ours.
    pub fn slips(&self, env: &Env) -> Vec<Slip> {
        let set = env.0.iter().filter(|(_, value)| !value.trim().is_empty());
        set.filter_map(|(name, _)| Some(Slip { name: name.clone(), meant: self.meant(name)? })).collect()
    }

    /// Variables that begin like ours, and that nothing reads.
    pub fn unread<'e>(&self, env: &'e Env, prefixes: &[&str]) -> Vec<&'e str> {
        let names = env.0.keys().filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        names.filter(|name| !self.is_read(name) && !is_service_link(name)).map(String::as_str).collect()
    }

    fn is_read(&self, name: &str) -> bool {
        self.known().any(|known| known == name)
            || name.split_once("__").is_some_and(|(base, suffix)| {
                !suffix.is_empty() && self.families.iter().any(|family| family.name == base)
            })
    }

    fn known(&self) -> impl Iterator<Item = &'static str> {
        self.groups.iter().copied().flatten().map(|variable| variable.name)
    }

    /// The name that was probably meant; `None` for what is right, and for what is not ours.
    fn meant(&self, name: &str) -> Option<String> {
        if name.len() > NAME_LIMIT_CHARS || self.is_read(name) || is_service_link(name) {
            return None;
        }
        let (base, suffix) = name.split_once("__").map_or((name, ""), |(base, suffix)| (base, suffix));
        let upper = base.to_ascii_uppercase().replace(['-', '.'], "_");
        let nearest = self
            .known()
            .filter(|known| suffix.is_empty() || self.families.iter().any(|family| family.name == *known))
            .filter_map(|known| Some((slips_between(&upper, known)?, known)))
            .min();
        match nearest {
            Some((_, known)) if suffix.is_empty() => Some(known.to_owned()),
            Some((_, known)) => Some(format!("{known}__{suffix}")),
            None => self.family_of(&upper),
        }
    }

    /// `NAME_SUFFIX` for `NAME__SUFFIX`.
    fn family_of(&self, name: &str) -> Option<String> {
        let families = self.families.iter().filter_map(|family| {
            let suffix = name.strip_prefix(family.name)?.strip_prefix('_')?;
            (!suffix.is_empty() && !suffix.starts_with('_')).then_some((family.name, suffix))
        });
        let (family, suffix) = families.max_by_key(|(family, _)| family.len())?;
        Some(format!("{family}__{suffix}"))
    }
}

/// How far a name is from a known one, where it is near enough to be a slip. A digit is none: people number what
/// they have several of.
fn slips_between(name: &str, known: &str) -> Option<usize> {
    if name.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if name.replace('_', "") == known.replace('_', "") {
        return Some(0);
    }
    let (words, wanted): (Vec<&str>, Vec<&str>) = (name.split('_').collect(), known.split('_').collect());
    if lacks_its_unit(&words, &wanted) {
        return Some(1);
    }
    if words.len() != wanted.len() {
        return None;
    }
    let edits = words.iter().zip(&wanted).map(|(word, wanted)| word_edits(word, wanted));
    edits.sum::<Option<usize>>().filter(|edits| *edits <= EDITS_LIMIT)
}

fn lacks_its_unit(words: &[&str], wanted: &[&str]) -> bool {
    let Some((unit, stem)) = wanted.split_last() else { return false };
    if stem.len() < 2 || !UNITS.contains(unit) {
        return false;
    }
    match words.strip_prefix(stem) {
        Some([]) => true,
        Some([other]) => UNITS.contains(other),
        _ => false,
    }
}

/// `None` for another word.
fn word_edits(word: &str, wanted: &str) -> Option<usize> {
    let (shorter, longer) = if word.len() < wanted.len() { (word, wanted) } else { (wanted, word) };
    if shorter.len() >= ABBREVIATION_LEAST_CHARS && longer.starts_with(shorter) {
        return Some(usize::from(shorter != longer));
    }
    let limit = if wanted.len() >= LONG_WORD_CHARS { EDITS_LIMIT } else { 1 };
    Some(edits(word.as_bytes(), wanted.as_bytes())).filter(|edits| *edits <= limit)
}

/// Letters that are missing, too many, wrong, or exchanged with their neighbour.
fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let wrong = usize::from(one[i - 1] != other[j - 1]);
                let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + wrong);
                if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[one.len()][other.len()]
}

/// What Kubernetes sets in every pod for each Service of its namespace, whatever that is called.
fn is_service_link(name: &str) -> bool {
    let has_port = || {
        name.match_indices("_PORT_")
            .any(|(at, found)| name[at + found.len()..].starts_with(|next: char| next.is_ascii_digit()))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_PORT")
        || has_port()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn variable(name: &'static str) -> Variable {
        Variable { name, default: "", example: "", help: "" }
    }

    const KNOWN: &[Variable] = &[
        variable("GATEWAY_ADDR"),
        variable("GATEWAY_BODY_LIMIT_BYTES"),
        variable("BAN_CHARGEBACKS"),
        variable("QUEUE_URL"),
        variable("DATABASE_URL"),
        variable("DATABASE_CONNECTIONS"),
        variable("WORKER_LANES"),
        variable("WORKER_DRAIN_SECS"),
        variable("LOG_LEVEL"),
        variable("STRIPE_SECRET_KEY"),
        variable("STRIPE_WEBHOOK_SECRET"),
        variable("STRIPE_WEBHOOK_SECRET_FILE"),
        variable("STRIPE_WEBHOOK_MODE"),
    ];
    const NAMES: Names<'_> = Names {
        groups: &[KNOWN],
        families: &[
            variable("STRIPE_WEBHOOK_SECRET"),
            variable("STRIPE_WEBHOOK_SECRET_FILE"),
            variable("STRIPE_WEBHOOK_MODE"),
        ],
    };

    #[test]
    fn slips_are_found_and_the_right_name_is_given() {
        for (name, meant) in [
            ("BAN_CHARGEBACK", "BAN_CHARGEBACKS"),
            ("BAN_CHARGBACK", "BAN_CHARGEBACKS"),
            ("BAN_CHARGE_BACKS", "BAN_CHARGEBACKS"),
            ("GATEWAY_ADR", "GATEWAY_ADDR"),
            ("GATEWAY_ADDRESS", "GATEWAY_ADDR"),
            ("GATWAY_ADDR", "GATEWAY_ADDR"),
            ("gateway_addr", "GATEWAY_ADDR"),
            ("QUEUE_ULR", "QUEUE_URL"),
            ("QUEUEURL", "QUEUE_URL"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("DATABASE_CONNECTION", "DATABASE_CONNECTIONS"),
            ("GATEWAY_BODY_LIMIT", "GATEWAY_BODY_LIMIT_BYTES"),
            ("GATEWAY_BODY_LIMIT_KB", "GATEWAY_BODY_LIMIT_BYTES"),
            ("WORKER_DRAIN_SECONDS", "WORKER_DRAIN_SECS"),
            ("STRIPE_SECRET_KEYS", "STRIPE_SECRET_KEY"),
            ("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRET"),
            ("STRIPE_WEBHOOK_SECRET_FIL", "STRIPE_WEBHOOK_SECRET_FILE"),
            ("STRIPE_WEBHOOK_MODES__CONNECT", "STRIPE_WEBHOOK_MODE__CONNECT"),
            ("STRIPE_WEBHOOK_SECRET_CONNECT", "STRIPE_WEBHOOK_SECRET__CONNECT"),
            ("STRIPE_WEBHOOK_SECRET_FILE_EU", "STRIPE_WEBHOOK_SECRET_FILE__EU"),
        ] {
            let refused = NAMES.check(&Env::of(&[(name, "x"), ("PATH", "x")])).expect_err(name);
            let Misspelt(slips) = &refused;
            assert_eq!(slips[..], [Slip { name: name.to_owned(), meant: meant.to_owned() }]);
            let words = refused.to_string();
            assert!(words.contains(name) && words.contains(&format!("Did you mean {meant}?")), "{words}");
        }
    }

    #[test]
    fn right_names_blank_values_and_what_is_not_ours_pass() {
        for name in [
            "GATEWAY_ADDR",
            "STRIPE_WEBHOOK_SECRET__CONNECT",
            "STRIPE_WEBHOOK_SECRET_FILE__EU2",
            "STRIPE_API_KEY",
            "STRIPE_KEY",
            "DATABASE_SSL",
            "DATABASE_USER",
            "DATABASE_HOST",
            "DATABASE_NAME",
            "DATABASE_URL_REPLICA",
            "DATABASE2_URL",
            "TEST_DATABASE_URL",
            "REDIS_URL",
            "QUEUE_NAME",
            "WORKER_ID",
            "WORKER_CLASS",
            "LOG_FILE",
            "USER",
            "PATH",
        ] {
            NAMES.check(&Env::of(&[(name, "x")])).expect(name);
        }
        NAMES.check(&Env::of(&[("GATEWAY_ADR", " ")])).expect("a blank one sets nothing");
    }

    #[test]
    fn what_begins_like_ours_and_is_not_read_is_listed_without_the_links_of_services() {
        let env = Env::of(&[
            ("GATEWAY_ADDR", "x"),
            ("GATEWAY_COLOUR", "x"),
            ("GATEWAY_SERVICE_HOST", "x"),
            ("GATEWAY_PORT_8080_TCP_PROTO", "x"),
            ("STRIPE_WEBHOOK_SECRET__EU", "x"),
            ("PATH", "x"),
        ]);
        assert_eq!(NAMES.unread(&env, &["GATEWAY_", "STRIPE_WEBHOOK_"]), ["GATEWAY_COLOUR"]);
    }

    #[test]
    fn letters_are_counted_once() {
        for (one, other, count) in
            [("ADR", "ADDR", 1), ("ULR", "URL", 1), ("URL", "SSL", 2), ("", "AB", 2), ("SAME", "SAME", 0)]
        {
            assert_eq!(edits(one.as_bytes(), other.as_bytes()), count, "{one} {other}");
        }
    }
}
