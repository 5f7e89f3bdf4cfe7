//! Publishing with confirms. One task owns the channel and is the only one to publish on it, because lapin
//! numbers a publish and queues its frames under two locks: several threads would get each other's confirms.
//!
//! Decision: a publisher tests its safety net before it takes events. lapin may also hand a `basic.return`
//! to the wrong confirm, so "accepted" can rest on a confirm only where nothing is ever unroutable, which the
//! alternate exchange provides. Over AMQP one cannot ask whether an exchange has one. Redeclaring with equal
//! arguments would tell, but needs the right to configure, and would create what is missing. So a probe is
//! sent, alone on the fresh channel, with a key that nothing is bound by: confirmed without a return, it
//! proves that the unroutable finds a queue; returned, nothing is accepted. It has expired on arrival, so it
//! is neither counted nor delivered. It is repeated now and then, and a return at any later time
//! discredits every confirm in flight and ends the session.
//!
//! What is asked for while confirms are awaited leaves together, as one message (`pending`): one confirm answers
//! everybody in it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Event};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::OPEN_DEADLINE;
use super::connection::{Connection, in_time};
use super::error::BrokerError;
use super::message::Sealed;
use super::pending::{Pending, Request};
use super::publishing::Publishing;
use super::supervisor::{Ended, Pauses, Status, refusing};
use super::unconfirmed::{FIRST_PROOF, PublishResult, Unconfirmed};
use super::{message, topology};
use crate::digest::EnvelopeKeys;
use crate::queue::PublishError;
use envelope::Envelope;

const PROBE_KEY: &str = "probe";
const NO_NET: &str = "exchange `tidegate` drops unroutable messages because it has no alternate exchange that leads to a queue: delete it and run `tidegate topology`";
const REFUSES_ALL: &str = "the broker refuses every event: the queue is full or has no leader";
const TICK: Duration = Duration::from_millis(250);
const LONGEST_PROOF: Duration = Duration::from_mins(1);
/// How many requests are taken at once.
const REQUESTS: usize = 256;

/// The side of those who publish.
pub(super) struct Publisher {
    requests: mpsc::Sender<Request>,
    places: Arc<Semaphore>,
    status: Arc<Status>,
    deadline: Duration,
    keys: EnvelopeKeys,
}

impl Publisher {
    /// The publisher, and the task that must run for it.
    pub(super) fn new(
        publishing: Publishing,
        in_flight: usize,
        keys: EnvelopeKeys,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, requests) = mpsc::channel(in_flight);
        let status = Arc::clone(&publishing.status);
        let deadline = publishing.deadline;
        let publisher =
            Self { requests: sender, places: Arc::new(Semaphore::new(in_flight)), status, deadline, keys };
        (publisher, run(publishing, requests))
    }

    pub(super) async fn publish(&self, envelope: &Envelope) -> PublishResult {
        if let Some(refusal) = self.status.refusal() {
            return Err(refusal);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PublishError::Overloaded)?;
        let sealed = Sealed::of(envelope, &self.keys).ok_or(PublishError::Refused)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { sealed, answer, place };
        // There is room for everybody who has a place, unless the queue is closed.
        self.requests.try_send(request).map_err(|_| PublishError::Unavailable)?;
        match tokio::time::timeout(self.deadline, answered).await {
            Ok(answer) => answer.unwrap_or(Err(PublishError::Unavailable)),
            Err(_) => Err(PublishError::Deadline),
        }
    }
}

async fn run(publishing: Publishing, mut requests: mpsc::Receiver<Request>) {
    let refuse = |request: Request| {
        request.answer.send(Err(PublishError::Unavailable)).ok(); // whoever asked may have gone
    };
    let closing = publishing.closing.clone();
    let (mut pauses, mut proof) = (Pauses::new(), FIRST_PROOF);
    loop {
        let ended = match refusing(&mut requests, refuse, &closing, connect(&publishing)).await {
            None => return,
            Some(Err(why)) => Ended::Lost(why),
            Some(Ok((connection, channel))) => {
                let ended = serve(&publishing, &connection, &channel, &mut requests, proof).await;
                let was_trusted = publishing.status.refusal() != Some(PublishError::Unavailable);
                proof = match (was_trusted, publishing.nodes.have_had_their_turns()) {
                    (true, _) => FIRST_PROOF,
                    (false, true) => LONGEST_PROOF.min(proof * 2),
                    (false, false) => proof, // the next node may know already what this one does not
                };
                if matches!(ended, Ended::Closed) {
                    publishing.status.closed();
                    connection.close(publishing.deadline).await;
                }
                ended
            }
        };
        let Ended::Lost(why) = ended else { return };
        let up_for = publishing.status.down(why);
        let pause = tokio::time::sleep(pauses.next(up_for, &publishing.nodes));
        if refusing(&mut requests, refuse, &closing, pause).await.is_none() {
            return;
        }
    }
}

