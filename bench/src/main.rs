//! Measures Tidegate beside the physical limit, in the same run, because absolute figures drift on shared machines.
//! Every comparison runs its contestants in turn, A B A B, and speaks of medians.

mod measure;

fn main() {}
