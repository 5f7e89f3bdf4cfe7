//! Checks that the nodes of an address form one cluster. A queue gets its members when it is declared, and none
//! later by itself: declared while the cluster forms, it would have one copy.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::OPEN_DEADLINE;
use super::connection::{Connection, in_time};
use super::error::{self, BrokerError};
use super::nodes::Node;

/// How many copies of a queue there are, on as many nodes: one may fail. The broker's own default is a
/// setting of its operators.
pub(super) const COPIES: i32 = 3;

/// What one node of the address answers to people on call.
#[derive(Debug)]
pub struct NodeCheck {
    pub node: String,
    pub answer: Result<(), BrokerError>,
}

/// Fails unless as many nodes as a queue has copies answer, and know of each other.
pub(super) async fn must_be_one_cluster(nodes: &[Node]) -> Result<(), NotWhole> {
    let copies = usize::try_from(COPIES).unwrap_or_default().min(nodes.len());
    if copies < 2 {
        return Ok(()); // one name may stand for a whole cluster, of which nothing can be said from here
    }
    let (good, others): (Vec<_>, Vec<_>) =
        survey(nodes).await.into_iter().partition(|seen| seen.answer.is_ok());
    if good.len() >= copies { Ok(()) } else { Err(NotWhole { copies, others }) }
}

/// Too few of the nodes are one cluster.
#[derive(Debug)]
pub struct NotWhole {
    copies: usize,
    others: Vec<NodeCheck>,
}

impl std::fmt::Display for NotWhole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let faults: BTreeSet<String> = self.others.iter().filter_map(NodeCheck::fault).collect();
        write!(
            f,
            "a queue declared now would have fewer than {} copies, for good; wait until the cluster is whole: {}",
            self.copies,
            faults.into_iter().collect::<Vec<_>>().join(", ")
        )
    }
}

impl std::error::Error for NotWhole {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let fault = self.others.iter().find_map(|seen| seen.answer.as_ref().err())?;
        Some(fault)
    }
}

impl NodeCheck {
    /// What is wrong with the node, by its name.
    pub fn fault(&self) -> Option<String> {
        Some(format!("{}: {}", self.node, self.answer.as_ref().err()?))
    }
}

/// Asks every node, and whether it belongs to the cluster of the first that answers: that one gets a queue
/// which only its connection may use and which ends with it. Who refuses it as locked is of the same cluster.
pub(super) async fn survey(nodes: &[Node]) -> Vec<NodeCheck> {
    let connections =
        join_all(nodes.iter().map(|node| Connection::open(node, "roll call", OPEN_DEADLINE))).await;
    let name = format!("tidegate.roll-call.{}", crate::trace::random_hex::<8>());
    let mut called = false;
    let mut seen = Vec::new();
    for (node, connection) in nodes.iter().zip(&connections) {
        let answer = match connection {
            Err(why) => Err(why.clone()),
            Ok(connection) if !called => {
                let answer = call(connection, &name).await;
                called = answer.is_ok();
                answer
            }
            Ok(connection) => knows(connection, &name).await,
        };
        seen.push(NodeCheck { node: node.shown(), answer });
    }
    for connection in connections.into_iter().flatten() {
        connection.close(OPEN_DEADLINE).await;
    }
    seen
}

async fn call(connection: &Connection, name: &str) -> Result<(), BrokerError> {
    let channel = connection.channel(OPEN_DEADLINE).await?;
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    in_time(OPEN_DEADLINE, declare(&channel, name, options)).await
}

async fn knows(connection: &Connection, name: &str) -> Result<(), BrokerError> {
    let channel = connection.channel(OPEN_DEADLINE).await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match in_time(OPEN_DEADLINE, declare(&channel, name, options)).await {
        Err(BrokerError::Client(refused)) if error::is_locked(&refused) => Ok(()),
        Err(BrokerError::Client(refused)) if error::is_not_found(&refused) => Err(BrokerError::OtherCluster),
        other => other,
    }
}

async fn declare(channel: &Channel, name: &str, options: QueueDeclareOptions) -> lapin::Result<()> {
    channel.queue_declare(name.into(), options, FieldTable::default()).await.map(drop)
}