async fn connect(publishing: &Publishing) -> Result<(Connection, Channel), BrokerError> {
    let opened = tokio::time::timeout(publishing.nodes.deadline(), open(publishing)).await;
    opened.unwrap_or(Err(BrokerError::Silent))
}

async fn open(publishing: &Publishing) -> Result<(Connection, Channel), BrokerError> {
    let connection = Connection::open(publishing.nodes.next(), "publish", OPEN_DEADLINE).await?;
    let ready = async {
        topology::inspect(&connection).await?;
        let channel = connection.channel(OPEN_DEADLINE).await?;
        in_time(OPEN_DEADLINE, channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    };
    let ready = ready.await;
    connection.with(ready).await
}

/// One session: until the connection is lost, or until the queue is closed and everybody has an answer.
async fn serve(
    publishing: &Publishing,
    connection: &Connection,
    channel: &Channel,
    requests: &mut mpsc::Receiver<Request>,
    proof: Duration,
) -> Ended {
    let mut events = std::pin::pin!(connection.inner().events_listener());
    let mut closing = std::pin::pin!(publishing.closing.cancelled());
    let mut tick = tokio::time::interval(TICK);
    let (mut taken, mut pending) = (Vec::with_capacity(REQUESTS), Pending::default());
    let mut unconfirmed = Unconfirmed::new(publishing, connection, proof);
    let mut confirms = FuturesUnordered::new();
    confirms.push(publish(channel, PROBE_KEY, unconfirmed.probe(), probe()));
    while !(requests.is_closed() && requests.is_empty() && pending.is_empty() && unconfirmed.is_empty()) {
        let mut is_due = false;
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(Event::ConnectionBlocked(reason)) => unconfirmed.blocked(reason),
                Some(Event::ConnectionUnblocked) => unconfirmed.unblocked(),
                Some(Event::Error(error)) => return Ended::Lost(error.into()),
                None => return Ended::Lost(BrokerError::Closed),
                Some(_) => {}
            },
            _ = tick.tick() => {
                if !connection.inner().status().connected() {
                    return Ended::Lost(BrokerError::Closed);
                }
                if unconfirmed.is_hopeless() {
                    return Ended::Lost(BrokerError::Unreliable("the broker no longer confirms"));
                }
                if unconfirmed.is_refused() {
                    return Ended::Lost(BrokerError::Unreliable(REFUSES_ALL));
                }
                if unconfirmed.probe_is_due() {
                    confirms.push(publish(channel, PROBE_KEY, unconfirmed.probe(), probe()));
                }
                is_due = true;
            }
            () = &mut closing, if !requests.is_closed() => requests.close(),
            Some(first) = confirms.next() => {
                let mut next = Some(first);
                while let Some((number, outcome)) = next {
                    match judged(outcome) {
                        Ok(answer) => unconfirmed.confirmed(number, answer),
                        Err(why) => return Ended::Lost(why),
                    }
                    next = confirms.next().now_or_never().flatten();
                }
            }
            1.. = requests.recv_many(&mut taken, REQUESTS) => {
                // Whoever is ready to ask too may do so first, and nobody waits for a timer.
                tokio::task::yield_now().await;
                while taken.len() < REQUESTS && let Ok(request) = requests.try_recv() {
                    taken.push(request);
                }
                pending.extend(taken.drain(..));
            },
        }
        if let Some(refusal) = unconfirmed.refusal() {
            pending.refuse(refusal);
        }
        while let Some(group) = pending.next_group(unconfirmed.messages(), is_due) {
            let number = unconfirmed.enter(group.answers);
            confirms.push(publish(
                channel,
                topology::ROUTING_KEY,
                number,
                (message::write(group.envelopes), group.places),
            ));
        }
    }
    Ended::Closed
}

/// What a confirm says to the one who asked, or why no confirm on this connection can be believed.
fn judged(outcome: lapin::Result<Confirmation>) -> Result<PublishResult, BrokerError> {
    match outcome {
        Ok(Confirmation::Ack(None)) => Ok(Ok(())),
        Ok(Confirmation::Nack(None)) => Ok(Err(PublishError::Refused)),
        Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_))) => Err(BrokerError::Unreliable(NO_NET)),
        Ok(Confirmation::NotRequested) => Err(BrokerError::Unreliable("confirms are off")),
        Err(error) => Err(error.into()),
    }
}

fn probe() -> Message {
    ((message::probe(), Bytes::new()), Vec::new())
}

/// A message, and the places of those who wait for it: they are free again when the broker has spoken.
type Message = ((BasicProperties, Bytes), Vec<OwnedSemaphorePermit>);

async fn publish(
    channel: &Channel,
    key: &'static str,
    number: u64,
    ((properties, body), _places): Message,
) -> (u64, lapin::Result<Confirmation>) {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let exchange = topology::EXCHANGE.into();
    let outcome = match channel.basic_publish(exchange, key.into(), options, &body, properties).await {
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    (number, outcome)
}
