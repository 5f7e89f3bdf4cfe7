//! The links between the nodes of a cluster, which can be cut. Erlang's nodes find each other by asking a
//! port mapper (`epmd`); each node here has one of its own, played by the test, which answers with the port of
//! a forwarder instead of the other node's. A cut link is silent, as where a cable is pulled: nothing is refused,
//! nothing arrives, and what was written waits. Each direction can be cut or slow by itself. This needs neither
//! root nor a firewall.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

const FORWARD_BYTES: usize = 65_536;
const REGISTER: u8 = 120;
const REGISTERED: u8 = 118;
const ASK_PORT: u8 = 122;
const PORT: u8 = 119;
const ASK_NAMES: u8 = 110;

/// Of all nodes: who stands where, and which links are there.
pub struct Links {
    /// By the numbers of who speaks and who hears.
    ways: BTreeMap<(usize, usize), watch::Sender<Way>>,
    _tasks: JoinSet<()>,
}

/// How words travel from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Open,
    Cut,
    /// Each piece of up to 64 KiB takes so long, so bandwidth is scarce as well.
    Slow(Duration),
}

struct Shared {
    /// By the name before the `@`.
    registered: Mutex<BTreeMap<String, Registered>>,
    /// The port at which one node, by its number, finds another, by name.
    forwarders: Mutex<BTreeMap<(usize, String), u16>>,
    /// How often something was registered; Erlang tells one life of a node from the next by it.
    lives: Mutex<u32>,
}

#[derive(Clone)]
struct Registered {
    port: u16,
    life: u32,
    /// Kind, protocol, versions: given back as they were given.
    traits: [u8; 6],
}

impl Links {
    /// For each port of a port mapper, in the order of the nodes: the name of its node, before the `@`.
    pub async fn between(nodes: &[(u16, String)]) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            registered: Mutex::default(),
            forwarders: Mutex::default(),
            lives: Mutex::new(u32::from_str_radix(&shared::trace::random_hex::<3>(), 16)?),
        });
        let numbers = || 0..nodes.len();
        let pairs = || numbers().flat_map(|from| numbers().map(move |to| (from, to)));
        let ways: BTreeMap<(usize, usize), watch::Sender<Way>> =
            pairs().filter(|(from, to)| from != to).map(|pair| (pair, watch::channel(Way::Open).0)).collect();
        let mut tasks = JoinSet::new();
        for (from, to) in ways.keys().copied() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let name = nodes[to].1.clone();
            lock(&shared.forwarders).insert((from, name.clone()), listener.local_addr()?.port());
            let (there, back) = (ways[&(from, to)].subscribe(), ways[&(to, from)].subscribe());
            tasks.spawn(forward(listener, Arc::clone(&shared), name, there, back));
        }
        for (number, (port, _)) in nodes.iter().enumerate() {
            let listener = TcpListener::bind(("127.0.0.1", *port)).await?;
            tasks.spawn(map_ports(listener, Arc::clone(&shared), number));
        }
        Ok(Self { ways, _tasks: tasks })
    }

    /// What one node says to another passes like this from now on. Clients still reach both.
    pub fn set(&self, from: usize, to: usize, way: Way) {
        if let Some(known) = self.ways.get(&(from, to)) {
            known.send_replace(way);
        }
    }
}

async fn map_ports(listener: TcpListener, shared: Arc<Shared>, number: usize) {
    let mut asked = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let shared = Arc::clone(&shared);
                asked.spawn(async move { answer(stream, &shared, number).await.ok() });
            }
            Some(_) = asked.join_next() => {}
        }
    }
}

