//! Several nodes of RabbitMQ on one machine, formed into a cluster whose links can be cut.
//!
//! Set as a production cluster should be: `pause_minority`, because a minority that goes on serving accepts
//! nothing durable and delivers nothing, yet holds its clients; paused, it hangs up, and they go where the
//! majority is. And a tick of 6 s instead of 60, which is about how long a silent cut stays unnoticed: until then
//! new connections anywhere are led to a leader who is cut off.

pub mod disks;
pub mod links;

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, ensure};
use hyper::Method;
use rustix::process::Signal;
use serde_json::Value;

use self::disks::Disks;
use self::links::{Links, Way};
use crate::broker::new_vhost;
use crate::broker::node::{BOOT_PATIENCE, Node};
use crate::faketime;
use crate::ports::free_port;
use crate::process_guard::{ProcessGuard, until};

const CONFIG: &str = "cluster_partition_handling = pause_minority\nnet_ticktime = 4\nlog.file.level = info\n";

pub struct Cluster {
    nodes: Vec<Node>,
    links: Links,
    disks: Option<Disks>,
    guard: ProcessGuard,
}

/// What the nodes run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Plain,
    /// Each sees a wall clock that can be set, and the true monotonic one.
    Clocks,
    /// Each has a small disk of its own, which can be full.
    Disks,
}

impl Cluster {
    /// So many nodes, formed into one cluster, and so many further that do not run yet.
    pub async fn start(running: usize, further: usize) -> anyhow::Result<Self> {
        Self::start_on(Ground::Plain, running, further).await
    }

