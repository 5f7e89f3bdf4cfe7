//! The gateway's configuration: addresses, limits and endpoints.

use std::net::SocketAddr;
use std::time::Duration;

use shared::env::{Env, Names, Problem, Variable};
use shared::spans::SpansConfig;

use crate::endpoints::{self, ACCOUNT, ENDPOINT_VARIABLES, Endpoints, MODE, SECRET, SECRET_FILE};

const ADDR: Variable = Variable {
    name: "GATEWAY_ADDR",
    default: "127.0.0.1:8080",
    example: "0.0.0.0:8080",
    help: "Address of the public listener, which receives webhooks.",
};
pub const INTERNAL_ADDR: Variable = Variable {
    name: "GATEWAY_INTERNAL_ADDR",
    default: "127.0.0.1:8081",
    example: "0.0.0.0:8081",
    help: "Address of the gateway's internal listener: /livez, /readyz, /metrics. Keep it private.",
};
const PUBLIC_URL: Variable = Variable {
    name: "GATEWAY_PUBLIC_URL",
    default: "",
    example: "https://hooks.example.com",
    help: "The gateway's public address. `doctor` and `status` check that Stripe's endpoints lead there. If unset, they compare paths only.",
};
const TOLERANCE: Variable = Variable {
    name: "GATEWAY_SIGNATURE_TOLERANCE_SECS",
    default: "300",
    example: "120",
    help: "Maximum difference between a signature's time and our clock, in either direction.",
};
const BODY_LIMIT: Variable = Variable {
    name: "GATEWAY_BODY_LIMIT_BYTES",
    default: "524288",
    example: "1048576",
    help: "Maximum size of a body; larger ones are answered 413.",
};
const BODIES_LIMIT: Variable = Variable {
    name: "GATEWAY_BODIES_LIMIT_BYTES",
    default: "134217728",
    example: "67108864",
    help: "Maximum memory for all bodies in progress; beyond it, requests are answered 503.",
};
const CONNECTIONS_LIMIT: Variable = Variable {
    name: "GATEWAY_LIMIT_CONNECTIONS",
    default: "16384",
    example: "1000",
    help: "Maximum number of open connections; further ones are answered 503 and closed.",
};
const IDLE: Variable = Variable {
    name: "GATEWAY_IDLE_SECS",
    default: "75",
    example: "120",
    help: "How long an idle connection stays open. Set it longer than the proxy in front does.",
};
const HEADER_DEADLINE: Variable = Variable {
    name: "GATEWAY_HEADER_DEADLINE_SECS",
    default: "10",
    example: "5",
    help: "Maximum time for a request's head to arrive, and for our answer to be read.",
};
const BODY_DEADLINE: Variable = Variable {
    name: "GATEWAY_BODY_DEADLINE_SECS",
    default: "3",
    example: "2",
    help: "Maximum time for a body to arrive; slower ones are answered 408. At most GATEWAY_ANSWER_DEADLINE_SECS.",
};
const ANSWER_DEADLINE: Variable = Variable {
    name: "GATEWAY_ANSWER_DEADLINE_SECS",
    default: "5",
    example: "8",
    help: "Maximum time from a request's head to its answer. An event that is not durable by then is answered 503.",
};
const REFUSALS_PER_MINUTE: Variable = Variable {
    name: "GATEWAY_REFUSALS_PER_MINUTE",
    default: "60",
    example: "600",
    help: "Refused signatures per address and minute that are answered at once; further ones are answered late.",
};
const REFUSAL_DELAY: Variable = Variable {
    name: "GATEWAY_REFUSAL_DELAY_SECS",
    default: "1",
    example: "3",
    help: "How long those late answers are delayed. 0 disables the delay.",
};
const DRAIN_DEADLINE: Variable = Variable {
    name: "GATEWAY_DRAIN_DEADLINE_SECS",
    default: "10",
    example: "25",
    help: "How long requests in progress may take after the stop signal.",
};
const SECRETS_INTERVAL: Variable = Variable {
    name: "GATEWAY_SECRETS_INTERVAL_SECS",
    default: "10",
    example: "2",
    help: "How often files with secrets are checked for changes.",
};

pub const VARIABLES: &[Variable] = &[
    ADDR,
    INTERNAL_ADDR,
    PUBLIC_URL,
    SECRET,
    SECRET_FILE,
    MODE,
    ACCOUNT,
    TOLERANCE,
    BODY_LIMIT,
    BODIES_LIMIT,
    CONNECTIONS_LIMIT,
    IDLE,
    HEADER_DEADLINE,
    BODY_DEADLINE,
    ANSWER_DEADLINE,
    REFUSALS_PER_MINUTE,
    REFUSAL_DELAY,
    DRAIN_DEADLINE,
    SECRETS_INTERVAL,
];

pub struct GatewayConfig {
    pub address: SocketAddr,
    pub internal_address: SocketAddr,
    /// Without a slash at its end.
    pub public_url: Option<String>,
    pub endpoints: Endpoints,
    pub limits: Limits,
    pub secrets_interval: Duration,
    pub spans: SpansConfig,
    /// Variables that begin like ours, and that nothing reads.
    pub unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub signature_tolerance: Duration,
    pub body_bytes: usize,
    pub bodies_bytes: usize,
    pub connections: usize,
    pub idle: Duration,
    pub header_deadline: Duration,
    pub body_deadline: Duration,
    pub answer_deadline: Duration,
    pub refusals_per_minute: u32,
    pub refusal_delay: Duration,
    pub drain_deadline: Duration,
}

