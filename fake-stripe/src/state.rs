//! All that it remembers, and how it takes one request.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sim::Random;

use crate::approvals::Approvals;
use crate::books::{Books, Cause};
use crate::call::{Call, Reply};
use crate::clock::Clock;
use crate::courier::Courier;
use crate::error::Refusal;
use crate::faults::{Fault, Faults};
use crate::keys::Keys;
use crate::settings::Settings;
use crate::{happenings, merchant, routes};

pub(crate) struct State {
    /// Of the test mode, of the live mode.
    pub(crate) secret_keys: [String; 2],
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) approvals: Approvals,
    pub(crate) courier: Courier,
    pub(crate) denied: Vec<String>,
    pub(crate) left: Vec<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) requests: Vec<String>,
    pub(crate) refunds_made: usize,
    pub(crate) keys: Keys,
    recent: VecDeque<Instant>,
    /// By account and mode.
    books: BTreeMap<(String, bool), Books>,
    seed: u64,
    random: Random,
}

/// Whether a request may run, and what goes wrong with it.
pub(crate) enum Admission {
    Refused(Reply),
    Admitted { livemode: bool, fault: Option<Fault> },
}

impl State {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::of_seed(seed);
        Self {
            secret_keys: [random.id("sk_test"), random.id("sk_live")],
            clock: Clock::default(),
            settings: Settings::default(),
            faults: Faults::default(),
            approvals: Approvals::default(),
            courier: Courier::new(seed),
            denied: Vec::new(),
            left: Vec::new(),
            limit: None,
            requests: Vec::new(),
            refunds_made: 0,
            keys: Keys::default(),
            recent: VecDeque::new(),
            books: BTreeMap::new(),
            seed,
            random,
        }
    }

    pub(crate) fn new_request_id(&mut self) -> String {
        self.random.text("req_", 14)
    }

    /// Of an account in a mode, brought up to now. What was due has happened.
    pub(crate) fn books(&mut self, account: &str, livemode: bool) -> &mut Books {
        let account = if account == merchant::ACCOUNT { "" } else { account };
        let (now, settings) = (self.clock.now(), self.settings.clone());
        let seed = self.seed ^ u64::try_from(self.books.len()).unwrap_or(0).wrapping_mul(0x9e37_79b9);
        let name = (account.to_owned(), livemode);
        let books = self.books.entry(name).or_insert_with(|| Books::new(account, livemode, seed));
        (books.now, books.settings, books.cause) = (now, settings, None);
        happenings::run(books);
        books
    }

    /// Brings all books up to now, and gives the courier what has happened.
    pub(crate) fn pass_time(&mut self) {
        let names: Vec<(String, bool)> = self.books.keys().cloned().collect();
        for (account, livemode) in names {
            self.books(&account, livemode);
        }
        self.dispatch();
    }

    fn dispatch(&mut self) {
        for books in self.books.values_mut() {
            self.courier.collect(books);
        }
    }

    /// An event was taken by an endpoint, or by none.
    pub(crate) fn mark_delivered(&mut self, account: &str, livemode: bool, event: &str, is_delivered: bool) {
        let books = self.books.get_mut(&(account.to_owned(), livemode));
        if let Some(event) =
            books.and_then(|books| books.events.iter_mut().rev().find(|known| known.id == event))
        {
            event.delivered = is_delivered;
        }
    }

    /// In Stripe's order: the key, what it may do, the rate, the idempotency key. Then what goes wrong.
    pub(crate) fn admit(&mut self, call: &Call) -> Admission {
        self.requests.push(format!("{} /v1{}", call.method, call.path));
        let Some(livemode) = self.mode_of(&call.key) else {
            return Admission::Refused(unknown_key(&call.key).reply());
        };
        let denied = merchant::denied(call, &self.denied, livemode);
        if let Some(refusal) = denied.or_else(|| merchant::left(call, &self.left)) {
            return Admission::Refused(refusal.reply());
        }
        let now = Instant::now();
        self.recent.retain(|then| now - *then < Duration::from_secs(1));
        self.recent.push_back(now);
        if self.limit.is_some_and(|limit| self.recent.len() > limit) {
            return Admission::Refused(busy(1));
        }
        if let Some(reply) = self.keys.begin(call, livemode, self.clock.now()) {
            return Admission::Refused(reply);
        }
        Admission::Admitted { livemode, fault: self.faults.next(call) }
    }

    /// A restricted key ends as its secret one does.
    fn mode_of(&self, key: &str) -> Option<bool> {
        let secret = match key.strip_prefix("rk_") {
            Some(rest) => format!("sk_{rest}"),
            None => key.to_owned(),
        };
        let place = self.secret_keys.iter().position(|known| *known == secret)?;
        Some(place == 1)
    }

    /// It is done, and its key keeps the answer, or another one if that is given.
    pub(crate) fn execute(&mut self, call: &Call, livemode: bool, instead: Option<Reply>) -> Reply {
        let books = self.books(&call.account, livemode);
        books.cause =
            Some(Cause { request_id: call.id.clone(), idempotency_key: call.kept_key().map(str::to_owned) });
        let (reply, is_kept) = routes::execute(books, call);
        happenings::run(books);
        books.cause = None;
        if (call.method.as_str(), call.path.as_str(), reply.status) == ("POST", "/refunds", 200) {
            self.refunds_made += 1;
        }
        let reply = if is_kept { instead.unwrap_or(reply) } else { reply };
        if is_kept {
            self.keys.keep(call, livemode, &reply);
        } else {
            self.keys.release(call, livemode);
        }
        self.dispatch();
        reply
    }

    /// Not done, and answered so; its key keeps that.
    pub(crate) fn keep(&mut self, call: &Call, livemode: bool, reply: Reply) -> Reply {
        self.keys.keep(call, livemode, &reply);
        reply
    }

    /// Not done: its key is free again.
    pub(crate) fn release(&mut self, call: &Call, livemode: bool) {
        self.keys.release(call, livemode);
    }

    /// One who may say yes said so: what waited is done now.
    pub(crate) fn approve(&mut self, id: &str) -> Result<Value, Refusal> {
        let waiting =
            self.approvals.take(id).ok_or_else(|| Refusal::no_such("approval request", id, "id"))?;
        let mut call = waiting.call;
        call.idempotency_key = None; // its key has been answered
        let reply = self.execute(&call, waiting.livemode, None);
        Ok(json!({ "id": id, "status": if reply.status == 200 { "succeeded" } else { "failed" } }))
    }
}

fn unknown_key(key: &str) -> Refusal {
    let words = if key.is_empty() {
        "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. \
         'Authorization: Bearer YOUR_SECRET_KEY')."
            .to_owned()
    } else {
        let shown: String = key.chars().take(8).chain("****".chars()).collect();
        format!("Invalid API Key provided: {shown}")
    };
    Refusal::new(words).status(401)
}

/// 429: too many requests, or too many of one object.
pub(crate) fn busy(wait_secs: u64) -> Reply {
    let words =
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
    let reply = Refusal::new(words).status(429).code("rate_limit").reply();
    reply.with("retry-after", wait_secs.to_string()).with("stripe-rate-limited-reason", "global-rate")
}
