//! A Stripe on loopback with memory: objects, events, money that adds up, idempotency keys, webhooks that it really
//! sends, and faults on demand. Made from Stripe's documentation, and from none of the product's code.
//! docs/fake-stripe.md shows it from outside.

mod admin;
mod approvals;
mod balance;
mod books;
mod call;
mod catalog;
mod charges;
mod clock;
mod courier;
mod customer_balance;
mod customers;
mod disputes;
mod error;
mod event_log;
mod evidence;
mod expand;
mod faults;
mod files;
mod form;
mod happenings;
mod invoices;
mod keys;
mod lists;
mod merchant;
mod money;
mod params;
mod payment_intents;
mod payment_methods;
mod payouts;
mod refund_movements;
mod refunds;
mod routes;
mod server;
mod settings;
mod state;
mod subscriptions;
mod test_cards;
#[cfg(test)]
mod tests;
mod versions;
mod webhook_endpoints;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use stripe_sim::Random;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::admin::PATHS as ADMIN_PATHS;
use self::call::Call;
use self::clock::Clock;
pub use self::courier::Delivering;
use self::courier::locked;
pub use self::faults::Fault;
use self::server::Host;
use self::state::{Admission, State};

/// Ends when it is dropped.
pub struct FakeStripe {
    api: SocketAddr,
    files: SocketAddr,
    livemode: bool,
    key: String,
    state: Arc<Mutex<State>>,
    _end: DropGuard,
}

/// How one is begun.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Of which mode its key is.
    pub livemode: bool,
    /// Ports on loopback; 0 is any that is free.
    pub api_port: u16,
    pub files_port: u16,
    /// The same seed makes the same ids for the same requests; `None` is any.
    pub seed: Option<u64>,
    /// `None` is any.
    pub secret_key: Option<String>,
    /// Its clock stands at this second until it is moved, and dates its answers; `None` is the machine's clock.
    pub stands_at: Option<i64>,
}

impl FakeStripe {
    /// An empty one on free ports. `livemode` says of which mode its key is.
    pub async fn start(livemode: bool) -> io::Result<Self> {
        Self::start_with(Setup { livemode, ..Setup::default() }).await
    }

