//! Configuration of the calls to Stripe: key, address, rate and intervals.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use domain::key_ages::{KeyName, fingerprint};
use envelope::is_identifier;
use hyper::Uri;
use secrecy::{ExposeSecret, SecretString};
use shared::env::{Env, Problem, Variable, read_secret_file};

const KEY: Variable = Variable {
    name: "STRIPE_SECRET_KEY",
    default: "",
    example: "rk_live_…",
    help: "A secret or restricted key of Stripe's API. With it, the worker fetches events that never arrived, rereads objects whose events contradict each other, and sends approved operations such as refunds; the console makes the PaymentIntents of checkouts. A restricted key needs write permission for the operations that you use. Only what is of the key's mode, live or test, is read and sent.",
};
const KEY_FILE: Variable = Variable {
    name: "STRIPE_SECRET_KEY_FILE",
    default: "",
    example: "/run/secrets/stripe-key",
    help: "A file with that key, read at start-up. Use it instead of STRIPE_SECRET_KEY.",
};
const URL: Variable = Variable {
    name: "STRIPE_API_URL",
    default: "https://api.stripe.com/",
    example: "http://127.0.0.1:12111/",
    help: "Address of Stripe's API. It must use TLS unless it is on this machine.",
};
const FILES_URL: Variable = Variable {
    name: "STRIPE_FILES_URL",
    default: "https://files.stripe.com/",
    example: "http://127.0.0.1:12111/",
    help: "Address that takes files, such as evidence for a dispute. It must use TLS unless it is on this machine.",
};
const DEADLINE: Variable = Variable {
    name: "STRIPE_DEADLINE_SECS",
    default: "20",
    example: "10",
    help: "Maximum time for one request to Stripe. One that changes something waits at most 30 s.",
};
const RATE: Variable = Variable {
    name: "STRIPE_RATE_PER_SEC",
    default: "10",
    example: "25",
    help: "Maximum number of requests per second to Stripe, of all processes with one ledger together. Give them all the same.",
};
const ACCOUNTS: Variable = Variable {
    name: "STRIPE_ACCOUNTS",
    default: "",
    example: "acct_1,acct_2",
    help: "Connected accounts, separated by commas, whose events are checked for completeness in addition to your own.",
};
const COMPLETENESS_INTERVAL: Variable = Variable {
    name: "STRIPE_COMPLETENESS_INTERVAL_SECS",
    default: "3600",
    example: "900",
    help: "How often Stripe's list of events is compared with the ledger. Missing events are queued.",
};
const COMPLETENESS_DAYS: Variable = Variable {
    name: "STRIPE_COMPLETENESS_DAYS",
    default: "3",
    example: "7",
    help: "Days that each comparison covers. It covers more if the last successful one is longer ago, up to the 30 days that Stripe lists.",
};
const REFETCH_INTERVAL: Variable = Variable {
    name: "STRIPE_REFETCH_INTERVAL_SECS",
    default: "60",
    example: "300",
    help: "How often uncertain objects are read again from Stripe.",
};
pub const VARIABLES: &[Variable] = &[
    KEY,
    KEY_FILE,
    URL,
    FILES_URL,
    DEADLINE,
    RATE,
    ACCOUNTS,
    COMPLETENESS_INTERVAL,
    COMPLETENESS_DAYS,
    REFETCH_INTERVAL,
];

const PREFIXES: [(&str, bool); 4] =
    [("sk_live_", true), ("rk_live_", true), ("sk_test_", false), ("rk_test_", false)];
const LENGTH_LEAST_CHARS: usize = 8;
const LENGTH_LIMIT_CHARS: usize = 512;
const ACCOUNTS_LIMIT: usize = 1_000;
const SECONDS_A_DAY: u64 = 86_400;

/// A key of one mode: what is read and sent with it is of that mode, too.
#[derive(Clone)]
pub struct ApiKey {
    secret: SecretString,
    livemode: bool,
}

#[derive(Clone, Debug)]
pub struct StripeConfig {
    pub key: ApiKey,
    /// With a slash at its end.
    pub url: String,
    /// With a slash at its end.
    pub files_url: String,
    pub deadline: Duration,
    pub rate_per_sec: u32,
    /// Our own, `""`, before the connected ones.
    pub accounts: Vec<String>,
    pub completeness_interval: Duration,
    pub completeness_window: Duration,
    pub refetch_interval: Duration,
}

impl StripeConfig {
    /// `None` where no key is set; the other values are checked all the same.
    pub fn from_env(env: &Env) -> Result<Option<Self>, Problem> {
        let url = env.parse(&URL, read_url)?;
        let files_url = env.parse(&FILES_URL, read_url)?;
        let deadline = env.seconds(&DEADLINE, 1..=120)?;
        let rate_per_sec = env.number(&RATE, 1..=100)?;
        let accounts = env.parse(&ACCOUNTS, read_accounts)?;
        let completeness_interval = env.seconds(&COMPLETENESS_INTERVAL, 1..=SECONDS_A_DAY)?;
        let days = env.number::<u64>(&COMPLETENESS_DAYS, 1..=30)?;
        let refetch_interval = env.seconds(&REFETCH_INTERVAL, 1..=SECONDS_A_DAY)?;
        let Some(key) = read_key(env)? else { return Ok(None) };
        Ok(Some(Self {
            key,
            url,
            files_url,
            deadline,
            rate_per_sec,
            accounts,
            completeness_interval,
            completeness_window: Duration::from_secs(days * SECONDS_A_DAY),
            refetch_interval,
        }))
    }

