//! What can happen to a cluster of three, and how it is made to happen.

use std::time::Duration;

use harness::chosen::chosen;
use harness::cluster::Cluster;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    KillLeader,
    KillFollower,
    KillTwo,
    KillAll,
    CutLeader,
    CutFollower,
    RollingRestart,
    Membership,
}

impl Fault {
    /// The last changes the cluster itself.
    const ALL: [Self; 8] = [
        Self::KillLeader,
        Self::KillFollower,
        Self::KillTwo,
        Self::KillAll,
        Self::CutLeader,
        Self::CutFollower,
        Self::RollingRestart,
        Self::Membership,
    ];

    pub(super) fn read_all(text: &str) -> Result<Vec<Self>, String> {
        chosen(text, &Self::ALL, Self::name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KillLeader => "kill-leader",
            Self::KillFollower => "kill-follower",
            Self::KillTwo => "kill-two",
            Self::KillAll => "kill-all",
            Self::CutLeader => "cut-leader",
            Self::CutFollower => "cut-follower",
            Self::RollingRestart => "rolling-restart",
            Self::Membership => "membership",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::KillLeader => "SIGKILL to the leader of `events`, later started again",
            Self::KillFollower => "SIGKILL to a follower, later started again",
            Self::KillTwo => "SIGKILL to two of three at once, later started again",
            Self::KillAll => "SIGKILL to all three at once, all started again",
            Self::CutLeader => "the leader's links to the others go silent, later mended",
            Self::CutFollower => "a follower's links to the others go silent, later mended",
            Self::RollingRestart => "each node drained, stopped and started, one after the other",
            Self::Membership => "a fourth node joins and gets copies, the first loses its own and leaves",
        }
    }

    /// With two of three nodes left, or more, service goes on.
    pub(super) fn is_single(self) -> bool {
        !matches!(self, Self::KillTwo | Self::KillAll)
    }

    /// Brings it about, lets it last, and ends it.
    pub(super) async fn strike(
        self,
        cluster: &mut Cluster,
        url: &str,
        lasts: Duration,
    ) -> anyhow::Result<()> {
        let leader = cluster.leader(url, "events").await?;
        let followers: Vec<usize> = cluster.running().into_iter().filter(|node| *node != leader).collect();
        match self {
            Self::KillLeader => kill(cluster, &[leader], lasts).await,
            Self::KillFollower => kill(cluster, &followers[..1], lasts).await,
            Self::KillTwo => kill(cluster, &[leader, followers[0]], lasts).await,
            Self::KillAll => kill(cluster, &[leader, followers[0], followers[1]], Duration::ZERO).await,
            Self::CutLeader => cut(cluster, leader, lasts).await,
            Self::CutFollower => cut(cluster, followers[0], lasts).await,
            Self::RollingRestart => {
                for node in cluster.running() {
                    println!("    stops node {node}");
                    cluster.stop(node).await?;
                    println!("    starts it");
                    cluster.boot(&[node]).await?;
                    println!("    waits until all have all");
                    cluster.is_whole(url).await?;
                }
                Ok(())
            }
            Self::Membership => {
                let (new, old) = (cluster.size() - 1, cluster.running()[0]);
                cluster.boot(&[new]).await?;
                cluster.grow(url, new).await?;
                cluster.is_whole(url).await?;
                cluster.shrink(old).await?;
                cluster.stop(old).await?;
                cluster.forget(old).await
            }
        }
    }
}

async fn kill(cluster: &mut Cluster, nodes: &[usize], lasts: Duration) -> anyhow::Result<()> {
    cluster.kill(nodes);
    tokio::time::sleep(lasts).await;
    cluster.boot(nodes).await
}

/// A cut must last until the nodes have noticed it, which takes them a tick and a quarter at most.
async fn cut(cluster: &mut Cluster, node: usize, lasts: Duration) -> anyhow::Result<()> {
    const NOTICED: Duration = Duration::from_secs(10);
    cluster.cut_off(node);
    tokio::time::sleep(lasts.max(NOTICED)).await;
    cluster.mend(node);
    Ok(())
}
