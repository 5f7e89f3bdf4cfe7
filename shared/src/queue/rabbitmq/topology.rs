//! What stands on the broker: two exchanges on the way in, three quorum queues, one exchange behind the dead.
//! `declare` makes it, idempotently; everybody else only looks (`check`), and says what is missing. The queues come
//! first, and what leads to them once they are on the disk.
//!
//! ```text
//! tidegate (direct) --event--> events --over the delivery limit--> tidegate.dead --> events.dead
//!    \--anything else, or no such binding--> tidegate.unrouted (fanout) --> events.unrouted
//! ```

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use super::OPEN_DEADLINE;
use super::cluster_check::{self, COPIES, NodeCheck, NotWhole};
use super::connection::{Connection, in_time};
use super::error::{self, BrokerError};
use super::nodes::{self, BadAddress, Node};

pub const EXCHANGE: &str = "tidegate";
pub const UNROUTED_EXCHANGE: &str = "tidegate.unrouted";
pub const DEAD_EXCHANGE: &str = "tidegate.dead";
pub const EVENTS: &str = "events";
pub const UNROUTED: &str = "events.unrouted";
pub const DEAD: &str = "events.dead";
/// All of them hold good events.
pub const QUEUES: [&str; 3] = [EVENTS, UNROUTED, DEAD];
/// The one key that `events` is bound by. Any other is unroutable but for the alternate exchange, which is
/// how publishers test that.
pub const ROUTING_KEY: &str = "event";

/// Every release counts as a delivery, on some versions of the broker; and where no limit is given, some have
/// one of 20. Ours is out of reach: what harms a worker is parked by the ledger, and this is the last net.
const DELIVERY_LIMIT: i64 = 1_000_000;
/// Behind these two queues there is nothing, so what goes over their limit would be dropped.
const LAST_DELIVERY_LIMIT: i64 = 1_000_000_000;

#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    #[error("{0}")]
    Address(#[from] BadAddress),
    #[error("the broker cannot be reached: {0}")]
    Unreachable(#[from] BrokerError),
    #[error("the cluster is not complete: {0}")]
    NotWhole(#[from] NotWhole),
    #[error("{}", .0.join("; "))]
    Differs(Vec<String>),
}

/// A quorum queue is found again by its name in a table that the broker keeps in memory for 3 s before it writes
/// it, and then syncs within a second (`names.dets` of the library Ra; Erlang's defaults). A broker that is killed
/// in between begins the queue anew, and empty, whatever it had confirmed. Nothing over AMQP, nor any tool of the
/// broker's, tells when that is over, so this waits it out, with a margin for a broker that is slow.
pub const NAMES_WRITTEN: Duration = Duration::from_secs(6);

/// What is done about queues that were declared just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewQueues {
    /// Nothing can be published to them before their names must be on the disk.
    AwaitDisk,
    /// The broker will not be killed within seconds, or what it has may be lost: for tests and measurements.
    UseAtOnce,
}

/// What stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// One line each.
    pub items: Vec<String>,
    /// How long it was waited for new queues.
    pub waited: Option<Duration>,
}

/// Declares everything, and says in one line each what now stands. What exists with other arguments is left
/// as it is and reported. A queue is not begun before all who shall hold a copy of it are there, and nothing leads
/// to a new one before it is on the disk.
pub async fn declare(url: &str, new_queues: NewQueues) -> Result<Declared, TopologyError> {
    let nodes = nodes::read(url)?;
    let connection = open(&nodes, "topology").await?;
    if lacks_a_queue(&connection).await? {
        cluster_check::must_be_one_cluster(&nodes).await?;
    }
    // Not only where a queue is missing: who declared it may have been cut off before the wait was over.
    let is_new = !missing(&connection).await?.is_empty();
    let (queues, ways): (Vec<Item>, Vec<Item>) =
        items().into_iter().partition(|item| matches!(item, Item::Queue { .. }));
    let mut declared = Declared { items: Vec::new(), waited: None };
    let mut differs = declare_all(&connection, &queues, &mut declared.items).await?;
    if is_new && new_queues == NewQueues::AwaitDisk {
        tokio::time::sleep(NAMES_WRITTEN).await;
        declared.waited = Some(NAMES_WRITTEN);
    }
    // On the same connection: had its node ended meanwhile, this would fail.
    differs.extend(declare_all(&connection, &ways, &mut declared.items).await?);
    connection.close(OPEN_DEADLINE).await;
    if differs.is_empty() { Ok(declared) } else { Err(TopologyError::Differs(differs)) }
}

/// Notes what stands; returns what differs.
async fn declare_all(
    connection: &Connection,
    items: &[Item],
    stands: &mut Vec<String>,
) -> Result<Vec<String>, TopologyError> {
    let mut differs = Vec::new();
    for item in items {
        let channel = connection.channel(OPEN_DEADLINE).await?;
        match in_time(OPEN_DEADLINE, item.declare(&channel)).await {
            Ok(()) => stands.push(item.shown()),
            Err(why) => differs.push(format!("{} differs or is refused: {why}", item.shown())),
        }
    }
    Ok(differs)
}

/// Looks whether every exchange and queue is there, without touching it. Their arguments cannot be asked for
/// over AMQP: `declare` reports those.
pub async fn check(url: &str) -> Result<(), TopologyError> {
    let connection = open(&nodes::read(url)?, "check").await?;
    let seen = missing(&connection).await;
    connection.close(OPEN_DEADLINE).await;
    match seen? {
        missing if missing.is_empty() => Ok(()),
        missing => Err(TopologyError::Differs(missing)),
    }
}

