//! The worker processes: started, and asked to end with a grace, like pods.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::stack::Stack;
use stripe_sim::Random;

/// `terminationGracePeriodSeconds`: above the worker's own drain deadline of 20 s.
const GRACE: Duration = Duration::from_secs(30);

pub(super) struct Fleet {
    workers: Vec<Worker>,
    /// How many were killed because their grace was over.
    pub(super) ended_late: u32,
}

struct Worker {
    name: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    Running,
    Ending(Instant),
}

impl Fleet {
    /// So many can run beside each other, and as many may still be ending.
    pub(super) fn of(stack: &mut Stack, most: usize) -> Self {
        let names = (1..=most * 2).map(|number| format!("worker-{number}"));
        let workers: Vec<Worker> = names.map(|name| Worker { name, state: State::Absent }).collect();
        for worker in workers.iter().skip(stack.names().len() - 1) {
            stack.add(&worker.name);
        }
        Self { workers, ended_late: 0 }
    }

    /// The first was started with the stack.
    pub(super) fn ensure_one(&mut self) {
        self.workers[0].state = State::Running;
    }

    pub(super) fn size(&self) -> usize {
        self.workers.iter().filter(|worker| worker.state == State::Running).count()
    }

    pub(super) fn ending(&self) -> usize {
        self.workers.iter().filter(|worker| matches!(worker.state, State::Ending(_))).count()
    }

    /// Starts what is missing, asks random victims to end, and sees to those that are ending.
    pub(super) fn scale(
        &mut self,
        stack: &mut Stack,
        wanted: usize,
        random: &mut Random,
    ) -> anyhow::Result<()> {
        for worker in &mut self.workers {
            let State::Ending(since) = worker.state else { continue };
            if stack.has_ended(&worker.name) {
                ensure!(stack.bury(&worker.name), "{} ended with an error", worker.name);
                worker.state = State::Absent;
            } else if since.elapsed() > GRACE {
                stack.kill(&worker.name);
                worker.state = State::Absent;
                self.ended_late += 1;
            }
        }
        while self.size() < wanted {
            let absent = self.workers.iter_mut().find(|worker| worker.state == State::Absent);
            let worker = absent.context("too many workers are still ending")?;
            stack.spawn(&worker.name)?;
            worker.state = State::Running;
        }
        while self.size() > wanted {
            let victim = self.random(random);
            stack.terminate(&victim.name);
            victim.state = State::Ending(Instant::now());
        }
        Ok(())
    }

    /// SIGKILL to a random one, which comes back at once.
    pub(super) fn kill_one(&mut self, stack: &mut Stack, random: &mut Random) -> anyhow::Result<()> {
        let victim = self.random(random);
        stack.kill(&victim.name);
        stack.spawn(&victim.name)
    }

    fn random(&mut self, random: &mut Random) -> &mut Worker {
        let running: Vec<usize> =
            (0..self.workers.len()).filter(|number| self.workers[*number].state == State::Running).collect();
        let number = *random.pick(&running);
        &mut self.workers[number]
    }
}
