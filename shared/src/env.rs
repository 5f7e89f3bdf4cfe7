//! Configuration: environment variables, each described once beside the code that reads it. A bad value is
//! rejected with the variable's name, the fault and a good example, and is never echoed.

mod names;
mod secret_file;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

pub use self::names::{Misspelt, Names, Slip};
pub use self::secret_file::{SECRET_LEAST_CHARS, SecretFileError, read_secret_file};

/// One environment variable, as docs/configuration.md and `--help` show it.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    pub name: &'static str,
    /// The value that counts when the variable is absent or empty; `""` where there is none.
    pub default: &'static str,
    pub example: &'static str,
    pub help: &'static str,
}

/// Read by `tidegate` alone; gateway and worker as separate binaries are told whole URLs.
pub const DATA_DIR: Variable = Variable {
    name: "TIDEGATE_DATA_DIR",
    default: "data",
    example: "/var/lib/tidegate",
    help: "Where `tidegate` keeps queue.db, ledger.db and the secret for development; QUEUE_URL and DATABASE_URL count first.",
};
pub const VARIABLES: &[Variable] = &[DATA_DIR];

/// Why a process refuses to start. The value itself is left out: it may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {fault}. Example of a good value: {name}={example}")]
pub struct Problem {
    pub name: String,
    #[source]
    pub fault: Box<dyn Error + Send + Sync>,
    pub example: String,
}

impl Variable {
    pub fn problem(&self, fault: impl Into<Box<dyn Error + Send + Sync>>) -> Problem {
        Problem { name: self.name.to_owned(), fault: fault.into(), example: self.example.to_owned() }
    }
}

/// The environment as it was at start.
#[derive(Clone)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    #[expect(clippy::disallowed_methods, reason = "the named place where the environment is read")]
    pub fn of_process() -> Self {
        let lossless = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(lossless).collect())
    }

    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// The same environment, with a value for what is absent or blank in it.
    #[must_use]
    pub fn or(mut self, name: &str, value: &str) -> Self {
        if self.given(name).is_none() {
            self.0.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// The same environment, with this value whatever was there.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The value as given; `None` when absent or blank.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value with its blanks, for what must be exact: a padded secret is a mistake to be told.
    pub fn exact(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every name that begins with the prefix, with its value.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(n, v)| (n.as_str(), v.trim()))
    }

    pub fn parse<T>(
        &self,
        variable: &Variable,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, Problem> {
        read(self.given(variable.name).unwrap_or(variable.default)).map_err(|fault| variable.problem(fault))
    }

    pub fn text(&self, variable: &Variable) -> String {
        self.given(variable.name).unwrap_or(variable.default).to_owned()
    }

    /// A whole number inside the bounds, which are part of the refusal.
    pub fn number<T>(&self, variable: &Variable, bounds: std::ops::RangeInclusive<T>) -> Result<T, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        self.parse(variable, |text| match text.parse::<T>() {
            Ok(number) if bounds.contains(&number) => Ok(number),
            _ => Err(format!("not a whole number from {} to {}", bounds.start(), bounds.end())),
        })
    }

    pub fn seconds(
        &self,
        variable: &Variable,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, Problem> {
        self.number(variable, bounds).map(Duration::from_secs)
    }

    pub fn address(&self, variable: &Variable) -> Result<std::net::SocketAddr, Problem> {
        self.parse(variable, |text| text.parse().map_err(|_| "not an address with a port".to_owned()))
    }
}

/// Answers `--help` and `--version` of a binary whose whole configuration is the environment; says whether
/// it did. Any other argument is refused by the usage text, too: nothing is silently ignored.
pub fn answered_help(name: &str, what: &str, groups: &[&[Variable]]) -> bool {
    let Some(argument) = std::env::args().nth(1) else { return false };
    let mut page = String::new();
    if argument == "--version" || argument == "-V" {
        page = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
    } else {
        let head = format!(
            "{what}\n\nUsage: {name} [--help | --version]\n\nConfiguration, from the environment:\n\n"
        );
        page.push_str(&head);
        for variable in groups.iter().copied().flatten() {
            let default =
                if variable.default.is_empty() { String::new() } else { format!(" [{}]", variable.default) };
            let Variable { name, help, example, .. } = variable;
            writeln!(page, "  {name}{default}\n      {help} Example: {example}")
                .expect("a String takes every write");
        }
    }
    let is_known = ["--help", "-h", "help", "--version", "-V"].contains(&argument.as_str());
    if !is_known {
        writeln!(page, "\n{name} takes no such argument.").expect("a String takes every write");
    }
    drop(std::io::stdout().write_all(page.as_bytes())); // a reader that has seen enough may be gone
    if !is_known {
        std::process::exit(2);
    }
    true
}

/// A URL as people may see it: without user, password and query.
pub fn redacted(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    match (bare.find("://"), bare.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => format!("{}{}", &bare[..scheme + 3], &bare[at + 1..]),
        _ => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Variable =
        Variable { name: "LIMIT_BYTES", default: "512", example: "1024", help: "A limit." };

    #[test]
    fn a_bad_value_is_named_explained_and_not_echoed() {
        let problem =
            Env::of(&[("LIMIT_BYTES", "hunter2")]).number::<u64>(&LIMIT, 1..=9).unwrap_err().to_string();
        assert!(
            problem.contains("LIMIT_BYTES") && problem.contains("from 1 to 9") && problem.contains("=1024")
        );
        assert!(!problem.contains("hunter2"));
    }

    #[test]
    fn absent_and_blank_mean_the_default() {
        assert_eq!(Env::of(&[("LIMIT_BYTES", " ")]).number::<u64>(&LIMIT, 1..=999).unwrap(), 512);
    }

    #[test]
    fn a_shown_url_has_no_password() {
        assert_eq!(redacted("amqp://user:p@ss@host:5672/v?x=1"), "amqp://host:5672/v");
        assert_eq!(redacted("sqlite:data/queue.db"), "sqlite:data/queue.db");
    }
}
