//! Deliberate faults, each of which a test must notice: `tests/sabotage` lists them, room by room. Here it is held that each
//! still fits the sources and names tests that exist. `scripts/sabotage` puts all of them into a copy of the tree as
//! switches, builds it once, and runs the tests of each fault while it is on.

mod faults;
mod run;
mod tree;

use std::collections::BTreeSet;
use std::process::Command;

use harness::binaries::workspace;
use shared::env::{Env, Variable};

use self::faults::{Fault, Kind, Test};

const NAMES: Variable = Variable {
    name: "SABOTAGE_NAMES",
    default: "",
    example: "ack_before_commit,mac_of_32_digits",
    help: "Which faults to run, between commas; all of a room by its name.",
};
const TENTH: Variable = Variable {
    name: "SABOTAGE_TENTH",
    default: "",
    example: "3",
    help: "Which tenth of the faults to run, 0 to 9; a greater number counts on from there, such as the day of the year.",
};
/// Fewer would be a matrix with holes.
const FEWEST: usize = 60;
const FEWEST_OF_RULES: usize = 60;

#[test]
fn every_fault_fits_the_sources_in_one_place() {
    let faults = faults::all();
    assert!(faults.len() >= FEWEST, "{} faults; {FEWEST} are promised", faults.len());
    let mut names = BTreeSet::new();
    let mut wrong = Vec::new();
    for fault in &faults {
        if !names.insert(&fault.name) {
            wrong.push(format!("{}: two faults have this name", fault.name));
        }
        if fault.harm.is_empty() || fault.tests.is_empty() {
            wrong.push(format!("{}: says who is hurt, and which test catches it", fault.name));
        }
    }
    for fault in faults.iter().filter(|fault| fault.part.as_ref().is_some_and(|part| part.ends_with(';'))) {
        wrong
            .push(format!("{}: what is marked is an expression, and statements are whole lines", fault.name));
    }
    wrong.extend(tree::places(&faults, workspace()).err().unwrap_or_default());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fault_names_tests_that_exist() {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format=terse"]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let whole: BTreeSet<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    let exists = |test: &Test| match &test.kind {
        Kind::Lib(package) => tree::has_test(workspace(), package, &test.name),
        Kind::It | Kind::Servers => whole.contains(test.name.as_str()),
    };
    let tests = faults::all()
        .into_iter()
        .flat_map(|fault| fault.tests.into_iter().map(move |t| (fault.name.clone(), t)));
    let missing: Vec<_> = tests.filter(|(_, test)| !exists(test)).collect();
    assert!(missing.is_empty(), "there are no such tests: {missing:#?}");
}

#[test]
fn the_page_says_how_many_there_are() {
    let page = std::fs::read_to_string(workspace().join("docs/trust.md")).unwrap();
    let count = faults::all().len();
    assert!(page.contains(&format!("lists {count} deliberate faults")), "docs/trust.md: there are {count}");
}

#[test]
#[ignore = "builds the tree once more and runs for many minutes: scripts/sabotage"]
fn every_fault_is_caught() {
    let env = Env::of_process();
    let chosen = chosen(&env, faults::all());
    assert!(!chosen.is_empty(), "no fault has such a name");
    let survivors = run::all(run::WHOLE, &faults::all(), &chosen);
    assert!(survivors.is_empty(), "no test noticed: {}", survivors.join(", "));
}

/// A third of all faults, in every run of CI: rules are built in seconds.
#[test]
fn every_fault_of_the_rules_is_caught_by_their_own_tests() {
    let is_own = |test: &Test| matches!(&test.kind, Kind::Lib(package) if package == "domain");
    let mut faults: Vec<Fault> = faults::all();
    faults.retain(|fault| fault.source.starts_with("domain/"));
    for fault in &mut faults {
        fault.tests.retain(is_own);
    }
    faults.retain(|fault| !fault.tests.is_empty());
    assert!(faults.len() >= FEWEST_OF_RULES, "{} faults of rules", faults.len());
    let survivors = run::all(run::RULES, &faults, &faults);
    assert!(survivors.is_empty(), "no test noticed: {}", survivors.join(", "));
}

fn chosen(env: &Env, faults: Vec<Fault>) -> Vec<Fault> {
    let names = env.given(NAMES.name).map(|names| names.split(',').map(str::trim).collect::<Vec<_>>());
    let tenth = env.given(TENTH.name).map(|text| text.parse::<usize>().expect("a number") % 10);
    let wanted = |(place, fault): &(usize, Fault)| {
        names
            .as_ref()
            .is_none_or(|names| names.contains(&fault.name.as_str()) || names.contains(&fault.room.as_str()))
            && tenth.is_none_or(|tenth| place % 10 == tenth)
    };
    faults.into_iter().enumerate().filter(wanted).map(|(_, fault)| fault).collect()
}

#[test]
fn ten_tenths_are_the_whole() {
    let of = |day: &str| chosen(&Env::of(&[(TENTH.name, day)]), faults::all());
    let names: BTreeSet<String> =
        (0..10).flat_map(|tenth| of(&tenth.to_string())).map(|fault| fault.name).collect();
    assert_eq!(names.len(), faults::all().len());
    assert_eq!(of("333").first().map(|fault| &fault.name), of("3").first().map(|fault| &fault.name));
}
