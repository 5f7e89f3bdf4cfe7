//! Raises the limit of open files: every connection is one, and the usual limit is only 1024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For listeners, the queue, logs and files with secrets.
const RESERVED_FILES: u64 = 64;

/// Raises the limit to what the system allows. Returns how many connections fit: those wanted, or fewer.
pub fn make_room(wanted_connections: usize) -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    let Some(files) = files else { return wanted_connections };
    let fitting = usize::try_from(files.saturating_sub(RESERVED_FILES)).unwrap_or(usize::MAX).max(1);
    if fitting < wanted_connections {
        tracing::warn!(
            open_files_limit = files,
            wanted_connections,
            connections = fitting,
            "fewer connections than configured: the limit of open files allows no more"
        );
    }
    fitting.min(wanted_connections)
}
