//! What configures a run of `tidegate`: the environment, then `.env` of the working folder, then defaults in the
//! data folder. The options of `up` come first.

use anyhow::Context;
use shared::env::{DATA_DIR, Env};

use crate::cli::UpOptions;
use crate::failure::wrongly_called;
use crate::fake_stripe::demo;
use crate::{dot_env, listing, variables};

/// Where the processes of `up` listen.
pub const ADDRESSES: [&str; 5] = [
    "GATEWAY_ADDR",
    "GATEWAY_INTERNAL_ADDR",
    "WORKER_INTERNAL_ADDR",
    "CONSOLE_ADDR",
    "CONSOLE_INTERNAL_ADDR",
];
/// Those of them that say how a process is.
pub const INTERNAL_ADDRESSES: [&str; 3] =
    ["GATEWAY_INTERNAL_ADDR", "WORKER_INTERNAL_ADDR", "CONSOLE_INTERNAL_ADDR"];
/// Where a demo's own Stripe is.
const STRIPE: [&str; 3] = ["STRIPE_API_URL", "STRIPE_FILES_URL", "STRIPE_SECRET_KEY"];
/// Each URL, with the file that stands in for it.
const FILES: [(&str, &str); 2] = [("QUEUE_URL", "queue.db"), ("DATABASE_URL", "ledger.db")];

/// The settings of this process.
pub fn read(env: Env) -> anyhow::Result<Env> {
    // Where the system does not name who is logged in, the user's number does.
    let person = format!("uid {}", rustix::process::getuid().as_raw());
    Ok(with_data_dir(dot_env::read(env)?).or("USER", &person))
}

/// The files of the data folder, where one is named and no URL says otherwise.
fn with_data_dir(env: Env) -> Env {
    let Some(folder) = env.given(DATA_DIR.name).map(str::to_owned) else { return env };
    FILES.iter().fold(env, |env, (name, file)| env.or(name, &format!("sqlite:{folder}/{file}")))
}

/// With what `up` was told on the command line.
pub fn of_up(mut env: Env, options: &UpOptions) -> anyhow::Result<Env> {
    if let Some(first) = options.port {
        for (name, port) in ADDRESSES.iter().zip(first..) {
            let mut address = variables::address(&env, name)?;
            address.set_port(port);
            env = env.with(name, &address.to_string());
        }
    }
    let demo = options.demo.then(|| demo::folder(&env));
    if let Some(folder) = options.data_dir.as_ref().or(demo.as_ref()) {
        let from_folder = |name: &str, file: &str| {
            let folder = env.text(&DATA_DIR);
            env.given(name).is_none_or(|url| url == format!("sqlite:{folder}/{file}"))
        };
        if let Some((name, _)) = FILES.iter().find(|(name, file)| !from_folder(name, file)) {
            return Err(wrongly_called(format!(
                "{name} is set, so --data-dir and --demo would not move what it names: give one of the two"
            )));
        }
        let folder = std::path::absolute(folder).context("--data-dir: there is no such place")?;
        let folder = folder.to_str().ok_or_else(|| wrongly_called("--data-dir: its name is not UTF-8"))?;
        env = env.with(DATA_DIR.name, folder);
        for (name, file) in FILES {
            env = env.with(name, &format!("sqlite:{folder}/{file}"));
        }
    }
    Ok(env)
}

/// What other commands must be told to find this `up`.
pub fn moved(env: &Env, options: &UpOptions) -> Option<String> {
    let addresses = ADDRESSES.iter().filter(|_| options.port.is_some());
    let folder = (options.demo || options.data_dir.is_some()).then_some(DATA_DIR.name);
    let stripe = STRIPE.into_iter().filter(|_| options.demo);
    let names = folder.into_iter().chain(addresses.copied()).chain(stripe);
    let set: Vec<String> = names
        .filter_map(|name| env.given(name).map(|value| format!("{name}={}", listing::quoted(value))))
        .collect();
    (!set.is_empty()).then(|| set.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(pairs: &[(&str, &str)], port: Option<u16>, data_dir: Option<&str>) -> anyhow::Result<Env> {
        let options = UpOptions { port, data_dir: data_dir.map(Into::into), demo: false };
        of_up(with_data_dir(Env::of(pairs)), &options)
    }

    #[test]
    fn a_port_moves_all_listeners_and_leaves_them_on_their_addresses() {
        let env = up(&[("GATEWAY_ADDR", "192.0.2.1:1")], Some(8_181), None).unwrap();
        let told = ADDRESSES.map(|name| env.given(name).unwrap().to_owned());
        assert_eq!(told[0], "192.0.2.1:8181");
        let ports = told.iter().map(|address| address.rsplit(':').next().unwrap());
        assert_eq!(ports.collect::<Vec<_>>(), ["8181", "8182", "8183", "8184", "8185"]);
    }

    #[test]
    fn a_data_folder_has_all_files_and_never_replaces_a_url() {
        let env = up(&[], None, Some("/srv/here")).unwrap();
        assert_eq!(env.given("QUEUE_URL"), Some("sqlite:/srv/here/queue.db"));
        assert_eq!(env.given("DATABASE_URL"), Some("sqlite:/srv/here/ledger.db"));
        let other = [("TIDEGATE_DATA_DIR", "/srv/other")];
        assert_eq!(up(&other, None, None).unwrap().given("QUEUE_URL"), Some("sqlite:/srv/other/queue.db"));
        assert_eq!(
            up(&other, None, Some("/srv/x")).unwrap().given("QUEUE_URL"),
            Some("sqlite:/srv/x/queue.db")
        );
        let both = [("TIDEGATE_DATA_DIR", "/srv/other"), ("QUEUE_URL", "amqp://mq.example")];
        assert_eq!(up(&both, None, None).unwrap().given("QUEUE_URL"), Some("amqp://mq.example"));
        let refusal = up(&[("QUEUE_URL", "amqp://mq.example")], None, Some("/srv/x")).map(|_| ());
        assert!(refusal.unwrap_err().to_string().contains("QUEUE_URL is set"));
    }

    #[test]
    fn other_commands_are_told_only_what_was_moved() {
        let none = UpOptions::default();
        assert_eq!(moved(&Env::of(&[("GATEWAY_ADDR", "127.0.0.1:1")]), &none), None);
        let options = UpOptions { port: None, data_dir: Some("/srv/x".into()), demo: false };
        let env = of_up(Env::of(&[]), &options).unwrap();
        assert_eq!(moved(&env, &options).as_deref(), Some("TIDEGATE_DATA_DIR=/srv/x"));
        let stripe = env.with("STRIPE_API_URL", "http://127.0.0.1:1/").with("STRIPE_SECRET_KEY", "sk_test_1");
        assert_eq!(
            moved(&stripe, &options).as_deref(),
            Some("TIDEGATE_DATA_DIR=/srv/x"),
            "it was there before"
        );
        let options = UpOptions { demo: true, ..UpOptions::default() };
        assert_eq!(
            moved(&stripe, &options).as_deref(),
            Some("TIDEGATE_DATA_DIR=/srv/x STRIPE_API_URL=http://127.0.0.1:1/ STRIPE_SECRET_KEY=sk_test_1")
        );
    }
}
