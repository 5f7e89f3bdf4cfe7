//! The end of a history: no fault is left, and the cluster is whole again.

use anyhow::Context;
use harness::cluster::Cluster;

/// Starts what ended, and waits for the cluster. One that does not find together by itself is restarted, as an operator
/// would: node by node, and all at once where that is not enough. How many nodes had to be started.
pub(super) async fn heal(cluster: &mut Cluster, url: &str) -> anyhow::Result<usize> {
    let ended = cluster.ended();
    cluster.boot(&ended).await.context("nodes that ended by themselves")?;
    let mut started = ended.len();
    for node in 0..cluster.size() {
        let Err(error) = cluster.is_whole(url).await else { return Ok(started) };
        println!("    the nodes do not find together by themselves, and node {node} is restarted: {error:#}");
        cluster.kill(&[node]);
        started += 1;
        if cluster.boot(&[node]).await.is_err() {
            break;
        }
    }
    if cluster.is_whole(url).await.is_ok() {
        return Ok(started);
    }
    println!("    all nodes are restarted");
    let all: Vec<usize> = (0..cluster.size()).collect();
    cluster.kill(&all);
    cluster.boot(&all).await?;
    cluster.is_whole(url).await?;
    Ok(started + all.len())
}