    /// The same, where clocks or disks are to fail.
    pub async fn start_on(ground: Ground, running: usize, further: usize) -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("cluster", Signal::KILL)?;
        let cookie = guard.folder().join(".erlang.cookie");
        let mut private = std::fs::OpenOptions::new();
        let mut cookie = private.write(true).create_new(true).mode(0o400).open(cookie)?;
        cookie.write_all(shared::trace::random_hex::<12>().as_bytes())?;
        let mut nodes: Vec<Node> = Vec::new();
        let mut mappers = Vec::new();
        for number in 0..running + further {
            let mapper = free_port();
            // The first begins alone, all others join it.
            let joins = nodes.first().map_or_else(String::new, |first| {
                format!(
                    "cluster_formation.peer_discovery_backend = classic_config\n\
                     cluster_formation.classic_config.nodes.1 = {}\n",
                    first.name()
                )
            });
            let folder = format!("node-{number}");
            let node = Node::lay_out(&guard, &folder, mapper, &format!("{CONFIG}{joins}"), "")?;
            mappers.push((mapper, short(&node).to_owned()));
            nodes.push(node);
        }
        let links = Links::between(&mappers).await?;
        let mut cluster = Self { nodes, links, disks: None, guard };
        cluster.stand_on(ground).await?;
        for number in 0..running {
            cluster.boot(&[number]).await?;
        }
        until("the nodes to know each other", BOOT_PATIENCE, async || cluster.is_formed().await).await?;
        Ok(cluster)
    }

    async fn stand_on(&mut self, ground: Ground) -> anyhow::Result<()> {
        let mut wrappers = vec![Vec::new(); self.nodes.len()];
        match ground {
            Ground::Plain => {}
            Ground::Clocks => {
                let library = faketime::library()?;
                for (number, wrapper) in wrappers.iter_mut().enumerate() {
                    self.set_clock(number, 0)?;
                    *wrapper = vec![
                        "env".to_owned(),
                        format!("LD_PRELOAD={}", library.display()),
                        format!("FAKETIME_TIMESTAMP_FILE={}", self.clock(number).display()),
                        "FAKETIME_CACHE_DURATION=1".to_owned(),
                        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
                        "DONT_FAKE_MONOTONIC=1".to_owned(),
                    ];
                }
            }
            Ground::Disks => {
                let folders = self.nodes.iter().map(|node| node.folder().join("data"));
                let disks = Disks::mount(&self.guard, folders.collect()).await?;
                wrappers.fill(disks.entrance());
                self.disks = Some(disks);
            }
        }
        let nodes = std::mem::take(&mut self.nodes).into_iter().zip(&wrappers);
        self.nodes = nodes.map(|(node, wrapper)| node.under(wrapper)).collect();
        Ok(())
    }

    fn clock(&self, number: usize) -> std::path::PathBuf {
        self.nodes[number].folder().join("clock")
    }

    /// From the next second on a node's wall clock is off by so much; its monotonic one is not.
    pub fn set_clock(&self, number: usize, offset_secs: i64) -> anyhow::Result<()> {
        let (file, new) = (self.clock(number), self.clock(number).with_extension("new"));
        std::fs::write(&new, format!("{offset_secs:+}\n"))?;
        Ok(std::fs::rename(new, file)?)
    }

    /// The disks of all nodes, where they have some of their own.
    pub fn disks(&self) -> anyhow::Result<&Disks> {
        self.disks.as_ref().context("these nodes stand on the machine's disk")
    }

    /// Every node that runs sees all others that run.
    async fn is_formed(&self) -> anyhow::Result<bool> {
        let running = self.running();
        for number in &running {
            let Ok(nodes) = self.nodes[*number].api(Method::GET, "/api/nodes", "").await else {
                return Ok(false);
            };
            let nodes: Vec<Value> = serde_json::from_slice(&nodes)?;
            if nodes.iter().filter(|node| node["running"] == true).count() < running.len() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// Of those that run.
    pub fn running(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|number| self.nodes[*number].runs()).collect()
    }

    /// A new, empty virtual host, whose name begins as given, at all of the named nodes in one address.
    pub async fn vhost(&self, name: &str, nodes: &[usize]) -> anyhow::Result<String> {
        // A node that has just joined may leave such a request without an answer.
        let mut vhost = new_vhost(self.any()?, name).await;
        for _ in 0..2 {
            if vhost.is_err() {
                vhost = new_vhost(self.any()?, name).await;
            }
        }
        let vhost = vhost?;
        let hosts: Vec<String> =
            nodes.iter().map(|number| format!("127.0.0.1:{}", self.nodes[*number].port())).collect();
        Ok(format!("amqp://guest:guest@{}/{vhost}", hosts.join(",")))
    }

    /// Starts nodes that do not run, together, and waits until all of them answer.
    pub async fn boot(&mut self, numbers: &[usize]) -> anyhow::Result<()> {
        for number in numbers {
            self.nodes[*number].spawn(&self.guard)?;
        }
        for number in numbers {
            let mut booted = self.nodes[*number].answers().await;
            // One that asks another too early about its features ends; whatever supervises it starts it again.
            for _ in 0..3 {
                if booted.is_err() {
                    self.nodes[*number].spawn(&self.guard)?;
                    booted = self.nodes[*number].answers().await;
                }
            }
            booted.with_context(|| self.nodes[*number].log())?;
        }
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self, numbers: &[usize]) {
        for number in numbers {
            self.nodes[*number].kill();
        }
    }

    /// In peace: its clients are sent away and its leaderships handed over before it ends.
    pub async fn stop(&mut self, number: usize) -> anyhow::Result<()> {
        self.tool(number, "rabbitmq-upgrade", &["drain"]).await?;
        self.nodes[number].stop().await
    }

    /// Neither answers nor goes away, like a machine that hangs.
    pub fn pause(&self, number: usize) {
        self.nodes[number].signal(Signal::STOP);
    }

    pub fn resume(&self, number: usize) {
        self.nodes[number].signal(Signal::CONT);
    }

    /// Which nodes ended by themselves: whatever supervises them starts them again.
    pub fn ended(&mut self) -> Vec<usize> {
        let ended = |node: &mut Node| node.has_ended();
        (0..self.nodes.len()).filter(|number| ended(&mut self.nodes[*number])).collect()
    }

    /// What one node says to another passes like this from now on; clients reach both.
    pub fn set_way(&self, from: usize, to: usize, way: Way) {
        self.links.set(from, to, way);
    }

    /// No word passes any more between this node and the others; clients reach all of them.
    pub fn cut_off(&self, number: usize) {
        self.set_ways_of(number, Way::Cut);
    }

    pub fn mend(&self, number: usize) {
        self.set_ways_of(number, Way::Open);
    }

    fn set_ways_of(&self, number: usize, way: Way) {
        for other in 0..self.nodes.len() {
            self.links.set(number, other, way);
            self.links.set(other, number, way);
        }
    }

    /// The number of the node that leads a queue.
    pub async fn leader(&self, url: &str, queue: &str) -> anyhow::Result<usize> {
        let told = self.queue(url, queue).await?;
        let leader = told["leader"].as_str().context("the queue has no leader")?.to_owned();
        self.nodes.iter().position(|node| node.name() == leader).context("an unknown leader")
    }

    /// On how many nodes a queue has a copy, and how many of them are up to date.
    pub async fn copies(&self, url: &str, queue: &str) -> anyhow::Result<(usize, usize)> {
        let told = self.queue(url, queue).await?;
        let count = |name: &str| told[name].as_array().map_or(0, Vec::len);
        Ok((count("members"), count("online")))
    }

    /// Waits until every node that runs is in the cluster, and every queue has a leader and all its copies.
    pub async fn is_whole(&self, url: &str) -> anyhow::Result<()> {
        let mut lacks = String::new();
        let whole = until("the cluster to be whole", BOOT_PATIENCE, async || {
            "a node that every other one sees".clone_into(&mut lacks);
            if !self.is_formed().await? {
                return Ok(false);
            }
            for queue in ["events", "events.dead", "events.unrouted"] {
                let copies = self.copies(url, queue).await;
                lacks = format!("of {queue}: copies in all and online {copies:?}, leader");
                let whole = copies.is_ok_and(|(all, online)| all > 0 && all == online);
                if !whole || self.leader(url, queue).await.is_err() {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        whole.await.with_context(|| format!("it lacks {lacks}"))
    }

    /// Gives a node a copy of every queue of the virtual host.
    pub async fn grow(&self, url: &str, number: usize) -> anyhow::Result<()> {
        let node = self.nodes[number].name().to_owned();
        let arguments = ["grow", &node, "all", "--vhost-pattern", &format!("^{}$", vhost(url))];
        self.tool(number, "rabbitmq-queues", &arguments).await
    }

    /// Takes a node's copies away from it.
    pub async fn shrink(&self, number: usize) -> anyhow::Result<()> {
        let node = self.nodes[number].name().to_owned();
        let other = self.running().into_iter().find(|it| *it != number).context("another node")?;
        self.tool(other, "rabbitmq-queues", &["shrink", &node]).await
    }

    /// A stopped node leaves for good.
    pub async fn forget(&self, number: usize) -> anyhow::Result<()> {
        ensure!(!self.nodes[number].runs(), "only what has stopped can be forgotten");
        let node = self.nodes[number].name().to_owned();
        let other = self.running().into_iter().next().context("another node")?;
        self.tool(other, "rabbitmqctl", &["forget_cluster_node", &node]).await
    }

    /// The logs of all nodes, for people.
    pub fn logs(&self) -> String {
        self.nodes.iter().map(Node::log).collect::<Vec<_>>().join("\n")
    }

    async fn tool(&self, number: usize, tool: &str, arguments: &[&str]) -> anyhow::Result<()> {
        self.nodes[number].tool(&self.guard, tool, arguments).await.map(drop)
    }

    async fn queue(&self, url: &str, queue: &str) -> anyhow::Result<Value> {
        let path = format!("/api/queues/{}/{queue}", vhost(url));
        Ok(serde_json::from_slice(&self.any()?.api(Method::GET, &path, "").await?)?)
    }

    fn any(&self) -> anyhow::Result<&Node> {
        self.nodes.iter().find(|node| node.runs()).context("no node runs")
    }
}

fn short(node: &Node) -> &str {
    node.name().split('@').next().unwrap_or_default()
}

fn vhost(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}
