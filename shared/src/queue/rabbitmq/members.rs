//! Whether the nodes that an address names are one cluster. A queue gets its members when it is declared, and
//! no more of them later by itself: declared while the cluster is still forming, it would have one copy.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, ErrorKind};

use super::connection::{Line, OPEN_DEADLINE, in_time, plain};
use super::nodes::Node;

/// How many copies of a queue there are, on as many nodes: one may fail. The broker's own default is a
/// setting of its operators.
pub(super) const COPIES: i32 = 3;

/// What one node of the address answers to people on call.
pub struct Seen {
    pub node: String,
    pub answer: Result<(), String>,
}

/// Fails unless as many nodes as a queue has copies answer, and know of each other.
pub(super) async fn must_be_one_cluster(nodes: &[Node]) -> Result<(), String> {
    let wanted = usize::try_from(COPIES).unwrap_or_default().min(nodes.len());
    if wanted < 2 {
        return Ok(()); // one name may stand for a whole cluster, of which nothing can be said from here
    }
    let seen = survey(nodes).await;
    let good = seen.iter().filter(|seen| seen.answer.is_ok()).count();
    if good >= wanted {
        return Ok(());
    }
    let faults: BTreeSet<String> = seen
        .iter()
        .filter_map(|seen| Some(format!("{} {}", seen.node, seen.answer.as_ref().err()?)))
        .collect();
    Err(format!(
        "a queue declared now would have fewer than {wanted} copies, for good; wait until the cluster is whole: {}",
        faults.into_iter().collect::<Vec<_>>().join(", ")
    ))
}

/// Asks every node, and whether it belongs to the cluster of the first that answers: that one gets a queue
/// which only its connection may use and which ends with it. Who refuses it as locked is of the same cluster.
pub(super) async fn survey(nodes: &[Node]) -> Vec<Seen> {
    let lines = join_all(nodes.iter().map(|node| Line::open(node, "roll call", OPEN_DEADLINE))).await;
    let name = format!("tidegate.roll-call.{}", crate::trace::random_hex::<8>());
    let mut called = false;
    let mut seen = Vec::new();
    for (node, line) in nodes.iter().zip(&lines) {
        let answer = match line {
            Err(why) => Err(format!("does not answer ({why})")),
            Ok(line) if !called => {
                let answer = call(line, &name).await;
                called = answer.is_ok();
                answer
            }
            Ok(line) => knows(line, &name).await,
        };
        seen.push(Seen { node: node.shown(), answer });
    }
    for line in lines.into_iter().flatten() {
        line.close(OPEN_DEADLINE).await;
    }
    seen
}

async fn call(line: &Line, name: &str) -> Result<(), String> {
    let channel = line.channel(OPEN_DEADLINE).await?;
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    in_time(OPEN_DEADLINE, declare(&channel, name, options)).await
}

async fn knows(line: &Line, name: &str) -> Result<(), String> {
    const LOCKED: u16 = 405;
    let channel = line.channel(OPEN_DEADLINE).await?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match tokio::time::timeout(OPEN_DEADLINE, declare(&channel, name, options)).await {
        Err(_) => Err("does not answer".to_owned()),
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ProtocolError(refused) if refused.get_id() == LOCKED => Ok(()),
            ErrorKind::ProtocolError(refused) if refused.get_id() == 404 => {
                Err("is of another cluster".to_owned())
            }
            _ => Err(plain(&error)),
        },
    }
}

async fn declare(channel: &Channel, name: &str, options: QueueDeclareOptions) -> lapin::Result<()> {
    channel.queue_declare(name.into(), options, FieldTable::default()).await.map(drop)
}
