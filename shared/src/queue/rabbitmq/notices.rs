//! Publishes notices to the topic exchange `tidegate.notices`, one at a time: a confirm then belongs to the notice that
//! was sent, and a message that no queue takes comes back before it.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, ExchangeKind};
use tokio::sync::Mutex;

use super::OPEN_DEADLINE;
use super::connection::{Connection, in_time};
use super::error::BrokerError;
use super::nodes::{Node, Nodes};

pub const EXCHANGE: &str = "tidegate.notices";
const PERSISTENT: u8 = 2;

/// Why a notice was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotPublished {
    #[error("{0}")]
    Broker(#[from] BrokerError),
    #[error("no queue is bound to the exchange tidegate.notices for this kind of notice")]
    Unroutable,
    #[error("the broker refused it")]
    Refused,
}

impl From<lapin::Error> for NotPublished {
    fn from(error: lapin::Error) -> Self {
        Self::Broker(error.into())
    }
}

pub struct NoticePublisher {
    nodes: Nodes,
    session: Mutex<Option<(Connection, Channel)>>,
}

impl NoticePublisher {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        Self { nodes: Nodes::new(nodes), session: Mutex::new(None) }
    }

    /// Returns when the broker has confirmed it. After any fault the next one begins a new session.
    pub async fn publish(&self, key: &str, id: &str, body: &[u8]) -> Result<(), NotPublished> {
        let mut session = self.session.lock().await;
        let (connection, channel) = match session.take() {
            Some(open) if open.1.status().connected() => open,
            _ => self.open().await?,
        };
        let sent = tokio::time::timeout(OPEN_DEADLINE, send(&channel, key, id, body)).await;
        match sent.unwrap_or(Err(NotPublished::Broker(BrokerError::Silent))) {
            Err(error @ NotPublished::Broker(_)) => Err(error),
            answered => {
                *session = Some((connection, channel));
                answered
            }
        }
    }

    async fn open(&self) -> Result<(Connection, Channel), NotPublished> {
        let connection = Connection::open(self.nodes.next(), "notices", OPEN_DEADLINE).await?;
        let ready = async {
            let channel = connection.channel(OPEN_DEADLINE).await?;
            let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let declared = channel.exchange_declare(
                EXCHANGE.into(),
                ExchangeKind::Topic,
                durable,
                FieldTable::default(),
            );
            in_time(OPEN_DEADLINE, declared).await?;
            in_time(OPEN_DEADLINE, channel.confirm_select(ConfirmSelectOptions::default())).await?;
            Ok(channel)
        };
        let ready = ready.await;
        Ok(connection.with(ready).await?)
    }
}

async fn send(channel: &Channel, key: &str, id: &str, body: &[u8]) -> Result<(), NotPublished> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default()
        .with_message_id(ShortString::from(id.to_owned()))
        .with_type(ShortString::from(key.to_owned()))
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT);
    let confirm =
        channel.basic_publish(EXCHANGE.into(), key.to_owned().into(), options, body, properties).await?;
    match confirm.await? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(NotPublished::Unroutable),
        _ => Err(NotPublished::Refused),
    }
}
