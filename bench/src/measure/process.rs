//! CPU time and memory of processes and all that they started, read from `/proc`.

use std::collections::BTreeMap;
use std::fs;

use super::sample::Part;

/// What the kernel counts CPU time in (`getconf CLK_TCK`, a constant of Linux on every common machine).
const TICKS_A_SECOND: f64 = 100.0;

/// The roots of what is measured, each with its name; backends and helpers below a root belong to it.
#[derive(Clone, Debug, Default)]
pub struct Parts(Vec<(Part, u32)>);

impl Parts {
    #[must_use]
    pub fn with(mut self, part: Part, pid: u32) -> Self {
        self.0.push((part, pid));
        self
    }

    /// CPU seconds up to now; two of these give what a time between them took.
    pub fn cpu(&self) -> BTreeMap<Part, f64> {
        let processes = processes();
        let mut sums = BTreeMap::new();
        for (part, root) in &self.0 {
            let ticks: u64 = family(*root, &processes).iter().map(|process| process.spent()).sum();
            *sums.entry(*part).or_default() += super::sample::to_float(ticks) / TICKS_A_SECOND;
        }
        sums
    }

    pub fn cpu_since(&self, before: &BTreeMap<Part, f64>) -> BTreeMap<Part, f64> {
        let mut now = self.cpu();
        for (part, seconds) in &mut now {
            *seconds -= before.get(part).copied().unwrap_or_default();
        }
        now
    }

    /// The most that each part held at any time of its life, bytes. What processes share counts in each.
    pub fn peak(&self) -> BTreeMap<Part, u64> {
        self.memory("VmHWM:")
    }

    /// What each part holds now, bytes.
    pub fn resident(&self) -> BTreeMap<Part, u64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, line: &str) -> BTreeMap<Part, u64> {
        let processes = processes();
        let mut sums = BTreeMap::new();
        for (part, root) in &self.0 {
            let bytes: u64 = family(*root, &processes).iter().filter_map(|it| status(it.pid, line)).sum();
            *sums.entry(*part).or_default() += bytes;
        }
        sums
    }
}

/// This process: the load generator.
pub fn generator() -> Parts {
    Parts::default().with("generator", std::process::id())
}

struct Process {
    pid: u32,
    parent: u32,
    /// Its own.
    ticks: u64,
    /// Those of children that have ended and were waited for.
    inherited: u64,
}

fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

fn read(pid: u32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses of its own.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let (ticks, inherited) = (number(11)? + number(12)?, number(13)? + number(14)?);
    Some(Process { pid, parent: u32::try_from(number(1)?).ok()?, ticks, inherited })
}

impl Process {
    /// What the generator inherits is of servers that were measured as separate parts.
    fn spent(&self) -> u64 {
        if self.pid == std::process::id() { self.ticks } else { self.ticks + self.inherited }
    }
}

/// A generator counts itself alone: what it started has parts of its own.
fn family(root: u32, processes: &[Process]) -> Vec<&Process> {
    let mut members: Vec<&Process> = processes.iter().filter(|process| process.pid == root).collect();
    if root == std::process::id() {
        return members;
    }
    let mut at = 0;
    while let Some(parent) = members.get(at).map(|process| process.pid) {
        members.extend(processes.iter().filter(|process| process.parent == parent));
        at += 1;
    }
    members
}

fn status(pid: u32, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kilobytes = status.lines().find_map(|found| found.strip_prefix(line))?;
    Some(kilobytes.split_ascii_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
