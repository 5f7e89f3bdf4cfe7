//! `docs/performance.md`: prose from the template, figures from this run and from nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use harness::binaries::workspace;

use super::{Section, markdown};

const TEMPLATE: &str = include_str!("../../performance.md");

/// What the figures depend on besides the code.
#[derive(Debug, serde::Serialize)]
pub struct Machine {
    pub date: String,
    pub commit: String,
    pub processor: String,
    pub cores: usize,
    pub memory_gigabytes: f64,
    pub kernel: String,
    pub rabbitmq: String,
    pub postgres: String,
}

impl Machine {
    /// Versions that only a running server tells are handed in.
    pub fn here(rabbitmq: String, postgres: String) -> Self {
        let first = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
            line.trim_start_matches([' ', '\t', ':']).trim().to_owned()
        };
        let kilobytes: f64 =
            first("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
        Self {
            date: shared::clock::now().format("%Y-%m-%d").to_string(),
            commit: commit(),
            processor: first("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gigabytes: (kilobytes / 1e6).round(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            rabbitmq,
            postgres,
        }
    }

    fn shown(&self) -> String {
        format!(
            "Measured on {} at commit `{}`: {} cores ({}), {} GB of memory, Linux {}, RabbitMQ {}, Postgres {}, \
             SQLite in the process; load generator, servers and product share the machine.",
            self.date,
            self.commit,
            self.cores,
            self.processor,
            self.memory_gigabytes,
            self.kernel,
            self.rabbitmq,
            self.postgres
        )
    }
}

/// Writes the document and its plots, if every section of the template was measured.
pub fn write(machine: &Machine, sections: &[Section]) -> anyhow::Result<()> {
    let folder = workspace().join("docs");
    fs::write(folder.join("performance.md"), filled(TEMPLATE, &machine.shown(), sections)?)?;
    for plot in sections.iter().flat_map(|section| &section.plots) {
        fs::write(folder.join(plot.file_name()), plot.svg())?;
    }
    Ok(())
}

fn filled(template: &str, machine: &str, sections: &[Section]) -> anyhow::Result<String> {
    let mut page =
        template.replace("{{machine}}", machine).replace("{{reached}}", &markdown::reached(sections));
    for section in sections {
        let place = format!("{{{{{}}}}}", section.name);
        ensure!(page.contains(&place), "the template of docs/performance.md has no place {place}");
        page = page.replace(&place, &markdown::section(section));
    }
    if let Some((_, rest)) = page.split_once("{{") {
        let name = rest.split_once("}}").map_or("", |(name, _)| name);
        ensure!(!name.is_empty(), "the template of docs/performance.md has a place without a name");
        anyhow::bail!("nothing was measured for {{{{{name}}}}} of docs/performance.md");
    }
    Ok(page)
}

/// With a mark where files differ from it.
fn commit() -> String {
    let described = git(&["describe", "--always", "--dirty", "--abbrev=12"], workspace());
    described.unwrap_or_else(|_| "unknown".to_owned())
}

fn git(arguments: &[&str], folder: &Path) -> anyhow::Result<String> {
    let output = Command::new("git").args(arguments).current_dir(folder).output().context("git")?;
    ensure!(output.status.success(), "git {arguments:?} failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_and_none_is_missing() {
        let sections = || [Section::new("gateway", "The gateway")];
        let page = filled("# P\n{{machine}}\n{{reached}}\n{{gateway}}\n", "M", &sections()).unwrap();
        assert!(page.contains("\nM\n") && page.contains("## The gateway"));
        assert!(filled("{{gateway}} {{worker}}", "M", &sections()).is_err());
        assert!(filled("nothing", "M", &sections()).is_err());
    }
}
