//! One program for all targets: `FUZZ_TARGET` names the one to search, and `FUZZ_SEEDS` a folder for what the search
//! begins with. The targets themselves are in the harness, where the tests run what was found.

#![no_main]

use std::sync::OnceLock;

use harness::fuzzing::{self, Target};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

static CHOSEN: OnceLock<&Target> = OnceLock::new();

fuzz_target!(
    init: {
        CHOSEN.get_or_init(fuzzing::chosen);
    },
    |data: &[u8]| (chosen().run)(data)
);

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if chosen().is_json
        && !seed.is_multiple_of(4)
        && let Some(mutated) = fuzzing::mutated(&data[..size], seed)
        && mutated.len() <= max_size
    {
        data[..mutated.len()].copy_from_slice(&mutated);
        return mutated.len();
    }
    fuzzer_mutate(data, size, max_size)
});

fn chosen() -> &'static Target {
    CHOSEN.get_or_init(fuzzing::chosen)
}
