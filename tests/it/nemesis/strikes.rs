//! What a nemesis does to the nodes, by its seed: again and again, for a random while each time.

use std::time::{Duration, Instant};

use harness::chosen::chosen;
use harness::cluster::links::Way;
use harness::cluster::{Cluster, Ground};
use stripe_sim::Random;

use super::NODES;
use super::history::Strike;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Nemesis {
    Halves,
    Bridge,
    OneWay,
    AllApart,
    SlowLinks,
    Pause,
    KillOne,
    KillTwo,
    KillAll,
    Mixed,
    Clocks,
    DiskFull,
}

impl Nemesis {
    const ALL: [Self; 12] = [
        Self::Halves,
        Self::Bridge,
        Self::OneWay,
        Self::AllApart,
        Self::SlowLinks,
        Self::Pause,
        Self::KillOne,
        Self::KillTwo,
        Self::KillAll,
        Self::Mixed,
        Self::Clocks,
        Self::DiskFull,
    ];
    /// What two strikes at once are chosen from.
    const MIXED: [Self; 7] = [
        Self::Halves,
        Self::Bridge,
        Self::OneWay,
        Self::SlowLinks,
        Self::Pause,
        Self::KillOne,
        Self::KillTwo,
    ];

    pub(super) fn read_all(text: &str) -> Result<Vec<Self>, String> {
        chosen(text, &Self::ALL, Self::name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Halves => "halves",
            Self::Bridge => "bridge",
            Self::OneWay => "one-way",
            Self::AllApart => "all-apart",
            Self::SlowLinks => "slow-links",
            Self::Pause => "pause",
            Self::KillOne => "kill-one",
            Self::KillTwo => "kill-two",
            Self::KillAll => "kill-all",
            Self::Mixed => "mixed",
            Self::Clocks => "clocks",
            Self::DiskFull => "disk-full",
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Halves => "one node alone, two together",
            Self::Bridge => "two nodes do not hear each other, the third hears both",
            Self::OneWay => "a node's words do not arrive, or none arrive at it",
            Self::AllApart => "no node hears another",
            Self::SlowLinks => "every link is late by up to 400 ms and narrow",
            Self::Pause => "SIGSTOP to one, two or three nodes, later SIGCONT",
            Self::KillOne => "SIGKILL to one node, later started again",
            Self::KillTwo => "SIGKILL to two nodes at once, later started again",
            Self::KillAll => "SIGKILL to all nodes at once, later started again",
            Self::Mixed => "two of the others at once",
            Self::Clocks => "the nodes' wall clocks jump by up to an hour",
            Self::DiskFull => "the disks of one, two or three nodes are full, later not",
        }
    }

    pub(super) fn ground(self) -> Ground {
        match self {
            Self::Clocks => Ground::Clocks,
            Self::DiskFull => Ground::Disks,
            _ => Ground::Plain,
        }
    }

