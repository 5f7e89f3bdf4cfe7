//! One case: the product runs into a fault, then runs without one; Stripe sends again what was not answered 200. What
//! is in the ledger then must be what was accepted: each once, and right.

use std::path::Path;
use std::time::{Duration, Instant};

use fake_stripe::FakeStripe;
use harness::client::Answer;
use harness::io_faults::{DIED, Plan};
use harness::load::SendLog;
use harness::oracle::judge;
use harness::process_guard::until;
use harness::stories::SampleEvent;
use sqlx::Connection;

use super::place::{Came, Place, Running};
use super::start::{REFUNDED, Start};

/// Without a fault nothing takes longer, next to other work on the same cores.
const PATIENCE: Duration = Duration::from_mins(1);
/// So long a process may be neither ready nor at its end because of a fault that lasts.
const IN_TROUBLE: Duration = Duration::from_secs(4);
/// So long rotten files may keep an event from its end.
const ROT_PATIENCE: Duration = Duration::from_secs(15);

/// How the process that met the fault went on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The fault killed it.
    Killed,
    /// It ended by itself, with these last words.
    Said(String),
    /// It went on, and stopped when it was told to.
    WentOn,
    /// As above, with these last words.
    StoppedSaying(String),
}

/// What came of a case.
pub(super) struct Outcome {
    /// The call that went wrong, as `write queue.db-wal`; `None` if the fault was never reached.
    pub(super) call: Option<String>,
    pub(super) ending: Option<Ending>,
    pub(super) problems: Vec<Problem>,
}

#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    pub(super) words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Answered 200 and not there.
    Lost,
    /// Counted or refunded twice.
    Doubled,
    /// Another state than the truth, or figures that do not add up.
    Wrong,
    Panicked,
    /// Neither working nor ended, though the fault was over; or not to be stopped.
    Stuck,
    /// It ended without a word, or a word that names no file and no remedy.
    Silent,
    /// It did not start again, though every file is sound.
    Refused,
}

/// What told of rotten bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// The process refused to start.
    AtStart,
    /// It ended when it met them.
    AtWork,
    /// This command.
    Asked(&'static str),
    /// Nothing, and nothing is wrong.
    Harmless,
}

struct Case<'a> {
    place: &'a Place,
    start: &'a Start,
    stripe: Option<&'a FakeStripe>,
    log: SendLog,
    problems: Vec<Problem>,
}

pub(super) async fn run(place: &Place, start: &Start, plan: Plan) -> anyhow::Result<Outcome> {
    place.begin_from(start.files())?;
    let stripe = start.stripe().await?;
    let mut case = Case { place, start, stripe: stripe.as_ref(), log: start.log(), problems: Vec::new() };
    let ending = case.with_fault(plan).await?;
    if case.problems.is_empty() {
        case.without_fault().await?;
    }
    let report = std::fs::read_to_string(place.report()).unwrap_or_default();
    Ok(Outcome { call: report.lines().next().map(str::to_owned), ending, problems: case.problems })
}

