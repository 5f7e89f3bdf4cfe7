//! RabbitMQ as the queue, against a real broker.

use harness::broker::Broker;

#[tokio::test]
async fn a_private_broker_comes_back_after_a_kill_with_its_virtual_hosts() -> anyhow::Result<()> {
    let mut broker = Broker::start().await?;
    let url = broker.vhost("kept").await?;
    broker.restart().await?;
    let vhost = url.rsplit('/').next().unwrap_or_default();
    broker.api(hyper::Method::GET, &format!("/api/vhosts/{vhost}"), "").await?;
    Ok(())
}