    /// For so long strikes and rests follow each other. None is left at the end.
    pub(super) async fn strike(
        self,
        cluster: &mut Cluster,
        length: Duration,
        random: &mut Random,
        begun: Instant,
    ) -> anyhow::Result<Vec<Strike>> {
        let end = Instant::now() + length;
        let mut strikes = Vec::new();
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(random.within(1_500..6_000))).await;
            let from = begun.elapsed();
            let mut under_way = vec![self.begin(cluster, random)?];
            if self == Self::Mixed {
                under_way.push(self.begin(cluster, random)?);
            }
            let what: Vec<&str> = under_way.iter().map(|one| one.what.as_str()).collect();
            let what = what.join(" and ");
            println!("    {:.1} s: {what}", from.as_secs_f64());
            // Some are over before anybody notices them, some long after.
            tokio::time::sleep(Duration::from_millis(random.within(300..14_000))).await;
            let mut dead = Vec::new();
            for one in under_way {
                dead.extend(one.end(cluster)?);
            }
            dead.extend(cluster.ended());
            dead.sort_unstable();
            dead.dedup();
            cluster.boot(&dead).await?;
            strikes.push(Strike { what, begun: from, ended: begun.elapsed() });
        }
        Ok(strikes)
    }

    fn begin(self, cluster: &mut Cluster, random: &mut Random) -> anyhow::Result<UnderWay> {
        let mut nodes: Vec<usize> = (0..NODES).collect();
        random.shuffle(&mut nodes);
        let (one, two, three) = (nodes[0], nodes[1], nodes[2]);
        let some = nodes[..usize::try_from(random.within(1..4))?].to_vec();
        Ok(match self {
            Self::Halves => {
                ways(cluster, format!("node {one} is alone"), Way::Cut, both(&[(one, two), (one, three)]))
            }
            Self::Bridge => {
                ways(cluster, format!("node {three} is the bridge"), Way::Cut, both(&[(one, two)]))
            }
            Self::OneWay => match random.within(0..3) {
                0 => ways(cluster, format!("node {one} is mute"), Way::Cut, vec![(one, two), (one, three)]),
                1 => ways(cluster, format!("node {one} is deaf"), Way::Cut, vec![(two, one), (three, one)]),
                _ => {
                    ways(cluster, format!("node {two} does not hear node {one}"), Way::Cut, vec![(one, two)])
                }
            },
            Self::AllApart => ways(
                cluster,
                "all are apart".to_owned(),
                Way::Cut,
                both(&[(one, two), (two, three), (three, one)]),
            ),
            Self::SlowLinks => {
                let lag = random.within(20..400);
                let all = both(&[(one, two), (two, three), (three, one)]);
                ways(cluster, format!("words take {lag} ms"), Way::Slow(Duration::from_millis(lag)), all)
            }
            Self::Pause => {
                let (paused, gone): (Vec<usize>, Vec<usize>) =
                    some.iter().partition(|node| cluster.running().contains(node));
                for node in &paused {
                    cluster.pause(*node);
                }
                let what = format!("nodes {paused:?} hang, {gone:?} are dead");
                UnderWay { what, over: Over::Resume(paused) }
            }
            Self::KillOne => kill(cluster, &[one]),
            Self::KillTwo => kill(cluster, &[one, two]),
            Self::KillAll => kill(cluster, &nodes),
            Self::Mixed => random.pick(&Self::MIXED).begin(cluster, random)?,
            Self::Clocks => {
                let mut offsets = Vec::new();
                for node in some {
                    let reach = *random.pick(&[10, 300, 3_600]);
                    let offset = i64::try_from(random.within(0..2 * reach + 1))? - i64::try_from(reach)?;
                    cluster.set_clock(node, offset)?;
                    offsets.push((node, offset));
                }
                let what = offsets.iter().map(|(node, offset)| format!("node {node} {offset:+} s"));
                let what = format!("clocks: {}", what.collect::<Vec<_>>().join(", "));
                UnderWay { what, over: Over::Clocks(offsets.into_iter().map(|(node, _)| node).collect()) }
            }
            Self::DiskFull => {
                for node in &some {
                    cluster.disks()?.fill(*node)?;
                }
                UnderWay { what: format!("the disks of nodes {some:?} are full"), over: Over::Disks(some) }
            }
        })
    }
}

/// A strike, and what ends it.
struct UnderWay {
    what: String,
    over: Over,
}

enum Over {
    Mend(Vec<(usize, usize)>),
    Resume(Vec<usize>),
    Boot(Vec<usize>),
    Clocks(Vec<usize>),
    Disks(Vec<usize>),
}

impl UnderWay {
    /// Returns the nodes that must be started.
    fn end(self, cluster: &mut Cluster) -> anyhow::Result<Vec<usize>> {
        match self.over {
            Over::Mend(pairs) => {
                for (from, to) in pairs {
                    cluster.set_way(from, to, Way::Open);
                }
            }
            Over::Resume(nodes) => {
                for node in nodes {
                    cluster.resume(node);
                }
            }
            Over::Boot(nodes) => return Ok(nodes),
            Over::Clocks(nodes) => {
                for node in nodes {
                    cluster.set_clock(node, 0)?;
                }
            }
            Over::Disks(nodes) => {
                for node in nodes {
                    cluster.disks()?.empty(node);
                }
            }
        }
        Ok(Vec::new())
    }
}

fn both(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    pairs.iter().flat_map(|&(one, other)| [(one, other), (other, one)]).collect()
}

fn ways(cluster: &Cluster, what: String, way: Way, pairs: Vec<(usize, usize)>) -> UnderWay {
    for (from, to) in &pairs {
        cluster.set_way(*from, *to, way);
    }
    UnderWay { what, over: Over::Mend(pairs) }
}

fn kill(cluster: &mut Cluster, nodes: &[usize]) -> UnderWay {
    cluster.kill(nodes);
    UnderWay { what: format!("nodes {nodes:?} are killed"), over: Over::Boot(nodes.to_vec()) }
}
