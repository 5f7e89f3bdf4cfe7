//! A Stripe on loopback: events and objects with memory, listed page by page as Stripe lists them, refunds
//! that can be made, idempotency, rate limits, and faults on demand. Made from Stripe's documentation, and
//! from none of the product's code.

mod account;
mod call;
mod clock;
mod events;
mod faults;
mod ids;
mod objects;
mod refunds;
mod server;
mod state;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::call::{Call, Reply};
pub use self::faults::Fault;
use self::ids::new_id;
use self::state::State;

/// Ends when it is dropped.
pub struct FakeStripe {
    address: SocketAddr,
    key: String,
    state: Arc<Mutex<State>>,
    _end: DropGuard,
}

impl FakeStripe {
    /// An empty one for one key, of the mode that the key says.
    pub async fn start(livemode: bool) -> io::Result<Self> {
        let mode = if livemode { "live" } else { "test" };
        let key = new_id(&format!("sk_{mode}"));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::of(&key, livemode)));
        let end = CancellationToken::new();
        tokio::spawn(server::serve(listener, Arc::clone(&state), end.clone()));
        Ok(Self { address, key, state, _end: end.drop_guard() })
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// What a process needs to know to ask it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("STRIPE_SECRET_KEY", self.key.clone()), ("STRIPE_API_URL", self.url())]
    }

    /// The events with these bodies happened, in this order: they are listed from now on, and each object is as it was
    /// told last.
    pub fn tell(&self, events: &[impl AsRef<[u8]>]) {
        let mut state = self.state();
        for body in events {
            state.tell(body.as_ref());
        }
    }

    /// No endpoint took these.
    pub fn could_not_deliver<'e>(&self, ids: impl IntoIterator<Item = &'e str>) {
        let ids: Vec<&str> = ids.into_iter().collect();
        for event in &mut self.state().events {
            event.delivered &= !ids.contains(&event.id.as_str());
        }
    }

    /// From now on an object is so, though nobody was told.
    pub fn put(&self, account: &str, object: &Value) {
        self.state().put(account, object.clone());
    }

    pub fn forget(&self, account: &str, id: &str) {
        self.state().objects.remove(&(account.to_owned(), id.to_owned()));
    }

    /// The account has this one endpoint and no other, with further fields as they are given.
    pub fn has_endpoint(&self, url: &str, enabled_events: &[&str], more: &Value) {
        let mut state = self.state();
        state.endpoints.clear();
        state.make_endpoint(url, enabled_events, more);
    }

    /// From now on the key may read nothing whose path, without `/v1`, begins so.
    pub fn denies<'p>(&self, paths: impl IntoIterator<Item = &'p str>) {
        self.state().denied = paths.into_iter().map(str::to_owned).collect();
    }

    /// What goes wrong with the next requests, one each.
    pub fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// So many requests in any second are answered; the others with 429.
    pub fn limits(&self, requests_per_sec: usize) {
        self.state().limit = Some(requests_per_sec);
    }

    /// The requests so far, as `GET /v1/events`, those that failed included.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// How many refunds were made here.
    pub fn refunds_made(&self) -> usize {
        self.state().refunds_made
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
