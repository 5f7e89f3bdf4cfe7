//! The endpoints that Stripe posts to: the default one and those with a name, each bound to its secrets,
//! its mode and optionally its account.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use envelope::{Unwanted, is_identifier};
use shared::env::{Env, Problem, Variable};

use crate::secrets::{Fault, Secrets};

/// The name of the endpoint without one, in envelopes, logs and metrics.
pub const DEFAULT: &str = "default";
const PREFIX: &str = "STRIPE_WEBHOOK_";
const ENDPOINTS_LIMIT: usize = 32;
const NAME_LIMIT_BYTES: usize = 32;

pub(crate) const SECRET: Variable = Variable {
    name: "STRIPE_WEBHOOK_SECRET",
    default: "",
    example: "live=whsec_EXAMPLE0r2Jm8sVqXc4LtYb7,old=whsec_EXAMPLE9d5Kw1nHzPf3RgUe6;until=2026-12-01T00:00:00Z",
    help: "Signing secrets, separated by commas: `whsec_…` or `name=whsec_…`, each with an optional end (`;until=…`). Append `__NAME` to the variable for the endpoint `/webhooks/stripe/name`.",
};
pub(crate) const SECRET_FILE: Variable = Variable {
    name: "STRIPE_WEBHOOK_SECRET_FILE",
    default: "",
    example: "/run/secrets/stripe-webhook",
    help: "A file with signing secrets, separated by commas or lines. It is reread when it changes. Use it instead of STRIPE_WEBHOOK_SECRET. `__NAME` works here too.",
};
pub(crate) const MODE: Variable = Variable {
    name: "STRIPE_WEBHOOK_MODE",
    default: "any",
    example: "live",
    help: "Which events are applied: `live`, `test` or `any`. Others are stored and ignored. `__NAME` works here too.",
};
pub(crate) const ACCOUNT: Variable = Variable {
    name: "STRIPE_WEBHOOK_ACCOUNT",
    default: "",
    example: "acct_1Mv0aBCdEfGhIjKl",
    help: "Apply only events of this connected account; all accounts if unset. `__NAME` works here too.",
};
const VARIABLES: [Variable; 4] = [SECRET, SECRET_FILE, MODE, ACCOUNT];
/// Each also comes as `NAME__ENDPOINT`.
pub const ENDPOINT_VARIABLES: &[Variable] = &VARIABLES;

pub struct Endpoint {
    pub name: String,
    pub mode: Mode,
    pub account: Option<String>,
    pub secrets: Secrets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    Test,
    Any,
}

/// By name.
pub type Endpoints = BTreeMap<String, Endpoint>;

impl Endpoint {
    /// Why an event of this mode and account shall have no effect. It is stored and answered 200 all the
    /// same: Stripe sends test events to live endpoints by design, and disables endpoints that refuse them.
    pub fn unwanted(&self, livemode: bool, account: &str) -> Option<Unwanted> {
        match (self.mode, &self.account) {
            (Mode::Live, _) if !livemode => Some(Unwanted::WrongMode),
            (Mode::Test, _) if livemode => Some(Unwanted::WrongMode),
            (_, Some(wanted)) if wanted != account => Some(Unwanted::WrongAccount),
            _ => None,
        }
    }
}

pub(crate) fn from_env(env: &Env) -> Result<Endpoints, Problem> {
    let suffixes: BTreeSet<&str> = env
        .with_prefix(PREFIX)
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| suffix(name))
        .collect();
    let mut endpoints = Endpoints::new();
    for suffix in suffixes {
        let endpoint = one(env, suffix)?;
        endpoints.insert(endpoint.name.clone(), endpoint);
    }
    if endpoints.is_empty() {
        return Err(SECRET.problem("is not set, and neither is STRIPE_WEBHOOK_SECRET_FILE"));
    }
    if endpoints.len() > ENDPOINTS_LIMIT {
        return Err(SECRET.problem(format!("more than {ENDPOINTS_LIMIT} endpoints")));
    }
    Ok(endpoints)
}

