//! The sums are right: for every payment and invoice, what was received, refunded and charged back as the rules
//! derive it is what a generator says that models Stripe and knows no rule; in any order, with any repetition,
//! and at endpoints that hear only some families of events, never wrong, at most unknown.

mod ledgers;
mod report;

use std::sync::Mutex;

use domain::object_graph::Event;
use harness::histories::Rows;
use harness::money::{Account, Difference, Family, Known, Tale, judge, shrink};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::report::{EVERYTHING, Findings};
use crate::lattice::{graph_of, on_every_core, read, rows, with_repetitions};

const HISTORIES: Variable = Variable {
    name: "MONEY_HISTORIES",
    default: "400",
    example: "100000",
    help: "How many random histories of money are judged.",
};
const SEED: Variable = Variable {
    name: "MONEY_SEED",
    default: "2026",
    example: "42",
    help: "The seed of the first history; each further one has the next.",
};
const ORDERS: usize = 4;

struct Endpoint {
    name: &'static str,
    hears: &'static [Family],
    /// Types of these families that it does not hear all the same.
    deaf_to: &'static [&'static str],
}

impl Endpoint {
    const fn of(name: &'static str, hears: &'static [Family]) -> Self {
        Self { name, hears, deaf_to: &[] }
    }
}

use Family::{Charges, Disputes, Intents, InvoicePayments, Invoices, RefundUpdates, Refunds};

/// What merchants let an endpoint hear.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint::of(EVERYTHING, &Family::ALL),
    Endpoint::of("charge.*", &[Charges, RefundUpdates, Disputes]),
    Endpoint::of("charges alone", &[Charges]),
    Endpoint::of("charges and refund.*", &[Charges, Refunds]),
    Endpoint::of("charges and refunds of both kinds", &[Charges, Refunds, RefundUpdates]),
    Endpoint::of("charges, refund.*, disputes", &[Charges, Refunds, Disputes]),
    Endpoint::of("payment_intent.*", &[Intents]),
    Endpoint::of("payment_intent.*, charges", &[Intents, Charges]),
    Endpoint::of("payment_intent.*, refund.*", &[Intents, Refunds]),
    Endpoint::of("payment_intent.*, refund.*, disputes", &[Intents, Refunds, Disputes]),
    Endpoint::of("payment_intent.*, charge.*", &[Intents, Charges, RefundUpdates, Disputes]),
    Endpoint::of("invoice.*", &[Invoices]),
    Endpoint::of("invoice.*, invoice_payment.*", &[Invoices, InvoicePayments]),
    Endpoint::of("payment_intent.*, invoice.*", &[Intents, Invoices]),
    Endpoint::of("payment_intent.*, invoice.*, invoice_payment.*", &[Intents, Invoices, InvoicePayments]),
    Endpoint::of(
        "charge.*, invoice.*, invoice_payment.*",
        &[Charges, RefundUpdates, Disputes, Invoices, InvoicePayments],
    ),
    Endpoint::of("disputes", &[Disputes]),
    Endpoint::of("refund.*", &[Refunds]),
    Endpoint {
        name: "all but payment_intent.succeeded",
        hears: &Family::ALL,
        deaf_to: &["payment_intent.succeeded"],
    },
    Endpoint { name: "all but charge.refunded", hears: &Family::ALL, deaf_to: &["charge.refunded"] },
];

#[test]
fn received_refunded_and_charged_back_are_what_really_moved() {
    let env = Env::of_process();
    let histories = env.number::<u64>(&HISTORIES, 1..=1_000_000_000).unwrap();
    let first = env.number::<u64>(&SEED, 0..=u64::MAX / 2).unwrap();
    let seeds: Vec<u64> = (first..first + histories).collect();
    let findings = Mutex::new(Findings::default());
    on_every_core(&seeds, |seed| {
        let tale = Tale::of_seed(*seed);
        let played = Played::of(&tale);
        for endpoint in ENDPOINTS {
            let wrong = played.wrong_at(endpoint);
            findings.lock().unwrap().judged(endpoint.name, wrong.is_empty());
            for difference in wrong {
                report(&findings, &tale, endpoint, &difference);
            }
        }
        played.orders(*seed, &findings);
    });
    findings.into_inner().unwrap().conclude();
}

/// The shortest history that is wrong in the same column.
fn report(findings: &Mutex<Findings>, tale: &Tale, endpoint: &Endpoint, difference: &Difference) {
    if !findings.lock().unwrap().insert_if_new(endpoint.name, difference) {
        return;
    }
    let is_same = |found: &Difference| {
        (found.column, found.subject.kind) == (difference.column, difference.subject.kind)
    };
    let least = shrink(tale, |tale| Played::of(tale).wrong_at(endpoint).iter().any(is_same));
    let played = Played::of(&least);
    let (wrong, rows) = (played.wrong_at(endpoint), played.derived(endpoint));
    let text = report::told(&least, &played.account, endpoint, &wrong, &rows);
    findings.lock().unwrap().add(endpoint.name, difference, text);
}

/// A history as it was told, and as the rules read it.
struct Played {
    account: Account,
    events: Vec<Event>,
}

impl Played {
    fn of(tale: &Tale) -> Self {
        let account = tale.play();
        let told: Vec<_> = account.tellings.iter().map(|telling| telling.event.clone()).collect();
        Self { events: read(&told), account }
    }

    fn derived(&self, endpoint: &Endpoint) -> Rows {
        let told = self.account.tellings.iter().zip(&self.events);
        let heard = told.filter(|(telling, _)| telling.is_heard(endpoint.hears, endpoint.deaf_to));
        rows(&graph_of(heard.map(|(_, event)| event)))
    }

    fn wrong_at(&self, endpoint: &Endpoint) -> Vec<Difference> {
        let known = Known::of(&self.account.tellings, endpoint.hears, endpoint.deaf_to);
        judge(&known, &self.derived(endpoint))
    }

    /// Any order with any repetition ends in the same rows, every column of every one.
    fn orders(&self, seed: u64, findings: &Mutex<Findings>) {
        let mut random = Random::of_seed(seed);
        let end = graph_of(&self.events);
        for _ in 0..ORDERS {
            let order = with_repetitions(self.events.len(), &mut random);
            let graph = graph_of(order.iter().map(|place| &self.events[*place]));
            let is_same = graph.is_same_as(&end);
            let mut findings = findings.lock().unwrap();
            findings.ordered(is_same);
            if !is_same {
                findings.add_order(seed, &order, &rows(&end), &rows(&graph));
            }
        }
    }
}
