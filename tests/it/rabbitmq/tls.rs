//! TLS to the broker: events pass over it, and a broker that nobody whom this machine trusts vouches for is refused.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use harness::ports::free_port;
use harness::process_guard::ProcessGuard;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use rustix::process::Signal;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn events_pass_over_tls_and_a_broker_that_nobody_vouches_for_is_refused() -> anyhow::Result<()> {
    let papers = ProcessGuard::new("tls", Signal::KILL)?;
    let folder = papers.folder();
    certify(folder)?;
    let (port, at) = (free_port(), folder.display());
    let broker = Broker::start_with(
        &format!(
            "listeners.ssl.default = 127.0.0.1:{port}\nssl_options.certfile = {at}/broker.pem\n\
             ssl_options.keyfile = {at}/broker.key\nssl_options.cacertfile = {at}/ca.pem\n\
             ssl_options.verify = verify_none\nssl_options.fail_if_no_peer_cert = false\n"
        ),
        "",
    )
    .await?;
    let plain = broker.vhost("tls").await?;
    let vhost = plain.rsplit('/').next().context("an address ends with a virtual host")?;
    let secured = format!("amqps://guest:guest@127.0.0.1:{port}/{vhost}");
    let trusted = folder.join("ca.pem").display().to_string();
    let settings = [("QUEUE_URL", secured.as_str()), ("SSL_CERT_FILE", trusted.as_str())];

    let mut stack = Stack::prepare_at(Combination::RabbitSqlite, &settings, plain, None).await?;
    let strange = folder.join("other.pem").display().to_string();
    let refused = stack.run(&["topology", "--no-wait"], &[("SSL_CERT_FILE", &strange)]);
    let why = String::from_utf8_lossy(&refused.stderr);
    ensure!(!refused.status.success() && why.contains("certificate"), "{why}");

    stack.begin().await?;
    let (events, _) = Stories::of_seed(11).history(300);
    let mut client = stack.client();
    for event in &events {
        ensure!(client.send(&event.body).await.accepted(), "{} is not accepted", event.id);
    }
    stack.ledger().has_handled(events.len(), PATIENCE).await?;
    stack.end().await;
    Ok(())
}

/// An authority, the broker's certificate by it, and an authority that has nothing to do with it.
fn certify(folder: &Path) -> anyhow::Result<()> {
    const NEW: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -addext";
    for rest in [
        "basicConstraints=critical,CA:TRUE -subj /CN=tests -keyout ca.key -out ca.pem",
        "basicConstraints=critical,CA:TRUE -subj /CN=strangers -keyout other.key -out other.pem",
        "basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 -subj /CN=broker -CA ca.pem \
         -CAkey ca.key -keyout broker.key -out broker.pem",
    ] {
        let words = NEW.split_whitespace().chain(rest.split_whitespace());
        let made = Command::new("openssl").args(words).current_dir(folder).output();
        let made =
            made.context("openssl is not installed: `apt-get install openssl`, or run scripts/test")?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    Ok(())
}