/// The suffix of one of our variables, `""` for the default endpoint's; `None` for what is not ours.
pub(crate) fn suffix(name: &str) -> Option<&str> {
    let (base, suffix) = name.split_once("__").unwrap_or((name, ""));
    let ours = VARIABLES.iter().any(|variable| variable.name == base);
    (ours && (!suffix.is_empty() || base == name)).then_some(suffix)
}

fn one(env: &Env, suffix: &str) -> Result<Endpoint, Problem> {
    let [secret, secret_file, mode, account] = VARIABLES.map(|variable| Suffixed { variable, suffix });
    let name = endpoint_name(suffix).map_err(|fault| secret.problem(fault))?;
    let secrets = match (secret.given(env), secret_file.given(env)) {
        (Some(_), Some(_)) => {
            Err(secret.problem("is set together with its _FILE variant; set only one of them"))
        }
        // With its blanks: what is cut off in silence here would be missed when another program reads it.
        (Some(_), None) => Secrets::given(env.exact(&secret.name()).unwrap_or_default())
            .map_err(|fault| secret.problem(fault)),
        (None, Some(path)) => {
            Secrets::of_file(PathBuf::from(path)).map_err(|fault| secret_file.problem(fault))
        }
        (None, None) => Err(secret
            .problem("is not set, and neither is its _FILE variant, but other variables name the endpoint")),
    }?;
    if secrets.current().iter().all(|secret| !secret.is_live(shared::clock::now())) {
        return Err(secret.problem("every secret has expired"));
    }
    let mode = match mode.given(env).unwrap_or(MODE.default) {
        "live" => Mode::Live,
        "test" => Mode::Test,
        "any" => Mode::Any,
        _ => return Err(mode.problem("not live, test or any")),
    };
    let account = match account.given(env) {
        Some(id) if id.starts_with("acct_") && is_identifier(id) => Some(id.to_owned()),
        Some(_) => return Err(account.problem("not an account id")),
        None => None,
    };
    Ok(Endpoint { name, mode, account, secrets })
}

fn endpoint_name(suffix: &str) -> Result<String, String> {
    let name = suffix.to_ascii_lowercase();
    let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    match suffix {
        "" => Ok(DEFAULT.to_owned()),
        _ if name == DEFAULT => Err("`DEFAULT` is the endpoint without a suffix".to_owned()),
        _ if suffix.len() > NAME_LIMIT_BYTES || !suffix.bytes().all(legal) => {
            Err(format!("an endpoint's suffix has at most {NAME_LIMIT_BYTES} of A-Z, 0-9 and _"))
        }
        _ => Ok(name),
    }
}

/// One of the variables as it is named for one endpoint.
struct Suffixed<'s> {
    variable: Variable,
    suffix: &'s str,
}

