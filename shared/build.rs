//! Lists the migrations of the queue, so that a new one is a file and nothing else.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "../migrations/queue";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let entries = fs::read_dir(&folder).expect("the migrations are beside the crate");
    let names = entries.map(|entry| entry.expect("its entries can be read").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("names are ASCII")).collect();
    names.sort();
    let mut list = "&[".to_owned();
    for file in &names {
        let name = file.strip_suffix(".sql").expect("only .sql files are there");
        let path = folder.join(file).into_os_string().into_string().expect("a path is text");
        writeln!(list, "({name:?}, include_str!({path:?})),").expect("a String takes every write");
    }
    list.push(']');
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets it")).join("migrations.rs");
    fs::write(out, list).expect("OUT_DIR can be written");
}