/// Lets the files rot where a case begins, and the product loose on them.
pub(super) async fn run_rotten(
    place: &Place,
    start: &Start,
    rot: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<(Told, Vec<Problem>)> {
    place.begin_from(start.files())?;
    rot(&place.data)?;
    let stripe = start.stripe().await?;
    let mut case = Case { place, start, stripe: stripe.as_ref(), log: start.log(), problems: Vec::new() };
    let told = case.with_rot().await?;
    Ok((told, case.problems))
}

impl Case<'_> {
    fn finds(&mut self, kind: Kind, words: impl Into<String>) {
        self.problems.push(Problem { kind, words: words.into() });
    }

    async fn with_fault(&mut self, plan: Plan) -> anyhow::Result<Option<Ending>> {
        self.place.fault_begins()?;
        let mut running = self.place.start("up", self.stripe, Some(plan))?;
        let mut came = running.comes(IN_TROUBLE).await;
        if came == Came::Neither {
            self.place.fault_ends();
            came = running.comes(PATIENCE).await;
        }
        match came {
            Came::Ready => self.works(&mut running).await?,
            Came::Ended => {}
            Came::Neither => self.finds(Kind::Stuck, format!("not ready: {}", last_lines(&running.said()))),
        }
        self.place.fault_ends();
        let by_itself = running.has_ended();
        if !by_itself && !running.ends(PATIENCE).await {
            self.finds(Kind::Stuck, format!("not to be stopped: {}", last_lines(&running.said())));
            running.kill();
            return Ok(None);
        }
        let said = running.said();
        if let Some(panic) = said.lines().find(|line| line.contains("panicked")) {
            self.finds(Kind::Panicked, panic);
        }
        Ok(Some(match running.exit_code() {
            Some(DIED) if plan.fault.kills() => Ending::Killed,
            Some(0) if !by_itself => Ending::WentOn,
            Some(0) => {
                self.finds(Kind::Silent, "it ended by itself as if all were well");
                return Ok(None);
            }
            _ => {
                let words = said.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
                let names_a_file =
                    ["queue", "ledger", "key", "secret"].iter().any(|name| words.contains(name));
                if !names_a_file {
                    self.finds(Kind::Silent, format!("{words:?}: {}", last_lines(&said)));
                }
                if by_itself {
                    Ending::Said(words.to_owned())
                } else {
                    Ending::StoppedSaying(words.to_owned())
                }
            }
        }))
    }

    /// Sends everything once; then the fault is over, and what was refused is sent until it is accepted.
    async fn works(&mut self, running: &mut Running) -> anyhow::Result<()> {
        let mut client = self.place.client();
        for event in &self.start.events {
            if self.log.send(&mut client, event).await == Answer::Nothing && running.has_ended() {
                return Ok(());
            }
        }
        self.place.fault_ends();
        let begun = Instant::now();
        loop {
            if running.has_ended() {
                return Ok(());
            }
            for event in self.unaccepted() {
                self.log.send(&mut client, &event).await;
            }
            if self.unaccepted().is_empty() && self.is_done().await {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let left = self.unaccepted().len();
                let said = last_lines(&running.said());
                self.finds(Kind::Stuck, format!("{left} refused, or not all handled: {said}"));
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn unaccepted(&self) -> Vec<SampleEvent> {
        let sent = self.log.entries();
        let is_accepted = |event: &SampleEvent| sent.get(&event.id).is_some_and(|sent| sent.accepted > 0);
        self.start.events.iter().filter(|event| !is_accepted(event)).cloned().collect()
    }

    /// The queue is empty, every event has its outcome, and the refund its end. Nobody's trouble is an answer.
    async fn is_done(&self) -> bool {
        const OPEN: &str = "SELECT count(*) FROM events WHERE outcome = 'waiting'";
        const SENDING: &str =
            "SELECT count(*) FROM operations WHERE state IN ('approved', 'executing', 'unknown')";
        let asked = async {
            let (queue, ledger) = (self.place.queue(), self.place.ledger());
            // The answer of Stripe comes through the queue as well: the refund is looked at first.
            anyhow::Ok(
                ledger.count(SENDING).await? == 0
                    && queue.waiting().await? == 0
                    && ledger.count(OPEN).await? == 0,
            )
        };
        asked.await.unwrap_or(false)
    }

    async fn without_fault(&mut self) -> anyhow::Result<()> {
        let mut running = self.place.start("up", self.stripe, None)?;
        if running.comes(PATIENCE).await != Came::Ready {
            self.finds(Kind::Refused, last_lines(&running.said()));
            return Ok(());
        }
        // As if their time were over: whoever had them is dead.
        self.change("UPDATE leases SET until_at = '2020-01-01T00:00:00+00:00'").await?;
        let mut client = self.place.client();
        for event in self.unaccepted() {
            let answer = self.log.send(&mut client, &event).await;
            if answer != Answer::Status(200) {
                self.finds(Kind::Stuck, format!("{answer:?} without a fault"));
            }
        }
        let done = until("all to be handled", PATIENCE, async || Ok(self.is_done().await)).await;
        if done.is_err() {
            let (left, events) =
                (self.place.queue().waiting().await?, self.place.ledger().events().await?.len());
            let said = last_lines(&running.said());
            self.finds(Kind::Stuck, format!("{left} left in the queue, {events} in the ledger: {said}"));
        }
        if !running.ends(PATIENCE).await || running.exit_code() != Some(0) {
            self.finds(Kind::Stuck, format!("no clean end without a fault: {}", last_lines(&running.said())));
        }
        if let Some(panic) = running.said().lines().find(|line| line.contains("panicked")) {
            self.finds(Kind::Panicked, panic);
        }
        self.judge().await
    }

    async fn judge(&mut self) -> anyhow::Result<()> {
        for (kind, words) in self.differences().await? {
            self.finds(kind, words);
        }
        for arguments in [&["audit", "verify"][..], &["rebuild"]] {
            if let Some(words) = self.complaint(arguments).await? {
                self.finds(Kind::Wrong, format!("{arguments:?}: {words}"));
            }
        }
        Ok(())
    }

    /// What the ledger shows, and Stripe has, beside the truth.
    async fn differences(&self) -> anyhow::Result<Vec<(Kind, String)>> {
        const SUCCEEDED: &str = "SELECT count(*) FROM operations WHERE state = 'succeeded'";
        const CAME_IN: &str =
            "SELECT coalesce(sum(amount), 0) FROM refunds WHERE payment = (SELECT payment FROM operations)";
        let ledger = self.place.ledger();
        let verdict = judge(&ledger, &self.log, &self.start.truth).await?;
        let of = |kind: Kind, words: Vec<String>| words.into_iter().map(move |words| (kind, words));
        let mut found: Vec<(Kind, String)> = of(Kind::Lost, verdict.lost)
            .chain(of(Kind::Doubled, verdict.double))
            .chain(of(Kind::Doubled, verdict.overcounted))
            .chain(of(Kind::Wrong, verdict.waiting))
            .chain(of(Kind::Wrong, verdict.wrong))
            .collect();
        let (Some(money), Some(stripe)) = (&self.start.money, self.stripe) else { return Ok(found) };
        let made = stripe.all("", "refund");
        let refunds = made.iter().filter_map(|refund| refund["id"].as_str());
        // They are no part of the history: the refund changed them.
        let theirs: Vec<&str> = refunds.chain([money.payment.as_str(), &money.charge]).collect();
        found.retain(|(_, words)| !theirs.iter().any(|id| words.contains(id)));
        let refunds = made.len();
        if refunds != 1 {
            let kind = if refunds > 1 { Kind::Doubled } else { Kind::Lost };
            found.push((kind, format!("{refunds} refunds at Stripe")));
        }
        let (succeeded, came_in) = (ledger.count(SUCCEEDED).await?, ledger.count(CAME_IN).await?);
        if (succeeded, came_in) != (1, REFUNDED) {
            found.push((Kind::Wrong, format!("{succeeded} operations succeeded, {came_in} came in")));
        }
        Ok(found)
    }

    /// What a command says that does not end well.
    async fn complaint(&self, arguments: &[&str]) -> anyhow::Result<Option<String>> {
        let told = self.place.tool(arguments).await?;
        let words = String::from_utf8_lossy(&[&told.stdout[..], &told.stderr].concat()).into_owned();
        Ok((!told.status.success()).then_some(words))
    }

    /// Starts the product on rotten files, lets it work where it does, and asks it.
    async fn with_rot(&mut self) -> anyhow::Result<Told> {
        let mut running = self.place.start("up", self.stripe, None)?;
        let came = running.comes(PATIENCE).await;
        if came == Came::Ready {
            self.change("UPDATE leases SET until_at = '2020-01-01T00:00:00+00:00'").await.ok();
            let (mut client, begun) = (self.place.client(), Instant::now());
            while !running.has_ended() && begun.elapsed() < ROT_PATIENCE {
                for event in self.unaccepted() {
                    self.log.send(&mut client, &event).await;
                }
                if self.unaccepted().is_empty() && self.is_done().await {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        let by_itself = running.has_ended();
        if !by_itself && !running.ends(PATIENCE).await {
            self.finds(Kind::Stuck, format!("not to be stopped: {}", last_lines(&running.said())));
            running.kill();
        }
        let said = running.said();
        if let Some(panic) = said.lines().find(|line| line.contains("panicked")) {
            self.finds(Kind::Panicked, panic);
        }
        if by_itself {
            let words = said.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
            if !["damaged", "is empty", "cannot be"].iter().any(|word| words.contains(word)) {
                self.finds(Kind::Silent, format!("{words:?}: {}", last_lines(&said)));
            }
            return Ok(if came == Came::Ready { Told::AtWork } else { Told::AtStart });
        }
        self.asked().await
    }

    async fn asked(&mut self) -> anyhow::Result<Told> {
        const SUSPECTS: &str = "SELECT count(*) FROM events WHERE outcome = 'dead'";
        let differences = match self.differences().await {
            Ok(differences) => differences,
            Err(error) => vec![(Kind::Wrong, format!("{error:#}"))],
        };
        let doctor = self.place.tool(&["doctor"]).await?;
        if String::from_utf8_lossy(&doctor.stdout).contains("damaged") {
            return Ok(Told::Asked("doctor"));
        }
        for (name, arguments) in [("audit verify", &["audit", "verify"][..]), ("rebuild", &["rebuild"][..])] {
            if self.complaint(arguments).await?.is_some() {
                return Ok(Told::Asked(name));
            }
        }
        if self.place.ledger().count(SUSPECTS).await? > 0 {
            return Ok(Told::Asked("dead-letters"));
        }
        for (kind, words) in differences {
            self.finds(kind, words);
        }
        Ok(Told::Harmless)
    }

    /// Behind the product's back.
    async fn change(&self, statement: &'static str) -> anyhow::Result<()> {
        let mut connection = sqlx::SqliteConnection::connect(&self.place.ledger_url()).await?;
        sqlx::query(statement).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }
}

fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n      ")
}