impl Suffixed<'_> {
    fn name(&self) -> String {
        match self.suffix {
            "" => self.variable.name.to_owned(),
            suffix => format!("{}__{suffix}", self.variable.name),
        }
    }

    fn given<'e>(&self, env: &'e Env) -> Option<&'e str> {
        env.given(&self.name())
    }

    fn problem(&self, fault: impl Into<Fault>) -> Problem {
        Problem { name: self.name(), ..self.variable.problem(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_TEXT: &str = "whsec_0123456789abcdefGHIJ";

    fn refused(pairs: &[(&str, &str)]) -> String {
        from_env(&Env::of(pairs)).err().expect("these endpoints are refused").to_string()
    }

    #[test]
    fn an_endpoint_with_a_name_is_bound_to_its_own_variables() {
        let endpoints = from_env(&Env::of(&[
            ("STRIPE_WEBHOOK_SECRET", SECRET_TEXT),
            ("STRIPE_WEBHOOK_MODE", "live"),
            ("STRIPE_WEBHOOK_SECRET__CONNECT", "new=whsec_9876543210abcdefGHIJ"),
            ("STRIPE_WEBHOOK_ACCOUNT__CONNECT", "acct_1"),
            ("STRIPE_WEBHOOK_MODE__CONNECT", ""),
        ]))
        .unwrap();
        assert_eq!(endpoints.keys().collect::<Vec<_>>(), ["connect", "default"]);
        assert_eq!((endpoints["default"].mode, endpoints["connect"].mode), (Mode::Live, Mode::Any));
        assert_eq!(endpoints["connect"].account.as_deref(), Some("acct_1"));
        assert_eq!(endpoints["connect"].secrets.current()[0].name(), "new");
    }

    #[test]
    fn what_is_not_for_the_endpoint_is_unwanted() {
        let of = |mode: &str, account: &str| {
            let env = Env::of(&[
                ("STRIPE_WEBHOOK_SECRET", SECRET_TEXT),
                ("STRIPE_WEBHOOK_MODE", mode),
                ("STRIPE_WEBHOOK_ACCOUNT", account),
            ]);
            from_env(&env).unwrap().remove(DEFAULT).unwrap()
        };
        assert_eq!(of("any", "").unwanted(false, "acct_1"), None);
        assert_eq!(of("live", "").unwanted(true, ""), None);
        assert_eq!(of("live", "").unwanted(false, ""), Some(Unwanted::WrongMode));
        assert_eq!(of("test", "").unwanted(true, ""), Some(Unwanted::WrongMode));
        assert_eq!(of("any", "acct_1").unwanted(true, "acct_1"), None);
        assert_eq!(of("any", "acct_1").unwanted(true, ""), Some(Unwanted::WrongAccount));
        assert_eq!(of("live", "acct_1").unwanted(false, "acct_2"), Some(Unwanted::WrongMode));
    }

    #[test]
    fn bad_endpoints_refuse_to_start() {
        let secret = ("STRIPE_WEBHOOK_SECRET", SECRET_TEXT);
        let table: [(&[(&str, &str)], &str); 12] = [
            (&[], "STRIPE_WEBHOOK_SECRET: is not set"),
            (&[("STRIPE_WEBHOOK_SECRET", " ")], "STRIPE_WEBHOOK_SECRET: is not set"),
            (
                &[("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ ")],
                "STRIPE_WEBHOOK_SECRET: secret 1 has leading or trailing blanks",
            ),
            (&[("STRIPE_WEBHOOK_SECRET", "whsec_short")], "STRIPE_WEBHOOK_SECRET: secret 1 is too short"),
            (
                &[("STRIPE_WEBHOOK_SECRET", SECRET.example)],
                "STRIPE_WEBHOOK_SECRET: secret 1 is a placeholder",
            ),
            (
                &[secret, ("STRIPE_WEBHOOK_SECRET_FILE", "x")],
                "STRIPE_WEBHOOK_SECRET: is set together with its _FILE",
            ),
            (
                &[("STRIPE_WEBHOOK_SECRET_FILE", "no/such/file")],
                "STRIPE_WEBHOOK_SECRET_FILE: its file cannot be read",
            ),
            (&[secret, ("STRIPE_WEBHOOK_MODE", "Live")], "STRIPE_WEBHOOK_MODE: not live"),
            (&[secret, ("STRIPE_WEBHOOK_ACCOUNT", "cus_1")], "STRIPE_WEBHOOK_ACCOUNT: not an account id"),
            (
                &[secret, ("STRIPE_WEBHOOK_MODE__CONNECT", "live")],
                "STRIPE_WEBHOOK_SECRET__CONNECT: is not set",
            ),
            (
                &[secret, ("STRIPE_WEBHOOK_SECRET__connect", SECRET_TEXT)],
                "STRIPE_WEBHOOK_SECRET__connect: an endpoint's",
            ),
            (
                &[secret, ("STRIPE_WEBHOOK_SECRET__DEFAULT", SECRET_TEXT)],
                "STRIPE_WEBHOOK_SECRET__DEFAULT: `DEFAULT`",
            ),
        ];
        for (pairs, expected) in table {
            let problem = refused(pairs);
            assert!(problem.starts_with(expected), "{expected}: {problem}");
            assert!(!problem.contains("0123456789"), "{problem}");
        }
        let ended = format!("{SECRET_TEXT};until=2020-01-01T00:00:00Z");
        assert!(refused(&[("STRIPE_WEBHOOK_SECRET", &ended)]).contains("has expired"));
    }
}
