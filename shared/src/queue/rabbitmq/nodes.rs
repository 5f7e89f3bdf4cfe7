//! The nodes in one broker address: `amqp://user:password@a:5672,b:5672,c:5672/vhost`. They are tried in turn,
//! starting with any, so that clients spread over the cluster.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::uri::AMQPUri;

use super::OPEN_DEADLINE;

/// A machine that is gone answers nothing at all. Where there is another, it is not waited for any longer.
const NODE_DEADLINE: Duration = Duration::from_secs(5);
const NODES_LIMIT: usize = 32;

#[derive(Clone)]
pub(super) struct Node {
    pub(super) uri: AMQPUri,
}

/// In the order in which one role of ours tries them.
pub(super) struct Nodes {
    all: Vec<Node>,
    first: usize,
    tried: AtomicUsize,
}

/// Why an address is none. It is left out itself: it holds a password.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(Cow<'static, str>);

pub(in crate::queue) fn check(address: &str) -> Result<(), BadAddress> {
    read(address).map(drop)
}

/// The nodes that an address names.
pub(super) fn read(address: &str) -> Result<Vec<Node>, BadAddress> {
    const FAULT: BadAddress = BadAddress(Cow::Borrowed(
        "not a well-formed amqp address (percent-encode special characters in the password)",
    ));
    let (scheme, rest) = address.split_once("://").ok_or(FAULT)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let at = if authority.contains('@') { "@" } else { "" };
    let nodes = hosts.split(',').map(|host| {
        let uri = format!("{scheme}://{user}{at}{}{path}", host.trim()).parse().map_err(|_| FAULT)?;
        if host.trim().is_empty() && hosts.contains(',') {
            return Err(BadAddress("one of the nodes has no name".into()));
        }
        if host.contains('[') {
            // The client's own parser takes such an address for localhost.
            return Err(BadAddress(
                "IPv6 addresses in brackets are not supported: use the node's name".into(),
            ));
        }
        Ok(Node { uri })
    });
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    if nodes.len() > NODES_LIMIT {
        return Err(BadAddress(format!("more than {NODES_LIMIT} nodes").into()));
    }
    Ok(nodes)
}

impl Node {
    /// For people: neither user nor password.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.uri.authority.host, self.uri.authority.port)
    }
}

impl Nodes {
    pub(super) fn new(all: Vec<Node>) -> Self {
        let first = u64::from_str_radix(&crate::trace::random_hex::<4>(), 16).unwrap_or_default();
        let first = usize::try_from(first).unwrap_or_default();
        Self { all, first, tried: AtomicUsize::new(0) }
    }

    /// Whose turn it is. Whoever asks again has had no luck with this one, or has lost it.
    pub(super) fn next(&self) -> &Node {
        let turn = self.first.wrapping_add(self.tried.fetch_add(1, Ordering::Relaxed));
        &self.all[turn % self.all.len()]
    }

    /// Every node has had as many turns as every other.
    pub(super) fn have_had_their_turns(&self) -> bool {
        self.tried.load(Ordering::Relaxed).is_multiple_of(self.all.len())
    }

    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// What must have happened within it, or the next node is tried: a session is opened.
    pub(super) fn deadline(&self) -> Duration {
        if self.are_several() { NODE_DEADLINE } else { OPEN_DEADLINE * 3 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> Vec<String> {
        read(address).unwrap().iter().map(Node::shown).collect()
    }

    #[test]
    fn an_address_names_one_node_or_several() {
        assert_eq!(shown("amqp://u:p@a:5673/v"), ["a:5673"]);
        assert_eq!(shown("amqp://a"), ["a:5672"]);
        assert_eq!(shown("amqps://u:p%40@a,b:1, c:2/%2f?heartbeat=5"), ["a:5671", "b:1", "c:2"]);
        let nodes = read("amqp://u:p,q@a,b:1/%2f?heartbeat=5").unwrap();
        for node in nodes {
            assert_eq!(node.uri.authority.userinfo.password, "p,q");
            assert_eq!((node.uri.vhost.as_str(), node.uri.query.heartbeat), ("/", Some(5)));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for bad in [
            "amqp:a",
            "amqp://u:secret@a,,b/v",
            "amqp://u:secret@a:x/v",
            "amqp://u:secret@a,/v",
            "amqp://u:secret@[::1]:5672/v",
        ] {
            let fault = check(bad).expect_err(bad).to_string();
            assert!(!fault.contains("secret"), "{fault}");
        }
        assert!(check(&format!("amqp://{}", ["a"; 33].join(","))).is_err());
    }

    #[test]
    fn each_has_its_turn() {
        let nodes = Nodes::new(read("amqp://a,b,c").unwrap());
        let mut tried: Vec<_> = (0..3).map(|_| nodes.next().shown()).collect();
        let again: Vec<_> = (0..3).map(|_| nodes.next().shown()).collect();
        assert_eq!(tried, again);
        tried.sort();
        assert_eq!(tried, ["a:5672", "b:5672", "c:5672"]);
    }
}
