//! The sums are right: for every payment and invoice, what was received, refunded and charged back as the rules
//! derive it is what a generator says that models Stripe and knows no rule; in any order, with any repetition,
//! and at endpoints that hear only some families of events, never wrong, at most unknown.

mod report;

use std::collections::BTreeSet;
use std::sync::Mutex;

use harness::histories::Rows;
use harness::money::{Account, Difference, Family, Known, Tale, judge, shrink};
use harness::random::Random;
use shared::env::{Env, Variable};
use worker::rules::world::{Event, World};

use self::report::Findings;
use crate::lattice::{on_every_core, read, rows, with_repetitions, world_of};

const HISTORIES: Variable = Variable {
    name: "MONEY_HISTORIES",
    default: "1500",
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

#[derive(Clone, Copy)]
struct Endpoint {
    name: &'static str,
    hears: &'static [Family],
}

use Family::{Charges, Disputes, Intents, InvoicePayments, Invoices, RefundUpdates, Refunds};

/// What merchants let an endpoint hear.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint { name: "everything", hears: &Family::ALL },
    Endpoint { name: "charge.*", hears: &[Charges, RefundUpdates, Disputes] },
    Endpoint { name: "charges alone", hears: &[Charges] },
    Endpoint { name: "charges and refund.*", hears: &[Charges, Refunds] },
    Endpoint { name: "charges and refunds of both kinds", hears: &[Charges, Refunds, RefundUpdates] },
    Endpoint { name: "charges, refund.*, disputes", hears: &[Charges, Refunds, Disputes] },
    Endpoint { name: "payment_intent.*", hears: &[Intents] },
    Endpoint { name: "payment_intent.*, charges", hears: &[Intents, Charges] },
    Endpoint { name: "payment_intent.*, refund.*", hears: &[Intents, Refunds] },
    Endpoint { name: "payment_intent.*, refund.*, disputes", hears: &[Intents, Refunds, Disputes] },
    Endpoint { name: "payment_intent.*, charge.*", hears: &[Intents, Charges, RefundUpdates, Disputes] },
    Endpoint { name: "invoice.*", hears: &[Invoices] },
    Endpoint { name: "invoice.*, invoice_payment.*", hears: &[Invoices, InvoicePayments] },
    Endpoint { name: "payment_intent.*, invoice.*", hears: &[Intents, Invoices] },
    Endpoint {
        name: "payment_intent.*, invoice.*, invoice_payment.*",
        hears: &[Intents, Invoices, InvoicePayments],
    },
    Endpoint {
        name: "charge.*, invoice.*, invoice_payment.*",
        hears: &[Charges, RefundUpdates, Disputes, Invoices, InvoicePayments],
    },
    Endpoint { name: "disputes", hears: &[Disputes] },
    Endpoint { name: "refund.*", hears: &[Refunds] },
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
        let account = tale.play();
        for endpoint in ENDPOINTS {
            let wrong = wrong_at(&account, endpoint);
            findings.lock().unwrap().judged(endpoint.name, wrong.is_empty());
            for difference in wrong {
                report(&findings, &tale, endpoint, &difference);
            }
        }
        orders(&account, *seed, &findings);
    });
    findings.into_inner().unwrap().conclude();
}

fn report(findings: &Mutex<Findings>, tale: &Tale, endpoint: &Endpoint, difference: &Difference) {
    if !findings.lock().unwrap().is_new(endpoint.name, difference) {
        return;
    }
    let fails = |tale: &Tale| -> bool {
        let wrong = wrong_at(&tale.play(), endpoint);
        wrong
            .iter()
            .any(|found| found.column == difference.column && found.subject.kind == difference.subject.kind)
    };
    let least = shrink(tale, fails);
    let account = least.play();
    let wrong = wrong_at(&account, endpoint);
    let text = report::told(&least, &account, endpoint.hears, &wrong, &derived(&account, endpoint));
    findings.lock().unwrap().add(endpoint.name, difference, text);
}

fn hears(endpoint: &Endpoint) -> BTreeSet<Family> {
    endpoint.hears.iter().copied().collect()
}

fn heard(account: &Account, hears: &BTreeSet<Family>) -> Vec<Event> {
    let heard = account.tellings.iter().filter(|telling| hears.contains(&telling.family));
    let events: Vec<_> = heard.map(|telling| telling.event.clone()).collect();
    read(&events)
}

fn derived(account: &Account, endpoint: &Endpoint) -> Rows {
    rows(&world_of(&heard(account, &hears(endpoint))))
}

fn wrong_at(account: &Account, endpoint: &Endpoint) -> Vec<Difference> {
    judge(&Known::of(&account.tellings, &hears(endpoint)), &derived(account, endpoint))
}

/// Any order with any repetition ends in the same rows, all of them, every column of every row.
fn orders(account: &Account, seed: u64, findings: &Mutex<Findings>) {
    let mut random = Random::of_seed(seed);
    let all = heard(account, &Family::ALL.into_iter().collect());
    let end = world_of(&all);
    for _ in 0..ORDERS {
        let order = with_repetitions(all.len(), &mut random);
        let world: World = world_of(order.iter().map(|place| &all[*place]));
        let is_same = rows(&world) == rows(&end);
        findings.lock().unwrap().ordered(is_same);
        if !is_same {
            findings.lock().unwrap().add_order(seed, &order, &rows(&end), &rows(&world));
        }
    }
}