impl GatewayConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        Ok(Self {
            address: env.address(&ADDR)?,
            internal_address: env.address(&INTERNAL_ADDR)?,
            public_url: env.parse(&PUBLIC_URL, read_public_url)?,
            endpoints: endpoints::from_env(env)?,
            limits: Limits::from_env(env)?,
            secrets_interval: env.seconds(&SECRETS_INTERVAL, 1..=3_600)?,
            spans: SpansConfig::from_env(env)?,
            unknown: unknown(env),
        })
    }
}

impl Limits {
    fn from_env(env: &Env) -> Result<Self, Problem> {
        let limits = Self {
            signature_tolerance: env.seconds(&TOLERANCE, 1..=3_600)?,
            body_bytes: env.number(&BODY_LIMIT, 1_024..=8_388_608)?,
            bodies_bytes: env.number(&BODIES_LIMIT, 1_048_576..=68_719_476_736)?,
            connections: env.number(&CONNECTIONS_LIMIT, 1..=1_000_000)?,
            idle: env.seconds(&IDLE, 1..=3_600)?,
            header_deadline: env.seconds(&HEADER_DEADLINE, 1..=60)?,
            body_deadline: env.seconds(&BODY_DEADLINE, 1..=60)?,
            answer_deadline: env.seconds(&ANSWER_DEADLINE, 1..=60)?,
            refusals_per_minute: env.number(&REFUSALS_PER_MINUTE, 1..=1_000_000)?,
            refusal_delay: env.seconds(&REFUSAL_DELAY, 0..=10)?,
            drain_deadline: env.seconds(&DRAIN_DEADLINE, 1..=300)?,
        };
        if limits.body_deadline > limits.answer_deadline {
            return Err(BODY_DEADLINE.problem("longer than GATEWAY_ANSWER_DEADLINE_SECS"));
        }
        if limits.body_bytes > limits.bodies_bytes {
            return Err(
                BODIES_LIMIT.problem("less than GATEWAY_BODY_LIMIT_BYTES, the limit of a single body")
            );
        }
        Ok(limits)
    }
}

fn read_public_url(text: &str) -> Result<Option<String>, String> {
    let bare = text.trim_end_matches('/');
    if bare.is_empty() {
        return Ok(None);
    }
    let is_address =
        ["https://", "http://"].iter().any(|scheme| bare.len() > scheme.len() && bare.starts_with(scheme));
    let is_plain = bare.bytes().all(|byte| byte.is_ascii_graphic()) && !bare.contains(['?', '#', '@']);
    if is_address && is_plain {
        Ok(Some(bare.to_owned()))
    } else {
        Err("not an address such as https://hooks.example.com".to_owned())
    }
}

fn unknown(env: &Env) -> Vec<String> {
    let names = Names { groups: &[VARIABLES], families: ENDPOINT_VARIABLES };
    names.unread(env, &["GATEWAY_", "STRIPE_WEBHOOK_"]).into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<GatewayConfig, Problem> {
        GatewayConfig::from_env(&Env::of(pairs).or("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ"))
    }

    #[test]
    fn a_secret_is_all_that_must_be_set() {
        let config = read(&[]).unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:8080");
        assert_eq!(config.limits.body_bytes, 512 * 1024);
        assert!(config.unknown.is_empty());
    }

    #[test]
    fn bad_limits_are_refused_by_name() {
        let table = [
            ("GATEWAY_ADDR", "localhost"),
            ("GATEWAY_INTERNAL_ADDR", "8081"),
            ("GATEWAY_PUBLIC_URL", "hooks.example.com"),
            ("GATEWAY_PUBLIC_URL", "https://user:word@hooks.example.com"),
            ("GATEWAY_SIGNATURE_TOLERANCE_SECS", "0"),
            ("GATEWAY_SIGNATURE_TOLERANCE_SECS", "3601"),
            ("GATEWAY_BODY_LIMIT_BYTES", "512K"),
            ("GATEWAY_BODY_LIMIT_BYTES", "-1"),
            ("GATEWAY_BODIES_LIMIT_BYTES", "0"),
            ("GATEWAY_LIMIT_CONNECTIONS", "0"),
            ("GATEWAY_IDLE_SECS", "0"),
            ("GATEWAY_HEADER_DEADLINE_SECS", "1.5"),
            ("GATEWAY_BODY_DEADLINE_SECS", "6"),
            ("GATEWAY_ANSWER_DEADLINE_SECS", "61"),
            ("GATEWAY_REFUSALS_PER_MINUTE", "0"),
            ("GATEWAY_REFUSAL_DELAY_SECS", "11"),
            ("GATEWAY_DRAIN_DEADLINE_SECS", "301"),
            ("GATEWAY_SECRETS_INTERVAL_SECS", "0"),
        ];
        for (name, value) in table {
            let problem = read(&[(name, value)]).err().expect(name);
            assert_eq!(problem.name, name);
            assert!(!problem.example.is_empty());
        }
        let smaller = [("GATEWAY_BODY_LIMIT_BYTES", "8388608"), ("GATEWAY_BODIES_LIMIT_BYTES", "1048576")];
        assert_eq!(read(&smaller).err().unwrap().name, "GATEWAY_BODIES_LIMIT_BYTES");
    }

    #[test]
    fn every_example_but_that_of_a_secret_is_a_good_value() {
        for variable in
            VARIABLES.iter().filter(|variable| !variable.name.starts_with("STRIPE_WEBHOOK_SECRET"))
        {
            assert!(read(&[(variable.name, variable.example)]).is_ok(), "{}", variable.name);
        }
    }

    #[test]
    fn variables_that_begin_like_ours_and_that_nothing_reads_are_listed() {
        let config = read(&[
            ("GATEWAY_COLOUR", "blue"),
            ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
            ("STRIPE_WEBHOOK_SECRET__CONNECT", "whsec_9876543210abcdefGHIJ"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(config.unwrap().unknown, ["GATEWAY_COLOUR"]);
    }
}
