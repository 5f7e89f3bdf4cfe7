//! The console's addresses and limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use desk::audit_key::AuditKey;
use desk::till::TillConfig;
use shared::env::{Env, Problem, Variable};
use shared::healthcheck;

use crate::client::{PROXY_SECRET, PROXY_SECRET_FILE, SIGN_ON_HEADER, TrustedProxy};

pub const ADDR: Variable = Variable {
    name: "CONSOLE_ADDR",
    default: "127.0.0.1:8083",
    example: "0.0.0.0:8083",
    help: "Address of the console's listener: the HTTP API. Put a proxy with TLS in front of it where others reach it.",
};
pub const INTERNAL_ADDR: Variable = Variable {
    name: "CONSOLE_INTERNAL_ADDR",
    default: "127.0.0.1:8084",
    example: "0.0.0.0:8084",
    help: "Address of the console's internal listener: /livez, /readyz, /metrics. Keep it private.",
};
pub const URL: Variable = Variable {
    name: "CONSOLE_URL",
    default: "",
    example: "https://desk.example.com",
    help: "Where browsers reach the console; links of invitations begin with it. If unset, `http://` and CONSOLE_ADDR; this machine, where that is every address.",
};
const CONNECTIONS_LIMIT: Variable = Variable {
    name: "CONSOLE_LIMIT_CONNECTIONS",
    default: "1024",
    example: "256",
    help: "Maximum number of open connections; further ones are answered 503 and closed.",
};
const REQUESTS_LIMIT: Variable = Variable {
    name: "CONSOLE_LIMIT_REQUESTS",
    default: "64",
    example: "16",
    help: "Maximum number of requests in progress; further ones are answered 503.",
};
const IDLE: Variable = Variable {
    name: "CONSOLE_IDLE_SECS",
    default: "75",
    example: "120",
    help: "How long an idle connection stays open. Set it longer than the proxy in front does.",
};
const HEADER_DEADLINE: Variable = Variable {
    name: "CONSOLE_HEADER_DEADLINE_SECS",
    default: "10",
    example: "5",
    help: "Maximum time for a request's head to arrive, and for our answer to be read.",
};
const BODY_DEADLINE: Variable = Variable {
    name: "CONSOLE_BODY_DEADLINE_SECS",
    default: "5",
    example: "3",
    help: "Maximum time for a body to arrive; slower ones are answered 408. A file may take four times as long.",
};
const ANSWER_DEADLINE: Variable = Variable {
    name: "CONSOLE_ANSWER_DEADLINE_SECS",
    default: "30",
    example: "15",
    help: "Maximum time from a request to its answer. Later ones are answered 503; what an act began is finished all the same.",
};
const TOKEN_RATE: Variable = Variable {
    name: "CONSOLE_TOKEN_REQUESTS_PER_MINUTE",
    default: "600",
    example: "6000",
    help: "Requests a minute that one token may make, or one person in the browser, of all consoles with one ledger together; further ones are answered 429.",
};
const ADDRESS_RATE: Variable = Variable {
    name: "CONSOLE_ADDRESS_REQUESTS_PER_MINUTE",
    default: "3000",
    example: "30000",
    help: "Requests a minute from one address; further ones are answered 429. Behind a proxy without CONSOLE_PROXY_SECRET all come from its address: raise it there.",
};
const USER_RATE: Variable = Variable {
    name: "CONSOLE_USER_CHECKOUTS_PER_MINUTE",
    default: "10",
    example: "30",
    help: "Checkouts and promotions a minute that may be asked for one user of the merchant's; further ones are answered 429.",
};
const NETWORK_RATE: Variable = Variable {
    name: "CONSOLE_NETWORK_CHECKOUTS_PER_MINUTE",
    default: "30",
    example: "100",
    help: "Checkouts and promotions a minute that may be asked for customers in one network (an IPv4 address, or a /64 of IPv6), as the homepage names it in `customer_ip`; further ones are answered 429. Each console counts by itself, and keeps no address.",
};
const DRAIN_DEADLINE: Variable = Variable {
    name: "CONSOLE_DRAIN_DEADLINE_SECS",
    default: "10",
    example: "25",
    help: "How long requests in progress may take after the stop signal.",
};

