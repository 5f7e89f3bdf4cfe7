//! Takes events to the endpoints that want them: signed, at once or late, twice, lost, and again where an endpoint does
//! not take them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use stripe_sim::{Random, signature_header};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::books::Books;
use crate::clock::wall_now;
use crate::webhook_endpoints;

/// An endpoint has so long to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const AT_ONCE_LIMIT: usize = 32;
const ATTEMPTS_LIMIT: u32 = 16;

/// How events travel.
#[derive(Clone, Copy, Debug)]
pub struct Delivering {
    /// Each is late by up to so much, each by another time: so they arrive in any order.
    pub late: Duration,
    /// Of a hundred, so many come twice.
    pub twice_percent: u64,
    /// Of a hundred, so many never come.
    pub lost_percent: u64,
    /// After the first refusal it is tried again after so much, and each time after twice as much.
    pub retry_after: Duration,
}

impl Default for Delivering {
    fn default() -> Self {
        Self { late: Duration::ZERO, twice_percent: 0, lost_percent: 0, retry_after: Duration::from_secs(1) }
    }
}

pub(crate) struct Courier {
    pub(crate) delivering: Delivering,
    random: Random,
    bag: Vec<Delivery>,
    /// On the way now.
    on_the_way: usize,
}

#[derive(Clone)]
pub(crate) struct Delivery {
    due: Instant,
    attempt: u32,
    url: String,
    secret: String,
    pub(crate) body: String,
    pub(crate) event: String,
    pub(crate) account: String,
    pub(crate) livemode: bool,
}

impl Courier {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            delivering: Delivering::default(),
            random: Random::of_sequence(seed, 1),
            bag: Vec::new(),
            on_the_way: 0,
        }
    }

    /// What has happened since the last time.
    pub(crate) fn collect(&mut self, books: &mut Books) {
        for place in std::mem::take(&mut books.unsent) {
            let Some(event) = books.events.get(place) else { continue };
            let (id, kind, body) = (event.id.clone(), event.kind.clone(), event.body.clone());
            self.send(books, &id, &kind, &body);
        }
    }

    /// To every endpoint that takes its type.
    pub(crate) fn send(&mut self, books: &mut Books, id: &str, kind: &str, body: &str) {
        let takers = webhook_endpoints::takers(books, kind);
        if !takers.is_empty()
            && let Some(event) = books.events.iter_mut().rev().find(|event| event.id == id)
        {
            event.delivered = false;
        }
        for (url, secret) in takers {
            if self.random.percent(self.delivering.lost_percent) {
                continue;
            }
            let times = if self.random.percent(self.delivering.twice_percent) { 2 } else { 1 };
            for _ in 0..times {
                let late_millis = u64::try_from(self.delivering.late.as_millis()).unwrap_or(0);
                let late = Duration::from_millis(self.random.within(0..late_millis + 1));
                self.bag.push(Delivery {
                    due: Instant::now() + late,
                    attempt: 1,
                    url: url.clone(),
                    secret: secret.clone(),
                    body: body.to_owned(),
                    event: id.to_owned(),
                    account: books.account.clone(),
                    livemode: books.livemode,
                });
            }
        }
    }

    pub(crate) fn take_due(&mut self) -> Vec<Delivery> {
        let now = Instant::now();
        let (due, waiting): (Vec<Delivery>, Vec<Delivery>) =
            self.bag.drain(..).partition(|delivery| delivery.due <= now);
        self.bag = waiting;
        self.on_the_way += due.len();
        due
    }

    /// Whether an endpoint took it. If not, it is tried again, later each time.
    pub(crate) fn settle(&mut self, mut delivery: Delivery, is_taken: bool) {
        self.on_the_way -= 1;
        if !is_taken && delivery.attempt < ATTEMPTS_LIMIT {
            delivery.due = Instant::now() + self.delivering.retry_after * 2_u32.pow(delivery.attempt - 1);
            delivery.attempt += 1;
            self.bag.push(delivery);
        }
    }

    /// What waits for another try is due now.
    pub(crate) fn hurry(&mut self) {
        for delivery in self.bag.iter_mut().filter(|delivery| delivery.attempt > 1) {
            (delivery.due, delivery.attempt) = (Instant::now(), 1);
        }
    }

    /// What is on the way or waits for another try.
    pub(crate) fn pending(&self) -> usize {
        self.bag.len() + self.on_the_way
    }
}

/// Delivers what is due.
pub(crate) struct Round(Arc<Semaphore>);

impl Round {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE_LIMIT)))
    }

    /// Each by a task of its own; `settle` hears whether it was taken.
    pub(crate) fn begin(&self, delivery: Delivery, settle: impl FnOnce(Delivery, bool) + Send + 'static) {
        let permits = Arc::clone(&self.0);
        tokio::spawn(async move {
            let _permit = permits.acquire_owned().await;
            let is_taken = matches!(tokio::time::timeout(ANSWER_WITHIN, post(&delivery)).await, Ok(Some(status)) if (200..300).contains(&status));
            settle(delivery, is_taken);
        });
    }
}

/// `None`: there was no answer. Only plain HTTP: a fake signs for nobody far away.
async fn post(delivery: &Delivery) -> Option<u16> {
    let rest = delivery.url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driver = tokio::spawn(connection);
    let request = Request::post(if path.is_empty() { "/" } else { path })
        .header("host", host)
        .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", signature_header(&delivery.secret, wall_now(), delivery.body.as_bytes()))
        .body(Full::new(Bytes::from(delivery.body.clone())))
        .ok()?;
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    response.into_body().collect().await.ok()?;
    driver.abort();
    Some(status)
}

/// The state behind its lock, even after a panic in another thread.
pub(crate) fn locked<T>(state: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
