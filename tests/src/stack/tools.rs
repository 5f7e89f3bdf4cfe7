//! The commands of `tidegate`, run against a stack as its operators would.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::ensure;

use super::Stack;
use crate::binaries::binary;
use crate::client::get;
use crate::process::Process;
use crate::process_guard::until;

/// A backup with all of its checks takes half of it beside other work.
const TOOL_PATIENCE: Duration = Duration::from_mins(2);

impl Stack {
    /// From its next start on a process has this value.
    pub fn set(&mut self, name: &str, variable: &str, value: &str) {
        self.process(name).set(variable, value);
    }

    /// Stops a process where it stands, or lets it go on.
    pub fn freeze(&mut self, name: &str, is_frozen: bool) {
        self.process(name).freeze(is_frozen);
    }

    /// The number of a process, while it runs.
    pub fn process_id(&mut self, name: &str) -> Option<u32> {
        self.process(name).id()
    }

    /// Whether every listener of a process says that it can take work.
    pub async fn is_ready(&mut self, name: &str) -> bool {
        for listener in self.process(name).internal_addresses() {
            if !get(listener, "/readyz").await.is_ok_and(|(status, _)| status == 200) {
                return false;
            }
        }
        true
    }

    /// Runs one of the commands of `tidegate` against this stack and returns what it printed.
    pub async fn tidegate(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut tool = self.begin_tool(arguments)?;
        until("a command of tidegate", TOOL_PATIENCE, async || Ok(tool.has_ended())).await?;
        ensure!(tool.succeeded(), "tidegate {arguments:?} failed: {}", tool.log());
        Ok(tool.output())
    }

    /// The same, with its exit code, and with the listeners of its gateway and its
    /// first worker. Of two values for one variable the later counts.
    pub fn run(&self, arguments: &[&str], settings: &[(&str, &str)]) -> std::process::Output {
        let mut command = self.command(arguments);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let variables = ["GATEWAY_INTERNAL_ADDR", "WORKER_INTERNAL_ADDR"];
        for (variable, listener) in variables.iter().zip(self.listeners()) {
            command.env(variable, listener.to_string());
        }
        command.envs(settings.iter().copied()).output().expect("tidegate can be started")
    }

    /// The same, with something on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> std::process::Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        let mut tool = command.spawn().expect("tidegate can be started");
        let mut pipe = tool.stdin.take().expect("its input is a pipe");
        pipe.write_all(input.as_bytes()).expect("tidegate reads its input");
        drop(pipe);
        tool.wait_with_output().expect("tidegate ends")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).current_dir(self.guard.folder()).stdin(Stdio::null()).env_clear();
        command
    }

    /// Begins one of the commands of `tidegate` and does not wait for it.
    pub fn begin_tool(&self, arguments: &[&str]) -> anyhow::Result<Process> {
        self.begin_tool_with(arguments, &[])
    }

    /// The same, with further environment variables.
    pub fn begin_tool_with(
        &self,
        arguments: &[&str],
        settings: &[(&str, String)],
    ) -> anyhow::Result<Process> {
        let further = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let all = self.settings.iter().cloned().chain(further).collect();
        let mut tool = Process::tool(arguments, self.guard.folder(), all);
        tool.spawn(&self.guard)?;
        Ok(tool)
    }
}