    pub async fn start_with(setup: Setup) -> io::Result<Self> {
        let api = TcpListener::bind(("127.0.0.1", setup.api_port)).await?;
        let files = TcpListener::bind(("127.0.0.1", setup.files_port)).await?;
        let mut state = State::new(setup.seed.unwrap_or_else(Random::new_seed));
        if let Some(at) = setup.stands_at {
            state.clock = Clock::Stands { at };
        }
        let own_key = &mut state.secret_keys[usize::from(setup.livemode)];
        let key = setup.secret_key.unwrap_or_else(|| own_key.clone());
        own_key.clone_from(&key);
        let (api_address, files_address) = (api.local_addr()?, files.local_addr()?);
        let (state, end) = (Arc::new(Mutex::new(state)), CancellationToken::new());
        tokio::spawn(server::serve(api, Host::Api, Arc::clone(&state), end.clone()));
        tokio::spawn(server::serve(files, Host::Files, Arc::clone(&state), end.clone()));
        tokio::spawn(server::live(Arc::clone(&state), end.clone()));
        let (livemode, end) = (setup.livemode, end.drop_guard());
        Ok(Self { api: api_address, files: files_address, livemode, key, state, _end: end })
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.api)
    }

    /// The host that takes files.
    pub fn files_url(&self) -> String {
        format!("http://{}/", self.files)
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// What a process needs to know to ask it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STRIPE_SECRET_KEY", self.key.clone()),
            ("STRIPE_API_URL", self.url()),
            ("STRIPE_FILES_URL", self.files_url()),
        ]
    }

    /// The events with these bodies happened, in this order: they are listed from now on, and each object is as it was
    /// told last. Nobody is sent them.
    pub fn tell(&self, events: &[impl AsRef<[u8]>]) {
        for body in events {
            let body = std::str::from_utf8(body.as_ref()).expect("JSON is UTF-8");
            let event: Value = serde_json::from_str(body).expect("an event is JSON");
            if event["livemode"] != self.livemode {
                continue; // of the other mode, which this key never sees
            }
            let account = event["account"].as_str().unwrap_or_default().to_owned();
            event_log::take_over(self.state().books(&account, self.livemode), &event, body);
        }
    }

    /// No endpoint took these.
    pub fn could_not_deliver<'e>(&self, ids: impl IntoIterator<Item = &'e str>) {
        let mut state = self.state();
        for id in ids {
            state.mark_delivered("", self.livemode, id, false);
        }
    }

    /// From now on an object is so, though nobody was told.
    pub fn put(&self, account: &str, object: &Value) {
        self.state().books(account, self.livemode).put(object.clone());
    }

    pub fn forget(&self, account: &str, id: &str) {
        self.state().books(account, self.livemode).remove(id);
    }

    /// The account has this one endpoint and no other, with further fields as they are given. Its secret is `""`.
    pub fn has_endpoint(&self, url: &str, enabled_events: &[&str], more: &Value) {
        let mut state = self.state();
        let books = state.books("", self.livemode);
        let known: Vec<String> = books
            .all("webhook_endpoint")
            .iter()
            .filter_map(|endpoint| endpoint["id"].as_str().map(str::to_owned))
            .collect();
        for id in &known {
            books.remove(id);
        }
        let enabled: Vec<String> = enabled_events.iter().map(ToString::to_string).collect();
        webhook_endpoints::make(books, url, &enabled, "", more);
    }

    /// One more endpoint takes every event, signed with this secret.
    pub fn delivers_to(&self, url: &str, secret: &str) {
        let mut state = self.state();
        webhook_endpoints::make(state.books("", self.livemode), url, &["*".to_owned()], secret, &Value::Null);
    }

    /// How events travel from now on.
    pub fn delivers(&self, delivering: Delivering) {
        self.state().courier.delivering = delivering;
    }

    /// What an endpoint did not take is tried again now, and not when its time comes.
    pub fn delivers_now(&self) {
        self.state().courier.hurry();
    }

    /// Deliveries that are on the way, or that wait to be tried again.
    pub fn deliveries_pending(&self) -> usize {
        let mut state = self.state();
        state.pass_time();
        state.courier.pending()
    }

    /// From now on the key may read nothing whose path, without `/v1`, begins so.
    pub fn denies<'p>(&self, paths: impl IntoIterator<Item = &'p str>) {
        self.state().denied = paths.into_iter().map(str::to_owned).collect();
    }

    /// This connected account is no longer one of the platform's.
    pub fn leaves(&self, account: &str) {
        self.state().left.push(account.to_owned());
    }

    /// What goes wrong with the next requests, one each.
    pub fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.plan("", faults);
    }

    /// What goes wrong with the next requests whose method and path begin so, as `POST /v1/refunds`.
    pub fn fails_at(&self, at: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.plan(at, faults);
    }

    /// Nothing more of what was planned goes wrong.
    pub fn recovers(&self) {
        self.state().faults.clear();
    }

    /// So many requests in any second are answered; the others with 429.
    pub fn limits(&self, requests_per_sec: usize) {
        self.state().limit = Some(requests_per_sec);
    }

    /// Its clock goes forward, and what is due by then happens.
    pub fn passes(&self, secs: i64) {
        let mut state = self.state();
        state.clock.advance(secs);
        state.pass_time();
    }

    /// A request of the API, without the wire: `ask("POST", "/refunds", &json!({ "charge": … }))`. Fails with the body of
    /// what it is refused with.
    pub fn ask(&self, method: &str, path: &str, parameters: &Value) -> Result<Value, String> {
        let mut state = self.state();
        let call = Call {
            method: method.to_owned(),
            path: path.to_owned(),
            parameters: form::of_json(parameters),
            key: self.key.clone(),
            id: state.new_request_id(),
            ..Call::default()
        };
        let reply = match state.admit(&call) {
            Admission::Refused(reply) => reply,
            Admission::Admitted { livemode, .. } => state.execute(&call, livemode, None),
        };
        if reply.status != 200 {
            return Err(reply.body);
        }
        serde_json::from_str(&reply.body).map_err(|error| error.to_string())
    }

    /// The paths of `/_fake/`, without a request: `admin("POST", "/disputes", &json!({ "charge": … }))`. Fails with what
    /// the path would have answered.
    pub fn admin(&self, method: &str, path: &str, parameters: &Value) -> Result<Value, String> {
        let reply = admin::answer(&mut self.state(), method, path, &form::of_json(parameters));
        let body = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
        if reply.status == 200 { Ok(body) } else { Err(reply.body) }
    }

    /// The requests so far, as `GET /v1/events`, those that failed included.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// The idempotency keys that it remembers.
    pub fn idempotency_keys(&self) -> Vec<String> {
        self.state().keys.all()
    }

    /// How many refunds were made here.
    pub fn refunds_made(&self) -> usize {
        self.state().refunds_made
    }

    /// All objects of a kind, the newest first, as the newest version of the API shows them.
    pub fn all(&self, account: &str, object: &str) -> Vec<Value> {
        let mut state = self.state();
        let books = state.books(account, self.livemode);
        let version = books.settings.api_version.as_str();
        books.all(object).into_iter().map(|value| versions::shown(value.clone(), version)).collect()
    }

    /// The sum of all balance transactions, by currency: net of fees, available or not.
    pub fn balance(&self, account: &str) -> BTreeMap<String, i64> {
        let mut state = self.state();
        let sums = balance::sums(state.books(account, self.livemode));
        sums.into_iter().map(|(currency, (available, pending))| (currency, available + pending)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}
