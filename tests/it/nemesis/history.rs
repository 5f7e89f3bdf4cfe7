//! What was asked and answered, and when: the only thing that the oracle believes besides the rows of the ledger.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use harness::client::Answer;
use harness::histories::Truth;
use harness::ledger::EventRow;
use harness::load::SendLog;
use serde_json::json;

/// A request without an answer for so long was given up by the client.
const GIVEN_UP: Duration = Duration::from_secs(15);

/// One delivery: times since the history began.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) event: String,
    pub(super) client: u64,
    pub(super) invoked: Duration,
    pub(super) ended: Duration,
    pub(super) answer: Answer,
}

/// Something that the nemesis did.
#[derive(Clone, Debug)]
pub(super) struct Strike {
    pub(super) what: String,
    pub(super) begun: Duration,
    pub(super) ended: Duration,
}

pub(super) struct History {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) strikes: Vec<Strike>,
    /// The same deliveries, counted by event.
    pub(super) log: SendLog,
    /// By event: what the ledger must hold if the event is in it.
    pub(super) truths: BTreeMap<String, Truth>,
}

impl History {
    /// What the ledger must hold if these events are in it, and no others.
    pub(super) fn truth_of<'a>(&self, events: impl Iterator<Item = &'a str>) -> Truth {
        let mut truth = Truth::default();
        for told in events.filter_map(|event| self.truths.get(event)) {
            truth.extend(told.clone());
        }
        truth
    }

    pub(super) fn accepted(&self) -> usize {
        self.deliveries.iter().filter(|delivery| delivery.answer.accepted()).count()
    }

    pub(super) fn refused(&self) -> usize {
        let refused = |delivery: &&Delivery| delivery.answer == Answer::Status(503);
        self.deliveries.iter().filter(refused).count()
    }

    /// Neither 200 nor 503.
    pub(super) fn strange(&self) -> Vec<&Delivery> {
        let expected = [Answer::Status(200), Answer::Status(503), Answer::Nothing];
        self.deliveries.iter().filter(|delivery| !expected.contains(&delivery.answer)).collect()
    }

    /// Events that were never accepted, whatever else was answered: the ledger may have them or not.
    pub(super) fn open(&self) -> usize {
        self.log.entries().values().filter(|sent| sent.accepted == 0).count()
    }

    /// The longest time in which nothing was accepted, from the beginning to the last that was.
    pub(super) fn longest_gap(&self) -> Duration {
        let accepted = self.deliveries.iter().filter(|delivery| delivery.answer.accepted());
        let mut times: Vec<Duration> = accepted.map(|delivery| delivery.ended).collect();
        times.push(Duration::ZERO);
        times.sort();
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or_default()
    }

    /// Everything that happened to these events, for people.
    pub(super) fn shown(&self, events: &[String]) -> String {
        let mut shown = String::new();
        for strike in &self.strikes {
            writeln!(shown, "{:?} to {:?}: {}", strike.begun, strike.ended, strike.what)
                .expect("a String takes every write");
        }
        let of_them = self.deliveries.iter().filter(|delivery| events.contains(&delivery.event));
        for delivery in of_them.take(40) {
            writeln!(shown, "{delivery:?}").expect("a String takes every write");
        }
        shown
    }

    /// One JSON object a line: strikes, deliveries in the order in which they were begun, and the events that the
    /// ledger has in the end.
    pub(super) fn lines(&self, handled: &[EventRow]) -> String {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let strikes = self.strikes.iter().map(|strike| {
            json!({ "strike": strike.what, "from_ms": millis(strike.begun), "to_ms": millis(strike.ended) })
        });
        let deliveries = self.deliveries.iter().map(|delivery| {
            json!({ "event": delivery.event, "client": delivery.client, "invoked_ms": millis(delivery.invoked),
                "ended_ms": millis(delivery.ended), "answer": named(delivery) })
        });
        let handled = handled
            .iter()
            .map(|row| json!({ "handled": row.id, "outcome": row.outcome, "repetitions": row.repetitions }));
        let mut lines = String::new();
        for line in strikes.chain(deliveries).chain(handled) {
            writeln!(lines, "{line}").expect("a String takes every write");
        }
        lines
    }
}

fn named(delivery: &Delivery) -> String {
    match delivery.answer {
        Answer::Status(status) => status.to_string(),
        Answer::Nothing if delivery.ended.saturating_sub(delivery.invoked) >= GIVEN_UP => {
            "timeout".to_owned()
        }
        Answer::Nothing => "cut".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, answer: Answer) -> Delivery {
        let invoked = Duration::from_secs(seconds);
        Delivery { event: format!("evt_{seconds}"), client: 0, invoked, ended: invoked, answer }
    }

    #[test]
    fn a_gap_is_counted_from_the_beginning_and_between_what_was_accepted() {
        let of = |deliveries| History {
            deliveries,
            strikes: Vec::new(),
            log: SendLog::default(),
            truths: BTreeMap::new(),
        };
        let (yes, no) = (Answer::Status(200), Answer::Status(503));
        assert_eq!(of(vec![]).longest_gap(), Duration::ZERO);
        assert_eq!(of(vec![at(4, yes), at(5, yes)]).longest_gap(), Duration::from_secs(4));
        let late = of(vec![at(9, yes), at(3, no), at(1, yes), at(5, Answer::Nothing)]);
        assert_eq!(late.longest_gap(), Duration::from_secs(8), "in whatever order the answers were noted");
        assert_eq!((late.accepted(), late.refused(), late.strange().len()), (2, 1, 0));
        assert_eq!(of(vec![at(1, Answer::Status(400))]).strange().len(), 1);
    }
}
