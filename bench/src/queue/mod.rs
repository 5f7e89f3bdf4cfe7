//! The queue by itself, in this process: publishing, and receiving with settling, on both backends, beside lapin and
//! SQLite with nothing around them.

pub mod our_queue;
mod rabbit;
mod sqlite;

use anyhow::Context;
use envelope::Envelope;
use harness::broker::Broker;

use self::our_queue::{BATCH, IN_FLIGHT, OurQueue};
use crate::events::{Events, Requests};
use crate::gateway::raw;
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Section};

const EVENTS: usize = 20_000;
const BODIES: usize = 5_000;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let events = Events::new().take(options.count(BODIES));
    let requests = Requests::new(&events, options.count(EVENTS), "whsec_of_nobody_0123456789");
    let envelopes = envelopes(&requests)?;
    let broker = Broker::shared().await;
    let mut section = Section::new("queue", "The queue");
    side_by_side(options, broker, &requests, &envelopes, &mut section).await?;
    Ok(vec![section])
}

async fn side_by_side(
    options: &Options,
    broker: &Broker,
    requests: &Requests,
    envelopes: &[Envelope],
    section: &mut Section,
) -> anyhow::Result<()> {
    eprintln!("the queue, {} events each", envelopes.len());
    let messages = raw::messages(requests)?;
    let rows = crate::gateway::file::Rows::of(requests)?;
    let ours = OurQueue::on_rabbitmq(broker, "ours").await?;
    let raw_url = rabbit::prepare(broker).await?;
    let parts = ours.parts.clone();
    let file = tokio::sync::Mutex::new(None);
    let raw_file = tokio::sync::Mutex::new(None);
    let fresh = async || {
        let place = OurQueue::on_file().await?;
        let sample = place.publish(envelopes).await?;
        *file.lock().await = Some(place);
        anyhow::Ok(sample)
    };
    let contestants = vec![
        Contestant::new("publish, RabbitMQ", || ours.publish(envelopes)),
        Contestant::new("receive and settle, RabbitMQ", || ours.drain(envelopes.len())),
        Contestant::new("publish, raw lapin", || rabbit::publish(&raw_url, &messages, IN_FLIGHT, &parts)),
        Contestant::new("consume and ack, raw lapin", || rabbit::consume(&raw_url, messages.len(), &parts)),
        Contestant::new("publish, queue.db", fresh),
        Contestant::new("receive and settle, queue.db", async || {
            let place = file.lock().await.take().context("it was filled before")?;
            let sample = place.drain(envelopes.len()).await?;
            place.close().await;
            Ok(sample)
        }),
        Contestant::new("insert, raw SQLite", async || {
            let (sample, filled) = sqlite::fill(&rows, BATCH).await?;
            *raw_file.lock().await = Some(filled);
            Ok(sample)
        }),
        Contestant::new("select and delete, raw SQLite", async || {
            sqlite::drain(raw_file.lock().await.take().context("it was filled before")?, BATCH).await
        }),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    for (number, what) in [
        (0, "publish, 64 in flight, RabbitMQ / raw lapin"),
        (1, "receive and settle, RabbitMQ / raw consume and ack"),
        (4, "publish, 64 in flight, queue.db / raw SQLite, groups of 64"),
        (5, "receive and settle, queue.db / raw select and delete"),
    ] {
        let (ours, limit) = (&series[number], &series[number + 2]);
        section.figures.push(Figure::ratio(what, ours, limit, "/s", Sample::per_second));
    }
    section.contests.push(Contest::of(format!("{} events, batches of {BATCH}", envelopes.len()), &series));
    ours.close().await;
    Ok(())
}

fn envelopes(requests: &Requests) -> anyhow::Result<Vec<Envelope>> {
    (0..requests.len())
        .map(|number| {
            let body = requests.body(number).context("there is a body for every number")?;
            Ok(Envelope { header: raw::header(body)?, body: bytes::Bytes::copy_from_slice(body) })
        })
        .collect()
}