    /// What a command says that cannot do without a key.
    pub fn missing_key() -> Problem {
        KEY.problem("is not set, and neither is STRIPE_SECRET_KEY_FILE")
    }
}

impl ApiKey {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (random, livemode) = PREFIXES
            .iter()
            .find_map(|(prefix, livemode)| Some((text.strip_prefix(prefix)?, *livemode)))
            .ok_or("does not begin with sk_live_, rk_live_, sk_test_ or rk_test_")?;
        if !random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err("has characters that Stripe's keys do not have");
        }
        if !(LENGTH_LEAST_CHARS..=LENGTH_LIMIT_CHARS).contains(&random.len()) {
            return Err("is too short or too long for a Stripe key");
        }
        Ok(Self { secret: text.to_owned().into(), livemode })
    }

    pub fn livemode(&self) -> bool {
        self.livemode
    }

    /// Tells it from other keys, and not what it is.
    pub fn fingerprint(&self) -> String {
        fingerprint(KeyName::StripeApiKey, self.secret.expose_secret())
    }

    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.secret.expose_secret())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("livemode", &self.livemode).finish_non_exhaustive()
    }
}

fn read_key(env: &Env) -> Result<Option<ApiKey>, Problem> {
    let given = env.exact(KEY.name).filter(|text| !text.trim().is_empty());
    match (given, env.given(KEY_FILE.name)) {
        (Some(_), Some(_)) => {
            Err(KEY.problem("is set together with STRIPE_SECRET_KEY_FILE; set only one of them"))
        }
        (Some(text), None) => ApiKey::parse(text).map(Some).map_err(|fault| KEY.problem(fault)),
        (None, Some(path)) => {
            let text = read_secret_file(Path::new(path)).map_err(|fault| KEY_FILE.problem(fault))?;
            let text = text.expose_secret();
            let text = text.strip_suffix('\n').unwrap_or(text);
            let key = ApiKey::parse(text).map_err(|fault| KEY_FILE.problem(format!("its text {fault}")))?;
            Ok(Some(key))
        }
        (None, None) => Ok(None),
    }
}

/// The key travels with every request: never in the clear beyond this machine.
fn read_url(text: &str) -> Result<String, String> {
    let malformed = || "not an address such as https://api.stripe.com/".to_owned();
    let uri: Uri = text.parse().map_err(|_| malformed())?;
    let (scheme, host) = (uri.scheme_str().ok_or_else(malformed)?, uri.host().ok_or_else(malformed)?);
    if uri.query().is_some() || text.contains(['@', '#']) {
        return Err("has more than a scheme, a host, a port and a path".to_owned());
    }
    let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    match scheme {
        "https" => {}
        "http" if is_here => {}
        _ => return Err("must be https:// unless it is on this machine".to_owned()),
    }
    Ok(if text.ends_with('/') { text.to_owned() } else { format!("{text}/") })
}

fn read_accounts(text: &str) -> Result<Vec<String>, String> {
    let connected = text.split(',').map(str::trim).filter(|account| !account.is_empty());
    let accounts: Vec<String> = std::iter::once("").chain(connected).map(str::to_owned).collect();
    let is_account = |account: &String| account.starts_with("acct_") && is_identifier(account);
    if accounts.len() <= ACCOUNTS_LIMIT && accounts.iter().skip(1).all(is_account) {
        Ok(accounts)
    } else {
        Err(format!("not a list of at most {ACCOUNTS_LIMIT} accounts, each acct_…"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk_test_0123456789abcdefGHIJ";

    #[test]
    fn without_a_key_nothing_is_asked_and_with_one_its_mode_is_known() {
        assert!(StripeConfig::from_env(&Env::of(&[])).unwrap().is_none());
        for (key, livemode) in [(SECRET, false), ("rk_live_0123456789", true)] {
            let config = StripeConfig::from_env(&Env::of(&[(KEY.name, key)])).unwrap().unwrap();
            assert_eq!((config.key.livemode(), config.accounts.len()), (livemode, 1));
        }
    }

    #[test]
    fn bad_values_are_refused_without_being_repeated() {
        for (name, value) in [
            (KEY.name, "pk_live_0123456789abcdefGHIJ"),
            (KEY.name, " sk_test_0123456789abcdefGHIJ"),
            (KEY.name, "sk_test_0123456789abcdef GHIJ"),
            (KEY.name, "sk_live_1"),
            (KEY_FILE.name, "no/such/file"),
            (URL.name, "http://api.stripe.com/"),
            (URL.name, "http://127.0.0.1.example/"),
            (URL.name, "https://user:hunter2@api.stripe.com/"),
            (URL.name, "ftp://127.0.0.1/"),
            (URL.name, "api.stripe.com"),
            (FILES_URL.name, "http://files.stripe.com/"),
            (ACCOUNTS.name, "acct_1,hunter2"),
        ] {
            let problem = StripeConfig::from_env(&Env::of(&[(name, value)])).unwrap_err();
            assert_eq!(problem.name, name);
            let shown = problem.to_string();
            assert!(!shown.contains("0123456789") && !shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn debug_output_shows_no_key() {
        let config = StripeConfig::from_env(&Env::of(&[(KEY.name, SECRET)])).unwrap().unwrap();
        assert!(!format!("{config:?}").contains("0123456789"));
    }

    #[test]
    fn an_address_ends_with_a_slash() {
        assert_eq!(read_url("http://127.0.0.1:12111").unwrap(), "http://127.0.0.1:12111/");
        assert_eq!(read_url("https://api.stripe.com/").unwrap(), "https://api.stripe.com/");
    }
}
