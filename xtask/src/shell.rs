//! Running other programs: from the root, without stdin, with errors that name the command.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{linux, repository};

/// A program with its arguments, to be run in the repository's root.
pub(crate) struct Tool {
    command: Command,
}

impl Tool {
    /// A program by name (found in `PATH`) or path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(repository::root()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(describes_this_crate) {
                command.env_remove(name);
            }
        }
        Self { command }
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs in another folder than the root.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The command as it could be typed.
    pub(crate) fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it with the terminal's stdout and stderr.
    ///
    /// # Errors
    /// When it cannot be started or does not exit with 0.
    pub(crate) fn run(self) -> Result<()> {
        self.run_expecting(&[0])
    }

    /// Runs it with the terminal's stdout and stderr, and takes any of these exit codes for well.
    ///
    /// # Errors
    /// When it cannot be started or ends otherwise.
    pub(crate) fn run_expecting(mut self, codes: &[i32]) -> Result<()> {
        let line = self.line();
        let status =
            self.command.status().with_context(|| format!("`{line}` could not be started"))?;
        if !status.code().is_some_and(|code| codes.contains(&code)) {
            bail!("`{line}` failed: {status}");
        }
        Ok(())
    }

    /// Runs it silently and returns its stdout; its stderr becomes part of the error.
    ///
    /// # Errors
    /// When it cannot be started, does not exit with 0, or prints something that is not UTF-8.
    pub(crate) fn read(self) -> Result<String> {
        self.read_expecting(&[0])
    }

    /// Runs it silently, takes any of these exit codes for well, and returns its stdout.
    ///
    /// # Errors
    /// When it cannot be started, ends otherwise, or prints something that is not UTF-8.
    pub(crate) fn read_expecting(mut self, codes: &[i32]) -> Result<String> {
        let line = self.line();
        let output =
            self.command.output().with_context(|| format!("`{line}` could not be started"))?;
        if !output.status.code().is_some_and(|code| codes.contains(&code)) {
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("`{line}` failed: {}\n{}", output.status, complaint.trim_end());
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no UTF-8"))
    }

    /// Whether it can be started and exits with 0; nothing is printed.
    pub(crate) fn succeeds(mut self) -> bool {
        let silent = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    /// The same program with its soft limit of open files raised to the hard one.
    pub(crate) fn with_all_files(self) -> Self {
        const RAISE: &str = "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\"";
        let mut raised = Command::new("sh");
        raised.args(["-c", RAISE]).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => raised.env(name, value),
                None => raised.env_remove(name),
            };
        }
        raised.current_dir(repository::root()).stdin(Stdio::null());
        Self { command: raised }
    }

    /// Sends its stdout to nowhere.
    pub(crate) fn silent(mut self) -> Self {
        self.command.stdout(Stdio::null());
        self
    }

    /// The bare command, for callers that keep the process running.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}

/// Whether a variable was set by `cargo run` to describe xtask. A cargo below us must not see them:
/// build scripts that watch them would run again, and rebuild what depends on them.
fn describes_this_crate(variable: &str) -> bool {
    const PREFIXES: [&str; 5] =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

/// Sends a signal to processes.
///
/// # Errors
/// When one of them is not there.
pub(crate) fn signal(name: &str, pids: &[u32]) -> Result<()> {
    let pids = pids.iter().map(ToString::to_string);
    Tool::new("sh").args(["-c", "kill -s \"$0\" \"$@\"", name]).args(pids).run()
}

/// Kills a child and everything that it started, and waits for its end.
pub(crate) fn kill_family(child: &mut Child) {
    // What has ended already has left nothing to do, and its id may be another's by now.
    if matches!(child.try_wait(), Ok(None)) {
        let _ = signal("KILL", &linux::family(child.id()));
    }
    let _ = child.wait();
}

/// The first of these programs that is in `PATH`.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    programs.iter().find_map(|program| {
        folders.iter().map(|folder| folder.join(program)).find(|it| it.is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_complaint() {
        let error = Tool::new("sh").args(["-c", "echo no such thing >&2; exit 3"]).read();
        let message = format!("{:#}", error.unwrap_err());
        assert!(message.contains("sh -c"), "{message}");
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(message.ends_with("no such thing"), "{message}");
    }

    #[test]
    fn only_expected_exit_codes_are_well() {
        let exit = |code: &str| Tool::new("sh").args(["-c", "exit $0", code]);
        exit("1").run_expecting(&[0, 1]).unwrap();
        exit("0").run().unwrap();
        assert!(exit("2").run_expecting(&[0, 1]).is_err());
        assert_eq!(exit("3").read_expecting(&[0, 3]).unwrap(), "");
        assert!(exit("1").read_expecting(&[0, 3]).is_err());
        assert!(exit("1").run().is_err());
    }

    #[test]
    fn a_program_may_open_as_many_files_as_the_machine_allows() {
        let script = "[ $(ulimit -n) = $(ulimit -Hn) ] && [ \"$0$WORD\" = ab ]";
        Tool::new("sh").args(["-c", script, "a"]).env("WORD", "b").with_all_files().run().unwrap();
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Tool::new("no-such-program-here").run().unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program-here` could not be started");
    }

    #[test]
    fn children_have_no_stdin_and_do_not_take_themselves_for_this_crate() {
        let script = "cat; echo \"[$CARGO_PKG_NAME]\"";
        assert_eq!(Tool::new("sh").args(["-c", script]).read().unwrap(), "[]\n");
    }
}
