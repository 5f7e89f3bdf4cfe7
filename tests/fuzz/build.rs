//! Lets the linker drop what no target reaches, with its counters: libFuzzer looks at all that are left after each input.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,-z,start-stop-gc,--gc-sections");
}