/// What each of the nodes that an address names answers.
pub async fn survey(url: &str) -> Result<Vec<NodeCheck>, TopologyError> {
    Ok(cluster_check::survey(&nodes::read(url)?).await)
}

/// The same over a connection that is there.
pub(super) async fn inspect(connection: &Connection) -> Result<(), BrokerError> {
    match missing(connection).await? {
        missing if missing.is_empty() => Ok(()),
        missing => Err(BrokerError::Missing(missing)),
    }
}

async fn missing(connection: &Connection) -> Result<Vec<String>, BrokerError> {
    missing_of(connection, &items()).await
}

async fn lacks_a_queue(connection: &Connection) -> Result<bool, BrokerError> {
    let queues: Vec<Item> = items().into_iter().filter(|item| matches!(item, Item::Queue { .. })).collect();
    Ok(!missing_of(connection, &queues).await?.is_empty())
}

async fn missing_of(connection: &Connection, items: &[Item]) -> Result<Vec<String>, BrokerError> {
    let mut missing = Vec::new();
    let mut channel = connection.channel(OPEN_DEADLINE).await?;
    for item in items {
        if let Some(what) = in_time(OPEN_DEADLINE, item.look(&channel)).await? {
            missing.push(what);
            channel = connection.channel(OPEN_DEADLINE).await?; // the refusal has closed it
        }
    }
    drop(in_time(OPEN_DEADLINE, channel.close(200, "seen".into())).await);
    Ok(missing)
}

/// A line to the first node that answers.
async fn open(nodes: &[Node], purpose: &str) -> Result<Connection, BrokerError> {
    let mut faults = Vec::new();
    for node in nodes {
        match Connection::open(node, purpose, OPEN_DEADLINE).await {
            Ok(connection) => return Ok(connection),
            Err(why) if nodes.len() == 1 => return Err(why),
            Err(why) => faults.push(why),
        }
    }
    Err(BrokerError::NoNode(faults))
}

enum Item {
    Exchange { name: &'static str, kind: ExchangeKind, alternate: Option<&'static str> },
    Queue { name: &'static str, delivery_limit: i64, dead_letters: Option<&'static str> },
    Binding { queue: &'static str, exchange: &'static str, key: &'static str },
}

/// First the queues; then in an order in which nothing is ever unroutable: the nets before what falls into them.
fn items() -> [Item; 9] {
    use Item::{Binding, Exchange, Queue};
    [
        Exchange { name: DEAD_EXCHANGE, kind: ExchangeKind::Fanout, alternate: None },
        Queue { name: DEAD, delivery_limit: LAST_DELIVERY_LIMIT, dead_letters: None },
        Binding { queue: DEAD, exchange: DEAD_EXCHANGE, key: "" },
        Exchange { name: UNROUTED_EXCHANGE, kind: ExchangeKind::Fanout, alternate: None },
        Queue { name: UNROUTED, delivery_limit: LAST_DELIVERY_LIMIT, dead_letters: None },
        Binding { queue: UNROUTED, exchange: UNROUTED_EXCHANGE, key: "" },
        Queue { name: EVENTS, delivery_limit: DELIVERY_LIMIT, dead_letters: Some(DEAD_EXCHANGE) },
        Exchange { name: EXCHANGE, kind: ExchangeKind::Direct, alternate: Some(UNROUTED_EXCHANGE) },
        Binding { queue: EVENTS, exchange: EXCHANGE, key: ROUTING_KEY },
    ]
}

impl Item {
    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        match self {
            Self::Exchange { name, kind, alternate } => {
                let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
                let mut arguments = FieldTable::default();
                if let Some(alternate) = alternate {
                    arguments.insert("alternate-exchange".into(), text(alternate));
                }
                channel.exchange_declare((*name).into(), kind.clone(), options, arguments).await
            }
            Self::Queue { name, delivery_limit, dead_letters } => {
                let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
                let arguments = queue_arguments(*delivery_limit, *dead_letters);
                channel.queue_declare((*name).into(), options, arguments).await.map(drop)
            }
            Self::Binding { queue, exchange, key } => {
                let (options, none) = (QueueBindOptions::default(), FieldTable::default());
                channel.queue_bind((*queue).into(), (*exchange).into(), (*key).into(), options, none).await
            }
        }
    }

    /// `None`: it is there. Bindings cannot be asked for over AMQP.
    async fn look(&self, channel: &Channel) -> lapin::Result<Option<String>> {
        let none = FieldTable::default();
        let looked = match self {
            Self::Exchange { name, kind, .. } => {
                let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
                channel.exchange_declare((*name).into(), kind.clone(), options, none).await
            }
            Self::Queue { name, .. } => {
                let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                channel.queue_declare((*name).into(), options, none).await.map(drop)
            }
            Self::Binding { .. } => Ok(()),
        };
        match looked {
            Err(error) if error::is_not_found(&error) => Ok(Some(format!("{} is missing", self.shown()))),
            other => other.map(|()| None),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Exchange { name, .. } => format!("exchange `{name}`"),
            Self::Queue { name, .. } => format!("queue `{name}`"),
            Self::Binding { queue, exchange, .. } => format!("binding `{exchange}` to `{queue}`"),
        }
    }
}

/// No maximum length: the disk alarm, which blocks publishers, is the limit, and a lower one would refuse
/// events that there is room for. Should a policy set one, `reject-publish` makes it a refusal that Stripe
/// repeats, not a loss; and dead-lettering at least once rests on it.
fn queue_arguments(delivery_limit: i64, dead_letters: Option<&str>) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    arguments.insert("x-quorum-initial-group-size".into(), AMQPValue::LongInt(COPIES));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
    if let Some(exchange) = dead_letters {
        arguments.insert("x-dead-letter-exchange".into(), text(exchange));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    }
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