pub const VARIABLES: &[Variable] = &[
    ADDR,
    INTERNAL_ADDR,
    URL,
    PROXY_SECRET,
    PROXY_SECRET_FILE,
    SIGN_ON_HEADER,
    CONNECTIONS_LIMIT,
    REQUESTS_LIMIT,
    IDLE,
    HEADER_DEADLINE,
    BODY_DEADLINE,
    ANSWER_DEADLINE,
    TOKEN_RATE,
    ADDRESS_RATE,
    USER_RATE,
    NETWORK_RATE,
    DRAIN_DEADLINE,
];

#[derive(Clone, Debug)]
pub struct ConsoleConfig {
    pub address: SocketAddr,
    pub internal_address: SocketAddr,
    pub limits: Limits,
    /// Where browsers reach it, without a slash at its end.
    pub url: String,
    pub proxy: Option<TrustedProxy>,
    /// What signs the reports that people take.
    pub audit_key: Option<Arc<AuditKey>>,
    /// How what customers pay by themselves is asked for at Stripe.
    pub till: TillConfig,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: usize,
    pub requests: usize,
    pub idle: Duration,
    pub header_deadline: Duration,
    pub body_deadline: Duration,
    pub answer_deadline: Duration,
    pub token_requests_per_minute: u32,
    pub address_requests_per_minute: u32,
    pub user_checkouts_per_minute: u32,
    pub network_checkouts_per_minute: u32,
    pub drain_deadline: Duration,
}

impl ConsoleConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        Ok(Self {
            address: env.address(&ADDR)?,
            url: url(env)?,
            proxy: TrustedProxy::from_env(env)?,
            audit_key: AuditKey::from_env(env)?.map(Arc::new),
            till: TillConfig::from_env(env)?,
            internal_address: env.address(&INTERNAL_ADDR)?,
            limits: Limits {
                connections: env.number(&CONNECTIONS_LIMIT, 1..=100_000)?,
                requests: env.number(&REQUESTS_LIMIT, 1..=10_000)?,
                idle: env.seconds(&IDLE, 1..=3_600)?,
                header_deadline: env.seconds(&HEADER_DEADLINE, 1..=60)?,
                body_deadline: env.seconds(&BODY_DEADLINE, 1..=60)?,
                answer_deadline: env.seconds(&ANSWER_DEADLINE, 1..=300)?,
                token_requests_per_minute: env.number(&TOKEN_RATE, 1..=1_000_000)?,
                address_requests_per_minute: env.number(&ADDRESS_RATE, 1..=10_000_000)?,
                user_checkouts_per_minute: env.number(&USER_RATE, 1..=1_000_000)?,
                network_checkouts_per_minute: env.number(&NETWORK_RATE, 1..=1_000_000)?,
                drain_deadline: env.seconds(&DRAIN_DEADLINE, 1..=300)?,
            },
        })
    }
}

/// Where browsers reach the console, without a slash at its end.
pub fn url(env: &Env) -> Result<String, Problem> {
    let Some(given) = env.given(URL.name) else {
        return Ok(format!("http://{}", healthcheck::reachable(env.address(&ADDR)?)));
    };
    let place = given.strip_prefix("https://").or_else(|| given.strip_prefix("http://"));
    match place.map(|place| place.trim_end_matches('/')) {
        Some(place) if !place.is_empty() && !place.contains(['?', '#', ' ']) => {
            Ok(given.trim_end_matches('/').to_owned())
        }
        _ => Err(URL.problem("it is not http:// or https:// and a host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_good_value_and_bad_ones_are_refused_by_name() {
        let proxied = [PROXY_SECRET.name, PROXY_SECRET_FILE.name, SIGN_ON_HEADER.name];
        for variable in VARIABLES.iter().filter(|variable| !proxied.contains(&variable.name)) {
            assert!(ConsoleConfig::from_env(&Env::of(&[(variable.name, variable.example)])).is_ok());
            let problem = ConsoleConfig::from_env(&Env::of(&[(variable.name, "x")])).unwrap_err();
            assert_eq!(problem.name, variable.name);
        }
    }

    #[test]
    fn links_lead_to_an_address_that_a_browser_can_open() {
        for (address, given, expected) in [
            ("127.0.0.1:8083", "", "http://127.0.0.1:8083"),
            ("0.0.0.0:8083", "", "http://127.0.0.1:8083"),
            ("[::]:8083", "", "http://[::1]:8083"),
            ("10.0.0.7:8083", "", "http://10.0.0.7:8083"),
            ("0.0.0.0:8083", "https://desk.example.com/", "https://desk.example.com"),
        ] {
            let env = Env::of(&[(ADDR.name, address), (URL.name, given)]);
            assert_eq!(url(&env).unwrap(), expected);
        }
    }
}
