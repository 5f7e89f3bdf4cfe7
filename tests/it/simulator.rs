//! The whole product under one scheduler that a seed decides: gateway, broker, workers, executor, chores, Stripe and
//! clocks, with deaths at every statement and call. A seed that fails prints itself, and repeats line by line.

mod broker;
mod courier;
mod laws;
mod process;
mod rest;
mod steps;
mod world;

use std::collections::BTreeMap;
use std::time::Instant;

use shared::env::{Env, Variable};
use shared::simulated;
use stripe_sim::Random;

use self::world::World;

const SEED: Variable =
    Variable { name: "SIMULATOR_SEED", default: "", example: "42", help: "The first seed; any, if unset." };
const SEEDS: Variable = Variable {
    name: "SIMULATOR_SEEDS",
    default: "2",
    example: "1000",
    help: "How many worlds, one after the other.",
};
const STEPS: Variable = Variable {
    name: "SIMULATOR_STEPS",
    default: "300",
    example: "1000",
    help: "How many steps a world takes before it comes to rest.",
};

const TRACE: Variable = Variable {
    name: "SIMULATOR_TRACE",
    default: "",
    example: "1",
    help: "If set, each step is printed when it happens.",
};

/// So many steps, until queue and ledger are looked through again.
const LOOK_EVERY: usize = 20;

/// What a world came to: its lines, and how often each thing happened.
struct Story {
    trace: Vec<String>,
    counts: BTreeMap<&'static str, u64>,
}

fn play(seed: u64, steps: usize, is_loud: bool) -> Result<Story, String> {
    let mut world = World::of_seed(seed);
    world.is_loud = is_loud;
    let points = simulated::points_reached();
    for step in 0..steps {
        world.step();
        let mut broken = laws::safety(&world);
        if step.is_multiple_of(LOOK_EVERY) {
            broken.extend(laws::nothing_is_nowhere(&world));
        }
        if !broken.is_empty() {
            return Err(world.fails_with(&broken.join("\n")));
        }
    }
    if !world.comes_to_rest() {
        return Err(world.fails_with("the world does not come to rest"));
    }
    let broken = laws::at_rest(&world);
    if !broken.is_empty() {
        return Err(world.fails_with(&broken.join("\n")));
    }
    world.counts.insert("points of death", simulated::points_reached() - points);
    let story = Story { trace: std::mem::take(&mut world.trace), counts: std::mem::take(&mut world.counts) };
    world.ends();
    Ok(story)
}

#[test]
fn every_world_keeps_the_laws_and_comes_to_rest() {
    let env = Env::of_process();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    let (seeds, steps) = (
        env.number::<u64>(&SEEDS, 1..=1_000_000).unwrap(),
        env.number::<usize>(&STEPS, 1..=1_000_000).unwrap(),
    );
    let begun = Instant::now();
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in (0..seeds).map(|further| seed.wrapping_add(further)) {
        match play(seed, steps, env.given(TRACE.name).is_some()) {
            Ok(story) => {
                for (what, count) in story.counts {
                    *counts.entry(what).or_default() += count;
                }
            }
            Err(words) => failed
                .push(format!("SIMULATOR_SEED={seed} SIMULATOR_SEEDS=1 SIMULATOR_STEPS={steps}\n{words}")),
        }
    }
    println!("{seeds} worlds of {steps} steps from seed {seed}, {:.0?}: {counts:?}", begun.elapsed());
    assert!(failed.is_empty(), "{} of {seeds}\n{}", failed.len(), failed.join("\n\n"));
}

#[test]
fn a_seed_repeats_line_by_line() {
    let (one, other) = (play(11, 120, false).unwrap(), play(11, 120, false).unwrap());
    for (one, other) in one.trace.iter().zip(&other.trace) {
        assert_eq!(one, other);
    }
    assert_eq!(one.trace.len(), other.trace.len());
}
