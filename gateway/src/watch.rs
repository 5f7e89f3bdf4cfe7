//! Looks at files with secrets again and again, so that a rotation needs no restart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::Gateway;
use crate::secrets::Reread;

/// A network file system may hang; the next round is as good.
const READ_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) async fn secrets(gateway: Arc<Gateway>, every: Duration, ended: CancellationToken) {
    if !gateway.endpoints.values().any(|endpoint| endpoint.secrets.is_file()) {
        return;
    }
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut faults = BTreeMap::new();
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = rounds.tick() => {}
        }
        for name in gateway.endpoints.keys() {
            let fault = look(&gateway, name).await.err();
            note(&gateway, name, fault, &mut faults);
        }
    }
}

async fn look(gateway: &Arc<Gateway>, name: &str) -> Result<(), String> {
    let (its, owned) = (Arc::clone(gateway), name.to_owned());
    let reading = tokio::task::spawn_blocking(move || its.endpoints[&owned].secrets.reread());
    let outcome = timeout(READ_DEADLINE, reading)
        .await
        .map_err(|_| "its file was not read in time".to_owned())?
        .map_err(|_| "its file was not read".to_owned())??;
    if let Reread::Changed { secrets } = outcome {
        tracing::info!(endpoint = name, secrets, "secrets changed: read from their file again");
    }
    Ok(())
}

/// A fault is logged when it appears or changes, and its end too.
fn note(gateway: &Gateway, name: &str, fault: Option<String>, faults: &mut BTreeMap<String, String>) {
    gateway.metrics.secrets_faulty.with_label_values(&[name]).set(i64::from(fault.is_some()));
    match fault {
        Some(fault) if faults.get(name) != Some(&fault) => {
            tracing::error!(endpoint = name, fault, "secrets not changed: the former ones stay in use");
            faults.insert(name.to_owned(), fault);
        }
        None if faults.remove(name).is_some() => {
            tracing::info!(endpoint = name, "the file with secrets is good again");
        }
        _ => {}
    }
}