/// One question to a port mapper. Who registers stays registered for as long as the connection lasts.
async fn answer(mut stream: TcpStream, shared: &Shared, number: usize) -> io::Result<()> {
    let length = stream.read_u16().await?;
    let mut request = vec![0; usize::from(length)];
    stream.read_exact(&mut request).await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match request.split_first() {
        Some((&REGISTER, rest)) if rest.len() > 10 => {
            let name_bytes = usize::from(u16::from_be_bytes([rest[8], rest[9]]));
            let name = text(rest.get(10..10 + name_bytes).unwrap_or_default());
            let port = u16::from_be_bytes([rest[0], rest[1]]);
            let traits = [rest[2], rest[3], rest[4], rest[5], rest[6], rest[7]];
            let life = {
                let mut lives = lock(&shared.lives);
                *lives += 1;
                *lives
            };
            lock(&shared.registered).insert(name.clone(), Registered { port, life, traits });
            let mut reply = BytesMut::from(&[REGISTERED, 0][..]);
            reply.put_u32(life);
            stream.write_all(&reply).await?;
            while stream.read(&mut [0; 16]).await.is_ok_and(|read| read > 0) {}
            let mut registered = lock(&shared.registered);
            if registered.get(&name).is_some_and(|now| now.life == life) {
                registered.remove(&name);
            }
            Ok(())
        }
        Some((&ASK_PORT, name)) => {
            let name = text(name);
            let reply = match shared.port_for(number, &name) {
                None => BytesMut::from(&[PORT, 1][..]),
                Some(Registered { port, traits, .. }) => {
                    let mut reply = BytesMut::from(&[PORT, 0][..]);
                    reply.put_u16(port);
                    reply.put_slice(&traits);
                    reply.put_u16(u16::try_from(name.len()).unwrap_or_default());
                    reply.put_slice(name.as_bytes());
                    reply.put_u16(0);
                    reply
                }
            };
            stream.write_all(&reply).await
        }
        Some((&ASK_NAMES, _)) => {
            let names = shared.names(number, stream.local_addr()?.port());
            stream.write_all(&names).await
        }
        _ => Ok(()),
    }
}

impl Shared {
    /// The node's own port to itself and its tools; to others that of the link.
    fn port_for(&self, number: usize, name: &str) -> Option<Registered> {
        let registered = lock(&self.registered).get(name).cloned()?;
        let forwarders = lock(&self.forwarders);
        let port = forwarders.get(&(number, name.to_owned())).copied().unwrap_or(registered.port);
        Some(Registered { port, ..registered })
    }

    /// A node believes only a mapper that knows its own port.
    fn names(&self, number: usize, mapper: u16) -> BytesMut {
        let mut reply = BytesMut::new();
        reply.put_u32(u32::from(mapper));
        let names: Vec<String> = lock(&self.registered).keys().cloned().collect();
        for name in names {
            if let Some(Registered { port, .. }) = self.port_for(number, &name) {
                reply.put_slice(format!("name {name} at port {port}\n").as_bytes());
            }
        }
        reply
    }
}

/// The connections that one node begins to another: what it says there, and what it hears back.
async fn forward(
    listener: TcpListener,
    shared: Arc<Shared>,
    to: String,
    there: watch::Receiver<Way>,
    back: watch::Receiver<Way>,
) {
    let mut forwarded = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let (shared, to) = (Arc::clone(&shared), to.clone());
                let (mut there, mut back) = (there.clone(), back.clone());
                forwarded.spawn(async move {
                    // A connection takes words in both directions.
                    passes(&mut there).await?;
                    passes(&mut back).await?;
                    let port = lock(&shared.registered).get(&to).map(|it| it.port)?;
                    let other = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
                    stream.set_nodelay(true).ok()?;
                    other.set_nodelay(true).ok()?;
                    let ((from_near, to_near), (from_far, to_far)) = (stream.into_split(), other.into_split());
                    tokio::join!(pump(from_near, to_far, there), pump(from_far, to_near, back));
                    Some(())
                });
            }
            Some(_) = forwarded.join_next() => {}
        }
    }
}

/// Waits for as long as the way is cut or slow; nothing where the cluster is gone.
async fn passes(way: &mut watch::Receiver<Way>) -> Option<()> {
    let found = *way.wait_for(|way| *way != Way::Cut).await.ok()?;
    if let Way::Slow(lag) = found {
        tokio::time::sleep(lag).await;
    }
    Some(())
}

/// Nobody learns of an end through a cut link, either.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut buffer = vec![0; FORWARD_BYTES];
    while let Ok(read) = from.read(&mut buffer).await {
        if passes(&mut way).await.is_none() || read == 0 {
            break;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.ok(); // the other side may be gone
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
