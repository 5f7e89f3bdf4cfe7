//! Users of the broker with no more rights than they need, as docs/threats.md has them: the gateway may only publish,
//! the worker may not declare, and each does its work.

use hyper::Method;

use super::*;

/// Role, and what it may configure, write and read.
const GATEWAY: (&str, &str, &str, &str) = ("gateway", "^$", "^tidegate$", "^$");
const WORKER: (&str, &str, &str, &str) = ("worker", "^$", "^tidegate$", r"^events(\.dead|\.unrouted)?$");

/// A user of these rights in the virtual host of the address, and the address for that user.
async fn user(url: &str, rights: (&str, &str, &str, &str)) -> anyhow::Result<String> {
    let (role, configure, write, read) = rights;
    let (host, vhost) = url.rsplit_once('/').context("an address has a virtual host")?;
    let name = format!("{role}-{vhost}");
    let broker = Broker::shared().await;
    let user = r#"{"password":"for-a-test","tags":""}"#;
    broker.api(Method::PUT, &format!("/api/users/{name}"), user).await?;
    let rights = serde_json::json!({ "configure": configure, "write": write, "read": read }).to_string();
    broker.api(Method::PUT, &format!("/api/permissions/{vhost}/{name}"), &rights).await?;
    Ok(format!("{}/{vhost}", host.replace("guest:guest", &format!("{name}:for-a-test"))))
}

#[tokio::test]
async fn each_role_works_with_no_more_rights_than_the_page_names() -> anyhow::Result<()> {
    let url = place("rights").await?;
    let (gateway, worker) = (user(&url, GATEWAY).await?, user(&url, WORKER).await?);
    let publisher = open(&gateway, Role::Publish).await?;
    let consumer = open(&worker, Role::Both).await?;
    publish(&publisher, 3).await?;
    let deliveries = receive(&consumer, 3).await?;
    assert_eq!(ids(&deliveries).len(), 3);
    assert_eq!(publisher.depth().await?.ready, 0, "a gateway tells how deep the queue is");
    publish(&consumer, 1).await?;

    let cannot_read = Queue::open(config(&gateway), Role::Consume).await?;
    until("the refusal to be named", PATIENCE, async || {
        let why = cannot_read.health().err().map(|why| why.to_string()).unwrap_or_default();
        Ok(why.contains("ACCESS_REFUSED") || why.contains("refused"))
    })
    .await
    .with_context(|| format!("{:?}", cannot_read.health()))?;
    let cannot_declare = declared::declare(&worker, NewQueues::UseAtOnce).await;
    assert!(cannot_declare.is_err(), "a worker declares nothing");
    let page = std::fs::read_to_string(harness::binaries::workspace().join("docs/threats.md"))?;
    for (role, configure, write, read) in [GATEWAY, WORKER] {
        let line = format!("set_permissions -p / {role} '{configure}' '{write}' '{read}'");
        assert!(page.contains(&line), "docs/threats.md says: {line}");
    }
    Ok(())
}
