//! TLS to the broker: events pass over it, and a broker that nobody whom this machine trusts vouches for is refused.

use anyhow::ensure;
use harness::certificates;
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
    certificates::authority(folder, "ca")?;
    certificates::authority(folder, "other")?;
    certificates::certificate(folder, "broker", "ca", "IP:127.0.0.1")?;
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
