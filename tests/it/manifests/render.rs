//! What Kustomize makes of a folder, as JSON, and what the schemas say of it. The tools are those that
//! `scripts/peers` finds or installs; one that is missing is a failure.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use harness::binaries::workspace;
use serde_json::Value;

const OVERLAYS: [&str; 2] = ["dev", "production"];

/// The objects of an overlay.
pub(super) fn overlay(name: &str) -> &'static [Value] {
    let wanted = format!("overlay {name}");
    every().iter().find(|(origin, _)| *origin == wanted).map(|(_, objects)| objects.as_slice()).unwrap()
}

/// Every overlay, and the base with each component alone, each by its name.
pub(super) fn every() -> &'static [(String, Vec<Value>)] {
    static EVERY: OnceLock<Vec<(String, Vec<Value>)>> = OnceLock::new();
    EVERY.get_or_init(|| {
        let overlays = OVERLAYS.map(|name| {
            let folder = workspace().join("k8s/overlays").join(name);
            (format!("overlay {name}"), kustomize(&folder))
        });
        let components = folders(&workspace().join("k8s/components")).into_iter().map(|name| {
            let objects = with_component(&name);
            (format!("component {name}"), objects)
        });
        overlays.into_iter().chain(components).collect()
    })
}

pub(super) fn kind(object: &Value) -> &str {
    object["kind"].as_str().expect("an object has a kind")
}

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().expect("an object has a name")
}

/// The one object of that kind and name.
pub(super) fn one<'a>(objects: &'a [Value], wanted: &str, called: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| kind(object) == wanted && name(object) == called);
    let object = found.next().unwrap_or_else(|| panic!("there is no {wanted} {called}"));
    assert!(found.next().is_none(), "there are several {wanted} {called}");
    object
}

/// The template of every pod that we run, by the name of what runs it.
pub(super) fn pods(objects: &[Value]) -> Vec<(&str, &Value)> {
    let templated = |object: &&Value| ["Deployment", "StatefulSet", "Job"].contains(&kind(object));
    objects.iter().filter(templated).map(|object| (name(object), &object["spec"]["template"])).collect()
}

/// Every container of a pod, those that run before the others included.
pub(super) fn containers(template: &Value) -> Vec<&Value> {
    let of = |key: &str| template["spec"][key].as_array().into_iter().flatten();
    of("initContainers").chain(of("containers")).collect()
}

/// A file of the tree.
pub(crate) fn file(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML text.
pub(crate) fn documents(yaml: &str) -> Vec<Value> {
    let script = workspace().join("tests/peers/json_of_yaml.py");
    let mut python = Command::new(peer("python/bin/python"));
    let json = run(python.arg(script), yaml).unwrap_or_else(|why| panic!("YAML cannot be read: {why}"));
    serde_json::from_str(&json).expect("the script prints an array")
}

/// How many objects were checked by Kubernetes' schemas of that version, and what they have against them.
pub(super) fn validate(objects: &[&Value], version: &str) -> (usize, Result<(), String>) {
    let folder = Scratch::new("validate");
    let path = folder.0.join("objects.yaml");
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    std::fs::write(&path, documents.join("\n---\n")).expect("a scratch file can be written");
    let mut checker = Command::new(peer("python/bin/kubernetes-validate"));
    let told = run(checker.args(["--strict", "--kubernetes-version", version]).arg(&path), "");
    let count = told.as_ref().map_or(0, |lines| lines.matches("passed for resource").count());
    (count, told.map(drop))
}

fn with_component(component: &str) -> Vec<Value> {
    let folder = Scratch::new(component);
    let kustomization = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../../k8s/base]\n\
         components: [../../../k8s/components/{component}]\n"
    );
    std::fs::write(folder.0.join("kustomization.yaml"), kustomization)
        .expect("a scratch file can be written");
    kustomize(&folder.0)
}

fn kustomize(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(kubectl());
    let rendered = run(command.arg("kustomize").arg(folder), "");
    documents(&rendered.unwrap_or_else(|why| panic!("{} does not render: {why}", folder.display())))
}

/// The kubectl that is there, if it brings Kustomize 5 or later; else the one that `scripts/peers` installed.
fn kubectl() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let candidates = [PathBuf::from("kubectl"), workspace().join("target/peers/bin/kubectl")];
        let found = candidates.into_iter().find(|candidate| kustomize_major(candidate) >= Some(5));
        found.expect("no kubectl with Kustomize 5 or later is here: run scripts/peers")
    })
}

fn kustomize_major(kubectl: &Path) -> Option<u32> {
    let told = run(Command::new(kubectl).args(["version", "--client"]), "").ok()?;
    let version = told.lines().find_map(|line| line.strip_prefix("Kustomize Version: v"))?;
    version.split('.').next()?.parse().ok()
}

/// A tool that `scripts/peers` installed.
pub(crate) fn peer(path: &str) -> PathBuf {
    let path = workspace().join("target/peers").join(path);
    assert!(path.is_file(), "{} is missing: run scripts/peers", path.display());
    path
}

fn folders(of: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(of).expect("the folder can be read").flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()))
        .map(|entry| entry.file_name().into_string().expect("plain names"))
        .collect();
    names.sort();
    names
}

/// What it printed; or, when it failed, all that it said.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = pipes.spawn().map_err(|error| error.to_string())?;
    let (mut stdin, input) = (process.stdin.take().expect("its input is a pipe"), input.to_owned());
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = process.wait_with_output().map_err(|error| error.to_string())?;
    writing.join().expect("the writer ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stdout) + &text(&output.stderr))
    }
}

/// A folder inside `target`, as Kustomize follows no absolute path. It goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new(purpose: &str) -> Self {
        let unique = format!("{purpose}-{}", shared::trace::random_hex::<4>());
        let folder = workspace().join("target/manifests").join(unique);
        std::fs::create_dir_all(&folder).expect("a folder in target can be made");
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
