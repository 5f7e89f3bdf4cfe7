//! What a simulation of the tests decides instead of the machine: what time it is, and at which step of its work a
//! process dies. It belongs to the thread that simulates; a release build has nothing of it.

#[cfg(debug_assertions)]
mod decided {
    use std::cell::Cell;
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta, Utc};

    thread_local! {
        static NOW: Cell<Option<DateTime<Utc>>> = const { Cell::new(None) };
        /// So many points are left to live.
        static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        static REACHED: Cell<u64> = const { Cell::new(0) };
    }

    /// It moves on by a microsecond each time that somebody looks.
    pub fn now() -> Option<DateTime<Utc>> {
        let now = NOW.get()?;
        NOW.set(Some(now + TimeDelta::microseconds(1)));
        Some(now)
    }

    /// Lets time pass at once; `false`: it is the machine that decides.
    pub fn passes(length: Duration) -> bool {
        let passed = NOW.get().zip(TimeDelta::from_std(length).ok()).map(|(now, length)| now + length);
        if passed.is_some() {
            NOW.set(passed);
        }
        passed.is_some()
    }

    /// From now on it is this time in this thread; `None`: the machine's.
    pub fn set_now(now: Option<DateTime<Utc>>) {
        NOW.set(now);
    }

    /// Whoever reaches so many points more goes no further.
    pub fn die_after(points: Option<u64>) {
        LEFT.set(points);
    }

    /// Whether somebody has died since.
    pub fn has_died() -> bool {
        LEFT.get() == Some(0)
    }

    /// How many points were reached in this thread.
    pub fn points_reached() -> u64 {
        REACHED.get()
    }

    /// A point at which a process may die: before and after whatever others see of it.
    pub async fn point() {
        REACHED.set(REACHED.get() + 1);
        let Some(left) = LEFT.get() else { return };
        LEFT.set(Some(left.saturating_sub(1)));
        if left <= 1 {
            std::future::pending::<()>().await;
        }
    }
}
#[cfg(debug_assertions)]
pub use self::decided::{die_after, has_died, now, passes, point, points_reached, set_now};

#[cfg(not(debug_assertions))]
pub async fn point() {}
