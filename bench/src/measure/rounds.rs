//! Contestants run in turn, so that a slow minute of the machine is everybody's; what counts is the median,
//! and a ratio is the median of the ratios within each round.

use std::future::Future;
use std::pin::Pin;

use super::sample::{Part, Sample};

type Run<'a> = Box<dyn FnMut() -> Pin<Box<dyn Future<Output = anyhow::Result<Sample>> + 'a>> + 'a>;

pub struct Contestant<'a> {
    pub name: &'static str,
    run: Run<'a>,
}

impl<'a> Contestant<'a> {
    pub fn new<F>(name: &'static str, mut run: impl FnMut() -> F + 'a) -> Self
    where
        F: Future<Output = anyhow::Result<Sample>> + 'a,
    {
        Self { name, run: Box::new(move || Box::pin(run())) }
    }
}

/// All samples of one contestant, one a round.
#[derive(Debug)]
pub struct Series {
    pub name: &'static str,
    pub samples: Vec<Sample>,
}

/// Runs everybody once a round; the first round of all warms up and is not counted.
pub async fn interleave(rounds: usize, mut contestants: Vec<Contestant<'_>>) -> anyhow::Result<Vec<Series>> {
    let mut series: Vec<Series> =
        contestants.iter().map(|it| Series { name: it.name, samples: Vec::new() }).collect();
    for round in 0..=rounds {
        for (contestant, series) in contestants.iter_mut().zip(&mut series) {
            let sample = (contestant.run)().await?;
            eprintln!("  round {round}/{rounds}  {:<40} {:>9.0}/s", contestant.name, sample.per_second());
            if round > 0 {
                series.samples.push(sample);
            }
        }
    }
    Ok(series)
}

impl Series {
    pub fn per_second(&self) -> Spread {
        Spread::of(self.samples.iter().map(Sample::per_second))
    }

    pub fn cpu_per_event(&self, part: Part) -> Spread {
        Spread::of(self.samples.iter().map(|sample| sample.cpu_per_event(part)))
    }

    /// This one's figure over another's, round by round.
    pub fn ratio(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().zip(&other.samples).map(|(a, b)| figure(a) / figure(b)))
    }
}

/// The middle of some figures, and the range that they were in.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Self { least: at(0), median: at(figures.len() / 2), most: at(figures.len().saturating_sub(1)) }
    }

    /// The median, and the range behind it where there is one.
    pub fn shown(self) -> String {
        use crate::report::shown;
        if self.most.total_cmp(&self.least).is_eq() {
            return shown(self.median);
        }
        format!("{} ({}–{})", shown(self.median), shown(self.least), shown(self.most))
    }
}
