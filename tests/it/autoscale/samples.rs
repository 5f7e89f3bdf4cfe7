//! What was seen at each look, and how it is shown.

use std::path::Path;
use std::time::Duration;

use harness::autoscaler::Depth;
use harness::plot::{Axis, Line, Panel, Plot, Shape};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    seconds: f64,
    /// Events a second that were sent, at most.
    rate: u64,
    depth: Depth,
    workers: usize,
    ending: usize,
    wanted: usize,
}

#[derive(Default)]
pub(super) struct Samples {
    pub(super) all: Vec<Sample>,
    /// When a worker was killed, in seconds.
    pub(super) kills: Vec<f64>,
    pub(super) events: usize,
    pub(super) lost: usize,
    pub(super) double: usize,
    pub(super) redelivered: u64,
    pub(super) ended_late: u32,
}

impl Sample {
    pub(super) fn of(
        elapsed: Duration,
        rate: u64,
        depth: Depth,
        workers: usize,
        ending: usize,
        wanted: usize,
    ) -> Self {
        Self { seconds: elapsed.as_secs_f64(), rate, depth, workers, ending, wanted }
    }

    fn json(&self) -> Value {
        json!({
            "seconds": (self.seconds * 10.0).round() / 10.0, "rate": self.rate, "messages": self.depth.messages,
            "ready": self.depth.ready, "unacked": self.depth.unacked, "workers": self.workers,
            "ending": self.ending, "wanted": self.wanted,
        })
    }
}

impl Samples {
    pub(super) fn most_workers(&self) -> usize {
        self.all.iter().map(|sample| sample.workers).max().unwrap_or_default()
    }

    pub(super) fn summary(&self) -> String {
        let deepest = self.all.iter().map(|sample| sample.depth.messages).max().unwrap_or_default();
        let seconds = self.all.last().map_or(0.0, |sample| sample.seconds);
        format!(
            "{} events in {seconds:.0} s, 1 to {} workers, {deepest} waited at most, {} of {} stopped workers \
             outlived their grace, {} killed, {} redelivered, lost {}, double {}, drained to {}",
            self.events,
            self.most_workers(),
            self.ended_late,
            self.stopped(),
            self.kills.len(),
            self.redelivered,
            self.lost,
            self.double,
            self.all.last().map_or(0, |sample| sample.depth.messages),
        )
    }

    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::write(folder.join("autoscale.svg"), self.plot().svg())?;
        let told = json!({
            "summary": self.summary(), "kills": self.kills,
            "samples": self.all.iter().map(Sample::json).collect::<Vec<_>>(),
        });
        std::fs::write(folder.join("autoscale.json"), format!("{told}\n"))?;
        Ok(())
    }

    fn stopped(&self) -> usize {
        self.all.windows(2).map(|pair| pair[0].workers.saturating_sub(pair[1].workers)).sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "figures of a plot")]
    fn plot(&self) -> Plot {
        let line = |label: &str, shape, value: fn(&Sample) -> u64| Line {
            label: label.to_owned(),
            points: self.all.iter().map(|sample| (sample.seconds, value(sample) as f64)).collect(),
            shape,
        };
        Plot {
            title: "Workers follow the depth of the queue".to_owned(),
            subtitle: self.summary(),
            axis: Axis::Seconds,
            panels: vec![
                Panel {
                    label: "events in the queue".to_owned(),
                    lines: vec![
                        line("ready and unacked", Shape::Area, |sample| sample.depth.messages),
                        line("unacked", Shape::Plain, |sample| sample.depth.unacked),
                    ],
                },
                Panel {
                    label: "workers".to_owned(),
                    lines: vec![
                        line("running", Shape::Steps, |sample| sample.workers as u64),
                        line("ending", Shape::Steps, |sample| sample.ending as u64),
                    ],
                },
                Panel {
                    label: "events sent per second, at most".to_owned(),
                    lines: vec![line("asked for", Shape::Plain, |sample| sample.rate)],
                },
            ],
            marks: self.kills.clone(),
            mark_label: "a worker is killed".to_owned(),
        }
    }
}
