//! Measures Tidegate beside the physical limit, in the same run, because absolute figures drift on shared machines.

fn main() {}
