//! Asks an internal listener whether its process is ready, and for its metrics.

use std::net::SocketAddr;
use std::time::Duration;

use shared::healthcheck::get;
pub use shared::healthcheck::{reachable, ready};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(1);
/// Gathering metrics asks queue and ledger.
const METRICS_DEADLINE: Duration = Duration::from_secs(3);

/// How a process that may run here is.
pub enum Process {
    /// Nobody listens there.
    Absent,
    Ready(Samples),
    /// Why not.
    NotReady(String, Samples),
}

pub async fn process(address: SocketAddr) -> Process {
    if tokio::time::timeout(DEADLINE, TcpStream::connect(address)).await.is_ok_and(|it| it.is_err()) {
        return Process::Absent;
    }
    let (ready, samples) = tokio::join!(ready(address), samples(address));
    match ready {
        Ok(()) => Process::Ready(samples),
        Err(why) => Process::NotReady(why, samples),
    }
}

/// What a process counts, as it stands on its page for Prometheus.
#[derive(Debug, Default)]
pub struct Samples(String);

impl Samples {
    /// The value of a series, given with its labels as the page has them.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.trim().parse().ok())
    }

    /// The values of all series of that name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = f64> {
        let series = self.0.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix('{'));
        series.filter_map(|rest| rest.rsplit_once(' ')?.1.parse().ok())
    }

    /// The value of a label in the first series of that name.
    pub fn label(&self, name: &str, label: &str) -> Option<&str> {
        let line =
            self.0.lines().find(|line| line.strip_prefix(name).is_some_and(|it| it.starts_with('{')))?;
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        Some(rest.split_once('"')?.0)
    }
}

/// Nothing where the page does not come in time: what it says is then unknown.
async fn samples(address: SocketAddr) -> Samples {
    match tokio::time::timeout(METRICS_DEADLINE, get(address, "/metrics")).await {
        Ok(Ok((true, page))) => Samples(page),
        _ => Samples::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_with_their_labels_and_not_by_the_beginning_of_their_names() {
        let page = "# HELP a x\na_total 3\na{secret=\"1\",endpoint=\"eu\"} 1.5\nb{version=\"0.1.0\"} 1\na 7";
        let samples = Samples(page.to_owned());
        assert_eq!(samples.value("a"), Some(7.0));
        assert_eq!(samples.value("a{secret=\"1\",endpoint=\"eu\"}"), Some(1.5));
        assert_eq!((samples.value("c"), samples.value("b")), (None, None));
        assert_eq!(samples.values("a").collect::<Vec<_>>(), [1.5]);
        assert_eq!((samples.label("b", "version"), samples.label("a_total", "x")), (Some("0.1.0"), None));
    }
}
