//! Stamps that say less than the truth, or lie: all events in one second, and each some seconds off. The
//! state still depends on nothing but the set of events. It may be another than the truth; where all
//! stamps are equal, the ledger must say itself which objects only Stripe can settle.

use std::collections::BTreeSet;
use std::sync::Mutex;

use domain::object_graph::ObjectGraph;
use harness::histories::{ApiVersion, Difference, History, Rows, SampleEvent, Subject, is_marked, walk};
use stripe_sim::Random;

use super::long::with_repetitions;
use super::{graph_of, on_every_core, read, rows, scenarios, scene};

const ORDERS: usize = 25;
const JITTERS: u64 = 8;
const JITTER_SECS: u64 = 90;

/// What came of one way to stamp, over all histories.
#[derive(Debug, Default)]
struct Tally {
    histories: usize,
    orders: usize,
    /// Orders that ended in another state than the first.
    diverged: usize,
    /// Histories whose end is not the truth.
    untrue: usize,
    /// Objects that are not as they should be, and of them those that nothing in the ledger marks.
    objects: usize,
    unmarked: usize,
    examples: Vec<String>,
}

#[test]
fn equal_stamps_converge_and_whatever_they_leave_open_is_marked() {
    let tally = Mutex::new(Tally::default());
    on_every_core(&histories(), |history| {
        let noon = history.events[0].created();
        let events: Vec<_> = history.events.iter().map(|event| event.stamped(noon)).collect();
        try_stamps(history, &events, &tally);
    });
    let tally = tally.into_inner().unwrap();
    tally.print("all in one second");
    assert_eq!(tally.diverged, 0, "{:#?}", tally.examples);
    assert_eq!(tally.unmarked, 0, "{:#?}", tally.examples);
}

#[test]
fn jittered_stamps_converge() {
    let tally = Mutex::new(Tally::default());
    on_every_core(&histories(), |history| {
        for seed in 0..JITTERS {
            let mut random = Random::of_seed(seed);
            let mut off = |event: &SampleEvent| {
                let seconds = i64::try_from(random.within(0..2 * JITTER_SECS + 1)).unwrap();
                event.stamped(event.created() + seconds - i64::try_from(JITTER_SECS).unwrap())
            };
            let events: Vec<_> = history.events.iter().map(&mut off).collect();
            try_stamps(history, &events, &tally);
        }
    });
    let tally = tally.into_inner().unwrap();
    tally.print("each up to 90 seconds off");
    assert_eq!(tally.diverged, 0, "{:#?}", tally.examples);
}

fn histories() -> Vec<History> {
    let versions = || ApiVersion::ALL.into_iter().cycle();
    let short =
        scenarios().into_iter().zip(versions()).map(|(scenario, version)| scenario.play(&scene(7, version)));
    let walks = (0..40).zip(versions()).map(|(seed, version)| walk(&scene(seed, version), 40));
    short.chain(walks).collect()
}

fn try_stamps(history: &History, events: &[SampleEvent], tally: &Mutex<Tally>) {
    let stamped = read(events);
    let end = graph_of(&stamped);
    let mut random = Random::of_seed(stamped.len() as u64);
    let diverged = (0..ORDERS)
        .filter(|_| {
            let order = with_repetitions(stamped.len(), &mut random);
            let graph: ObjectGraph = graph_of(order.iter().map(|place| &stamped[*place]));
            !graph.is_same_as(&end)
        })
        .count();
    let rows = rows(&end);
    let differing: Vec<Difference> = history
        .truth
        .differences(&rows)
        .into_iter()
        .filter(|difference| !hangs_on_stamps(difference))
        .collect();
    let objects: BTreeSet<&Subject> = differing.iter().map(|difference| &difference.subject).collect();
    let open = open_subjects(&rows);
    let unmarked: Vec<&&Subject> = objects.iter().filter(|subject| !open.contains(subject)).collect();

    let mut tally = tally.lock().unwrap();
    tally.histories += 1;
    tally.orders += ORDERS;
    tally.diverged += diverged;
    tally.untrue += usize::from(!differing.is_empty());
    tally.objects += objects.len();
    tally.unmarked += unmarked.len();
    let examples = differing.iter().filter(|difference| unmarked.iter().any(|s| ***s == difference.subject));
    tally.examples.extend(examples.take(3).map(|difference| format!("{}: {difference}", history.name)));
    if diverged > 0 {
        tally.examples.push(format!("{} ends in several states", history.name));
    }
}

/// Moments are the stamps themselves, and which of two declines came last is told by nothing else: where
/// stamps lie, these say what the stamps say.
fn hangs_on_stamps(difference: &Difference) -> bool {
    let column = difference.column.as_str();
    // A failure without a charge has its stamp in its key.
    let is_keyed_by_stamp = difference.subject.kind == "failure" && difference.subject.id.contains(':');
    let counts_failures = matches!(column, "failed_attempts" | "payment_retry_count");
    // How many retries have failed decides between these two.
    let words = [&difference.told, &difference.found].map(|value| value.as_str().unwrap_or_default());
    let follows_from_the_count =
        difference.subject.kind == "invoice" && words.iter().all(|word| ["failed", "overdue"].contains(word));
    column.ends_with("_at")
        || matches!(column, "since" | "last_failure_code" | "payment_failure_code")
        || is_keyed_by_stamp
        || counts_failures
        || follows_from_the_count
}

/// The marked objects, and everything that is derived from one: upwards along the links that rows have.
fn open_subjects(rows: &Rows) -> BTreeSet<Subject> {
    let mut open: BTreeSet<Subject> =
        rows.keys().filter(|subject| is_marked(rows, subject)).cloned().collect();
    loop {
        let mut found = BTreeSet::new();
        for (subject, row) in rows.iter().filter(|(subject, _)| open.contains(subject)) {
            let named = |column: &str| row.get(column).and_then(|value| value.as_str());
            let owners = [
                ("charge", named("charge")),
                ("payment", named("payment").or((subject.kind == "charge").then_some(&subject.id))),
                ("invoice", named("invoice")),
                ("ban", named("user_id").or(named("customer"))),
            ];
            for (kind, id) in owners {
                let Some(id) = id else { continue };
                let owner = Subject { kind, id: id.to_owned(), ..subject.clone() };
                if !open.contains(&owner) {
                    found.insert(owner);
                }
            }
        }
        if found.is_empty() {
            return open;
        }
        open.extend(found);
    }
}

impl Tally {
    fn print(&self, stamps: &str) {
        println!(
            "stamps {stamps}: {} histories, {} orders, {} ended elsewhere; {} histories are not the truth, in {} \
             objects, {} of them neither marked needs_refetch nor derived from one that is",
            self.histories, self.orders, self.diverged, self.untrue, self.objects, self.unmarked
        );
    }
}
