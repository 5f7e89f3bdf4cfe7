//! Bytes that change while nobody looks: in each of the files, after a stop and after a kill. The product says so, at its
//! start, at work, or when it is asked; or what it shows is right all the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use futures_util::future::join_all;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use super::case::{self, Kind, Told};
use super::place::Place;
use super::start::Start;
use super::{LANES, seed};

const ROTS: Variable = Variable {
    name: "IO_FAULTS_ROTS",
    default: "6",
    example: "400",
    help: "How many files rot, each in one place.",
};
const PAGE: usize = 4096;
const SECTOR: usize = 512;

/// What happens to the bytes of a file, somewhere in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rot {
    /// A bit flips.
    Bit,
    /// Half a page is zero.
    Torn,
    /// A sector has the bytes of another one.
    Misplaced,
    /// The end is missing.
    CutOff,
}

const ALL: [Rot; 4] = [Rot::Bit, Rot::Torn, Rot::Misplaced, Rot::CutOff];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_rots_is_said_or_does_no_harm() {
    let env = Env::of_process();
    let rots = env.number::<usize>(&ROTS, 1..=1_000_000).unwrap();
    let lanes = env.number::<usize>(&LANES, 1..=64).unwrap();
    let seed = seed(&env);
    let starts = Start::all(seed).await.unwrap();
    let mut places: Vec<(usize, &str, Rot)> = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let Some(files) = start.files() else { continue };
        for name in ["queue.db", "queue.db-wal", "ledger.db", "ledger.db-wal"] {
            if files.join(name).metadata().is_ok_and(|file| file.len() > 0) {
                places.extend(ALL.map(|rot| (number, name, rot)));
            }
        }
    }
    let mut random = Random::of_seed(seed);
    random.shuffle(&mut places);
    let cases: Vec<_> = places.iter().cycle().take(rots).map(|place| (*place, random.number())).collect();
    let (begun, next, table) = (Instant::now(), Mutex::new(cases.into_iter()), Mutex::new(Table::default()));
    join_all((0..lanes).map(async |_| {
        let place = Place::new().unwrap();
        loop {
            let turn = next.lock().unwrap().next();
            let Some(((start, name, rot), seed)) = turn else { return };
            let mut is_like_a_crash = false;
            let ended = case::run_rotten(&place, &starts[start], |data| {
                is_like_a_crash = rot.befall(&data.join(name), seed)?;
                Ok(())
            });
            let (told, mut problems) = ended.await.unwrap();
            // Of what a log has behind the damage nobody can tell that it was ever whole. Rows then lack what was lost.
            let is_lost = is_like_a_crash && problems.iter().any(|problem| problem.kind == Kind::Lost);
            problems.retain(|problem| !(is_lost && matches!(problem.kind, Kind::Lost | Kind::Wrong)));
            let excused = usize::from(is_lost);
            for problem in &problems {
                let (start, words) = (starts[start].name, &problem.words);
                println!("{start}, {name}, {rot:?} {seed}: {:?}: {words}", problem.kind);
            }
            table.lock().unwrap().add(name, rot, told, (problems.len(), excused));
        }
    }))
    .await;
    let table = table.into_inner().unwrap();
    println!("{}in {} s", table.text(), begun.elapsed().as_secs());
    assert!(table.rows.values().all(|row| row.problems == 0), "seed {seed}\n{}", table.text());
}

impl Rot {
    fn words(self) -> &'static str {
        match self {
            Self::Bit => "a bit flips",
            Self::Torn => "half a page is zero",
            Self::Misplaced => "a sector is another one's",
            Self::CutOff => "the end is missing",
        }
    }

    /// Whether a log looks as a crash may leave it.
    fn befall(self, path: &Path, seed: u64) -> anyhow::Result<bool> {
        let mut random = Random::of_seed(seed);
        let mut file = fs::read(path)?;
        let sound = file.clone();
        let mut below = |end: usize| usize::try_from(random.within(0..end as u64)).expect("a small number");
        match self {
            Self::Bit => {
                let at = below(file.len());
                file[at] ^= 1 << below(8);
            }
            Self::Torn => {
                let page = below(file.len() / PAGE) * PAGE;
                file[page + PAGE / 2..page + PAGE].fill(0);
            }
            Self::Misplaced => {
                let (from, to) = (below(file.len() / SECTOR) * SECTOR, below(file.len() / SECTOR) * SECTOR);
                file.copy_within(from..from + SECTOR, to);
            }
            Self::CutOff => file.truncate(below(file.len())),
        }
        fs::write(path, &file)?;
        let first = sound.iter().zip(&file).position(|(was, is)| was != is);
        let is_at_the_end = first.is_none_or(|first| first >= last_transaction(&sound));
        Ok(path.to_string_lossy().ends_with("-wal") && (file.len() < sound.len() || is_at_the_end))
    }
}

/// Where the last transaction of a log begins, by SQLite's page about its format.
fn last_transaction(log: &[u8]) -> usize {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    let Some(salts) = log.get(16..24) else { return 0 };
    let frame = 24 + usize::try_from(number(8)).expect("a page fits into memory");
    let (mut begins, mut last) = (32, 32);
    for at in (32..).step_by(frame).take_while(|at| log.get(at + 8..at + 16) == Some(salts)) {
        if number(at + 4) > 0 {
            (last, begins) = (begins, at + frame);
        }
    }
    last
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<(&'static str, Rot), Row>,
}

#[derive(Default)]
struct Row {
    cases: usize,
    told: BTreeMap<Told, usize>,
    excused: usize,
    problems: usize,
}

impl Table {
    fn add(&mut self, name: &'static str, rot: Rot, told: Told, (problems, excused): (usize, usize)) {
        let row = self.rows.entry((name, rot)).or_default();
        row.cases += 1;
        row.problems += problems;
        row.excused += excused;
        *row.told.entry(told).or_default() += 1;
    }

    fn text(&self) -> String {
        let line = |name: &str, figures: [usize; 7]| {
            format!("| {name} | {} |\n", figures.map(|figure| figure.to_string()).join(" | "))
        };
        let head = "| rotten files | cases | said at the start | at work | when asked | harmless | taken for a crash's end | unsaid |";
        let mut text = format!("{head}\n|---|{}\n", "---:|".repeat(7));
        let mut all = [0; 7];
        for ((name, rot), row) in &self.rows {
            let of = |told: Told| row.told.get(&told).copied().unwrap_or_default();
            let asked = row.told.iter().filter(|(told, _)| matches!(told, Told::Asked(_)));
            let asked = asked.map(|(_, count)| count).sum();
            let harmless = of(Told::Harmless) - row.excused.min(of(Told::Harmless));
            let figures =
                [row.cases, of(Told::AtStart), of(Told::AtWork), asked, harmless, row.excused, row.problems];
            all.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
            text += &line(&format!("{name}: {}", rot.words()), figures);
        }
        text + &line("**all**", all)
    }
}
