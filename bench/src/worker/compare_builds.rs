//! Two builds in turn, from the gateway's intake to the ledger, so that whether a change helps is a ratio of one
//! run. Each build fills the queue with its own gateway and makes its own tables: the other may know another form
//! of either. For whoever tunes the worker: the other build is a folder with the binaries of another commit.

use std::path::Path;
use std::time::Duration;

use super::drain::{self, Consumer, DISK_BYTES, EVENTS_IN_TRANSACTION, IN_PLACE, WAL_BYTES};
use super::servers::{Kind, Servers};
use super::{EVENTS, SINGLE_EVENTS};
use crate::events::{Events, Requests};
use crate::gateway::started::Launch;
use crate::load;
use crate::measure::process::generator;
use crate::measure::rounds::{Contestant, Series, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Section};

const CONNECTIONS: usize = 64;
const FILL_PATIENCE: Duration = Duration::from_mins(1);

/// A build: the folder of its binaries, or the one that the bench belongs to.
type Build<'a> = Option<&'a Path>;

pub async fn run(options: &Options, other: &Path) -> anyhow::Result<Vec<Section>> {
    let secret = &format!("whsec_{}", shared::trace::random_hex::<20>());
    let [count, singles] = [EVENTS, SINGLE_EVENTS].map(|count| options.count(count));
    let events = Events::new().take(count);
    let requests = |count| tokio::sync::Mutex::new(Requests::new(&events[..count], count, secret));
    let (many, few) = (&requests(count), &requests(singles.min(count)));
    let servers = &Servers::start().await?;
    let (ours, theirs) = (None, Some(other));
    let on = async |kind: Kind, build: Build<'_>| {
        let mut requests = many.lock().await;
        contest(servers, kind, build, None, &mut requests, secret).await
    };
    let alone = async |build: Build<'_>| {
        let mut requests = few.lock().await;
        contest(servers, Kind::Postgres, build, Some("1"), &mut requests, secret).await
    };
    let contestants = vec![
        Contestant::new("this build, Postgres", || on(Kind::Postgres, ours)),
        Contestant::new("the other, Postgres", || on(Kind::Postgres, theirs)),
        Contestant::new("this build, batches of 1", || alone(ours)),
        Contestant::new("the other, batches of 1", || alone(theirs)),
        Contestant::new("this build, SQLite", || on(Kind::Sqlite, ours)),
        Contestant::new("the other, SQLite", || on(Kind::Sqlite, theirs)),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    let [a, b, single_a, single_b, file_a, file_b] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    let mut section = Section::new("against", "This build against another");
    let cpu = |part: &'static str| move |sample: &Sample| sample.cpu_per_event(part);
    section.figures.extend([
        Figure::ratio("applied, Postgres", a, b, "/s", Sample::per_second),
        Figure::ratio("CPU of the worker per event, Postgres", a, b, "µs", cpu("worker")),
        Figure::ratio("CPU of Postgres per event", a, b, "µs", cpu("postgres")),
        Figure::ratio("CPU of the broker per event, from gateway to worker", a, b, "µs", cpu("broker")),
        Figure::ratio("CPU of the gateway per event", a, b, "µs", cpu("gateway")),
        Figure::ratio("applied in batches of 1, Postgres", single_a, single_b, "/s", Sample::per_second),
        Figure::ratio(
            "CPU of Postgres per event, in batches of 1",
            single_a,
            single_b,
            "µs",
            cpu("postgres"),
        ),
        Figure::ratio("applied, SQLite", file_a, file_b, "/s", Sample::per_second),
        Figure::ratio("CPU of the worker per event, SQLite", file_a, file_b, "µs", cpu("worker")),
    ]);
    for (what, unit) in [(EVENTS_IN_TRANSACTION, ""), (WAL_BYTES, "bytes"), (DISK_BYTES, "bytes")] {
        section.figures.push(noted(what, unit, a, b));
    }
    section.figures.extend(IN_PLACE.map(|(_, what)| noted(what, "", a, b)));
    section.figures.push(Figure::ratio(
        "bytes of ledger.db an event, after vacuum",
        file_a,
        file_b,
        "bytes",
        |sample| sample.notes.get(DISK_BYTES).copied().unwrap_or(f64::NAN),
    ));
    section.contests.push(Contest::of("In turn", &series));
    Ok(vec![section])
}

fn noted(what: &'static str, unit: &'static str, ours: &Series, theirs: &Series) -> Figure {
    Figure::ratio(what, ours, theirs, unit, move |sample| sample.notes.get(what).copied().unwrap_or(f64::NAN))
}

/// One build takes everything in, and then applies it to a new, empty ledger. The clock runs for the second part;
/// the CPU of the broker and of the gateway is that of both.
async fn contest(
    servers: &Servers,
    kind: Kind,
    build: Build<'_>,
    batch: Option<&'static str>,
    requests: &mut Requests,
    secret: &str,
) -> anyhow::Result<Sample> {
    let ledger = servers.database(kind).await?;
    Launch::of_build(build, &["tidegate", "migrate"])?.with("DATABASE_URL", &ledger.url).run().await?;
    let taken_in = fill(servers, build, requests, secret).await?;
    servers.calm_down().await?;
    let mut sample =
        drain::drain(servers, &ledger, requests.len(), Consumer::Worker { folder: build, batch }).await?;
    for part in ["broker", "gateway"] {
        let cpu = taken_in.cpu.get(part).copied().unwrap_or_default();
        *sample.cpu.entry(part).or_default() += cpu;
    }
    ledger.drop(servers).await?;
    Ok(sample)
}

async fn fill(
    servers: &Servers,
    build: Build<'_>,
    requests: &mut Requests,
    secret: &str,
) -> anyhow::Result<Sample> {
    requests.stamp();
    let launch = Launch::of_build(build, &["tidegate-gateway"])?;
    let launch = launch.with("QUEUE_URL", &servers.queue_url).with("STRIPE_WEBHOOK_SECRET", secret);
    let gateway = launch.start(&["GATEWAY_INTERNAL_ADDR"]).await?;
    let parts =
        generator().with("gateway", gateway.id()).with("broker", servers.broker.id().unwrap_or_default());
    let sample = load::closed(gateway.address, CONNECTIONS, requests, FILL_PATIENCE, &parts)?;
    anyhow::ensure!(sample.events == requests.len() as u64, "the gateway refused events");
    gateway.stop().await?;
    Ok(sample)
}
