//! In debug builds, tests make the worker fail: events of a few made-up types make it panic, abort or hang, and it
//! kills itself at a named point of sending an operation. Empty in release builds.

use envelope::Envelope;

/// The points of sending an operation at which a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    BeforeRow,
    AfterRow,
    BeforeCall,
    DuringCall,
    AfterCall,
    AfterUpload,
    BeforeStored,
    AfterStored,
}

#[cfg(not(debug_assertions))]
mod inert {
    use super::Point;
    use shared::env::Env;

    #[derive(Clone, Debug, Default)]
    pub struct Failpoint;

    impl Failpoint {
        pub fn from_env(_: &Env) -> Self {
            Self
        }

        pub(crate) fn reached(&self, _: Point) {}

        pub(crate) fn soon(&self, _: Point) {}
    }
}
#[cfg(not(debug_assertions))]
pub use self::inert::Failpoint;

#[cfg(not(debug_assertions))]
pub(crate) fn before_rules(_: &Envelope) {}

#[cfg(debug_assertions)]
mod armed {
    use std::process::{Command, id};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    use shared::env::Env;

    use super::Point;

    /// `after_row:3`: dies when it comes there for the third time.
    const KILL_AT: &str = "FAILPOINT_KILL_AT";
    const SOON: Duration = Duration::from_millis(20);
    const NAMES: &[(&str, Point)] = &[
        ("before_row", Point::BeforeRow),
        ("after_row", Point::AfterRow),
        ("before_call", Point::BeforeCall),
        ("during_call", Point::DuringCall),
        ("after_call", Point::AfterCall),
        ("after_upload", Point::AfterUpload),
        ("before_stored", Point::BeforeStored),
        ("after_stored", Point::AfterStored),
    ];

    #[derive(Clone, Debug, Default)]
    pub struct Failpoint(Option<(Point, Arc<AtomicU32>)>);

    impl Failpoint {
        pub fn from_env(env: &Env) -> Self {
            let armed = env.given(KILL_AT).and_then(|text| {
                let (name, times) = text.split_once(':')?;
                let (_, point) = NAMES.iter().find(|(known, _)| *known == name)?;
                Some((*point, Arc::new(AtomicU32::new(times.parse().ok()?))))
            });
            Self(armed)
        }

        pub(crate) fn reached(&self, point: Point) {
            if self.is_time(point) {
                kill();
            }
        }

        /// While what follows is under way.
        pub(crate) fn soon(&self, point: Point) {
            if self.is_time(point) {
                thread::spawn(|| {
                    thread::park_timeout(SOON);
                    kill();
                });
            }
        }

        fn is_time(&self, point: Point) -> bool {
            match &self.0 {
                Some((armed, left)) if *armed == point => left.fetch_sub(1, Ordering::Relaxed) == 1,
                _ => false,
            }
        }
    }

    /// By a signal that nothing can handle.
    fn kill() {
        let killed = Command::new("kill").args(["-9", &id().to_string()]).status();
        killed.expect("kill is installed where tests run");
        loop {
            thread::park();
        }
    }
}
#[cfg(debug_assertions)]
pub use self::armed::Failpoint;

#[cfg(debug_assertions)]
pub(crate) fn before_rules(envelope: &Envelope) {
    match envelope.header.kind.as_str() {
        "tidegate.failpoint.panic" => panic!("failpoint"),
        "tidegate.failpoint.abort" => std::process::abort(),
        "tidegate.failpoint.hang" => loop {
            std::thread::park();
        },
        _ => {}
    }
}
