//! Watches files with secrets, so that a rotation needs no restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::secrets::{Fault, Reread};

/// A network file system may hang. It is waited for, with one thread and no more, but not in silence.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// What came of one endpoint's file, or why it is no good.
type Look = Result<Reread, Fault>;

pub(crate) async fn secrets(gateway: Arc<Gateway>, every: Duration, ended: CancellationToken) {
    if gateway.endpoints.values().any(|endpoint| endpoint.secrets.is_file()) {
        tokio::select! {
            () = ended.cancelled() => {}
            () = watch(gateway, every) => {}
        }
    }
}

async fn watch(gateway: Arc<Gateway>, every: Duration) {
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut faults = BTreeMap::new();
    loop {
        rounds.tick().await;
        for name in gateway.endpoints.keys() {
            let (its, owned) = (Arc::clone(&gateway), name.clone());
            let mut reading = tokio::task::spawn_blocking(move || its.endpoints[&owned].secrets.reread());
            loop {
                match timeout(READ_DEADLINE, &mut reading).await {
                    Ok(read) => {
                        let look = read.unwrap_or_else(|panic| Err(panic.into()));
                        note(&gateway, name, look, &mut faults);
                        break;
                    }
                    Err(_) => {
                        note(&gateway, name, Err("its file takes long to read".into()), &mut faults);
                    }
                }
            }
        }
    }
}

/// A change is logged, a fault when it appears or becomes another, and its end.
fn note(gateway: &Gateway, name: &str, look: Look, faults: &mut BTreeMap<String, String>) {
    gateway.metrics.secrets_faulty.with_label_values(&[name]).set(i64::from(look.is_err()));
    match look {
        Ok(reread) => {
            if let Reread::Changed { secrets } = reread {
                tracing::info!(endpoint = name, secrets, "secrets changed: file reread");
            }
            if faults.remove(name).is_some() {
                tracing::info!(endpoint = name, "the secrets file is valid again");
            }
        }
        Err(fault) => {
            let fault = fault.to_string();
            if faults.get(name) != Some(&fault) {
                tracing::error!(
                    endpoint = name,
                    fault,
                    "secrets not changed: the previous ones stay in force"
                );
                faults.insert(name.to_owned(), fault);
            }
        }
    }
}
