//! Two builds of the gateway in turn, so that whether a change helps is a ratio of one run. For tuning:
//! the other build is a folder with the binaries of another commit.

use std::path::Path;

use harness::broker::Broker;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use tokio::sync::Mutex;

use super::intake::calm;
use super::raw::Publisher;
use super::started::{Launch, Started};
use crate::events::{Events, Requests};
use crate::load;
use crate::measure::process::generator;
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Section};

const CONNECTIONS: usize = 64;
const OPEN_CONNECTIONS: usize = 512;
const RUN_SECS: f64 = 2.0;
const FIXED_PER_SECOND: f64 = 5_000.0;

/// A gateway on its own queue in the broker.
struct OnBroker {
    gateway: Started,
    queue: Publisher,
}

pub async fn run(options: &Options, other: &Path) -> anyhow::Result<Vec<Section>> {
    let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
    let events = Events::new().take(options.count(super::BODIES));
    let requests = Mutex::new(Requests::new(&events, options.count(super::REQUESTS), &secret));
    drop(events);
    let broker = Broker::shared().await;
    let time = options.time(RUN_SECS);
    let (ours, theirs) = (None, Some(other));
    let (this, that) = (on_broker(broker, ours, &secret).await?, on_broker(broker, theirs, &secret).await?);

    let published = async |side: &OnBroker, connections| {
        let mut requests = requests.lock().await;
        requests.stamp();
        let parts = generator().with("gateway", side.gateway.id());
        let parts = parts.with("broker", broker.id().unwrap_or_default());
        let mut sample = load::closed(side.gateway.address, connections, &requests, time, &parts)?;
        sample.peak.retain(|part, _| *part == "gateway");
        side.queue.purge().await?;
        calm(&parts, "broker").await;
        anyhow::Ok(sample)
    };
    let written = async |folder: Option<&Path>, rate: Option<f64>| {
        let mut requests = requests.lock().await;
        requests.stamp();
        let gateway = on_file(folder, &secret).await?;
        let parts = generator().with("gateway", gateway.id());
        let sample = match rate {
            None => load::closed(gateway.address, CONNECTIONS, &requests, time, &parts)?,
            Some(rate) => {
                load::open(gateway.address, OPEN_CONNECTIONS, &requests, time, rate, &parts)?.sample
            }
        };
        gateway.stop().await?;
        anyhow::Ok(sample)
    };
    let contestants = vec![
        Contestant::new("this build, RabbitMQ", || published(&this, CONNECTIONS)),
        Contestant::new("the other, RabbitMQ", || published(&that, CONNECTIONS)),
        Contestant::new("this build, queue.db", || written(ours, None)),
        Contestant::new("the other, queue.db", || written(theirs, None)),
        Contestant::new("this build, queue.db, 5,000/s", || written(ours, Some(FIXED_PER_SECOND))),
        Contestant::new("the other, queue.db, 5,000/s", || written(theirs, Some(FIXED_PER_SECOND))),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    let [a, b, file_a, file_b, fixed_a, fixed_b] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    let mut section = Section::new("against", "This build of the gateway against another");
    let cpu = |sample: &Sample| sample.cpu_per_event("gateway");
    let p99 = |sample: &Sample| sample.latencies.within(990).unwrap_or(f64::NAN);
    section.figures.extend([
        Figure::ratio("confirmed at 64 connections, RabbitMQ", a, b, "/s", Sample::per_second),
        Figure::ratio("CPU of the gateway per event, RabbitMQ", a, b, "µs", cpu),
        Figure::ratio("accepted at 64 connections, queue.db", file_a, file_b, "/s", Sample::per_second),
        Figure::ratio("CPU of the gateway per event, queue.db", file_a, file_b, "µs", cpu),
        Figure::ratio("accept p99 at 5,000/s, queue.db", fixed_a, fixed_b, "ms", p99),
    ]);
    section.contests.push(Contest::of("In turn", &series));
    this.gateway.stop().await?;
    that.gateway.stop().await?;
    this.queue.close().await?;
    that.queue.close().await?;
    Ok(vec![section])
}

async fn on_broker(broker: &Broker, folder: Option<&Path>, secret: &str) -> anyhow::Result<OnBroker> {
    let url = broker.vhost("against").await?;
    topology::declare(&url, NewQueues::UseAtOnce).await?;
    let launch = Launch::of_build(folder, &["tidegate-gateway"])?;
    let launch = launch.with("QUEUE_URL", &url).with("STRIPE_WEBHOOK_SECRET", secret);
    let gateway = launch.start(&["GATEWAY_INTERNAL_ADDR"]).await?;
    Ok(OnBroker { gateway, queue: Publisher::open(&url).await? })
}

async fn on_file(folder: Option<&Path>, secret: &str) -> anyhow::Result<Started> {
    let launch = Launch::of_build(folder, &["tidegate", "gateway"])?;
    let queue = format!("sqlite:{}", launch.folder().join("queue.db").display());
    launch
        .with("QUEUE_URL", queue)
        .with("STRIPE_WEBHOOK_SECRET", secret)
        .start(&["GATEWAY_INTERNAL_ADDR"])
        .await
}
